/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/base64.h"
#include "protocol/error.h"

/* RFC 4648 section 10. */
static const struct {
	const char *bytes;
	const char *text;
} pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void
the_rfc_s_examples_hold_both_ways(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		size_t len = strlen(pairs[i].bytes);
		char text[16];
		char *bytes;
		size_t out;

		assert_int_equal(BASE64_LEN(len), strlen(pairs[i].text));
		base64_encode(pairs[i].bytes, len, text);
		assert_memory_equal(text, pairs[i].text, BASE64_LEN(len));
		assert_int_equal(base64_decode(pairs[i].text,
		                     strlen(pairs[i].text), &bytes, &out, NULL),
		    0);
		assert_int_equal(out, len);
		assert_string_equal(bytes, pairs[i].bytes);
		free(bytes);
	}
}

static void
all_bytes_come_back(void **state)
{
	uint8_t bytes[259];
	char text[BASE64_LEN(sizeof(bytes))];
	size_t len;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167);
	for (len = 250; len <= sizeof(bytes); len++) {
		size_t out;
		char *back;

		base64_encode(bytes, len, text);
		assert_int_equal(
		    base64_decode(text, BASE64_LEN(len), &back, &out, NULL), 0);
		assert_int_equal(out, len);
		assert_memory_equal(back, bytes, len);
		free(back);
	}
}

static const struct {
	const char *text;
	size_t len;
	const char *because;
} refusals[] = {
    {"Zg=", 3, "too little padding"},
    {"Zg", 2, "no padding"},
    {"Z===", 4, "three padding characters"},
    {"====", 4, "nothing but padding"},
    {"Zg==Zg==", 8, "padding within"},
    {"Zg=a", 4, "something behind the padding"},
    {"Zh==", 4, "bits that no byte uses"},
    {"Zm9=", 4, "bits that no byte uses, of two bytes"},
    {"Zm9v\n", 5, "a newline"},
    {"Zm9 ", 4, "a space"},
    {"Zm-_", 4, "the other alphabet"},
    {"Zm\0v", 4, "a NUL"},
    {"Zm9\xff", 4, "a byte beyond ASCII"},
};

static void
other_text_is_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct error err = {0};
		char *bytes = NULL;
		size_t out;

		if (base64_decode(refusals[i].text, refusals[i].len, &bytes,
		        &out, &err) != -1)
			fail_msg("%s", refusals[i].because);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_null(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rfc_s_examples_hold_both_ways),
	    cmocka_unit_test(all_bytes_come_back),
	    cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
