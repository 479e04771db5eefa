/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"

#define FIRST_BYTES 1024u
/* An empty queue that grew larger than this gives its memory back. */
#define KEPT_BYTES (16u << 10)

void
buffer_init(struct buffer *buffer, size_t max)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->max = max;
}

void
buffer_clear(struct buffer *buffer)
{
	if (buffer == NULL)
		return;
	free(buffer->data);
	buffer_init(buffer, buffer->max);
}

size_t
buffer_len(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

const uint8_t *
buffer_bytes(const struct buffer *buffer)
{
	return buffer->data == NULL ? (const uint8_t *)""
	                            : buffer->data + buffer->start;
}

void
buffer_consume(struct buffer *buffer, size_t len)
{
	assert(len <= buffer_len(buffer));
	buffer->start += len;
	if (buffer->start < buffer->end)
		return;
	buffer->start = 0;
	buffer->end = 0;
	if (buffer->size > KEPT_BYTES)
		buffer_clear(buffer);
}

void
buffer_truncate(struct buffer *buffer, size_t len)
{
	assert(len <= buffer_len(buffer));
	buffer->end = buffer->start + len;
}

/*
 * Bytes are moved to the front only when no more move than were consumed, so
 * that each byte's share of all moving stays constant.
 */
static int
make_room(struct buffer *buffer, size_t len, struct error *err)
{
	size_t used = buffer_len(buffer);
	size_t size = buffer->size == 0 ? FIRST_BYTES : buffer->size;
	uint8_t *data;

	if (buffer->data != NULL && used + len <= buffer->size &&
	    buffer->start >= used) {
		memmove(buffer->data, buffer->data + buffer->start, used);
		buffer->start = 0;
		buffer->end = used;
		return 0;
	}
	if (buffer->size > 0)
		size *= 2;
	while (size < used + len)
		size *= 2;
	data = malloc(size);
	if (data == NULL)
		return error_sys(err, "no memory for %zu bytes", size);
	if (buffer->data != NULL)
		memcpy(data, buffer->data + buffer->start, used);
	free(buffer->data);
	buffer->data = data;
	buffer->size = size;
	buffer->start = 0;
	buffer->end = used;
	return 0;
}

/* Room for len bytes at the end; NULL with err set. */
static uint8_t *
reserve(struct buffer *buffer, size_t len, struct error *err)
{
	if (len > buffer->max - buffer_len(buffer)) {
		(void)error_set(err, ERROR_LIMIT,
		    "%zu bytes more than the %zu of %zu that are in the queue",
		    len, buffer_len(buffer), buffer->max);
		return NULL;
	}
	if ((buffer->data == NULL || len > buffer->size - buffer->end) &&
	    make_room(buffer, len, err) != 0)
		return NULL;
	return buffer->data + buffer->end;
}

int
buffer_reserve(
    struct buffer *buffer, size_t len, uint8_t **out, struct error *err)
{
	uint8_t *room = reserve(buffer, len, err);

	if (room == NULL)
		return -1;
	*out = room;
	return 0;
}

void
buffer_commit(struct buffer *buffer, size_t len)
{
	assert(len <= buffer->size - buffer->end);
	buffer->end += len;
}

int
buffer_append(
    struct buffer *buffer, const void *bytes, size_t len, struct error *err)
{
	uint8_t *room = reserve(buffer, len, err);

	if (room == NULL)
		return -1;
	if (len > 0)
		memcpy(room, bytes, len);
	buffer->end += len;
	return 0;
}

int
buffer_printf(struct buffer *buffer, struct error *err, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return error_sys(err, "cannot format");
	if (reserve(buffer, (size_t)len, err) == NULL)
		return -1;
	/* vsnprintf ends with a NUL, which is not counted */
	if (buffer->size - buffer->end <= (size_t)len &&
	    make_room(buffer, (size_t)len + 1, err) != 0)
		return -1;
	va_start(args, format);
	(void)vsnprintf(
	    (char *)buffer->data + buffer->end, (size_t)len + 1, format, args);
	va_end(args);
	buffer->end += (size_t)len;
	return 0;
}
