/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/channel_side.h"

#include <sys/uio.h>

#include "protocol/json.h"
#include "server/common/ancillary.h"

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct empty {
	bool present;
};

static const struct json_field no_fields[] = {{0}};
static const struct json_shape empty_shape = {
    no_fields, 0, sizeof(struct empty), NULL};

/* Every third frame carries a descriptor; the queue is long before the reader
 * begins, so that they go with the bytes of the queue. */
static void
descriptors_arrive_with_their_frames(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {.fds_wanted = FRAME_CONTROL};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	struct empty body = {0};
	uint32_t i;

	open_side(world, &here, 0, &events);
	for (i = 0; i < 60; i++) {
		if (i % 3 == 1)
			channel_send_json_fd(&here.channel, i, &empty_shape,
			    "answer", &body, some_fd());
		else
			channel_send(&here.channel, FRAME_STDOUT, i, bytes,
			    (size_t)i * 1000);
	}
	assert_true(channel_pending(&here.channel) > 0);
	open_side(world, &there, 1, &events);
	while (there.frames < 60)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	assert_int_equal(there.fds_seen, 20);
	assert_int_equal(channel_take_fd(&there.channel), -1);
	channel_close(&here.channel);
	channel_close(&there.channel);
	turn(world, 3);
	free(bytes);
}

static void
descriptors_that_never_went_are_closed(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	struct empty body = {0};
	uint32_t i;
	int fd;

	open_side(world, &here, 0, &events);
	for (i = 0; i < 10; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, FRAME_DATA_MAX);
	fd = some_fd();
	channel_send_json_fd(
	    &here.channel, i, &empty_shape, "answer", &body, fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	channel_close(&here.channel);
	turn(world, 2);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	(void)close(world->fds[1]);
	free(bytes);
}

static unsigned
open_fds(void)
{
	unsigned count = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
more_descriptors_than_are_wanted_drop_the_peer(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	unsigned before = open_fds();
	uint8_t bytes[64];
	struct iovec iov = {bytes, 0};
	int fd = some_fd();
	uint32_t i;

	open_side(world, &here, 0, &events);
	for (i = 0; i < CHANNEL_FDS_MAX + 1; i++) {
		iov.iov_len = raw(bytes, FRAME_STDIN, i, "a", 1);
		assert_int_equal(
		    ancillary_send(world->fds[1], &iov, 1, fd), iov.iov_len);
	}
	turn(world, 10);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_LIMIT);
	(void)close(fd);
	(void)close(world->fds[1]);
	assert_int_equal(open_fds(), before - 2);
}

/* Eight in one message: more than the kernel is given room for. */
static void
too_many_descriptors_in_one_message_drop_the_peer(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	unsigned before = open_fds();
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} room = {0};
	uint8_t bytes[64];
	struct iovec iov = {bytes, raw(bytes, FRAME_STDIN, 0, "a", 1)};
	struct msghdr message = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = room.bytes,
	    .msg_controllen = sizeof(room.bytes)};
	int fds[8] = {0, 0, 0, 0, 0, 0, 0, 0};

	open_side(world, &here, 0, &events);
	room.header.cmsg_level = SOL_SOCKET;
	room.header.cmsg_type = SCM_RIGHTS;
	room.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&room.header), fds, sizeof(fds));
	assert_true(sendmsg(world->fds[1], &message, 0) > 0);
	turn(world, 4);
	assert_int_equal(here.frames, 0);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_LIMIT);
	(void)close(world->fds[1]);
	assert_int_equal(open_fds(), before - 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    channel_test(descriptors_arrive_with_their_frames),
	    channel_test(descriptors_that_never_went_are_closed),
	    channel_test(more_descriptors_than_are_wanted_drop_the_peer),
	    channel_test(too_many_descriptors_in_one_message_drop_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
