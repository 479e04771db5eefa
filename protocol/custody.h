/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the manager and a task's keeper, on a connection to
 * keeper.sock whose first frame is take instead of an attachment's admit.
 * There is one at a time; a newer one replaces it (the manager was replaced).
 * Stream is always 0.
 *
 * manager -> keeper              keeper -> manager
 *   take                           state, at once
 *   configure                      ready: the agent said hello
 *   cgroup (with a descriptor)     started, ended: of execs
 *   ending: the sandbox is about   lost: the link ended
 *     to be killed on purpose      stopped, then the keeper exits
 *   stop
 */
#ifndef PROTOCOL_CUSTODY_H
#define PROTOCOL_CUSTODY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/json.h"
#include "protocol/task_spec.h"

enum custody_type {
	CUSTODY_TAKE = 0,  /* no members */
	CUSTODY_CONFIGURE, /* struct custody_configure */
	CUSTODY_CGROUP,    /* no members; the fd of memory.oom_control (v1) or
	                      memory.events (v2), open for reading */
	CUSTODY_ENDING,    /* no members */
	CUSTODY_STOP,      /* no members */
	CUSTODY_STATE,     /* struct custody_state */
	CUSTODY_READY,     /* struct link_hello */
	CUSTODY_STARTED,   /* struct custody_started */
	CUSTODY_ENDED,     /* struct custody_ended */
	CUSTODY_LOST,      /* no members */
	CUSTODY_STOPPED,   /* no members */
	CUSTODY_TYPES
};

struct custody_configure {
	char **env; /* of the task, under each command's own */
	char *user;
	char *cwd;
	int64_t execs;                   /* running at once */
	int64_t output;                  /* bytes kept per exec */
	struct recording_spec recording; /* of every terminal, if present */
};

struct custody_state {
	bool configured;
	bool ready;      /* the agent said hello and the link is up */
	int64_t running; /* execs */
};

struct custody_started {
	char *exec;
	char *principal;
	char *what; /* the command, for lists and the audit; cut to 256 bytes */
};

struct custody_ended {
	char *exec;
	struct attachment_exit exit;
};

extern const char *const custody_types[CUSTODY_TYPES + 1];
extern const struct json_shape *const custody_shapes[CUSTODY_TYPES];
extern const struct json_messages custody_messages;

union custody_body {
	struct custody_configure configure;
	struct custody_state state;
	struct custody_started started;
	struct custody_ended ended;
	struct link_hello ready;
};

#endif
