/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"

static int
count_in(const char *text, int64_t *count, struct error *err)
{
	char path[] = "/tmp/oom-test-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	rc = oom_count(fd, count, err);
	close(fd);
	return rc;
}

static void
the_counter_is_found_in_both_kinds_of_file(void **state)
{
	static const struct {
		const char *text;
		int64_t count;
	} rows[] = {
	    {"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3},
	    {"low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n", 1},
	    {"oom_kill 0", 0},
	};
	struct error err = {0};
	int64_t count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(count_in(rows[i].text, &count, &err), 0);
		assert_int_equal(count, rows[i].count);
	}
	assert_int_equal(oom_count(-1, &count, &err), 0);
	assert_int_equal(count, 0);
}

static void
other_files_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *because;
	} rows[] = {
	    {"", "nothing"},
	    {"oom_kill_disable 0\n", "no counter"},
	    {"oom_kill \n", "no number"},
	    {"oom_kill -1\n", "below 0"},
	    {"oom_kill 1x\n", "more than a number"},
	    {"oom_kill 99999999999999999999\n", "too large"},
	    {"xoom_kill 1\n", "another line"},
	};
	int64_t count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};

		if (count_in(rows[i].text, &count, &err) == 0)
			fail_msg("%s", rows[i].because);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_counter_is_found_in_both_kinds_of_file),
	    cmocka_unit_test(other_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
