/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections on the socket that all gates share, within limits: in
 * all, in handshake from one address. Who is over one is told so (refusal.h)
 * and closed, also where there is no descriptor left to serve it with.
 */
#ifndef SERVER_GATE_LISTENER_H
#define SERVER_GATE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "server/common/owner.h"

struct error;
struct gate;

#define LISTENER_BATCH   4   /* then the other gates have their turn */
#define LISTENER_REST_MS 100 /* after running out of descriptors */

#define LISTENER_LOG_MS 1000 /* between refusals in the log */
/* Refused connections that are left open for so long, up to twice, for a reset
 * may overtake what they were told; of more the oldest is closed. */
#define LISTENER_LINGER_MS  500
#define LISTENER_LINGER_MAX 64

struct listener {
	struct gate *gate; /* borrowed */
	struct owner owner;
	uv_poll_t poll;
	uv_timer_t rest;
	int fd;
	int spare;        /* owned: for the day when there is no other; -1 */
	uint64_t told_ms; /* when a refusal was last logged */
	unsigned untold;  /* refusals since */
	uv_timer_t linger;
	int refused[LISTENER_LINGER_MAX]; /* owned, oldest first */
	unsigned refused_count;
	unsigned refused_before; /* of these: at the last tick */
};

/*
 * Accept on fd, a listening socket, which is taken also when this fails.
 *   returns the listener, freed by itself after listener_close; NULL: err says
 *           why
 */
struct listener *listener_open(struct gate *gate, int fd, struct error *err);

/* Accept what the kernel has queued already, and no more. NULL is accepted. */
void listener_close(struct listener *listener);

#endif
