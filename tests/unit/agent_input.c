/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/input.h"
#include "agent/link_io.h"
#include "agent/outbox.h"
#include "agent/output.h"
#include "protocol/error.h"
#include "protocol/limits.h"

struct stand {
	struct loop loop;
	struct link_io link;
	struct outbox outbox;
	struct input input;
	int keeper; /* the link's other end */
	int reader; /* the pipe's other end */
	uint8_t bytes[WINDOW_STDIN];
};

static int
no_frames(void *owner, const struct frame *frame, struct error *err)
{
	(void)owner;
	(void)frame;
	return error_set(err, ERROR_INVALID, "nothing was to come");
}

static int
set_up(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));
	struct error err = {0};
	int pair[2], ends[2];

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(loop_open(&stand->loop, &err), 0);
	stand->link.on_frame = no_frames;
	assert_int_equal(
	    link_io_open(&stand->link, &stand->loop, pair[0], &err), 0);
	stand->keeper = pair[1];
	stand->reader = ends[0];
	stand->input.loop = &stand->loop;
	outbox_init(&stand->outbox, &stand->link, 5, false);
	outbox_started(&stand->outbox, 1);
	stand->outbox.told.started = true;
	stand->input.outbox = &stand->outbox;
	input_open(&stand->input, ends[1]);
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	input_close(&stand->input);
	outbox_clear(&stand->outbox);
	link_io_close(&stand->link);
	(void)close(stand->keeper);
	if (stand->reader >= 0)
		(void)close(stand->reader);
	(void)close(stand->loop.epolls[LANE_MAIN]);
	(void)close(stand->loop.epolls[LANE_OUTPUT]);
	free(stand);
	return 0;
}

/* The credit that was given back since. */
static size_t
credit(struct stand *stand)
{
	uint8_t bytes[4096];
	struct frame frame;
	struct error err;
	size_t at = 0, used, sum = 0;
	ssize_t len;

	(void)outbox_say(&stand->outbox);
	link_io_flush(&stand->link);
	len = recv(stand->keeper, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (len > 0 && frame_parse(bytes + at, (size_t)len - at, &frame,
	                      &used, &err) == 1) {
		assert_int_equal(frame.kind, FRAME_WINDOW);
		assert_int_equal(frame.stream, 5);
		sum += frame_credit(&frame);
		at += used;
	}
	return sum;
}

static void
send_all(struct stand *stand, size_t len)
{
	struct error err = {0};

	if (input_take(&stand->input, stand->bytes, len, &err) != 0)
		fail_msg("%s", err.text);
}

static void
credit_comes_back_when_the_pipe_takes_the_bytes(void **state)
{
	struct stand *stand = *state;

	send_all(stand, 1);
	assert_int_equal(credit(stand), 1);
	send_all(stand, 1000);
	assert_int_equal(credit(stand), 1000);
}

static void
what_the_pipe_does_not_take_waits(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	size_t sent = 0, back = 0, got = 0;

	/* a pipe holds 1 MiB at most: four windows, and the queue another */
	while (stand->input.credit > 0) {
		size_t len = stand->input.credit;

		send_all(stand, len);
		sent += len;
		back += credit(stand);
	}
	assert_int_equal(sent, back + WINDOW_STDIN);
	assert_true(stand->input.watch.active);
	while (got < sent) {
		uint8_t bytes[65536];
		ssize_t n = read(stand->reader, bytes, sizeof(bytes));

		if (n > 0)
			got += (size_t)n;
		assert_int_equal(loop_turn(&stand->loop, 0, &err), 0);
		back += credit(stand);
	}
	assert_int_equal(back, sent);
	assert_false(stand->input.watch.active);
}

static void
bytes_without_credit_break_the_rules(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};

	while (stand->input.credit > 0)
		send_all(stand, stand->input.credit);
	assert_int_equal(input_take(&stand->input, stand->bytes, 1, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
}

static void
the_end_waits_for_what_is_queued(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	uint8_t bytes[65536];
	int turns;

	while (stand->input.credit > 0)
		send_all(stand, stand->input.credit);
	send_all(stand, 0);
	assert_true(stand->input.open);
	for (turns = 0; turns < 1000 && stand->input.open; turns++) {
		(void)read(stand->reader, bytes, sizeof(bytes));
		assert_int_equal(loop_turn(&stand->loop, 0, &err), 0);
	}
	assert_false(stand->input.open);
	while (read(stand->reader, bytes, sizeof(bytes)) > 0)
		continue;
	assert_int_equal(read(stand->reader, bytes, 1), 0);
	send_all(stand, 0);
	send_all(stand, 10);
	assert_false(stand->input.open);
}

static void
nobody_reading_is_as_good_as_taken(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	size_t back;

	while (stand->input.credit > 0)
		send_all(stand, stand->input.credit);
	(void)credit(stand);
	(void)close(stand->reader);
	stand->reader = -1;
	assert_int_equal(loop_turn(&stand->loop, 0, &err), 0);
	assert_false(stand->input.open);
	assert_int_equal(credit(stand), WINDOW_STDIN);
	send_all(stand, 4096);
	back = credit(stand);
	assert_int_equal(back, 4096);
	assert_int_equal(stand->input.credit, WINDOW_STDIN);
}

static void
another_keeper_is_told_what_may_come(void **state)
{
	struct stand *stand = *state;

	send_all(stand, 1000);
	assert_int_equal(credit(stand), 1000);
	while (stand->input.credit > 0)
		send_all(stand, stand->input.credit);
	input_hold(&stand->input);
	assert_int_equal(stand->input.taken, 0);
	assert_int_equal(stand->input.credit,
	    WINDOW_STDIN - buffer_len(&stand->input.queue));
	assert_true(stand->input.come > WINDOW_STDIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_STAND(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    ON_STAND(credit_comes_back_when_the_pipe_takes_the_bytes),
	    ON_STAND(what_the_pipe_does_not_take_waits),
	    ON_STAND(bytes_without_credit_break_the_rules),
	    ON_STAND(the_end_waits_for_what_is_queued),
	    ON_STAND(nobody_reading_is_as_good_as_taken),
	    ON_STAND(another_keeper_is_told_what_may_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
