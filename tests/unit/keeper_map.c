/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NUMBERS 700u

static void
an_empty_map_has_nothing(void **state)
{
	struct map map;

	(void)state;
	map_init(&map);
	assert_null(map_get(&map, 1));
	assert_null(map_get(&map, 0));
	map_remove(&map, 1);
	map_clear(&map);
}

/* Against a plain array; the numbers collide on purpose. */
static void
numbers_that_come_and_go_are_found_or_not(void **state)
{
	static int things[NUMBERS];
	static char is_in[NUMBERS];
	struct map map;
	size_t count = 0;
	unsigned round, i;

	(void)state;
	srandom(1);
	map_init(&map);
	for (round = 0; round < 60000; round++) {
		uint32_t number;

		i = (unsigned)random() % NUMBERS;
		number = i % 2 == 0 ? i + 1 : (i << 22) + 5;
		if (is_in[i]) {
			map_remove(&map, number);
			count--;
		} else {
			map_put(&map, number, &things[i]);
			count++;
		}
		is_in[i] = !is_in[i];
		assert_int_equal(map.count, count);
		i = (unsigned)random() % NUMBERS;
		number = i % 2 == 0 ? i + 1 : (i << 22) + 5;
		if (is_in[i])
			assert_ptr_equal(map_get(&map, number), &things[i]);
		else
			assert_null(map_get(&map, number));
	}
	map_clear(&map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_map_has_nothing),
	    cmocka_unit_test(numbers_that_come_and_go_are_found_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
