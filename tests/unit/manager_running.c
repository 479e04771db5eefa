/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "server/manager/running.h"

static void
each_counts_once(void **state)
{
	struct running running = {0};

	(void)state;
	assert_true(running_add(&running, 7));
	assert_true(running_add(&running, 3));
	assert_false(running_add(&running, 7));
	assert_int_equal(running_count(&running), 2);
	assert_true(running_remove(&running, 7));
	assert_false(running_remove(&running, 7));
	assert_false(running_remove(&running, 9));
	assert_int_equal(running_count(&running), 1);
	assert_true(running_add(&running, 7));
	running_clear(&running);
	assert_int_equal(running_count(&running), 0);
}

static void
those_that_ran_before_have_no_number(void **state)
{
	struct running running = {0};

	(void)state;
	running_set(&running, 2);
	assert_true(running_add(&running, 5));
	assert_int_equal(running_count(&running), 3);
	assert_true(running_remove(&running, 1));
	assert_true(running_remove(&running, 2));
	assert_false(running_remove(&running, 3));
	assert_int_equal(running_count(&running), 1);
	running_set(&running, 1);
	assert_int_equal(running_count(&running), 1);
	assert_true(running_add(&running, 5));
	running_clear(&running);
}

static void
there_are_as_many_as_may_be(void **state)
{
	struct running running = {0};
	uint32_t number;

	(void)state;
	running_set(&running, 1);
	for (number = 1; number < LIMIT_EXECS_MAX; number++)
		assert_true(running_add(&running, number));
	assert_false(running_add(&running, number));
	assert_int_equal(running_count(&running), LIMIT_EXECS_MAX);
	running_clear(&running);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_counts_once),
	    cmocka_unit_test(those_that_ran_before_have_no_number),
	    cmocka_unit_test(there_are_as_many_as_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
