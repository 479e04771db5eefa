/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests on a session channel (RFC 4254 section 6). A new one: copy a
 * request_*.c, name its struct here, add a row in request.c. Requests without
 * a row are answered with FAILURE.
 */
#ifndef SERVER_GATE_REQUEST_H
#define SERVER_GATE_REQUEST_H

#include <stdbool.h>

struct session;

/* Strings are borrowed for the call; NULL where the request has none. */
struct request_args {
	const char *name;    /* env: variable; signal: without SIG; subsystem;
	                        pty-req: TERM */
	const char *value;   /* env */
	const char *command; /* exec */
	int rows;            /* pty-req, window-change: as the client has it */
	int cols;
};

struct request {
	const char *name;
	bool is_opening; /* it starts something: once a channel */
	/*
	 * Called while libssh handles the packet: record, and write nothing.
	 *   returns  whether it succeeds; false leaves the session as it was
	 */
	bool (*accept)(
	    struct session *session, const struct request_args *args);
};

extern const struct request request_env;
extern const struct request request_exec;
extern const struct request request_pty;
extern const struct request request_shell;
extern const struct request request_signal;
extern const struct request request_subsystem;
extern const struct request request_window;

/* Find the row of name and let it answer; false: FAILURE. */
bool request_accept(
    struct session *session, const char *name, const struct request_args *args);

#endif
