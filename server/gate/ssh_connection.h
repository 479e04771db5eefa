/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a connection, shared by ssh_*.c.
 *
 * libssh handles input, and calls us back, inside almost every call made to it.
 * So: callbacks only record and set dirty; what follows from it is done in
 * settle() of ssh_drive.c, which repeats until nothing more came; nothing is
 * freed, written or flushed inside a callback; and a call that may have closed
 * the socket is followed by connection_check.
 */
#ifndef SERVER_GATE_SSH_CONNECTION_H
#define SERVER_GATE_SSH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/name.h"
#include "server/common/owner.h"
#include "server/gate/access.h"
#include "server/gate/connection.h"
#include "server/gate/ssh_library.h"

struct ssh_session_channel;

/* The first user name that was asked for with a key that did not open it. */
struct connection_denied {
	char user[64]; /* cut; "": none was */
	char key[64];  /* SHA256:... */
};

enum connection_state {
	CONNECTION_HANDSHAKE = 0,
	CONNECTION_OPEN,
	CONNECTION_CLOSED,
	CONNECTION_STATES
};

struct connection {
	struct gate *gate;
	struct connection *next; /* of the set */
	struct connection **link;
	struct connection *touched_next;
	struct connection **touched_link; /* NULL: not touched */
	struct owner owner;
	uv_poll_t poll;
	uv_timer_t timer; /* grace; then keepalive and parked writes */
	int events;       /* that poll watches for */
	ssh_session ssh;
	ssh_event event;
	struct ssh_server_callbacks_struct callbacks;
	struct ssh_counter_struct socket_count;
	struct ssh_counter_struct packet_count;
	enum connection_state state;
	bool dirty;      /* a callback has recorded something */
	bool dead;       /* the socket is gone, or must go */
	const char *why; /* it is dead; NULL: the client left */

	char id[NAME_ID_BYTES];
	struct peer peer;
	enum access_user kind;
	char *user;              /* owned; NULL in handshake, as the next */
	char *principal;         /* owned */
	struct access_name name; /* of user, a task's */
	struct connection_denied denied;

	uint64_t deadline_ms;  /* of the handshake; then of the next keepalive
	                        */
	uint64_t seen_packets; /* at the last keepalive */
	int64_t unanswered;    /* keepalives in a row */
	uint64_t parked_until; /* packet_count.out_bytes that shows that libssh
	                          sends again after a rekey; 0: it sends */
	uint64_t parked_ms;    /* since when */

	struct ssh_session_channel *typist; /* who typed last; NULL */
	uint64_t typed_until_ms;            /* and counts as typing */
	size_t line_bytes;                  /* see ssh_channel_yield.h */

	struct ssh_session_channel *channels; /* newest first */
	size_t channel_count;
};

/* The connection that a handle's owner is in. */
struct connection *connection_of(struct owner *owner);

/* ssh_connection.c: its life. */

/* A key was accepted and its signature verified: the connection is open. */
void connection_opened(struct connection *connection, const char *user,
    const char *principal, enum access_user kind);

/* Set the timer for what comes first. */
void connection_schedule(struct connection *connection);

/* The one end of a connection. Never inside libssh or a channel's callback. */
void connection_end(struct connection *connection);

/* ssh_drive.c: its bytes. */

/* Have connection_flush look at it before the loop waits again; or not. */
void connection_touch(struct connection *connection);
void connection_untouch(struct connection *connection);

/* After any call that reaches the socket: notice that libssh has closed it. */
void connection_check(struct connection *connection);

/* It must end; why is a constant. The end comes from the loop. */
void connection_kill(struct connection *connection, const char *why);

/* Whether output may be given to libssh now. */
bool connection_may_write(const struct connection *connection);

/* After a write of len bytes that libssh took while out_bytes of packets had
 * been sent: notice that it only parked them. */
void connection_wrote(
    struct connection *connection, uint64_t out_bytes, size_t len);

/* Send now what libssh has queued, as far as the socket takes it. */
void connection_push(struct connection *connection);

/* Read and write until the socket has no more, or others must have a turn. */
void connection_drive(struct connection *connection);

/* Settle, send and wait again; or end. From the loop only. */
void connection_go_on(struct connection *connection);

#endif
