/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"

#define BAD "\xef\xbf\xbd"

static void
expect(const char *text, size_t width, bool is_column, const char *wanted)
{
	struct buffer out;

	buffer_init(&out, 4096);
	printable_append(&out, text, width, is_column);
	(void)buffer_append(&out, "", 1, NULL);
	assert_string_equal((const char *)buffer_bytes(&out), wanted);
	buffer_clear(&out);
}

static void
text_stays_what_it_is(void **state)
{
	(void)state;
	expect("echo hi", 80, false, "echo hi");
	expect("gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80", 80, false,
	    "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80");
	expect("", 5, false, "-");
	expect(NULL, 5, true, "-     ");
}

static void
text_is_cut_and_filled_by_characters(void **state)
{
	(void)state;
	expect("abcdef", 3, false, "abc");
	expect("abcdef", 3, true, "abc ");
	expect("\xc3\xbc\xc3\xbc", 3, true, "\xc3\xbc\xc3\xbc  ");
	expect("\xc3\xbc\xc3\xbc", 1, true, "\xc3\xbc ");
}

static void
what_a_terminal_would_act_on_is_replaced(void **state)
{
	(void)state;
	expect("a\x1b[2Jb", 80, false, "a" BAD "[2Jb");
	expect("a\r\n\t\x7f", 80, false, "a" BAD BAD BAD BAD);
	expect("\xc2\x9b"
	       "31m",
	    80, false, BAD "31m");
	expect("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf", 80, false,
	    BAD BAD BAD BAD);
	expect("\xf3\xa0\x81\x81", 80, false, BAD);
}

static void
bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	expect("\x9b\xff\xc3", 80, false, BAD BAD BAD);
	expect("\xc0\x9b", 80, false, BAD BAD);
	expect("\xed\xa0\x80", 80, false, BAD BAD BAD);
	expect("\xe4\xbd", 80, false, BAD BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_stays_what_it_is),
	    cmocka_unit_test(text_is_cut_and_filled_by_characters),
	    cmocka_unit_test(what_a_terminal_would_act_on_is_replaced),
	    cmocka_unit_test(bytes_that_are_no_text_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
