/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators' console: what the user ops can do. A new verb: copy an
 * ops_*.c, name its struct here, add a row in ops.c.
 */
#ifndef SERVER_GATE_OPS_H
#define SERVER_GATE_OPS_H

#include <stdbool.h>
#include <stddef.h>

struct session;

struct ops_verb {
	const char *name;
	const char *arguments; /* for help: "TASK[+NAME]" */
	const char *help;      /* a line */
	bool needs_terminal;   /* it is of no use without a pty-req */
	/*
	 * Become the user of the session's stream.
	 *   words    behind the verb's name; NULL-terminated, borrowed for the
	 *            call
	 *   returns  false: these are not its arguments, and nothing was done
	 */
	bool (*open)(struct session *session, char *const *words);
};

extern const struct ops_verb ops_recordings;
extern const struct ops_verb ops_replay;
extern const struct ops_verb ops_sessions;
extern const struct ops_verb ops_watch;

/* Run session->command; when that is NULL, help. */
void ops_open(struct session *session);

#endif
