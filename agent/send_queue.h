/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exec says to the keeper, in order: its output, from when it is read
 * until the keeper has acknowledged it, and what must keep its place among
 * that until it is sent.
 *
 *   acknowledged, gone | sent, kept | to be sent | room, up to the window
 *
 * Output is read straight into a ring of one window and sent from there, so
 * that keeping it costs no copy. The ring's pages are taken as they are needed,
 * given back by send_queue_trim, and no child inherits them.
 */
#ifndef AGENT_SEND_QUEUE_H
#define AGENT_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

struct error;

/* What a terminal says is in the place of stdout. */
enum send_kind {
	SEND_OUT = 0,
	SEND_ERR,
	SEND_TERMINAL, /* the value is the caller's */
	SEND_CREDIT,   /* the value is bytes of stdin credit */
	SEND_KINDS
};
#define SEND_STREAMS 2

/* A value, or bytes at once, is below this. */
#define SEND_VALUE_MAX (1u << 30)

struct send_item {
	enum send_kind kind;
	uint32_t value;       /* of SEND_TERMINAL, SEND_CREDIT */
	const uint8_t *bytes; /* borrowed, of the streams */
	size_t len;           /* 1..FRAME_DATA_MAX */
};

struct send_queue {
	size_t window;        /* bytes of output that may be kept; a power of
	                         two */
	uint8_t *ring;        /* owned; NULL: nothing was read yet */
	uint64_t front;       /* positions in it, modulo window: the first byte
	                         that is kept, */
	uint64_t sent;        /* ... the first that is not sent, */
	uint64_t end;         /* ... and the first of the room */
	struct buffer kept;   /* what lies before sent: its runs */
	struct buffer unsent; /* ... and behind it */
	size_t turned;        /* bytes that came and went since the last trim */
	struct {
		uint64_t from; /* offset of the first byte that is kept */
		uint64_t sent; /* ... the first not sent on this link */
		uint64_t high; /* ... or on any */
		uint64_t read; /* ... or not there yet */
	} streams[SEND_STREAMS];
};

/* Empty, for at most window bytes of output. Allocates nothing yet. */
void send_queue_init(struct send_queue *queue, size_t window);

/* Forget everything and free the memory. Safe twice. */
void send_queue_clear(struct send_queue *queue);

/* Bytes of output that may still be read. */
size_t send_queue_room(const struct send_queue *queue);

/*
 * Memory to read into, at most *len bytes of it and no more than there is room
 * (> 0); *len becomes how many. Count what came with send_queue_commit, before
 * another call.
 */
uint8_t *send_queue_reserve(struct send_queue *queue, size_t *len);
void send_queue_commit(
    struct send_queue *queue, enum send_kind stream, size_t len);

/* Say something between the output: SEND_TERMINAL or SEND_CREDIT. Credit that
 * comes right behind credit is added to it. */
void send_queue_put(
    struct send_queue *queue, enum send_kind kind, uint32_t value);

/* What is to be sent next. returns whether there is anything */
bool send_queue_next(const struct send_queue *queue, struct send_item *item);

/* That was sent; of output its first len bytes. */
void send_queue_sent(
    struct send_queue *queue, const struct send_item *item, size_t len);

/* Whether all that was read of a stream is sent. */
bool send_queue_is_sent(const struct send_queue *queue, enum send_kind stream);

/*
 * The keeper has so many more bytes, in the order in which they were sent.
 * returns 0, or -1 ERROR_LIMIT: so many were not sent
 */
int send_queue_acknowledge(
    struct send_queue *queue, uint32_t bytes, struct error *err);

/* The link has gone: all that is kept is to be sent again, and nothing else. */
void send_queue_rewind(struct send_queue *queue);

/*
 * After send_queue_rewind: the keeper has each stream up to an offset.
 * returns 0, or -1 ERROR_INVALID: that byte is no longer kept, or was never
 *         sent
 */
int send_queue_resume(struct send_queue *queue,
    const uint64_t from[SEND_STREAMS], struct error *err);

/* Give back what memory is not in use. */
void send_queue_trim(struct send_queue *queue);

#endif
