/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/utf8.h"

static const struct {
	const char *bytes;
	size_t len;
	size_t valid;   /* bytes at the front */
	size_t partial; /* of a character that the end cuts off */
	const char *because;
} rows[] = {
#define ROW(bytes, valid, partial, because)                       \
	{                                                         \
		bytes, sizeof(bytes) - 1, valid, partial, because \
	}
    ROW("", 0, 0, "nothing is valid"),
    ROW("plain ASCII, longer than a word", 31, 0, "ASCII"),
    ROW("a\0b", 3, 0, "NUL is a character"),
    ROW("\x7f", 1, 0, "the last of one byte"),
    ROW("\xc2\x80", 2, 0, "the first of two"),
    ROW("\xdf\xbf", 2, 0, "the last of two"),
    ROW("\xe0\xa0\x80", 3, 0, "the first of three"),
    ROW("\xed\x9f\xbf", 3, 0, "before the surrogates"),
    ROW("\xee\x80\x80", 3, 0, "behind the surrogates"),
    ROW("\xef\xbf\xbf", 3, 0, "the last of three"),
    ROW("\xf0\x90\x80\x80", 4, 0, "the first of four"),
    ROW("\xf4\x8f\xbf\xbf", 4, 0, "the last of all"),
    ROW("\x80", 0, 0, "a continuation without a lead"),
    ROW("\xc0\x80", 0, 0, "NUL, over-long"),
    ROW("\xc1\xbf", 0, 0, "0x7f, over-long"),
    ROW("\xe0\x9f\xbf", 0, 0, "over-long in three"),
    ROW("\xf0\x8f\xbf\xbf", 0, 0, "over-long in four"),
    ROW("\xed\xa0\x80", 0, 0, "the first surrogate"),
    ROW("\xed\xbf\xbf", 0, 0, "the last surrogate"),
    ROW("\xf4\x90\x80\x80", 0, 0, "beyond Unicode"),
    ROW("\xf5\x80\x80\x80", 0, 0, "a lead that is none"),
    ROW("\xff", 0, 0, "a byte that is never there"),
    ROW("12345678\xff", 8, 0, "behind a word of ASCII"),
    ROW("ab\xc3", 2, 1, "one of two"),
    ROW("ab\xe2\x82", 2, 2, "two of three"),
    ROW("ab\xf0\x9f\x98", 2, 3, "three of four"),
    ROW("ab\xf0", 2, 1, "one of four"),
    ROW("ab\xe0\x80", 2, 0, "a beginning that cannot go on"),
    ROW("ab\xed\xa0", 2, 0, "a surrogate's beginning"),
    ROW("\xc3(", 0, 0, "a lead, then ASCII"),
    ROW("\xe2\x82(", 0, 0, "two of three, then ASCII"),
    ROW("\xc3\xa9\xc3", 2, 1, "a character and half of one"),
#undef ROW
};

static void
what_is_valid_ends_where_it_should(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t partial = 99;
		size_t valid =
		    utf8_valid_prefix(rows[i].bytes, rows[i].len, &partial);

		if (valid != rows[i].valid || partial != rows[i].partial)
			fail_msg(
			    "%s: %zu, %zu", rows[i].because, valid, partial);
		assert_int_equal(utf8_is_valid(rows[i].bytes, rows[i].len),
		    rows[i].valid == rows[i].len);
	}
}

/* By the definition: every code point, encoded by hand. */
static void
every_code_point_is_valid_but_for_surrogates(void **state)
{
	unsigned long c;
	uint32_t point;

	(void)state;
	for (c = 0x800; c < 0x110000; c++) {
		char bytes[4];
		size_t len = c < 0x10000 ? 3 : 4;

		bytes[0] = (char)(len == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
		bytes[1] =
		    (char)(0x80 | (len == 3 ? c >> 6 & 63 : c >> 12 & 63));
		bytes[2] = (char)(0x80 | (len == 3 ? c & 63 : c >> 6 & 63));
		bytes[3] = (char)(0x80 | (c & 63));
		assert_int_equal(
		    utf8_is_valid(bytes, len), c < 0xd800 || c > 0xdfff);
		if (c < 0xd800 || c > 0xdfff) {
			assert_int_equal(
			    utf8_decode(bytes, sizeof(bytes), &point), len);
			assert_int_equal(point, c);
		}
	}
}

static void
the_character_at_the_front_is_read(void **state)
{
	uint32_t point = 1;

	(void)state;
	assert_int_equal(utf8_decode("\0a", 2, &point), 1);
	assert_int_equal(point, 0);
	assert_int_equal(utf8_decode("ab", 2, &point), 1);
	assert_int_equal(point, 'a');
	assert_int_equal(utf8_decode("\xc3\xa9x", 3, &point), 2);
	assert_int_equal(point, 0xe9);
	assert_int_equal(utf8_decode("\xc3", 1, &point), 0);
	assert_int_equal(utf8_decode("\xa9\xc3", 2, &point), 0);
	assert_int_equal(utf8_decode("\xff", 1, &point), 0);
	assert_int_equal(point, 0xe9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_valid_ends_where_it_should),
	    cmocka_unit_test(every_code_point_is_valid_but_for_surrogates),
	    cmocka_unit_test(the_character_at_the_front_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
