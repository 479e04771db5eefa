/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/utf8.h"

static void
an_error_says_what_and_gives_minus_one(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(
	    error_set(&err, ERROR_LIMIT, "%d of %s", 3, "them"), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "3 of them");
	errno = ENOENT;
	assert_int_equal(error_sys(&err, "open"), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(error_wrap(&err, "task %s", "a"), -1);
	assert_string_equal(
	    err.text, "task a: open: No such file or directory");
	assert_int_equal(err.sys, ENOENT);
}

static void
a_failed_call_s_reason_is_said_once_and_never_cut_off(void **state)
{
	static const char reason[] = ": No such file or directory";
	char path[300];
	struct error err;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	errno = ENOENT;
	error_sys(&err, "%s", path);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(
	    err.text + sizeof(err.text) - sizeof(reason), reason);
	errno = ENOENT;
	error_sys(&err, "open: %s", strerror(ENOENT));
	assert_string_equal(err.text, "open: No such file or directory");
	errno = 0;
	error_sys(&err, "odd");
	assert_string_equal(err.text, "odd");
}

static void
nobody_has_to_want_the_error(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERROR_LIMIT, "x"), -1);
	assert_int_equal(error_sys(NULL, "x"), -1);
	assert_int_equal(error_wrap(NULL, "x"), -1);
}

static void
a_peer_s_bytes_cannot_break_a_log_or_a_message(void **state)
{
	static const char *const bytes[] = {"a\nb", "\x1b[2J", "a\x7f", "a\xff",
	    "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc3\xa9 stays"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		struct error err;
		size_t at;

		error_set(&err, ERROR_INVALID, "%s", bytes[i]);
		assert_int_equal(strlen(err.text), strlen(bytes[i]));
		assert_true(utf8_is_valid(err.text, strlen(err.text)));
		for (at = 0; err.text[at] != '\0'; at++)
			assert_true((unsigned char)err.text[at] >= 0x20);
	}
}

static void
a_long_text_is_cut_between_characters(void **state)
{
	struct error err;
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	error_set(&err, ERROR_INVALID, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_true(utf8_is_valid(err.text, strlen(err.text)));
	error_wrap(&err, "%s", text);
	assert_true(utf8_is_valid(err.text, strlen(err.text)));
}

static void
every_code_has_a_name_and_every_name_its_code(void **state)
{
	unsigned code;

	(void)state;
	for (code = ERROR_INVALID; code < ERROR_CODES; code++)
		assert_int_equal(
		    error_code_named(error_code_name((enum error_code)code)),
		    code);
	assert_string_equal(error_code_name(ERROR_BUG), "internal");
	assert_string_equal(error_code_name(ERROR_CODES), "internal");
	assert_int_equal(error_code_named("none"), ERROR_BUG);
	assert_int_equal(error_code_named("strange"), ERROR_BUG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_error_says_what_and_gives_minus_one),
	    cmocka_unit_test(
	        a_failed_call_s_reason_is_said_once_and_never_cut_off),
	    cmocka_unit_test(nobody_has_to_want_the_error),
	    cmocka_unit_test(a_peer_s_bytes_cannot_break_a_log_or_a_message),
	    cmocka_unit_test(a_long_text_is_cut_between_characters),
	    cmocka_unit_test(every_code_has_a_name_and_every_name_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
