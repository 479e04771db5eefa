/* SPDX-License-Identifier: Apache-2.0 */
/* A channel's end that counts what it sees, and a loop that must end clean. */
#ifndef TESTS_UNIT_CHANNEL_SIDE_H
#define TESTS_UNIT_CHANNEL_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/memory.h"
#include "server/common/channel.h"

#define QUEUE_MAX ((size_t)4 << 20)

/* A socket holds some frames, whatever a channel would like: what is sent
 * beyond them must queue. */
#define SOCKET_BYTES (100 << 10)

/* What one end has seen, and what it is to do about it. */
struct side {
	struct channel channel;
	unsigned frames;
	size_t bytes;  /* of all payloads */
	uint32_t sum;  /* of all payload bytes and their places */
	uint32_t next; /* stream numbers must count up from here */
	size_t drained;
	unsigned close_at; /* close inside the frame of this number */
	unsigned pause_at;
	unsigned refuse_at;
	unsigned fds_wanted; /* take one with every frame of this kind */
	unsigned fds_seen;
	bool echo;
	unsigned closed;
	struct error why;
};

struct world {
	uv_loop_t loop;
	int fds[2];
};

static inline uint32_t
checksum(uint32_t sum, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static inline int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct side *side = channel->data;
	int fd;

	assert_int_equal(side->closed, 0);
	assert_int_equal(frame->stream, side->next++);
	side->frames++;
	side->bytes += frame->len;
	side->sum = checksum(side->sum, frame->payload, frame->len);
	if (side->fds_wanted != 0 && frame->kind == side->fds_wanted) {
		fd = channel_take_fd(channel);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		(void)close(fd);
		side->fds_seen++;
	}
	if (side->echo)
		channel_send(channel, frame->kind, frame->stream,
		    frame->payload, frame->len);
	if (side->frames == side->close_at)
		channel_close(channel);
	if (side->frames == side->pause_at)
		channel_pause(channel);
	if (side->frames == side->refuse_at)
		return error_set(err, ERROR_STATE, "not now");
	return 0;
}

static inline void
on_drained(struct channel *channel)
{
	struct side *side = channel->data;

	assert_int_equal(channel_pending(channel), 0);
	side->drained++;
}

/* The memory is the caller's again: free it here, so that a late use of it is
 * seen. */
static inline void
on_closed(struct channel *channel, const struct error *why)
{
	struct side *side = channel->data;

	side->closed++;
	side->why = *why;
	memset(channel, 0xa5, sizeof(*channel));
}

static const struct channel_events events = {
    QUEUE_MAX, on_frame, on_drained, on_closed};

static const struct channel_events short_events = {
    10000, on_frame, on_drained, on_closed};

static inline int
setup(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));

	assert_int_equal(uv_loop_init(&world->loop), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, world->fds), 0);
	*state = world;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *world = *state;

	(void)uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	free(world);
	return 0;
}

static inline void
open_side(struct world *world, struct side *side, int which,
    const struct channel_events *with)
{
	const int bytes = SOCKET_BYTES;
	struct error err;

	assert_int_equal(channel_open(&side->channel, &world->loop,
	                     world->fds[which], with, side, &err),
	    0);
	assert_int_equal(setsockopt(world->fds[which], SOL_SOCKET, SO_SNDBUF,
	                     &bytes, sizeof(bytes)),
	    0);
}

static inline void
turn(struct world *world, unsigned times)
{
	while (times-- > 0)
		(void)uv_run(&world->loop, UV_RUN_NOWAIT);
}

/* Frame bytes for a raw peer to write. */
static inline size_t
raw(uint8_t *out, enum frame_kind kind, uint32_t stream, const void *payload,
    size_t len)
{
	frame_header(out, kind, stream, len);
	if (len > 0)
		memcpy(out + FRAME_HEADER_BYTES, payload, len);
	return FRAME_HEADER_BYTES + len;
}

static inline void
write_all(int fd, const void *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

#define channel_test(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
