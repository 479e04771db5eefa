/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/attachment.h"
#include "server/player/pace.h"

/* From 1000 on the clock, however it was set before. */
static struct pace
pace_of(int64_t speed_milli, int64_t idle_ms)
{
	const struct attachment_play play = {
	    .speed_milli = speed_milli, .idle_ms = idle_ms};
	struct pace pace;

	pace_init(&pace, 1000);
	pace_set(&pace, &play, 1000);
	return pace;
}

static void
an_event_is_due_after_its_pause(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, 1000);
	assert_true(pace_take(&pace, 0, 1000));
	assert_false(pace_take(&pace, 100, 1000));
	assert_int_equal(pace_wait_ms(&pace, 100), 100);
	assert_false(pace_take(&pace, 100, 1099));
	assert_int_equal(pace_wait_ms(&pace, 100), 1);
	assert_int_equal(pace_into_ms(&pace, 100), 99);
	assert_true(pace_take(&pace, 100, 1100));
	assert_false(pace_take(&pace, 1, 1100));
}

static void
what_a_timer_was_late_is_made_up_for(void **state)
{
	struct pace pace = pace_of(1000, 0);

	(void)state;
	assert_true(pace_take(&pace, 100, 1150));
	assert_true(pace_take(&pace, 50, 1150));
	assert_false(pace_take(&pace, 1, 1150));
}

static void
speed_shortens_and_lengthens_pauses(void **state)
{
	struct pace twice = pace_of(2000, 0), half = pace_of(500, 0);
	struct pace fastest = pace_of(100000, 0);

	(void)state;
	assert_int_equal(pace_wait_ms(&twice, 100), 50);
	assert_false(pace_take(&twice, 100, 1049));
	assert_true(pace_take(&twice, 100, 1050));
	assert_int_equal(pace_wait_ms(&half, 100), 200);
	assert_false(pace_take(&half, 100, 1199));
	assert_true(pace_take(&half, 100, 1200));
	assert_int_equal(pace_wait_ms(&fastest, 60000), 600);
	assert_int_equal(pace_wait_ms(&fastest, 1), 1);
}

static void
long_pauses_are_cut(void **state)
{
	struct pace pace = pace_of(1000, 500);

	(void)state;
	assert_int_equal(pace_wait_ms(&pace, 3600000), 500);
	assert_int_equal(pace_wait_ms(&pace, 400), 400);
	assert_false(pace_take(&pace, 3600000, 1499));
	assert_true(pace_take(&pace, 3600000, 1500));
	assert_false(pace_take(&pace, 1, 1500));
}

static void
no_time_goes_by_while_it_is_paused(void **state)
{
	const struct attachment_play pause = {
	    .speed_milli = 1000, .paused = true};
	const struct attachment_play on = {.speed_milli = 1000};
	struct pace pace = pace_of(1000, 0);

	(void)state;
	pace_set(&pace, &pause, 1040);
	assert_int_equal(pace_wait_ms(&pace, 100), -1);
	assert_false(pace_take(&pace, 100, 9000));
	assert_false(pace_take(&pace, 0, 9000));
	pace_set(&pace, &on, 9000);
	assert_int_equal(pace_wait_ms(&pace, 100), 60);
	assert_true(pace_take(&pace, 100, 9060));
}

static void
numbers_without_end_overflow_nothing(void **state)
{
	struct pace pace = pace_of(100000, 0);

	(void)state;
	assert_false(pace_take(&pace, UINT64_MAX, 1001));
	assert_true(pace_wait_ms(&pace, UINT64_MAX) > 0);
	assert_true(pace_take(&pace, UINT64_MAX, UINT64_MAX));
	/* a clock that goes back gives nothing */
	assert_false(pace_take(&pace, 1, 0));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_event_is_due_after_its_pause),
	    cmocka_unit_test(what_a_timer_was_late_is_made_up_for),
	    cmocka_unit_test(speed_shortens_and_lengthens_pauses),
	    cmocka_unit_test(long_pauses_are_cut),
	    cmocka_unit_test(no_time_goes_by_while_it_is_paused),
	    cmocka_unit_test(numbers_without_end_overflow_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
