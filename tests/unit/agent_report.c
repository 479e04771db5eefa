/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/report.h"

struct pair {
	int ends[2];
};

static int
set_up(void **state)
{
	static struct pair pair;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends),
	    0);
	*state = &pair;
	return 0;
}

static int
tear_down(void **state)
{
	const struct pair *pair = *state;

	(void)close(pair->ends[0]);
	if (pair->ends[1] >= 0)
		(void)close(pair->ends[1]);
	return 0;
}

static void
a_report_comes_whole(void **state)
{
	const struct pair *pair = *state;
	struct report report = {.kind = REPORT_STARTED, .of.pid = 77};
	struct report got;
	int fd;

	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 0);
	report_send(pair->ends[1], &report, -1);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 1);
	assert_int_equal(got.kind, REPORT_STARTED);
	assert_int_equal(got.of.pid, 77);
	assert_int_equal(fd, -1);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 0);
}

static void
a_descriptor_comes_with_its_report(void **state)
{
	const struct pair *pair = *state;
	const struct report terminal = {.kind = REPORT_TERMINAL};
	const struct report next = {.kind = REPORT_TRYING, .of.pid = 3};
	struct report got;
	int ends[2];
	int fd;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	report_send(pair->ends[1], &terminal, ends[1]);
	report_send(pair->ends[1], &next, -1);
	(void)close(ends[1]);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 1);
	assert_int_equal(got.kind, REPORT_TERMINAL);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 1);
	assert_int_equal(got.kind, REPORT_TRYING);
	assert_int_equal(fd, -1);
	(void)close(ends[0]);
}

static void
the_end_comes_behind_what_was_said(void **state)
{
	struct pair *pair = *state;
	const struct report report = {.kind = REPORT_TRYING, .of.pid = 3};
	struct report got;
	int fd;

	report_send(pair->ends[1], &report, -1);
	(void)close(pair->ends[1]);
	pair->ends[1] = -1;
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 1);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), -1);
	assert_int_equal(fd, -1);
	/* nobody hears it, and nobody is hurt */
	report_send(pair->ends[0], &report, -1);
}

/* As when it is told twice to kill, and obeys the first. */
static void
orders_left_unread_hide_nothing(void **state)
{
	struct pair *pair = *state;
	const struct report report = {.kind = REPORT_ENDED};
	const struct order order = {.kind = ORDER_KILL};
	struct report got;
	int fd;

	assert_int_equal(
	    send(pair->ends[0], &order, sizeof(order), 0), sizeof(order));
	report_send(pair->ends[1], &report, -1);
	(void)close(pair->ends[1]);
	pair->ends[1] = -1;
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), 1);
	assert_int_equal(got.kind, REPORT_ENDED);
	assert_int_equal(report_receive(pair->ends[0], &got, &fd), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_PAIR(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    ON_PAIR(a_report_comes_whole),
	    ON_PAIR(a_descriptor_comes_with_its_report),
	    ON_PAIR(the_end_comes_behind_what_was_said),
	    ON_PAIR(orders_left_unread_hide_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
