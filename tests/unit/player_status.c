/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/player/status.h"

static void
it_says_where_how_fast_and_which_keys(void **state)
{
	const struct status status = {.recording = "t7kq2m9x-1",
	    .at_ms = 3723999,
	    .percent = 45,
	    .speed_milli = 500};
	char text[STATUS_BYTES];

	(void)state;
	status_write(&status, text);
	assert_string_equal(text,
	    "t7kq2m9x-1  1:02:03  45%  x0.5  q quit, space pause, + - speed");
}

static void
it_says_that_it_stands_still_has_ended_or_is_damaged(void **state)
{
	struct status status = {.recording = "a-1", .speed_milli = 1000};
	char text[STATUS_BYTES];

	(void)state;
	status.is_paused = true;
	status_write(&status, text);
	assert_non_null(strstr(text, "x1  paused"));
	status.is_over = true;
	status_write(&status, text);
	assert_non_null(strstr(text, "x1  the end"));
	status.damage = "line 3: not an event";
	status_write(&status, text);
	assert_non_null(strstr(text, "line 3: not an event"));
}

static void
the_largest_numbers_fit(void **state)
{
	char name[65], damage[192], text[STATUS_BYTES];
	const struct status status = {.recording = name,
	    .at_ms = UINT64_MAX,
	    .percent = 100,
	    .speed_milli = 100000,
	    .damage = damage};

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(damage, 'b', sizeof(damage) - 1);
	damage[sizeof(damage) - 1] = '\0';
	status_write(&status, text);
	assert_non_null(strstr(text, damage));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_says_where_how_fast_and_which_keys),
	    cmocka_unit_test(
	        it_says_that_it_stands_still_has_ended_or_is_damaged),
	    cmocka_unit_test(the_largest_numbers_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
