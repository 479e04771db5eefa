/* SPDX-License-Identifier: Apache-2.0 */
#include "server/player/reel.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"

#define READ_BYTES (64u << 10)

static int
read_more(struct reel *reel, struct error *err)
{
	uint8_t *room;
	ssize_t got;

	if (buffer_reserve(&reel->in, READ_BYTES, &room, err) != 0)
		return -1;
	do
		got = read(reel->fd, room, READ_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(err, "read: %s", strerror(errno));
	buffer_commit(&reel->in, (size_t)got);
	reel->is_read_out = got == 0;
	return 0;
}

/* The bytes that the next line has, with its newline; 0: there is no whole
 * one. */
static int
next_line(struct reel *reel, size_t *out, struct error *err)
{
	const uint8_t *newline;

	for (;;) {
		newline = memchr(buffer_bytes(&reel->in) + reel->searched, '\n',
		    buffer_len(&reel->in) - reel->searched);
		if (newline != NULL)
			break;
		reel->searched = buffer_len(&reel->in);
		if (reel->is_read_out) {
			*out = 0;
			return 0;
		}
		if (reel->searched >= REEL_LINE_BYTES)
			return error_set(err, ERROR_LIMIT, "more than %u bytes",
			    REEL_LINE_BYTES);
		if (read_more(reel, err) != 0)
			return -1;
	}
	reel->line++;
	*out = (size_t)(newline - buffer_bytes(&reel->in)) + 1;
	return 0;
}

static void
drop_line(struct reel *reel, size_t len)
{
	buffer_consume(&reel->in, len);
	reel->read += len;
	reel->searched = 0;
}

int
reel_open(struct reel *reel, int fd, struct error *err)
{
	size_t len;

	memset(reel, 0, sizeof(*reel));
	reel->fd = fd;
	buffer_init(&reel->in, REEL_LINE_BYTES + READ_BYTES);
	if (next_line(reel, &len, err) != 0)
		return error_wrap(err, "line 1");
	if (len == 0)
		return error_set(err, ERROR_INVALID, "line 1: it has no end");
	if (asciicast_read_header((const char *)buffer_bytes(&reel->in),
	        len - 1, &reel->header, err) != 0)
		return error_wrap(err, "line 1");
	drop_line(reel, len);
	return 0;
}

void
reel_clear(struct reel *reel)
{
	buffer_clear(&reel->in);
}

int
reel_next(struct reel *reel, struct asciicast_event *event, struct error *err)
{
	const char *text;
	size_t len;
	int ret;

	for (;;) {
		ret = next_line(reel, &len, err);
		if (ret != 0)
			return error_wrap(err, "line %" PRIu64, reel->line + 1);
		if (len == 0)
			return 0;
		text = (const char *)buffer_bytes(&reel->in);
		if (len > 1 && text[0] != '#')
			break;
		drop_line(reel, len); /* version 3 has comments */
	}
	if (asciicast_read_event(reel->header.version, reel->at_ms, text,
	        len - 1, event, err) != 0)
		return error_wrap(err, "line %" PRIu64, reel->line);
	drop_line(reel, len);
	if (event->at_ms > reel->at_ms)
		reel->at_ms = event->at_ms;
	return 1;
}

unsigned
reel_percent(const struct reel *reel)
{
	struct stat st;

	if (fstat(reel->fd, &st) != 0 || st.st_size <= 0 ||
	    reel->read >= (uint64_t)st.st_size)
		return 100;
	return (unsigned)(reel->read * 100 / (uint64_t)st.st_size);
}
