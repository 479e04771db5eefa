/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/json.h"

#define HEX_BYTES 4096

enum result { RESULT_FRAME = 0, RESULT_MORE, RESULT_INVALID, RESULT_LIMIT };

struct vector {
	char *bytes; /* hexadecimal, as payload */
	int result;
	char *kind;
	int64_t stream;
	char *payload;
	char *because;
};

static const char *const results[] = {
    "frame", "more", "invalid", "limit", NULL};

#define AT(member) offsetof(struct vector, member)
static const struct json_field fields[] = {
    {"bytes", JSON_STRING, AT(bytes), .max = HEX_BYTES, .required = true},
    {"result", JSON_ENUM, AT(result), .names = results, .required = true},
    {"kind", JSON_STRING, AT(kind), .max = 16},
    {"stream", JSON_INTEGER, AT(stream), .max = UINT32_MAX},
    {"payload", JSON_STRING, AT(payload), .max = HEX_BYTES},
    {"because", JSON_STRING, AT(because), .max = 256, .required = true},
};
static const struct json_shape shape = {JSON_SHAPE(fields, struct vector)};

static size_t
from_hex(const char *hex, uint8_t out[HEX_BYTES / 2])
{
	size_t len = strlen(hex) / 2;
	size_t i;

	for (i = 0; i < len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return len;
}

static void
check_frame(const struct vector *vector, const struct frame *frame,
    const uint8_t *bytes, size_t used)
{
	uint8_t payload[HEX_BYTES / 2];
	struct buffer out;

	assert_string_equal(frame_kind_name(frame->kind), vector->kind);
	assert_int_equal(frame->stream, vector->stream);
	assert_int_equal(frame->len, from_hex(vector->payload, payload));
	assert_memory_equal(frame->payload, payload, frame->len);
	buffer_init(&out, HEX_BYTES);
	assert_int_equal(frame_append(&out, frame->kind, frame->stream,
	                     frame->payload, frame->len, NULL),
	    0);
	assert_int_equal(buffer_len(&out), used);
	assert_memory_equal(buffer_bytes(&out), bytes, used);
	buffer_clear(&out);
}

static void
check_vector(const struct vector *vector)
{
	static const int returned[] = {1, 0, -1, -1};
	uint8_t bytes[HEX_BYTES / 2];
	size_t len = from_hex(vector->bytes, bytes);
	struct error err = {0};
	struct frame frame;
	size_t used = 0;
	int result = frame_parse(bytes, len, &frame, &used, &err);

	if (result != returned[vector->result])
		fail_msg("%s: %d", vector->because, result);
	if (vector->result == RESULT_FRAME)
		check_frame(vector, &frame, bytes, used);
	else if (vector->result == RESULT_INVALID)
		assert_int_equal(err.code, ERROR_INVALID);
	else if (vector->result == RESULT_LIMIT)
		assert_int_equal(err.code, ERROR_LIMIT);
}

static void
every_vector_is_understood_alike(void **state)
{
	autofree char *line = NULL;
	size_t size = 0;
	ssize_t len;
	unsigned count = 0;
	FILE *file = fopen("tests/vectors/frames.json", "re");

	(void)state;
	assert_non_null(file);
	while ((len = getline(&line, &size, file)) > 0) {
		struct error err = {0};
		struct vector vector;

		if (line[0] != '{')
			continue;
		/* one object a line, with the comma of the array */
		len = strrchr(line, '}') + 1 - line;
		if (json_read(&shape, line, (size_t)len, &vector, &err) != 0)
			fail_msg("%s%s", line, err.text);
		check_vector(&vector);
		json_clear(&shape, &vector);
		count++;
	}
	assert_int_equal(fclose(file), 0);
	assert_true(count > 20);
}

static void
the_longest_frames_pass_and_one_byte_more_does_not(void **state)
{
	static const struct {
		enum frame_kind kind;
		size_t max;
	} rows[] = {
	    {FRAME_CONTROL, FRAME_CONTROL_MAX},
	    {FRAME_STDIN, FRAME_DATA_MAX},
	    {FRAME_STDOUT, FRAME_DATA_MAX},
	    {FRAME_STDERR, FRAME_DATA_MAX},
	    {FRAME_PTY, FRAME_DATA_MAX},
	};
	static const uint8_t payload[FRAME_CONTROL_MAX + 1];
	struct frame frame;
	struct buffer out;
	size_t used;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};

		buffer_init(&out, 1u << 20);
		assert_int_equal(frame_append(&out, rows[i].kind, 1, payload,
		                     rows[i].max, &err),
		    0);
		assert_int_equal(frame_parse(buffer_bytes(&out),
		                     buffer_len(&out), &frame, &used, &err),
		    1);
		assert_int_equal(frame.len, rows[i].max);
		assert_int_equal(used, buffer_len(&out));
		assert_int_equal(frame_append(&out, rows[i].kind, 1, payload,
		                     rows[i].max + 1, &err),
		    -1);
		assert_int_equal(err.code, ERROR_LIMIT);
		assert_int_equal(buffer_len(&out), used);
		buffer_clear(&out);
	}
}

static void
credit_is_read_as_it_was_granted(void **state)
{
	static const uint8_t bytes[] = {
	    0, 0, 0, 9, FRAME_WINDOW, 0, 0, 0, 1, 0x80, 1, 2, 3};
	struct frame frame;
	size_t used;

	(void)state;
	assert_int_equal(
	    frame_parse(bytes, sizeof(bytes), &frame, &used, NULL), 1);
	assert_int_equal(frame_credit(&frame), 0x80010203);
}

static void
a_kind_that_is_none_has_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(frame_kind_name(FRAME_KINDS), "unknown");
	assert_string_equal(frame_kind_name(FRAME_WINDOW), "window");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_vector_is_understood_alike),
	    cmocka_unit_test(
	        the_longest_frames_pass_and_one_byte_more_does_not),
	    cmocka_unit_test(credit_is_read_as_it_was_granted),
	    cmocka_unit_test(a_kind_that_is_none_has_a_name_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
