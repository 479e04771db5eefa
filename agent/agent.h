/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: what the keeper says on the link, done. It ends when the link
 * does, unless another came in its place (link_io.h), and takes every process
 * of the sandbox with it: as PID 1 because the kernel ends them, otherwise
 * because each subreaper hears that it is gone.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/execs.h"
#include "agent/link_io.h"
#include "agent/loop.h"

struct error;

struct agent {
	struct loop loop;
	struct link_io link;
	struct execs execs;
	struct watch children; /* a signalfd for SIGCHLD */
};

/*
 * Make a zeroed agent ready on the link link_fd, and say hello. Confines the
 * process (privilege.h), blocks SIGCHLD and ignores SIGPIPE. Descriptors 0 to
 * 2 must be open. -1: ERROR_SYSTEM.
 */
int agent_open(struct agent *agent, int link_fd, struct error *err);

/*
 * Serve until the link ends. returns 0 when the keeper closed it, or -1: it
 * broke the rules (ERROR_INVALID, ERROR_LIMIT), or ERROR_SYSTEM
 */
int agent_serve(struct agent *agent, struct error *err);

#endif
