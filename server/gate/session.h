/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of RFC 4254 section 6: one channel in which one program, shell or
 * subsystem is run. What a request may see and set; the channel itself is
 * ssh_channel.c's.
 *
 *   waiting   requests collect env; nothing runs  -> opened, or closed
 *   opened    a request of the session's kind was accepted: open() is called
 *             once libssh has sent the answer      -> closed
 *   closed    the stream's on_closed was called
 */
#ifndef SERVER_GATE_SESSION_H
#define SERVER_GATE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/limits.h"
#include "server/gate/access.h"
#include "server/gate/stream.h"

#define SESSION_SIGNALS_MAX  8 /* not yet handed on; more are dropped */
#define SESSION_SIGNAL_BYTES 16

struct gate;
struct remote;
struct session;

/* The client's terminal, of a pty-req. */
struct session_pty {
	bool present;
	bool has_changed; /* window-change: not yet handed on */
	int rows;         /* 1..LIMIT_PTY_ROWS */
	int cols;         /* 1..LIMIT_PTY_COLS */
	char term[LIMIT_TERM_BYTES + 1];
};

/* Make what runs behind the session the stream's user. */
typedef void (*session_open_fn)(struct session *session);

struct session {
	struct stream stream;
	struct gate *gate;    /* borrowed, as all of this section */
	const char *user;     /* the SSH user name */
	const char *task;     /* a task's name or id: of user ... */
	const char *terminal; /* ... which may name a terminal, too; "": none */
	const char *principal; /* whose key it was */
	const char *id;        /* the connection's, for the audit */
	enum access_user kind; /* of user */

	char **env; /* "name=value", NULL-terminated; NULL: none; owned */
	size_t env_count;
	size_t env_bytes;
	struct session_pty pty;
	int detach_key;        /* see detach_key.h */
	int size;              /* enum size_policy asked for; -1: none */
	session_open_fn open;  /* NULL: waiting */
	bool has_opened;       /* open was called */
	char *command;         /* of exec; owned */
	struct remote *remote; /* made ready when the channel opened; NULL
	                          once open took it */

	char signals[SESSION_SIGNALS_MAX][SESSION_SIGNAL_BYTES];
	unsigned signal_count;
};

/* Take in a size as a client says it: 0 is a default of 24 x 80, and what is
 * too large becomes the largest. */
void session_pty_resize(struct session_pty *pty, int rows, int cols);

/* Put pair, "name=value", taken, at place 0..env_count of env. */
void session_env_set(struct session *session, size_t place, char *pair);

/* Free what the session owns; an unused remote ends. */
void session_clear(struct session *session);

#endif
