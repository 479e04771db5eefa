/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as it is played: its events, one after the other, from an
 * asciicast file. What a sandbox has written is in there, by way of a keeper:
 * nothing about it is believed.
 */
#ifndef SERVER_PLAYER_REEL_H
#define SERVER_PLAYER_REEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/terminal/asciicast.h"

struct error;

#define REEL_LINE_BYTES (4u << 20) /* a longer line is no event */

struct reel {
	int fd; /* borrowed: a regular file */
	struct buffer in;
	size_t searched; /* bytes of in that hold no newline */
	struct asciicast_header header;
	uint64_t at_ms;   /* of the event read last */
	uint64_t line;    /* its number */
	uint64_t read;    /* bytes, up to it */
	bool is_read_out; /* the file's end was seen */
};

/*
 * Read the header.
 *   returns  0, or -1: ERROR_INVALID (no asciicast), ERROR_LIMIT, ERROR_SYSTEM;
 *            reel_clear in any case
 */
int reel_open(struct reel *reel, int fd, struct error *err);
void reel_clear(struct reel *reel);

/*
 * The next event.
 *   event    set on 1; its bytes are owned by the caller
 *   returns  1, 0 at the end (half a line there is none), or -1: as reel_open,
 *            the text names the line
 */
int reel_next(
    struct reel *reel, struct asciicast_event *event, struct error *err);

/* How much of the file was read, of a hundred. */
unsigned reel_percent(const struct reel *reel);

#endif
