/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"

#define A48 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
names_are_safe_in_a_shell_a_path_and_a_host_name(void **state)
{
	static const char *const good[] = {"a", "0", "a-", "build-7", A48};
	static const char *const bad[] = {"", "-", "-a", "A", "a b", "a_b",
	    "a.b", "a/b", "..", "a\n", "\xc3\xa9", "a+b", A48 "a"};
	struct error err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(name_is_valid(good[i]));
		assert_int_equal(name_check("name", good[i], &err), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(name_is_valid(bad[i]));
		assert_int_equal(name_check("name", bad[i], &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_non_null(strstr(err.text, "\"name\""));
	}
}

static void
names_that_mean_something_else_are_reserved(void **state)
{
	static const char *const taken[] = {"brain", "ops", "new", "root"};
	struct error err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		assert_true(name_is_reserved(taken[i]));
		assert_int_equal(name_check("name", taken[i], &err), -1);
		assert_non_null(strstr(err.text, taken[i]));
	}
	assert_false(name_is_reserved("brains"));
}

static void
generated_ids_are_names_and_differ(void **state)
{
	char ids[200][NAME_ID_BYTES];
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < 200; i++) {
		name_generate(ids[i]);
		assert_int_equal(strlen(ids[i]), NAME_ID_BYTES - 1);
		assert_true(name_is_valid(ids[i]));
		assert_false(name_is_reserved(ids[i]));
		assert_true(ids[i][0] >= 'a');
		assert_int_equal(strcspn(ids[i], "ilo01"), NAME_ID_BYTES - 1);
		for (j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

static void
an_exec_s_id_is_a_task_and_a_number(void **state)
{
	static const struct {
		const char *exec;
		const char *task;
		uint32_t number;
	} rows[] = {
	    {"t7kq2m9x-1", "t7kq2m9x", 1},
	    {"a-b-4294967295", "a-b", UINT32_MAX},
	    {A48 "-1", A48, 1},
	};
	static const char *const bad[] = {"", "-", "a", "a-", "-1", "a-0",
	    "a-01", "a-+1", "a- 1", "a-1 ", "a-1x", "a-4294967296",
	    "a-99999999999999999999", "A-1", "a/b-1", A48 "a-1"};
	char task[LIMIT_NAME_BYTES + 1];
	struct error err = {0};
	uint32_t number;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
		    name_split_exec(rows[i].exec, task, &number, &err), 0);
		assert_string_equal(task, rows[i].task);
		assert_int_equal(number, rows[i].number);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (name_split_exec(bad[i], task, &number, &err) != -1)
			fail_msg("%s", bad[i]);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_safe_in_a_shell_a_path_and_a_host_name),
	    cmocka_unit_test(names_that_mean_something_else_are_reserved),
	    cmocka_unit_test(generated_ids_are_names_and_differ),
	    cmocka_unit_test(an_exec_s_id_is_a_task_and_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
