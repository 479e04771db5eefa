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

#include "protocol/name.h"
#include "server/gate/stream.h"

#define SESSION_SIGNALS_MAX  8 /* not yet handed on; more are dropped */
#define SESSION_SIGNAL_BYTES 16

struct gate;
struct remote_exec;
struct session;

/* Make what runs behind the session the stream's user. */
typedef void (*session_open_fn)(struct session *session);

struct session {
	struct stream stream;
	struct gate *gate;     /* borrowed, as all of this section */
	const char *user;      /* the SSH user name */
	const char *principal; /* whose key it was */
	const char *id;        /* the connection's, for the audit */
	bool is_task;          /* user is a task's name or id */

	char **env; /* "name=value", NULL-terminated; NULL: none; owned */
	size_t env_count;
	size_t env_bytes;
	session_open_fn open;       /* NULL: waiting */
	bool has_opened;            /* open was called */
	char *command;              /* of exec; owned */
	struct remote_exec *remote; /* made ready when the channel opened; NULL
	                               once open took it */

	char signals[SESSION_SIGNALS_MAX][SESSION_SIGNAL_BYTES];
	unsigned signal_count;
};

/* Put pair, "name=value", taken, at place 0..env_count of env. */
void session_env_set(struct session *session, size_t place, char *pair);

/* Free what the session owns; an unused remote ends. */
void session_clear(struct session *session);

#endif
