/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/gate/brain_input.h"

static void
taken_is_what_was_sent_less_what_has_no_credit_yet(void **state)
{
	static const struct {
		uint64_t sent;
		size_t waiting;
		uint64_t taken;
		const char *because;
	} rows[] = {
	    {0, 0, 0, "nothing was sent"},
	    {5, 5, 0, "none of it is back"},
	    {5, 2, 3, "a part is back"},
	    {5, 0, 5, "all is back"},
	    {WINDOW_STDIN, WINDOW_STDIN, 0, "a whole window is under way"},
	    {WINDOW_STDIN, WINDOW_STDIN - 1, 1, "its first byte was taken"},
	    {10ull * WINDOW_STDIN, WINDOW_STDIN, 9ull * WINDOW_STDIN,
	        "the tenth window"},
	    {3, WINDOW_STDIN, 0, "what others wait for never counts as ours"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (brain_input_taken(rows[i].sent, rows[i].waiting) !=
		    rows[i].taken)
			fail_msg("%s", rows[i].because);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
	        taken_is_what_was_sent_less_what_has_no_credit_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
