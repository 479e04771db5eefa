/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session channel: a session and its stream over libssh.
 *
 *   open     requests are taken, bytes flow       -> ended, closing
 *   ended    stream_finish was called             -> closing
 *   closing  EOF, status and CLOSE were sent, or the client closed: the
 *            stream's user was told               -> gone, with the client's
 *            CLOSE or the connection
 *
 * libssh does not enforce the window that it announced, and buffers what a
 * callback does not take; INPUT_MAX and the bound on that buffer make each
 * channel's memory finite. See ssh_channel.c.
 */
#ifndef SERVER_GATE_SSH_CHANNEL_H
#define SERVER_GATE_SSH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/gate/session.h"
#include "server/gate/ssh_library.h"

struct connection;

/* Input kept here; the rest waits in libssh, where the window bounds it. */
#define CHANNEL_INPUT_MAX ((size_t)256 << 10)
/* What libssh's own window lets a client send that is not read. */
#define CHANNEL_WINDOW_MAX ((size_t)2 << 20)
/* The window while the program keeps up, for uploads over distance. */
#define CHANNEL_GROWN ((size_t)8 << 20)
/* Channels with such a window, per connection and per gate. */
#define CHANNEL_GROWN_CONNECTION 2u
#define CHANNEL_GROWN_GATE       64u

enum channel_state {
	CHANNEL_OPEN = 0,
	CHANNEL_ENDED,
	CHANNEL_CLOSING,
	CHANNEL_STATES
};

struct ssh_session_channel {
	struct session session;
	struct connection *connection;
	struct ssh_session_channel *next;
	ssh_channel ssh;
	struct ssh_channel_callbacks_struct callbacks;
	enum channel_state state;

	struct buffer in;    /* received, not yet taken by the user */
	bool is_stopped;     /* the user took less than it was given */
	bool is_starved;     /* libssh holds bytes that in had no room for */
	bool input_lent;     /* in must stay as it is: more waits in libssh */
	bool input_ended;    /* the client's EOF has come */
	bool input_end_told; /* ... and was handed on */
	bool peer_closed;    /* the client's CLOSE has come */
	bool is_stalled;     /* the user could not write all it had */
	bool has_written;    /* ... and was told to go on, in this pass */
	bool is_grown;       /* its window is CHANNEL_GROWN */
	size_t since_grown;  /* bytes taken since the window was set */
	uint64_t grown_ns;   /* when that was */
	uint64_t stopped_ns; /* since when it is stopped */
	uint64_t idle_ns;    /* how long it was, since the window was set */

	size_t window_max;  /* the most that the client has given ... */
	size_t window_seen; /* ... and what was left when last looked at */
	uint64_t held_ms;   /* since when it is held for a typist; 0 */
	bool is_unheld;     /* its client does not stand being held */

	struct stream_end end; /* its strings are these: */
	char signal[32];
	char text[96];
};

/* A channel for a new session of connection; NULL: refused. Called by libssh's
 * callback. */
struct ssh_session_channel *session_channel_open(struct connection *connection);

/* Do what its callbacks and calls have left to be done. Returns false when it
 * is over: free it. */
bool session_channel_settle(struct ssh_session_channel *channel);

/* The connection is gone: tell the user. */
void session_channel_lose(struct ssh_session_channel *channel);

/* After session_channel_settle said false, or session_channel_lose. */
void session_channel_free(struct ssh_session_channel *channel);

#endif
