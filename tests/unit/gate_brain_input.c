/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/gate/brain_input.h"

static void
taken_is_what_was_sent_less_the_credit_not_back_yet(void **state)
{
	static const struct {
		uint64_t sent;
		size_t credit;
		uint64_t taken;
		const char *because;
	} rows[] = {
	    {0, WINDOW_STDIN, 0, "nothing was sent"},
	    {5, WINDOW_STDIN - 5, 0, "none of it is back"},
	    {5, WINDOW_STDIN - 2, 3, "a part is back"},
	    {5, WINDOW_STDIN, 5, "all is back"},
	    {WINDOW_STDIN, 0, 0, "a whole window is under way"},
	    {WINDOW_STDIN, 1, 1, "its first byte was taken"},
	    {10ull * WINDOW_STDIN, 0, 9ull * WINDOW_STDIN, "the tenth window"},
	    {3, 0, 0, "credit that others used before never counts as ours"},
	    {5, WINDOW_STDIN + 1, 5, "no more than was sent"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (brain_input_taken(rows[i].sent, rows[i].credit) !=
		    rows[i].taken)
			fail_msg("%s", rows[i].because);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
	        taken_is_what_was_sent_less_the_credit_not_back_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
