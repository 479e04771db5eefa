/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process per exec that stands between the agent and the command. Being a
 * subreaper, it becomes the parent of every orphan below it, so the command's
 * whole tree can be found and ended whatever it does; and being the only one
 * that waits for the command, it keeps the command's pid from being used again
 * while signals may still be sent to it.
 *
 * It tells the agent how the command ended before it reaps it. If it is killed
 * in between, the agent inherits the dead process and reads the same ending
 * from it. It stays while anything it must reap lives, and then exits.
 */
#ifndef AGENT_SUBREAPER_H
#define AGENT_SUBREAPER_H

#include <sys/resource.h>

struct exec_spec;

struct subreaper_way {
	const struct exec_spec *spec;
	int stdio[3];        /* the command's, unless it has a terminal */
	int control;         /* its end of the SOCK_SEQPACKET pair */
	int proc_fd;         /* /proc */
	struct rlimit files; /* for the command */
};

/*
 * Be the subreaper: called in a child just forked from the agent, with SIGCHLD
 * blocked. Every descriptor not named in way is closed.
 */
_Noreturn void subreaper_run(const struct subreaper_way *way);

#endif
