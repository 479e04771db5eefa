/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/checkpoint.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol/big_endian.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"

#define NAME_SIZE 24u /* a number, ".screen.new" and NUL */

#define MARK_AT     8u
#define STATE_AT    40u
#define LENGTH_AT   72u
#define PAINT_AT    80u
#define STATE_BYTES 32u
#define SIZE_BYTES  4u

#define FLAG_ECHO      1u
#define FLAG_CANONICAL 2u

#define FILE_MAX \
	(PAINT_AT + CHECKPOINT_PAINT_MAX + CHECKPOINT_STATES_MAX * STATE_BYTES)

static const uint8_t magic[8] = {'S', 'C', 'R', 'E', 'E', 'N', 0, 1};

static void
put_size(uint8_t *out, const struct terminal_size *size)
{
	const uint16_t sides[2] = {htobe16(size->rows), htobe16(size->cols)};

	memcpy(out, sides, sizeof(sides));
}

static bool
get_size(const uint8_t *in, struct terminal_size *size)
{
	uint16_t sides[2];

	memcpy(sides, in, sizeof(sides));
	size->rows = be16toh(sides[0]);
	size->cols = be16toh(sides[1]);
	return size->rows >= 1 && size->rows <= LIMIT_PTY_ROWS &&
	       size->cols >= 1 && size->cols <= LIMIT_PTY_COLS;
}

static void
put_state(uint8_t *out, const struct checkpoint_state *state)
{
	memset(out, 0, STATE_BYTES);
	put_u64(out, state->offset);
	put_size(out + 8, &state->size);
	put_size(out + 12, &state->asked);
	out[16] = (uint8_t)state->policy;
	out[17] = (uint8_t)((state->echo ? FLAG_ECHO : 0) |
	                    (state->canonical ? FLAG_CANONICAL : 0));
}

static bool
get_state(const uint8_t *in, struct checkpoint_state *state)
{
	state->offset = get_u64(in);
	state->policy = (enum size_policy)in[16];
	state->echo = (in[17] & FLAG_ECHO) != 0;
	state->canonical = (in[17] & FLAG_CANONICAL) != 0;
	return get_size(in + 8, &state->size) &&
	       get_size(in + 12, &state->asked) && in[16] < SIZE_POLICIES &&
	       state->offset <= INT64_MAX;
}

static void
put_mark(uint8_t *out, const struct checkpoint_mark *mark)
{
	put_u64(out, mark->bytes);
	put_u64(out + 8, mark->offset);
	put_u64(out + 16, mark->written_ms);
	put_u64(out + 24, mark->wall_ms);
}

static void
get_mark(const uint8_t *in, struct checkpoint_mark *mark)
{
	mark->bytes = get_u64(in);
	mark->offset = get_u64(in + 8);
	mark->written_ms = get_u64(in + 16);
	mark->wall_ms = get_u64(in + 24);
}

static void
file_name(const struct checkpoint *checkpoint, const char *suffix,
    char name[NAME_SIZE])
{
	(void)snprintf(
	    name, NAME_SIZE, "%u.screen%s", checkpoint->number, suffix);
}

/* All of it, or nothing that counts. */
static int
write_all(int fd, const void *bytes, size_t len, uint64_t at, struct error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pwrite(fd, (const uint8_t *)bytes + done,
		    len - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(err, "write a checkpoint");
		done += (size_t)got;
	}
	return 0;
}

void
checkpoint_init(struct checkpoint *checkpoint, int dir, uint32_t number)
{
	memset(checkpoint, 0, sizeof(*checkpoint));
	checkpoint->dir = dir;
	checkpoint->number = number;
	checkpoint->fd = -1;
}

void
checkpoint_close(struct checkpoint *checkpoint)
{
	if (checkpoint->fd >= 0)
		(void)close(checkpoint->fd);
	checkpoint->fd = -1;
}

void
checkpoint_remove(struct checkpoint *checkpoint)
{
	char name[NAME_SIZE];

	checkpoint_close(checkpoint);
	file_name(checkpoint, "", name);
	(void)unlinkat(checkpoint->dir, name, 0);
}

static int
fill(const struct checkpoint *checkpoint, int fd,
    const struct checkpoint_state *state, const struct buffer *paint,
    struct error *err)
{
	uint8_t header[PAINT_AT];

	memcpy(header, magic, sizeof(magic));
	put_mark(header + MARK_AT, &checkpoint->mark);
	put_state(header + STATE_AT, state);
	put_u64(header + LENGTH_AT, buffer_len(paint));
	if (write_all(fd, header, sizeof(header), 0, err) != 0)
		return -1;
	return write_all(
	    fd, buffer_bytes(paint), buffer_len(paint), PAINT_AT, err);
}

int
checkpoint_write(struct checkpoint *checkpoint,
    const struct checkpoint_state *state, const struct buffer *paint,
    struct error *err)
{
	char new_name[NAME_SIZE];
	char name[NAME_SIZE];
	int rc, fd;

	file_name(checkpoint, ".new", new_name);
	file_name(checkpoint, "", name);
	fd = openat(checkpoint->dir, new_name,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, "make %s", new_name);
	rc = fill(checkpoint, fd, state, paint, err);
	if (rc == 0 &&
	    renameat(checkpoint->dir, new_name, checkpoint->dir, name) != 0)
		rc = error_sys(err, "rename %s", new_name);
	if (rc != 0) {
		(void)close(fd);
		(void)unlinkat(checkpoint->dir, new_name, 0);
		return -1;
	}
	checkpoint_close(checkpoint);
	checkpoint->fd = fd;
	checkpoint->end = PAINT_AT + buffer_len(paint);
	checkpoint->states = 0;
	return 0;
}

int
checkpoint_add(struct checkpoint *checkpoint,
    const struct checkpoint_state *state, struct error *err)
{
	uint8_t record[STATE_BYTES];

	if (checkpoint->fd < 0 || checkpoint->states >= CHECKPOINT_STATES_MAX)
		return error_set(
		    err, ERROR_LIMIT, "the checkpoint is to be written anew");
	put_state(record, state);
	/* half of one, left by a full disk, is written over */
	if (write_all(checkpoint->fd, record, sizeof(record), checkpoint->end,
	        err) != 0)
		return -1;
	checkpoint->end += sizeof(record);
	checkpoint->states++;
	return 0;
}

int
checkpoint_set_mark(struct checkpoint *checkpoint,
    const struct checkpoint_mark *mark, struct error *err)
{
	uint8_t bytes[STATE_AT - MARK_AT];

	checkpoint->mark = *mark;
	if (checkpoint->fd < 0)
		return error_set(
		    err, ERROR_LIMIT, "the checkpoint is to be written anew");
	put_mark(bytes, mark);
	return write_all(checkpoint->fd, bytes, sizeof(bytes), MARK_AT, err);
}

static int
damaged(const struct checkpoint *checkpoint, struct error *err)
{
	return error_set(
	    err, ERROR_INVALID, "checkpoint %u is damaged", checkpoint->number);
}

static int
read_all(int fd, uint8_t *bytes, size_t len, struct error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, bytes + done, len - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(err, "read a checkpoint");
		if (got == 0)
			return error_set(
			    err, ERROR_INVALID, "a checkpoint is cut short");
		done += (size_t)got;
	}
	return 0;
}

/* The paint, and the states behind it: half a state at the end was never
 * there. */
static int
parse(struct checkpoint *checkpoint, const uint8_t *bytes, size_t len,
    struct checkpoint_content *content, struct error *err)
{
	uint64_t paint = get_u64(bytes + LENGTH_AT);
	struct checkpoint_state *states;
	size_t count, i;

	if (memcmp(bytes, magic, sizeof(magic)) != 0 || paint > len - PAINT_AT)
		return damaged(checkpoint, err);
	count = (len - PAINT_AT - (size_t)paint) / STATE_BYTES;
	if (count > CHECKPOINT_STATES_MAX)
		return damaged(checkpoint, err);
	states = memory_new(count + 1, sizeof(*states));
	content->states = states;
	content->count = count + 1;
	checkpoint->end = PAINT_AT + paint + count * STATE_BYTES;
	checkpoint->states = count;
	get_mark(bytes + MARK_AT, &checkpoint->mark);
	if (!get_state(bytes + STATE_AT, &states[0]))
		return damaged(checkpoint, err);
	for (i = 1; i <= count; i++) {
		if (!get_state(bytes + PAINT_AT + paint + (i - 1) * STATE_BYTES,
		        &states[i]) ||
		    states[i].offset < states[i - 1].offset)
			return damaged(checkpoint, err);
	}
	return buffer_append(
	    &content->paint, bytes + PAINT_AT, (size_t)paint, err);
}

int
checkpoint_load(struct checkpoint *checkpoint,
    struct checkpoint_content *content, struct error *err)
{
	char name[NAME_SIZE];
	struct stat file;
	uint8_t *bytes;
	int rc;

	memset(content, 0, sizeof(*content));
	buffer_init(&content->paint, CHECKPOINT_PAINT_MAX);
	file_name(checkpoint, "", name);
	checkpoint->fd = openat(checkpoint->dir, name,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (checkpoint->fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, "open %s", name);
	if (fstat(checkpoint->fd, &file) != 0)
		return error_sys(err, "%s", name);
	if (!S_ISREG(file.st_mode) || file.st_size < (off_t)PAINT_AT ||
	    file.st_size > (off_t)FILE_MAX)
		return damaged(checkpoint, err);
	bytes = memory_new(1, (size_t)file.st_size);
	rc = read_all(checkpoint->fd, bytes, (size_t)file.st_size, err);
	if (rc == 0)
		rc = parse(
		    checkpoint, bytes, (size_t)file.st_size, content, err);
	free(bytes);
	return rc;
}

void
checkpoint_content_clear(struct checkpoint_content *content)
{
	buffer_clear(&content->paint);
	free(content->states);
	memset(content, 0, sizeof(*content));
}
