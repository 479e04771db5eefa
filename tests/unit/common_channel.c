/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/channel_side.h"

static void
frames_arrive_in_order_whole_and_once_each_way(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {.echo = true};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uint32_t sum = 0;
	uint32_t i;

	open_side(world, &here, 0, &events);
	open_side(world, &there, 1, &events);
	for (i = 0; i < 50; i++) {
		size_t len = i == 0 ? 0 : FRAME_DATA_MAX - i;

		memset(bytes, (int)i, len);
		bytes[len / 2] = (uint8_t)(i * 7);
		sum = checksum(sum, bytes, len);
		channel_send(&here.channel, FRAME_STDOUT, i, bytes, len);
	}
	assert_true(channel_pending(&here.channel) > 0);
	assert_int_equal(here.frames, 0); /* nothing ran inside the calls */
	while (here.frames < 50)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	assert_int_equal(there.frames, 50);
	assert_int_equal(here.sum, sum);
	assert_int_equal(there.sum, sum);
	assert_int_equal(here.drained, 1);
	channel_close(&here.channel);
	channel_close(&here.channel);
	turn(world, 3);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_NONE);
	assert_int_equal(there.closed, 1);
	assert_int_equal(there.why.code, ERROR_NONE);
	free(bytes);
}

static void
an_idle_channel_holds_no_buffer(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {0};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uint32_t i;

	open_side(world, &here, 0, &events);
	open_side(world, &there, 1, &events);
	for (i = 0; i < 50; i++)
		channel_send(&here.channel, FRAME_PTY, i, bytes, 50000);
	while (there.frames < 50)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	turn(world, 2);
	assert_null(here.channel.out.queue.data);
	assert_null(there.channel.in.data);
	channel_close(&here.channel);
	channel_close(&there.channel);
	turn(world, 3);
	free(bytes);
}

static void
one_byte_at_a_time_makes_the_same_frames(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	uint8_t bytes[256];
	size_t len;
	size_t i;

	open_side(world, &here, 0, &events);
	len = raw(bytes, FRAME_CONTROL, 0, "{}", 2);
	len += raw(bytes + len, FRAME_STDOUT, 1, NULL, 0);
	len += raw(bytes + len, FRAME_STDERR, 2, "hello", 5);
	for (i = 0; i < len; i++) {
		write_all(world->fds[1], bytes + i, 1);
		turn(world, 1);
	}
	assert_int_equal(here.frames, 3);
	assert_int_equal(here.bytes, 7);
	(void)close(world->fds[1]);
	turn(world, 3);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_NONE);
}

static void
what_is_no_frame_closes_with_the_reason(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum error_code code;
		const char *because;
	} refused[] = {
	    {"SSH-2.0-OpenSSH\r\n", 17, ERROR_INVALID, "unknown kind"},
	    {"\0\0\0\5\0\0\0\0\0", 9, ERROR_INVALID, "unknown kind"},
	    {"\0\0\0\1\1\0\0\0\0", 9, ERROR_INVALID, "too short"},
	    {"\0\5\0\0\3\0\0\0\0", 9, ERROR_LIMIT, "too long for data"},
	    {"\xff\xff\xff\xff\1\0\0\0\0", 9, ERROR_LIMIT, "4 GiB"},
	    {"\0\0\0\7\2\0\0\0\0x", 10, ERROR_SYSTEM, "ends inside"},
	    {"\0\0\0", 3, ERROR_SYSTEM, "ends inside a header"},
	};
	struct world *world = *state;
	size_t i;

	(void)close(world->fds[0]);
	(void)close(world->fds[1]);
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct side here = {0};

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
		                     0, world->fds),
		    0);
		open_side(world, &here, 0, &events);
		write_all(world->fds[1], refused[i].bytes, refused[i].len);
		(void)close(world->fds[1]);
		turn(world, 4);
		assert_int_equal(here.frames, 0);
		assert_int_equal(here.closed, 1);
		assert_int_equal(here.why.code, refused[i].code);
	}
}

static void
a_queue_that_runs_over_closes_from_the_loop(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	uint8_t bytes[1000] = {0};
	uint32_t i;

	open_side(world, &here, 0, &short_events);
	for (i = 0; i < 2000; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, sizeof(bytes));
	assert_int_equal(here.closed, 0);
	turn(world, 2);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_LIMIT);
	(void)close(world->fds[1]);
}

static void
a_paused_channel_delivers_nothing_until_resumed(void **state)
{
	struct world *world = *state;
	struct side here = {.pause_at = 2};
	uint8_t bytes[256];
	size_t len = 0;
	uint32_t i;

	open_side(world, &here, 0, &events);
	for (i = 0; i < 5; i++)
		len += raw(bytes + len, FRAME_STDOUT, i, "abc", 3);
	write_all(world->fds[1], bytes, len);
	turn(world, 5);
	assert_int_equal(here.frames, 2);
	write_all(world->fds[1], bytes, raw(bytes, FRAME_STDOUT, 5, "d", 1));
	turn(world, 5);
	assert_int_equal(here.frames, 2);
	here.pause_at = 4;
	channel_resume(&here.channel);
	assert_int_equal(here.frames, 2); /* from the loop, not from here */
	turn(world, 5);
	assert_int_equal(here.frames, 4);
	channel_resume(&here.channel);
	turn(world, 5);
	assert_int_equal(here.frames, 6);
	assert_int_equal(here.bytes, 16);
	channel_close(&here.channel);
	turn(world, 3);
	(void)close(world->fds[1]);
}

static void
a_paused_reader_stops_the_sender_and_loses_nothing(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {.pause_at = 3};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uint32_t i;

	open_side(world, &here, 0, &events);
	open_side(world, &there, 1, &events);
	for (i = 0; i < 40; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, FRAME_DATA_MAX);
	turn(world, 20);
	assert_int_equal(there.frames, 3);
	assert_true(
	    channel_pending(&here.channel) > (size_t)30 * FRAME_DATA_MAX);
	assert_true(buffer_len(&there.channel.in) <= (size_t)256 << 10);
	channel_resume(&there.channel);
	while (there.frames < 40)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	assert_int_equal(there.bytes, (size_t)40 * FRAME_DATA_MAX);
	channel_close(&here.channel);
	channel_close(&there.channel);
	turn(world, 3);
	free(bytes);
}

/* Between the loop's idle handles and its waiting. */
static void
on_prepare(uv_prepare_t *prepare)
{
	struct side *side = prepare->data;

	side->pause_at = side->frames + 1;
	channel_resume(&side->channel);
}

static void
a_reader_that_pauses_at_every_frame_loses_nothing(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {.pause_at = 1};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uv_prepare_t prepare;
	uint32_t i;

	open_side(world, &here, 0, &events);
	open_side(world, &there, 1, &events);
	(void)uv_prepare_init(&world->loop, &prepare);
	prepare.data = &there;
	(void)uv_prepare_start(&prepare, on_prepare);
	for (i = 0; i < 40; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, FRAME_DATA_MAX);
	while (there.frames < 40 && there.closed == 0)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	assert_int_equal(there.frames, 40);
	uv_close((uv_handle_t *)&prepare, NULL);
	channel_close(&here.channel);
	channel_close(&there.channel);
	turn(world, 3);
	free(bytes);
}

static void
closing_inside_a_frame_delivers_no_more(void **state)
{
	struct world *world = *state;
	struct side here = {.close_at = 2};
	uint8_t bytes[256];
	size_t len = 0;
	uint32_t i;

	open_side(world, &here, 0, &events);
	for (i = 0; i < 5; i++)
		len += raw(bytes + len, FRAME_STDOUT, i, "abc", 3);
	write_all(world->fds[1], bytes, len);
	turn(world, 3);
	assert_int_equal(here.frames, 2);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_NONE);
	(void)close(world->fds[1]);
}

static void
a_refused_frame_closes_with_the_callback_s_error(void **state)
{
	struct world *world = *state;
	struct side here = {.refuse_at = 1};
	uint8_t bytes[64];

	open_side(world, &here, 0, &events);
	write_all(world->fds[1], bytes, raw(bytes, FRAME_STDOUT, 0, "a", 1));
	turn(world, 3);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_STATE);
	assert_string_equal(here.why.text, "not now");
	(void)close(world->fds[1]);
}

static void
what_a_dead_peer_said_is_still_delivered(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	uint8_t bytes[64];

	open_side(world, &here, 0, &events);
	write_all(world->fds[1], bytes, raw(bytes, FRAME_STDOUT, 0, "a", 1));
	/* the peer dies with something unread of ours */
	channel_send(&here.channel, FRAME_STDIN, 0, "x", 1);
	(void)close(world->fds[1]);
	channel_send(&here.channel, FRAME_STDIN, 0, "y", 1);
	channel_send(&here.channel, FRAME_STDIN, 0, "z", 1);
	turn(world, 4);
	assert_int_equal(here.frames, 1);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why.code, ERROR_NONE);
}

static void
finish_sends_what_is_queued_and_then_closes(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	struct side there = {0};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uint32_t i;

	open_side(world, &here, 0, &events);
	open_side(world, &there, 1, &events);
	for (i = 0; i < 40; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, FRAME_DATA_MAX);
	channel_finish(&here.channel);
	channel_send(&here.channel, FRAME_STDOUT, 99, "late", 4);
	assert_int_equal(here.closed, 0);
	while (there.closed == 0)
		(void)uv_run(&world->loop, UV_RUN_ONCE);
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.drained, 0);
	assert_int_equal(there.frames, 40);
	assert_int_equal(there.why.code, ERROR_NONE);
	free(bytes);
}

static void
finish_ends_when_the_peer_will_never_read(void **state)
{
	struct world *world = *state;
	struct side here = {0};
	uint8_t *bytes = memory_new(1, FRAME_DATA_MAX);
	uint32_t i;

	open_side(world, &here, 0, &events);
	for (i = 0; i < 40; i++)
		channel_send(
		    &here.channel, FRAME_STDOUT, i, bytes, FRAME_DATA_MAX);
	channel_finish(&here.channel);
	turn(world, 3);
	assert_int_equal(here.closed, 0);
	(void)close(world->fds[1]);
	turn(world, 3);
	assert_int_equal(here.closed, 1);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    channel_test(frames_arrive_in_order_whole_and_once_each_way),
	    channel_test(an_idle_channel_holds_no_buffer),
	    channel_test(one_byte_at_a_time_makes_the_same_frames),
	    channel_test(what_is_no_frame_closes_with_the_reason),
	    channel_test(a_queue_that_runs_over_closes_from_the_loop),
	    channel_test(a_paused_channel_delivers_nothing_until_resumed),
	    channel_test(a_paused_reader_stops_the_sender_and_loses_nothing),
	    channel_test(a_reader_that_pauses_at_every_frame_loses_nothing),
	    channel_test(closing_inside_a_frame_delivers_no_more),
	    channel_test(a_refused_frame_closes_with_the_callback_s_error),
	    channel_test(what_a_dead_peer_said_is_still_delivered),
	    channel_test(finish_sends_what_is_queued_and_then_closes),
	    channel_test(finish_ends_when_the_peer_will_never_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
