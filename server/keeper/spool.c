/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/big_endian.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/keeper/quota.h"
#include "server/keeper/spool_file.h"

static void
put_record(uint8_t out[SPOOL_RECORD_BYTES], enum output_stream stream,
    size_t len, uint64_t offset)
{
	uint32_t length = htobe32((uint32_t)len);

	out[0] = (uint8_t)stream;
	memcpy(out + 1, &length, sizeof(length));
	put_u64(out + 5, offset);
}

/* Whether a record that comes now is one of the first, which stay. */
static bool
may_stay(const struct spool *spool, size_t need)
{
	return spool->begin.at == spool->head &&
	       spool->head + need <= spool_first_max(spool->capacity);
}

/* Give up the oldest segment, in the file first. */
static int
evict(struct spool *spool, uint64_t keep, struct error *err)
{
	bool is_last = spool->segment_count == 1;
	uint64_t tail = is_last ? spool->head : spool->segments[1].at;
	const struct spool_place oldest = spool->segments[0];
	size_t size = --spool->segment_count * sizeof(oldest);
	int rc = -1;

	memmove(spool->segments, spool->segments + 1, size);
	if (tail > keep)
		(void)error_set(err, ERROR_LIMIT, "the spool is full");
	else
		rc = spool_file_commit(spool, true, err);
	if (rc == 0)
		return 0;
	memmove(spool->segments + 1, spool->segments, size);
	spool->segments[0] = oldest;
	spool->segment_count++;
	return -1;
}

/* Make one segment of every two. */
static void
merge_segments(struct spool *spool)
{
	size_t i;

	spool->segment_count /= 2;
	for (i = 0; i < spool->segment_count; i++)
		spool->segments[i] = spool->segments[2 * i];
	spool->segment_bytes *= 2;
}

/* Whether a record that comes now begins a segment, which is then there. */
static bool
begin_segment(struct spool *spool)
{
	size_t count = spool->segment_count;

	if (count > 0 &&
	    spool->head - spool->segments[count - 1].at < spool->segment_bytes)
		return false;
	if (count == SPOOL_SEGMENTS)
		merge_segments(spool);
	if (spool->segment_count == spool->segment_room) {
		spool->segment_room = spool->segment_room * 2 + 2;
		spool->segments = memory_resize(spool->segments,
		    spool->segment_room * sizeof(*spool->segments));
	}
	spool->segments[spool->segment_count++] = spool_head(spool);
	return true;
}

/* What the file takes once it has been written up to a ring position. */
static uint64_t
size_at(const struct spool *spool, uint64_t position)
{
	return SPOOL_FILE_DATA +
	       (position < spool->capacity ? position : spool->capacity);
}

static void
set_charge(struct spool *spool, uint64_t bytes)
{
	if (spool->quota != NULL)
		quota_count(spool->quota, spool->charged, bytes);
	spool->charged = bytes;
}

/* Room in the quota for a record, or the ring turns here. */
static void
grow(struct spool *spool, uint64_t need)
{
	uint64_t size = size_at(spool, spool->head + need);

	if (size <= spool->charged)
		return;
	if (spool->quota == NULL || size <= SPOOL_FREE_BYTES ||
	    quota_has_room(spool->quota, size - spool->charged)) {
		set_charge(spool, size);
		return;
	}
	spool->capacity = SPOOL_FREE_BYTES;
	if (spool->capacity < spool->head)
		spool->capacity = spool->head;
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
	spool->segment_bytes = SPOOL_SEGMENT_MIN;
}

static void
reset(struct spool *spool, uint64_t capacity)
{
	struct quota *quota = spool->quota;

	spool_close(spool);
	spool_init(spool, spool->dir, spool->number, capacity);
	spool->quota = quota;
}

int
spool_restore(struct spool *spool, struct error *err)
{
	uint64_t capacity = spool->capacity;

	assert(spool->head == 0 && spool->fd < 0);
	if (spool_file_load(spool, err) != 0) {
		reset(spool, capacity);
		return -1;
	}
	spool_charge(spool, spool->quota);
	return 0;
}

void
spool_forget(struct spool *spool)
{
	reset(spool, spool->capacity);
}

void
spool_charge(struct spool *spool, struct quota *quota)
{
	spool->quota = quota;
	spool->charged = 0;
	if (spool->fd >= 0 && (spool->segment_count > 0 || spool->begin.at > 0))
		set_charge(spool, size_at(spool, spool->head));
}

void
spool_close(struct spool *spool)
{
	set_charge(spool, 0);
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

	spool_close(spool);
	memset(&spool->begin, 0, sizeof(spool->begin));
	if (is_made)
		spool_file_remove(spool);
}

int
spool_empty(struct spool *spool, struct error *err)
{
	spool->segment_count = 0;
	memset(&spool->begin, 0, sizeof(spool->begin));
	set_charge(spool, 0);
	return spool->fd < 0 ? 0 : spool_file_empty(spool, err);
}

void
spool_skip(struct spool *spool, enum output_stream stream, size_t len)
{
	assert(spool->segment_count == 0 && spool->begin.at == 0);
	if (len == 0)
		return;
	spool->head += SPOOL_RECORD_BYTES + len;
	spool->end[stream] += len;
}

/* Write a record behind the newest one, and what the header says of it. */
static int
add_record(struct spool *spool, enum output_stream stream, const void *bytes,
    size_t len, struct error *err)
{
	uint8_t header[SPOOL_RECORD_BYTES];
	struct iovec parts[2] = {
	    {.iov_base = header, .iov_len = sizeof(header)},
	    {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len},
	};
	const struct spool_place begin = spool->begin;
	bool is_first = may_stay(spool, sizeof(header) + len);
	bool is_segment = !is_first && begin_segment(spool);

	put_record(header, stream, len, spool->end[stream]);
	if (spool_file_write(spool, spool->head, parts, 2, err) == 0) {
		spool->head += sizeof(header) + len;
		spool->end[stream] += len;
		if (is_first)
			spool->begin = spool_head(spool);
		if (spool_file_commit(spool, is_segment, err) == 0)
			return 0;
		spool->begin = begin;
		spool->head -= sizeof(header) + len;
		spool->end[stream] -= len;
	}
	spool->segment_count -= (size_t)is_segment;
	return -1;
}

int
spool_append(struct spool *spool, uint64_t keep, enum output_stream stream,
    const void *bytes, size_t len, struct error *err)
{
	uint64_t need = SPOOL_RECORD_BYTES + len;
	uint64_t ring;

	assert(len > 0 && len <= FRAME_DATA_MAX);
	if (spool->fd < 0 && spool_file_make(spool, err) != 0)
		return -1;
	grow(spool, need);
	ring = spool->capacity - spool->begin.at;
	while (spool->head - spool_tail(spool) > ring - need) {
		if (evict(spool, keep, err) != 0)
			return -1;
	}
	return add_record(spool, stream, bytes, len, err);
}

uint64_t
spool_first_max(uint64_t capacity)
{
	return capacity / 8 < SPOOL_FIRST_MAX ? capacity / 8 : SPOOL_FIRST_MAX;
}

struct spool_place
spool_head(const struct spool *spool)
{
	struct spool_place head = {.at = spool->head};

	memcpy(head.offset, spool->end, sizeof(head.offset));
	return head;
}

uint64_t
spool_tail(const struct spool *spool)
{
	return spool->segment_count > 0 ? spool->segments[0].at : spool->head;
}

const uint64_t *
spool_tail_offsets(const struct spool *spool)
{
	return spool->segment_count > 0 ? spool->segments[0].offset
	                                : spool->end;
}

uint64_t
spool_first(
    const struct spool *spool, enum output_stream stream, uint64_t offset)
{
	uint64_t tail = spool_tail_offsets(spool)[stream];

	if (offset < spool->begin.offset[stream])
		return offset;
	return offset > tail ? offset : tail;
}
