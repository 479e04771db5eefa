/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/big_endian.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/keeper/spool.h"

#define NAME_SIZE 11u /* UINT32_MAX in digits, and NUL */

#define CAPACITY_AT 8u
#define BEGIN_AT    16u
#define HEAD_AT     48u
#define COUNT_AT    80u
#define INDEX_AT    88u
#define PLACE_BYTES 32u

_Static_assert(INDEX_AT + SPOOL_SEGMENTS * PLACE_BYTES <= SPOOL_FILE_DATA,
    "the index does not fit the header");
_Static_assert(PLACE_BYTES == 8 * (1 + OUTPUT_STREAMS), "a place's size");

static const uint8_t magic[8] = {'S', 'P', 'O', 'O', 'L', 0, 0, 2};

static void
put_place(uint8_t *out, const struct spool_place *place)
{
	size_t i;

	put_u64(out, place->at);
	for (i = 0; i < OUTPUT_STREAMS; i++)
		put_u64(out + 8 + 8 * i, place->offset[i]);
}

static void
get_place(const uint8_t *in, struct spool_place *place)
{
	size_t i;

	place->at = get_u64(in);
	for (i = 0; i < OUTPUT_STREAMS; i++)
		place->offset[i] = get_u64(in + 8 + 8 * i);
}

static void
file_name(const struct spool *spool, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%u", spool->number);
}

/* How long the file is by what was written to it. */
static uint64_t
used_bytes(const struct spool *spool)
{
	return SPOOL_FILE_DATA +
	       (spool->head < spool->capacity ? spool->head : spool->capacity);
}

/* Where a ring position lies in the file, and how many bytes follow there. */
static off_t
find(const struct spool *spool, uint64_t position, uint64_t *run)
{
	uint64_t begin = spool->begin.at;
	uint64_t in_ring = position;

	*run = begin - position;
	if (position >= begin) {
		in_ring =
		    begin + (position - begin) % (spool->capacity - begin);
		*run = spool->capacity - in_ring;
	}
	return (off_t)(SPOOL_FILE_DATA + in_ring);
}

/* A short write is a disk that is full: the next try names the cause. */
static int
write_at(const struct spool *spool, off_t at, const struct iovec *parts,
    int count, struct error *err)
{
	size_t want = 0;
	ssize_t did;
	int i;

	for (i = 0; i < count; i++)
		want += parts[i].iov_len;
	did = pwritev(spool->fd, parts, count, at);
	if (did < 0)
		return error_sys(err, "write the spool");
	if ((size_t)did < want) {
		errno = ENOSPC;
		return error_sys(err, "write the spool");
	}
	return 0;
}

int
spool_file_make(struct spool *spool, struct error *err)
{
	char name[NAME_SIZE];
	int fd;

	file_name(spool, name);
	fd = openat(spool->dir, name,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, "make spool %s", name);
	spool->fd = fd;
	if (spool_file_commit(spool, true, err) == 0) {
		if (ftruncate(fd, (off_t)used_bytes(spool)) == 0)
			return 0;
		(void)error_sys(err, "make spool %s", name);
	}
	spool->fd = -1;
	(void)close(fd);
	(void)unlinkat(spool->dir, name, 0);
	return -1;
}

int
spool_file_empty(struct spool *spool, struct error *err)
{
	if (spool_file_commit(spool, true, err) != 0)
		return -1;
	/* as long as it was, for offsets go on, and without a block */
	if (ftruncate(spool->fd, SPOOL_FILE_DATA) != 0 ||
	    ftruncate(spool->fd, (off_t)used_bytes(spool)) != 0)
		return error_sys(err, "empty the spool");
	return 0;
}

void
spool_file_remove(const struct spool *spool)
{
	char name[NAME_SIZE];

	file_name(spool, name);
	(void)unlinkat(spool->dir, name, 0);
}

int
spool_file_commit(const struct spool *spool, bool index, struct error *err)
{
	uint8_t header[SPOOL_FILE_DATA];
	struct iovec part = {.iov_base = header, .iov_len = INDEX_AT};
	const struct spool_place head = spool_head(spool);
	size_t i;

	memcpy(header, magic, sizeof(magic));
	put_u64(header + CAPACITY_AT, spool->capacity);
	put_place(header + BEGIN_AT, &spool->begin);
	put_place(header + HEAD_AT, &head);
	put_u64(header + COUNT_AT, spool->segment_count);
	for (i = 0; index && i < spool->segment_count; i++) {
		put_place(header + part.iov_len, &spool->segments[i]);
		part.iov_len += PLACE_BYTES;
	}
	return write_at(spool, 0, &part, 1, err);
}

int
spool_file_write(const struct spool *spool, uint64_t position,
    struct iovec *parts, int count, struct error *err)
{
	size_t need = 0;
	uint64_t run;
	off_t at = find(spool, position, &run);
	int i;

	for (i = 0; i < count; i++)
		need += parts[i].iov_len;
	if (run >= need)
		return write_at(spool, at, parts, count, err);
	for (; count > 0; parts++, count--) {
		while (parts->iov_len > 0) {
			struct iovec part = *parts;

			at = find(spool, position, &run);
			if (run < part.iov_len)
				part.iov_len = (size_t)run;
			if (write_at(spool, at, &part, 1, err) != 0)
				return -1;
			position += part.iov_len;
			parts->iov_base =
			    (uint8_t *)parts->iov_base + part.iov_len;
			parts->iov_len -= part.iov_len;
		}
	}
	return 0;
}

int
spool_file_read(const struct spool *spool, uint64_t position, uint8_t *bytes,
    size_t len, struct error *err)
{
	while (len > 0) {
		uint64_t run;
		off_t at = find(spool, position, &run);
		ssize_t got =
		    pread(spool->fd, bytes, run < len ? (size_t)run : len, at);

		if (got < 0)
			return error_sys(err, "read spool %u", spool->number);
		if (got == 0)
			return error_set(err, ERROR_SYSTEM,
			    "spool %u is cut short", spool->number);
		position += (uint64_t)got;
		bytes += got;
		len -= (size_t)got;
	}
	return 0;
}

/* Whether records of at least a byte can lead from one place to a later one. */
static bool
may_follow(const struct spool_place *from, const struct spool_place *to)
{
	uint64_t bytes = 0;
	int i;

	if (to->at < from->at || to->at > INT64_MAX)
		return false;
	for (i = 0; i < OUTPUT_STREAMS; i++) {
		if (to->offset[i] < from->offset[i] ||
		    to->offset[i] - from->offset[i] > to->at - from->at - bytes)
			return false;
		bytes += to->offset[i] - from->offset[i];
	}
	if (bytes == 0)
		return to->at == from->at;
	return bytes + SPOOL_RECORD_BYTES <= to->at - from->at;
}

/* What must hold of a header that we wrote. */
static bool
is_sound(const struct spool *spool, uint64_t size)
{
	const struct spool_place *last = &spool->begin;
	const struct spool_place head = spool_head(spool);
	size_t i;

	if (spool->capacity < SPOOL_CAPACITY_MIN ||
	    spool->capacity > SPOOL_CAPACITY_MAX ||
	    spool->begin.at > spool_first_max(spool->capacity))
		return false;
	if (size < used_bytes(spool))
		return false;
	for (i = 0; i < spool->segment_count; i++) {
		if (!may_follow(last, &spool->segments[i]) ||
		    (i > 0 && spool->segments[i].at == last->at))
			return false;
		last = &spool->segments[i];
	}
	return may_follow(last, &head) &&
	       head.at - spool_tail(spool) <= spool->capacity - spool->begin.at;
}

static int
take_header(
    struct spool *spool, const uint8_t *header, size_t len, struct error *err)
{
	uint64_t count = get_u64(header + COUNT_AT);
	struct spool_place head;
	size_t i;

	if (memcmp(header, magic, sizeof(magic)) != 0 ||
	    count > SPOOL_SEGMENTS || len < INDEX_AT + count * PLACE_BYTES)
		return error_set(
		    err, ERROR_INVALID, "spool %u is damaged", spool->number);
	spool->capacity = get_u64(header + CAPACITY_AT);
	get_place(header + BEGIN_AT, &spool->begin);
	get_place(header + HEAD_AT, &head);
	spool->head = head.at;
	memcpy(spool->end, head.offset, sizeof(spool->end));
	spool->segment_count = (size_t)count;
	spool->segment_room = (size_t)count;
	spool->segments = memory_resize(
	    spool->segments, (spool->segment_room + 1) * PLACE_BYTES);
	for (i = 0; i < spool->segment_count; i++)
		get_place(
		    header + INDEX_AT + i * PLACE_BYTES, &spool->segments[i]);
	return 0;
}

static int
load(struct spool *spool, struct error *err)
{
	uint8_t header[SPOOL_FILE_DATA];
	struct stat file;
	ssize_t len;

	if (fstat(spool->fd, &file) != 0)
		return error_sys(err, "spool %u", spool->number);
	len = pread(spool->fd, header, sizeof(header), 0);
	if (len < 0)
		return error_sys(err, "read spool %u", spool->number);
	if (!S_ISREG(file.st_mode) || len < (ssize_t)INDEX_AT)
		return error_set(
		    err, ERROR_INVALID, "spool %u is damaged", spool->number);
	if (take_header(spool, header, (size_t)len, err) != 0)
		return -1;
	if (!is_sound(spool, (uint64_t)file.st_size))
		return error_set(
		    err, ERROR_INVALID, "spool %u is damaged", spool->number);
	return 0;
}

int
spool_file_load(struct spool *spool, struct error *err)
{
	char name[NAME_SIZE];
	struct stat file;

	file_name(spool, name);
	spool->fd = openat(
	    spool->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (spool->fd < 0 && errno == ENOENT)
		return 0;
	if (spool->fd < 0)
		return error_sys(err, "open spool %s", name);
	/* Made, and its maker was killed before it wrote the header. */
	if (fstat(spool->fd, &file) == 0 && S_ISREG(file.st_mode) &&
	    file.st_size == 0) {
		(void)close(spool->fd);
		spool->fd = -1;
		return 0;
	}
	return load(spool, err);
}
