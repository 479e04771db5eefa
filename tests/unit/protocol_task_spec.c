/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/task_spec.h"

static const struct task_limits none = {false, -1, -1, -1, -1, -1, -1, -1};

static void
an_empty_spec_leaves_everything_to_the_profile(void **state)
{
	struct task_spec spec;

	(void)state;
	assert_int_equal(json_read(&task_spec_shape, "{}", 2, &spec, NULL), 0);
	assert_null(spec.profile);
	assert_null(spec.name);
	assert_null(spec.env);
	assert_int_equal(spec.ttl_ms, -1);
	assert_false(spec.limits.present);
	assert_int_equal(spec.limits.cpu_milli, -1);
	assert_int_equal(spec.limits.output, -1);
	json_clear(&task_spec_shape, &spec);
}

static void
what_is_given_wins_over_the_default(void **state)
{
	struct task_limits limits = none;
	const struct task_limits defaults = {true, 1000, 2, 3, 4, 5, 6, 7};

	(void)state;
	limits.memory = 20;
	limits.output = 60;
	task_limits_merge(&limits, &defaults);
	assert_true(limits.present);
	assert_int_equal(limits.cpu_milli, 1000);
	assert_int_equal(limits.memory, 20);
	assert_int_equal(limits.pids, 3);
	assert_int_equal(limits.exec_ms, 4);
	assert_int_equal(limits.execs, 5);
	assert_int_equal(limits.output, 60);
	assert_int_equal(limits.spool, 7);
}

static void
a_limit_above_the_maximum_is_refused_by_name(void **state)
{
	struct task_limits limits = none;
	struct task_limits max = none;
	struct error err = {0};

	(void)state;
	limits.memory = 3;
	limits.cpu_milli = 1500;
	assert_int_equal(task_limits_check(&limits, &max, &err), 0);
	max.memory = 3;
	max.cpu_milli = 1500;
	assert_int_equal(task_limits_check(&limits, &max, &err), 0);
	limits.memory = 4;
	assert_int_equal(task_limits_check(&limits, &max, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_string_equal(err.text, "\"limits.memory\" is 4, more than 3");
	limits.cpu_milli = 1501;
	assert_int_equal(task_limits_check(&limits, &max, &err), -1);
	assert_string_equal(err.text, "\"limits.cpu\" is 1.501, more than 1.5");
}

static void
the_edges_of_every_limit_hold(void **state)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {
	    {"{\"limits\":{\"cpu\":0.01}}", 0},
	    {"{\"limits\":{\"cpu\":64}}", 0},
	    {"{\"limits\":{\"cpu\":64.001}}", -1},
	    {"{\"limits\":{\"memory\":16777216}}", 0},
	    {"{\"limits\":{\"memory\":16777215}}", -1},
	    {"{\"limits\":{\"memory\":1099511627776}}", 0},
	    {"{\"limits\":{\"memory\":1099511627777}}", -1},
	    {"{\"limits\":{\"exec_ms\":1}}", 0},
	    {"{\"limits\":{\"exec_ms\":0}}", -1},
	    {"{\"limits\":{\"exec_ms\":604800000}}", 0},
	    {"{\"limits\":{\"exec_ms\":604800001}}", -1},
	    {"{\"limits\":{\"execs\":1}}", 0},
	    {"{\"limits\":{\"execs\":0}}", -1},
	    {"{\"limits\":{\"execs\":1024}}", 0},
	    {"{\"limits\":{\"execs\":1025}}", -1},
	    {"{\"limits\":{\"output\":262144}}", 0},
	    {"{\"limits\":{\"output\":262143}}", -1},
	    {"{\"limits\":{\"output\":68719476736}}", 0},
	    {"{\"limits\":{\"output\":68719476737}}", -1},
	    {"{\"ttl_ms\":31536000000}", 0},
	    {"{\"ttl_ms\":31536000001}", -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};
		struct task_spec spec;

		if (json_read(&task_spec_shape, rows[i].text,
		        strlen(rows[i].text), &spec, &err) != rows[i].result)
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(
		    err.code, rows[i].result == 0 ? ERROR_NONE : ERROR_LIMIT);
		json_clear(&task_spec_shape, &spec);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_spec_leaves_everything_to_the_profile),
	    cmocka_unit_test(what_is_given_wins_over_the_default),
	    cmocka_unit_test(a_limit_above_the_maximum_is_refused_by_name),
	    cmocka_unit_test(the_edges_of_every_limit_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
