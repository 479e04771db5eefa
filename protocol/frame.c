/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"

#define LENGTH_BYTES 4u
#define CREDIT_BYTES 4u
/* What length counts besides the payload: kind and stream. */
#define COUNTED_BYTES (FRAME_HEADER_BYTES - LENGTH_BYTES)

static const struct {
	const char *name;
	size_t min;
	size_t max;
} kinds[] = {
    [0] = {"unknown", 0, 0},
    [FRAME_CONTROL] = {"control", 2, FRAME_CONTROL_MAX},
    [FRAME_STDIN] = {"stdin", 0, FRAME_DATA_MAX},
    [FRAME_STDOUT] = {"stdout", 0, FRAME_DATA_MAX},
    [FRAME_STDERR] = {"stderr", 0, FRAME_DATA_MAX},
    [FRAME_PTY] = {"pty", 0, FRAME_DATA_MAX},
    [FRAME_WINDOW] = {"window", CREDIT_BYTES, CREDIT_BYTES},
};
static_assert(sizeof(kinds) / sizeof(*kinds) == FRAME_KINDS,
    "limits for every kind of frame");

static uint32_t
get_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static void
put_u32(uint8_t *bytes, uint32_t value)
{
	value = htonl(value);
	memcpy(bytes, &value, sizeof(value));
}

static int
check(unsigned kind, size_t len, struct error *err)
{
	if (kind == FRAME_WINDOW && len != CREDIT_BYTES)
		return error_set(err, ERROR_INVALID,
		    "a window frame of %zu bytes, not %u", len, CREDIT_BYTES);
	if (len > kinds[kind].max)
		return error_set(err, ERROR_LIMIT,
		    "a %s frame of %zu bytes, more than %zu", kinds[kind].name,
		    len, kinds[kind].max);
	if (len < kinds[kind].min)
		return error_set(err, ERROR_INVALID,
		    "a %s frame of %zu bytes, fewer than %zu", kinds[kind].name,
		    len, kinds[kind].min);
	return 0;
}

int
frame_parse(const uint8_t *bytes, size_t len, struct frame *out, size_t *used,
    struct error *err)
{
	size_t length;
	unsigned kind;

	if (len < FRAME_HEADER_BYTES)
		return 0;
	length = get_u32(bytes);
	kind = bytes[LENGTH_BYTES];
	if (length < COUNTED_BYTES)
		return error_set(err, ERROR_INVALID,
		    "a frame of length %zu, fewer than %u", length,
		    COUNTED_BYTES);
	if (kind == 0 || kind >= FRAME_KINDS)
		return error_set(
		    err, ERROR_INVALID, "a frame of unknown kind %u", kind);
	length -= COUNTED_BYTES;
	if (check(kind, length, err) != 0)
		return -1;
	if (len - FRAME_HEADER_BYTES < length)
		return 0;
	out->kind = (enum frame_kind)kind;
	out->stream = get_u32(bytes + LENGTH_BYTES + 1);
	out->payload = bytes + FRAME_HEADER_BYTES;
	out->len = length;
	*used = FRAME_HEADER_BYTES + length;
	return 1;
}

void
frame_header(uint8_t header[FRAME_HEADER_BYTES], enum frame_kind kind,
    uint32_t stream, size_t len)
{
	put_u32(header, (uint32_t)(len + COUNTED_BYTES));
	header[LENGTH_BYTES] = (uint8_t)kind;
	put_u32(header + LENGTH_BYTES + 1, stream);
}

int
frame_append(struct buffer *out, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len, struct error *err)
{
	uint8_t *room = NULL;

	assert(kind > 0 && kind < FRAME_KINDS);
	if (check(kind, len, err) != 0 ||
	    buffer_reserve(out, FRAME_HEADER_BYTES + len, &room, err) != 0)
		return -1;
	frame_header(room, kind, stream, len);
	if (len > 0)
		memcpy(room + FRAME_HEADER_BYTES, payload, len);
	buffer_commit(out, FRAME_HEADER_BYTES + len);
	return 0;
}

uint32_t
frame_credit(const struct frame *frame)
{
	assert(frame->kind == FRAME_WINDOW && frame->len == CREDIT_BYTES);
	return get_u32(frame->payload);
}

const char *
frame_kind_name(enum frame_kind kind)
{
	return (unsigned)kind < FRAME_KINDS ? kinds[kind].name : kinds[0].name;
}
