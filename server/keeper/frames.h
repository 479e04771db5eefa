/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of all clients that wait for their next frame. */
#ifndef SERVER_KEEPER_FRAMES_H
#define SERVER_KEEPER_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uv.h>

struct client;
struct owner;

/* Spent on frames before others have their turn. */
#define FRAMES_ROUND_MS 5u

TAILQ_HEAD(frames_list, client);

struct frames {
	uv_timer_t timer;
	struct frames_list waiting;
	size_t count; /* of them */
};

/* Nobody waits; the timer is adopted by owner. */
void frames_init(struct frames *frames, uv_loop_t *loop, struct owner *owner);

/* Call client_due at a time of the loop's clock, or earlier if that was asked
 * before. */
void frames_add(struct frames *frames, struct client *client, uint64_t at_ms);

/* It waits no more. */
void frames_remove(struct frames *frames, struct client *client);

#endif
