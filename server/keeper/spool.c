/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/memory.h"

#define TAIL_AT   16u /* of the tail in the file's header */
#define NAME_SIZE 11u /* UINT32_MAX in digits, and NUL */

_Static_assert(SPOOL_VIEW_BYTES > FRAME_DATA_MAX + SPOOL_RECORD_BYTES,
    "a record does not fit the view");

static const uint8_t magic[8] = {'S', 'P', 'O', 'O', 'L', 0, 0, 1};

static void
put_u64(uint8_t *out, uint64_t value)
{
	value = htobe64(value);
	memcpy(out, &value, sizeof(value));
}

static uint64_t
get_u64(const uint8_t *in)
{
	uint64_t value;

	memcpy(&value, in, sizeof(value));
	return be64toh(value);
}

static void
put_record(uint8_t out[SPOOL_RECORD_BYTES], enum output_stream stream,
    size_t len, uint64_t offset)
{
	uint32_t length = htobe32((uint32_t)len);

	out[0] = (uint8_t)stream;
	memcpy(out + 1, &length, sizeof(length));
	put_u64(out + 5, offset);
}

static void
file_name(const struct spool *spool, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%u", spool->number);
}

/* A short write is a disk that is full: the next try names the cause. */
static int
write_all(int fd, const struct iovec *parts, int count, uint64_t at,
    struct error *err)
{
	size_t want = 0;
	ssize_t did;
	int i;

	for (i = 0; i < count; i++)
		want += parts[i].iov_len;
	did = pwritev(fd, parts, count, (off_t)at);
	if (did < 0)
		return error_sys(err, "write the spool");
	if ((size_t)did < want) {
		errno = ENOSPC;
		return error_sys(err, "write the spool");
	}
	return 0;
}

static uint64_t
place(const struct spool *spool, uint64_t position)
{
	return SPOOL_HEADER_BYTES + position % spool->capacity;
}

/* Bytes from a ring position to the file's end. */
static size_t
run(const struct spool *spool, uint64_t position, size_t len)
{
	uint64_t until = spool->capacity - position % spool->capacity;

	return until < len ? (size_t)until : len;
}

static int
write_around(const struct spool *spool, uint64_t position, const uint8_t *bytes,
    size_t len, struct error *err)
{
	while (len > 0) {
		size_t part = run(spool, position, len);
		struct iovec one = {
		    .iov_base = (void *)(uintptr_t)bytes, .iov_len = part};

		if (write_all(spool->fd, &one, 1, place(spool, position), err))
			return -1;
		position += part;
		bytes += part;
		len -= part;
	}
	return 0;
}

static int
write_record(const struct spool *spool, const uint8_t *header,
    const uint8_t *bytes, size_t len, struct error *err)
{
	struct iovec parts[2] = {
	    {.iov_base = (void *)(uintptr_t)header,
	        .iov_len = SPOOL_RECORD_BYTES},
	    {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len},
	};
	size_t need = SPOOL_RECORD_BYTES + len;

	if (run(spool, spool->head, need) == need)
		return write_all(
		    spool->fd, parts, 2, place(spool, spool->head), err);
	if (write_around(spool, spool->head, header, SPOOL_RECORD_BYTES, err) !=
	    0)
		return -1;
	return write_around(
	    spool, spool->head + SPOOL_RECORD_BYTES, bytes, len, err);
}

static int
make_file(struct spool *spool, struct error *err)
{
	uint8_t header[SPOOL_HEADER_BYTES] = {0};
	struct iovec part = {.iov_base = header, .iov_len = sizeof(header)};
	char name[NAME_SIZE];
	int fd;

	file_name(spool, name);
	fd = openat(spool->dir, name,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, "make spool %s", name);
	memcpy(header, magic, sizeof(magic));
	put_u64(header + 8, spool->capacity);
	if (write_all(fd, &part, 1, 0, err) != 0) {
		(void)close(fd);
		(void)unlinkat(spool->dir, name, 0);
		return -1;
	}
	spool->fd = fd;
	return 0;
}

/* Give up the oldest segment, in the file first. */
static int
evict(struct spool *spool, uint64_t keep, struct error *err)
{
	bool is_last = spool->segment_count == 1;
	uint64_t tail = is_last ? spool->head : spool->segments[1].at;
	uint8_t bytes[sizeof(tail)];
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};

	if (tail > keep)
		return error_set(err, ERROR_LIMIT, "the spool is full");
	put_u64(bytes, tail);
	if (write_all(spool->fd, &part, 1, TAIL_AT, err) != 0)
		return -1;
	spool->segment_count--;
	memmove(spool->segments, spool->segments + 1,
	    spool->segment_count * sizeof(*spool->segments));
	return 0;
}

static void
index_record(struct spool *spool)
{
	struct spool_segment *segment;

	if (spool->segment_count > 0) {
		segment = &spool->segments[spool->segment_count - 1];
		if (spool->head - segment->at <
		    spool->capacity / SPOOL_SEGMENTS)
			return;
	}
	if (spool->segment_count == spool->segment_room) {
		spool->segment_room = spool->segment_room * 2 + 2;
		spool->segments = memory_resize(spool->segments,
		    spool->segment_room * sizeof(*spool->segments));
	}
	segment = &spool->segments[spool->segment_count++];
	segment->at = spool->head;
	memcpy(segment->offset, spool->end, sizeof(segment->offset));
}

void
spool_init(struct spool *spool, int dir, uint32_t number, uint64_t capacity)
{
	assert(capacity >= SPOOL_CAPACITY_MIN);
	memset(spool, 0, sizeof(*spool));
	spool->dir = dir;
	spool->number = number;
	spool->fd = -1;
	spool->capacity = capacity;
}

void
spool_close(struct spool *spool)
{
	free(spool->segments);
	spool->segments = NULL;
	spool->segment_count = 0;
	spool->segment_room = 0;
	if (spool->fd >= 0)
		(void)close(spool->fd);
	spool->fd = -1;
}

void
spool_discard(struct spool *spool)
{
	bool is_made = spool->fd >= 0;
	char name[NAME_SIZE];

	spool_close(spool);
	file_name(spool, name);
	if (is_made)
		(void)unlinkat(spool->dir, name, 0);
}

int
spool_append(struct spool *spool, uint64_t keep, enum output_stream stream,
    const void *bytes, size_t len, struct error *err)
{
	uint8_t header[SPOOL_RECORD_BYTES];
	uint64_t need = sizeof(header) + len;

	assert(len > 0 && len <= FRAME_DATA_MAX);
	if (spool->fd < 0 && make_file(spool, err) != 0)
		return -1;
	while (spool->head - spool_tail(spool) > spool->capacity - need) {
		if (evict(spool, keep, err) != 0)
			return -1;
	}
	put_record(header, stream, len, spool->end[stream]);
	if (write_record(spool, header, bytes, len, err) != 0)
		return -1;
	index_record(spool);
	spool->head += need;
	spool->end[stream] += len;
	return 0;
}

uint64_t
spool_tail(const struct spool *spool)
{
	return spool->segment_count > 0 ? spool->segments[0].at : spool->head;
}

uint64_t
spool_first(const struct spool *spool, enum output_stream stream)
{
	return spool->segment_count > 0 ? spool->segments[0].offset[stream]
	                                : spool->end[stream];
}

void
spool_seek(const struct spool *spool, struct spool_cursor *cursor,
    const uint64_t want[OUTPUT_STREAMS])
{
	size_t i, stream;

	memset(cursor, 0, sizeof(*cursor));
	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		assert(want[stream] <= spool->end[stream]);
		cursor->want[stream] = want[stream];
	}
	/* The last segment that begins before every byte wanted. */
	cursor->at = spool_tail(spool);
	for (i = 0; i < spool->segment_count; i++) {
		for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
			if (spool->segments[i].offset[stream] > want[stream])
				return;
		}
		cursor->at = spool->segments[i].at;
	}
	if (memcmp(want, spool->end, sizeof(spool->end)) == 0)
		cursor->at = spool->head;
}

void
spool_seek_end(const struct spool *spool, struct spool_cursor *cursor)
{
	spool_seek(spool, cursor, spool->end);
}

/* Have bytes of the ring from position on in the view, as many as fit. */
static int
fill(const struct spool *spool, uint64_t position, struct spool_view *view,
    struct error *err)
{
	uint64_t kept = spool->head - position;
	size_t want =
	    kept < sizeof(view->bytes) ? (size_t)kept : sizeof(view->bytes);
	size_t did = 0;

	view->of = NULL;
	while (did < want) {
		size_t part = run(spool, position + did, want - did);
		ssize_t got = pread(spool->fd, view->bytes + did, part,
		    (off_t)place(spool, position + did));

		if (got < 0)
			return error_sys(err, "read spool %u", spool->number);
		if (got == 0)
			return error_set(err, ERROR_SYSTEM,
			    "spool %u is cut short", spool->number);
		did += (size_t)got;
	}
	view->of = spool;
	view->at = position;
	view->len = want;
	return 0;
}

/* At least len bytes at a position; NULL when the file cannot be read. */
static const uint8_t *
look(const struct spool *spool, uint64_t position, size_t len,
    struct spool_view *view, struct error *err)
{
	if (view->of != spool || position < view->at ||
	    position + len > view->at + view->len) {
		if (fill(spool, position, view, err) != 0)
			return NULL;
	}
	return view->bytes + (position - view->at);
}

static int
begin_record(const struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct error *err)
{
	const uint8_t *header =
	    look(spool, cursor->at, SPOOL_RECORD_BYTES, view, err);
	uint32_t len;
	uint64_t skip, offset;

	if (header == NULL)
		return -1;
	memcpy(&len, header + 1, sizeof(len));
	len = be32toh(len);
	offset = get_u64(header + 5);
	/* The file is on a disk: believe it only as far as it is possible. */
	if (header[0] >= OUTPUT_STREAMS || len == 0 || len > FRAME_DATA_MAX ||
	    offset > cursor->want[header[0]] ||
	    len > spool->head - cursor->at - SPOOL_RECORD_BYTES) {
		view->of = NULL;
		return error_set(
		    err, ERROR_SYSTEM, "spool %u is damaged", spool->number);
	}
	skip = cursor->want[header[0]] - offset;
	if (skip > len)
		skip = len;
	cursor->stream = header[0];
	cursor->at += SPOOL_RECORD_BYTES + skip;
	cursor->left = len - (uint32_t)skip;
	return 0;
}

static int
take_piece(const struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err)
{
	const uint8_t *bytes;
	size_t len;

	while (cursor->left == 0) {
		if (cursor->at == spool->head)
			return 0;
		if (begin_record(spool, cursor, view, err) != 0)
			return -1;
	}
	bytes = look(spool, cursor->at, 1, view, err);
	if (bytes == NULL)
		return -1;
	len = view->len - (size_t)(cursor->at - view->at);
	if (len > cursor->left)
		len = cursor->left;
	piece->stream = (enum output_stream)cursor->stream;
	piece->from = cursor->want[cursor->stream];
	piece->to = piece->from + len;
	piece->bytes = bytes;
	cursor->want[cursor->stream] += len;
	cursor->at += len;
	cursor->left -= (uint32_t)len;
	return 1;
}

/* A gap from what the cursor wants to an offset that it does not reach. */
static int
take_gap(struct spool_cursor *cursor, const uint64_t until[OUTPUT_STREAMS],
    struct spool_piece *piece)
{
	int stream;

	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		if (cursor->want[stream] >= until[stream])
			continue;
		piece->stream = (enum output_stream)stream;
		piece->from = cursor->want[stream];
		piece->to = until[stream];
		piece->bytes = NULL;
		cursor->want[stream] = until[stream];
		return 1;
	}
	return 0;
}

int
spool_read(struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err)
{
	const uint64_t *first = spool->end;
	int got;

	if (cursor->at == spool->head)
		return take_gap(cursor, spool->end, piece);
	if (spool->segment_count > 0)
		first = spool->segments[0].offset;
	if (cursor->at < spool_tail(spool)) {
		cursor->at = spool_tail(spool);
		cursor->left = 0;
	}
	if (take_gap(cursor, first, piece) == 1)
		return 1;
	got = take_piece(spool, cursor, view, piece, err);
	if (got < 0) {
		cursor->at = spool->head;
		cursor->left = 0;
	}
	return got;
}
