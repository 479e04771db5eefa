/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 5000u

static const char *
numbered(unsigned number)
{
	static char name[16];

	(void)snprintf(name, sizeof(name), "task-%u", number);
	return name;
}

static void
an_empty_set_has_nothing(void **state)
{
	struct names names = {0};

	(void)state;
	assert_false(names_has(&names, "a"));
	names_remove(&names, "a");
	names_clear(&names);
}

static void
a_name_is_there_until_it_is_removed(void **state)
{
	struct names names = {0};

	(void)state;
	names_add(&names, "a");
	names_add(&names, "a");
	names_add(&names, "");
	assert_true(names_has(&names, "a"));
	assert_true(names_has(&names, ""));
	assert_int_equal(names.count, 2);
	names_remove(&names, "a");
	names_remove(&names, "a");
	assert_false(names_has(&names, "a"));
	assert_int_equal(names.count, 1);
	names_clear(&names);
	assert_false(names_has(&names, ""));
}

/* Any order of adding and removing leaves exactly what was not removed: the
 * runs of a table with open addresses must close after each removal. */
static void
thousands_come_and_go_in_any_order(void **state)
{
	struct names names = {0};
	unsigned char is_in[MANY] = {0};
	unsigned count = 0;
	unsigned i;

	(void)state;
	srandom(7);
	for (i = 0; i < 20 * MANY; i++) {
		unsigned number = (unsigned)random() % MANY;

		if (is_in[number]) {
			names_remove(&names, numbered(number));
			count--;
		} else {
			names_add(&names, numbered(number));
			count++;
		}
		is_in[number] = !is_in[number];
	}
	assert_int_equal(names.count, count);
	for (i = 0; i < MANY; i++)
		assert_int_equal(names_has(&names, numbered(i)), is_in[i]);
	names_clear(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_set_has_nothing),
	    cmocka_unit_test(a_name_is_there_until_it_is_removed),
	    cmocka_unit_test(thousands_come_and_go_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
