/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH connections of one gate: libssh sessions driven by libuv.
 *
 *   handshake  banner, key exchange, authentication, under a time limit and a
 *              budget of packets and bytes              -> open, closed
 *   open       authenticated: channels                  -> closed
 *   closed     handles are closing; then it is freed
 */
#ifndef SERVER_GATE_CONNECTION_H
#define SERVER_GATE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct error;
struct gate;

/* Whom a connection comes from, as limits count it. */
struct peer {
	uint8_t key[16]; /* IPv6 address, or IPv4 mapped into it; of IPv6 only
	                    the /64, which is what one host is given */
	char text[64];   /* "192.0.2.1:50022" */
};

struct connection_set {
	struct connection *first;
	struct connection *touched; /* that have something to say */
	size_t count;
	size_t most;       /* of count, since memory was given back */
	size_t handshakes; /* of count: not yet authenticated */
	unsigned grown;    /* channels with a large window, of all */
};

/*
 * Serve fd, a connected TCP socket.
 *   returns 0, or -1 with fd still the caller's
 */
int connection_open(
    struct gate *gate, int fd, const struct peer *peer, struct error *err);

/* Connections in handshake from this peer. */
size_t connection_handshakes(
    const struct connection_set *set, const struct peer *peer);

/*
 * Send what this turn of the loop has produced; before the loop waits.
 *   returns whether there is more to be done before it may
 */
bool connection_flush(struct connection_set *set);

#endif
