/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/typed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The keys in what is typed, one after the other. */
static void
expect(const char *typed, const char *keys)
{
	struct typed parser = {TYPED_GROUND};
	char got[64];
	size_t len = 0;
	size_t i;

	for (i = 0; typed[i] != '\0'; i++) {
		int key = typed_key(&parser, (uint8_t)typed[i]);

		if (key >= 0)
			got[len++] = (char)key;
	}
	got[len] = '\0';
	assert_string_equal(got, keys);
}

static void
single_characters_are_keys(void **state)
{
	(void)state;
	expect("q +-\x03", "q +-\x03");
	expect("\r\n\t\x1a\x7f\xc3\xa9q", "q");
}

static void
a_letter_in_a_sequence_is_no_key(void **state)
{
	(void)state;
	expect("\x1b[Aa", "a");
	expect("\x1b[1;5qa", "a");
	expect("\x1b[?1;2qa", "a");
	expect("\x1bOqa", "a");
	expect("\x1bqa", "a");
	expect("\x1b\x1b[qa", "a");
	expect("\x1b[1\x1b[qa", "a");
}

static void
a_letter_in_an_answer_is_no_key(void **state)
{
	(void)state;
	expect("\x1b]0;q\x07"
	       "a",
	    "a");
	expect("\x1b]0;q\x1b\\a", "a");
	expect("\x1bP1$rq\x1b\\a", "a");
	expect("\x1b_q\x1bq\x1b\\a", "a");
	expect("\x1bXq\x1b\\\x1b^q\x1b\\a", "a");
}

static void
interrupt_is_a_key_wherever_it_stands(void **state)
{
	(void)state;
	expect("\x1b]0;\x03"
	       "a",
	    "\x03"
	    "a");
	expect("\x1b[\x03"
	       "a",
	    "\x03"
	    "a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(single_characters_are_keys),
	    cmocka_unit_test(a_letter_in_a_sequence_is_no_key),
	    cmocka_unit_test(a_letter_in_an_answer_is_no_key),
	    cmocka_unit_test(interrupt_is_a_key_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
