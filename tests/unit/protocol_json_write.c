/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"

struct body {
	char *id;
	char *text;
};

static const struct json_field fields[] = {
    {"id", JSON_STRING, offsetof(struct body, id), .max = 8},
    {"text", JSON_TEXT, offsetof(struct body, text), .max = 8},
};
static const struct json_shape shape = {JSON_SHAPE(fields, struct body)};

static void
what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	static const char zeros[100];
	struct error err = {0};
	struct buffer out;
	struct body body;
	size_t max;

	(void)state;
	json_absent(&shape, &body);
	body.id = strdup("a\"b");
	body.text = strdup("\xff\xff");
	for (max = 3; max < 100; max++) {
		buffer_init(&out, max);
		assert_int_equal(buffer_append(&out, "xyz", 3, NULL), 0);
		if (json_write(&shape, "t", &body, &out, &err) == 0)
			break;
		assert_int_equal(err.code, ERROR_LIMIT);
		assert_int_equal(buffer_len(&out), 3);
		assert_memory_equal(buffer_bytes(&out), "xyz", 3);
		assert_int_equal(
		    json_write_string(&out, zeros, max - 3, &err), -1);
		assert_int_equal(buffer_len(&out), 3);
		buffer_clear(&out);
	}
	assert_int_equal(max, 3 + strlen("{\"type\":\"t\",\"id\":\"a\\\"b\","
	                                 "\"text\":{\"base64\":\"//8=\"}}"));
	buffer_clear(&out);
	json_clear(&shape, &body);
}

static void
a_required_member_that_is_not_set_is_our_fault(void **state)
{
	static const struct json_field required[] = {
	    {"id", JSON_STRING, offsetof(struct body, id), .max = 8,
	        .required = true},
	};
	static const struct json_shape strict = {
	    JSON_SHAPE(required, struct body)};
	struct error err = {0};
	struct buffer out;
	struct body body;

	(void)state;
	buffer_init(&out, 100);
	json_absent(&strict, &body);
	assert_int_equal(json_write(&strict, NULL, &body, &out, &err), -1);
	assert_int_equal(err.code, ERROR_BUG);
	assert_non_null(strstr(err.text, "\"id\""));
	assert_int_equal(buffer_len(&out), 0);
	buffer_clear(&out);
}

static void
any_bytes_make_a_valid_string(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *written;
	} rows[] = {
	    {"", 0, "\"\""},
	    {"12345678\"", 9, "\"12345678\\\"\""},
	    {"1234567\\", 8, "\"1234567\\\\\""},
	    {"1234\x01\x1f\x20\x7f", 8, "\"1234\\u0001\\u001f \x7f\""},
	    {"a\0b", 3, "\"a\\u0000b\""},
	    {"\xc3\xa9", 2, "\"\xc3\xa9\""},
	    {"\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	    {"a\xe2\x82z", 4, "\"a\xef\xbf\xbd\xef\xbf\xbdz\""},
	};
	struct buffer out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buffer_init(&out, 100);
		assert_int_equal(
		    json_write_string(&out, rows[i].bytes, rows[i].len, NULL),
		    0);
		assert_int_equal(buffer_len(&out), strlen(rows[i].written));
		assert_memory_equal(
		    buffer_bytes(&out), rows[i].written, buffer_len(&out));
		buffer_clear(&out);
	}
}

/* Each byte at each place of a word: the fast path sees what the slow one does.
 */
static void
every_byte_is_escaped_wherever_it_stands(void **state)
{
	struct buffer out;
	unsigned c;
	size_t at;

	(void)state;
	for (c = 0; c < 0x80; c++) {
		for (at = 0; at < 17; at++) {
			char text[17];
			bool plain = c >= 0x20 && c != '"' && c != '\\';

			memset(text, 'a', sizeof(text));
			text[at] = (char)c;
			buffer_init(&out, 100);
			assert_int_equal(
			    json_write_string(&out, text, sizeof(text), NULL),
			    0);
			assert_int_equal(
			    buffer_len(&out) == sizeof(text) + 2, plain);
			assert_int_equal(
			    buffer_bytes(&out)[1 + at] == '\\', !plain);
			buffer_clear(&out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
	    cmocka_unit_test(a_required_member_that_is_not_set_is_our_fault),
	    cmocka_unit_test(any_bytes_make_a_valid_string),
	    cmocka_unit_test(every_byte_is_escaped_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
