/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the manager and a task's keeper, on a connection to
 * keeper.sock whose first frame is take instead of an attachment's admit.
 * There is one at a time; a newer one replaces it (the manager was replaced).
 * Stream is always 0.
 *
 * manager -> keeper              keeper -> manager
 *   take                           state, at once
 *   link* (with a descriptor)      link (with a descriptor)
 *   configure                      ready: the agent said hello, and of what
 *   cgroup (with a descriptor)       was kept everything is known again
 *   ending: the sandbox is about   started, ended: of execs
 *     to be killed on purpose      activity: behind ready, behind the state of
 *   stop                             one that is, and whenever it changes
 *                                  lost: the link ended
 *                                  stopped, then the keeper exits
 *
 * A keeper says link behind state and whenever it has another: a duplicate of
 * its end, which lets the manager replace the keeper. One that resumes tells a
 * manager that was not the first to take it the earlier links before, oldest
 * first. A replacement is started
 * with "resume" as its second argument and the newest of these as its link; the
 * earlier ones, newest first, come by link before configure. It makes a link of
 * its own, tells it, offers the agent's end on all of them (protocol/link.h)
 * and says ready once the agent's hello and held have come on the new one and
 * were answered; the manager then closes the earlier ones. Until ready nobody
 * is to be let in. Just before it, state comes once more: running is counted
 * then. What is repeated about an exec, started or ended, counts once.
 */
#ifndef PROTOCOL_CUSTODY_H
#define PROTOCOL_CUSTODY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/json.h"
#include "protocol/task_spec.h"

enum custody_type {
	CUSTODY_TAKE = 0, /* no members */
	CUSTODY_LINK,     /* no members; the fd of the keeper's end of a link */
	CUSTODY_CONFIGURE, /* struct custody_configure */
	CUSTODY_CGROUP,    /* no members; the fd of memory.oom_control (v1) or
	                      memory.events (v2), open for reading */
	CUSTODY_ENDING,    /* no members */
	CUSTODY_STOP,      /* no members */
	CUSTODY_STATE,     /* struct custody_state */
	CUSTODY_READY,     /* struct link_hello */
	CUSTODY_STARTED,   /* struct custody_started */
	CUSTODY_ENDED,     /* struct custody_ended */
	CUSTODY_ACTIVITY,  /* struct custody_activity */
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
	int64_t spool;                   /* ... of all execs; 0: no limit */
	struct recording_spec recording; /* of every terminal, if present */
};

struct custody_state {
	bool configured;
	bool ready;      /* the agent said hello and the link is up */
	int64_t running; /* execs that have started */
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

/*
 * Whether the task is active: a command waits or runs, or a writer is attached,
 * which is an ssh session or somebody who may type into a terminal. What a
 * brain has attached to, and whoever only looks, is none.
 */
struct custody_activity {
	bool active;
	int64_t idle_ms; /* since when it is not; 0 if it is */
};

extern const char *const custody_types[CUSTODY_TYPES + 1];
extern const struct json_shape *const custody_shapes[CUSTODY_TYPES];
extern const struct json_messages custody_messages;

union custody_body {
	struct custody_configure configure;
	struct custody_state state;
	struct custody_started started;
	struct custody_ended ended;
	struct custody_activity activity;
	struct link_hello ready;
};

#endif
