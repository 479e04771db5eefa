/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of bytes with a hard maximum: append at the end, consume from the
 * front. Memory grows by doubling and is given back when the queue runs empty
 * after a burst.
 */
#ifndef PROTOCOL_BUFFER_H
#define PROTOCOL_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct error;

struct buffer {
	uint8_t *data; /* owned */
	size_t start;  /* first byte not consumed */
	size_t end;    /* one past the last byte */
	size_t size;   /* bytes allocated */
	size_t max;    /* more than this is refused */
};

/* An empty queue of at most max bytes; allocates nothing yet. */
void buffer_init(struct buffer *buffer, size_t max);

/* Free the memory; the buffer is as after buffer_init. NULL is accepted. */
void buffer_clear(struct buffer *buffer);

/* Bytes in the queue. */
size_t buffer_len(const struct buffer *buffer);

/* The first byte; borrowed until the next call that changes the buffer. */
const uint8_t *buffer_bytes(const struct buffer *buffer);

/* Drop len bytes from the front; len <= buffer_len (asserted). */
void buffer_consume(struct buffer *buffer, size_t len);

/* Drop all but the first len bytes; len <= buffer_len (asserted). */
void buffer_truncate(struct buffer *buffer, size_t len);

/*
 * Copy len bytes to the end.
 * returns 0, or -1: ERROR_LIMIT (over max, nothing is added), ERROR_SYSTEM (no
 *         memory)
 */
int buffer_append(
    struct buffer *buffer, const void *bytes, size_t len, struct error *err);

/*
 * Room for len more bytes at the end, to be filled by read(2) and then counted
 * with buffer_commit. Errors as buffer_append.
 *   out  borrowed until the next call that changes the buffer
 */
int buffer_reserve(
    struct buffer *buffer, size_t len, uint8_t **out, struct error *err);

/* Count len bytes written into what buffer_reserve gave. */
void buffer_commit(struct buffer *buffer, size_t len);

/* Append printf text; errors as buffer_append. */
int buffer_printf(struct buffer *buffer, struct error *err, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif
