/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/memory.h"
#include "server/manager/task.h"
#include "server/manager/token.h"

static void
only_the_moves_of_the_table_are_allowed(void **state)
{
	static const struct {
		enum task_state from;
		enum task_state to;
	} allowed[] = {
	    {TASK_PROVISIONING, TASK_READY},
	    {TASK_PROVISIONING, TASK_FAILED},
	    {TASK_PROVISIONING, TASK_STOPPING},
	    {TASK_READY, TASK_STOPPING},
	    {TASK_STOPPING, TASK_DESTROYED},
	    {TASK_FAILED, TASK_DESTROYED},
	};
	size_t i;
	int from, to;
	bool is_listed;

	(void)state;
	for (from = 0; from < TASK_STATES; from++) {
		for (to = 0; to < TASK_STATES; to++) {
			is_listed = false;
			for (i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
				is_listed |= (int)allowed[i].from == from &&
				             (int)allowed[i].to == to;
			assert_int_equal(task_may_move((enum task_state)from,
			                     (enum task_state)to),
			    is_listed);
		}
	}
}

static void
every_state_leads_to_destroyed(void **state)
{
	(void)state;
	assert_true(task_may_move(TASK_FAILED, TASK_DESTROYED));
	assert_true(task_may_move(TASK_STOPPING, TASK_DESTROYED));
	assert_false(task_is_living(TASK_FAILED));
	assert_false(task_is_living(TASK_STOPPING));
	assert_false(task_is_living(TASK_DESTROYED));
	assert_true(task_is_living(TASK_PROVISIONING));
	assert_true(task_is_living(TASK_READY));
}

static void
a_move_keeps_the_reason_unless_it_brings_one(void **state)
{
	struct task_record record = {.state = TASK_READY};

	(void)state;
	task_move(&record, TASK_STOPPING, "destroyed by alice");
	task_move(&record, TASK_DESTROYED, NULL);
	assert_int_equal(record.state, TASK_DESTROYED);
	assert_string_equal(record.reason, "destroyed by alice");
	task_record_clear(&record);
}

static void
a_time_to_live_is_counted_from_when_it_is_given(void **state)
{
	struct task_record record = {0};

	(void)state;
	assert_int_equal(task_ttl_left(&record, 1000), 0);
	task_set_ttl(&record, 500, 1000);
	assert_int_equal(record.ends_ms, 1500);
	assert_int_equal(task_ttl_left(&record, 1000), 500);
	assert_int_equal(task_ttl_left(&record, 1499), 1);
	assert_int_equal(task_ttl_left(&record, 1500), 1);
	assert_int_equal(task_ttl_left(&record, 9999), 1);
	task_set_ttl(&record, 0, 2000);
	assert_int_equal(task_ttl_left(&record, 9999), 0);
}

static struct task_spec
a_spec(char **env, char **labels)
{
	struct task_spec spec;

	json_absent(&task_spec_shape, &spec);
	spec.env = env;
	spec.labels = labels;
	return spec;
}

static void
what_is_asked_for_is_known_by_its_digest_whatever_its_order(void **state)
{
	char a[] = "A=1", b[] = "B=2", c[] = "B=3", name[] = "build";
	char *one[] = {a, b, NULL}, *turned[] = {b, a, NULL};
	char *other[] = {a, c, NULL};
	struct task_spec spec = a_spec(one, turned);
	uint64_t digest = token_digest(&spec);

	(void)state;
	assert_string_equal(turned[0], "B=2");
	spec = a_spec(turned, one);
	assert_true(token_digest(&spec) == digest);
	spec = a_spec(other, one);
	assert_true(token_digest(&spec) != digest);
	spec = a_spec(one, one);
	spec.name = name;
	assert_true(token_digest(&spec) != digest);
	spec = a_spec(one, one);
	spec.idle_ms = 0;
	assert_true(token_digest(&spec) != digest);
}

static void
a_token_is_given_back_by_a_task_that_never_was_ready(void **state)
{
	struct task_record record = {.state = TASK_FAILED, .provision_ms = -1};

	(void)state;
	assert_true(task_holds_token(&record));
	record.state = TASK_DESTROYED;
	assert_false(task_holds_token(&record));
	record.provision_ms = 0;
	assert_true(task_holds_token(&record));
}

static void
a_time_is_written_as_rfc_3339_has_it(void **state)
{
	char text[32];

	(void)state;
	task_format_time(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	task_format_time(1700000000123, text);
	assert_string_equal(text, "2023-11-14T22:13:20.123Z");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_moves_of_the_table_are_allowed),
	    cmocka_unit_test(every_state_leads_to_destroyed),
	    cmocka_unit_test(a_move_keeps_the_reason_unless_it_brings_one),
	    cmocka_unit_test(a_time_to_live_is_counted_from_when_it_is_given),
	    cmocka_unit_test(
	        what_is_asked_for_is_known_by_its_digest_whatever_its_order),
	    cmocka_unit_test(
	        a_token_is_given_back_by_a_task_that_never_was_ready),
	    cmocka_unit_test(a_time_is_written_as_rfc_3339_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
