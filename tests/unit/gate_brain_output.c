/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/stream_json.h"
#include "protocol/utf8.h"
#include "server/gate/brain_output.h"

#define OUT_MAX ((size_t)4 << 20)

struct collected {
	struct buffer bytes; /* all payloads, one behind the other */
	int64_t offset;      /* expected of the next event */
	size_t events;
	size_t texts;
};

/* Read the events back as a brain would; offsets must have no holes. */
static void
collect(struct buffer *out, struct collected *into)
{
	while (buffer_len(out) > 0) {
		const char *line = (const char *)buffer_bytes(out);
		const char *end = memchr(line, '\n', buffer_len(out));
		struct event_output event;
		const struct json_data *data;
		struct error err = {0};
		int type;

		assert_non_null(end);
		if (json_read_typed(&event_messages, line, (size_t)(end - line),
		        &type, &event, &err) != 0)
			fail_msg("%s: %s", err.text, line);
		assert_int_equal(type, EVENT_STDERR);
		assert_string_equal(event.exec, "abc-7");
		assert_int_equal(event.offset, into->offset);
		data = &event.data;
		assert_int_equal(
		    buffer_append(&into->bytes, data->bytes, data->len, NULL),
		    0);
		into->offset += (int64_t)data->len;
		into->events++;
		into->texts += memmem(line, (size_t)(end - line),
		                   ",\"base64\":\"", 11) == NULL;
		json_clear(event_shapes[type], &event);
		buffer_consume(out, (size_t)(end - line) + 1);
	}
}

/* All of bytes in pieces of step (0: random sizes), read back and compared. */
static size_t
round_trip(const char *bytes, size_t len, size_t step)
{
	struct brain_output output;
	struct collected into = {.offset = 100};
	struct buffer out;
	size_t at = 0;

	buffer_init(&out, OUT_MAX);
	buffer_init(&into.bytes, OUT_MAX);
	brain_output_init(&output, OUTPUT_STDERR, "abc-7", 100);
	while (at < len) {
		size_t part = step > 0 ? step : 1 + (size_t)rand() % 9;

		if (part > len - at)
			part = len - at;
		assert_int_equal(
		    brain_output_bytes(&output, bytes + at, part, &out, NULL),
		    0);
		at += part;
		collect(&out, &into);
	}
	assert_int_equal(brain_output_flush(&output, &out, NULL), 0);
	collect(&out, &into);
	assert_int_equal(output.offset, 100 + (int64_t)len);
	assert_int_equal(buffer_len(&into.bytes), len);
	if (len > 0)
		assert_memory_equal(buffer_bytes(&into.bytes), bytes, len);
	buffer_clear(&out);
	buffer_clear(&into.bytes);
	return into.events - into.texts;
}

static void
text_stays_text_wherever_it_is_cut(void **state)
{
	static const char text[] =
	    "plain, \xc3\xa9\xc3\xa8, \xe2\x82\xac, \xf0\x9f\x98\x80\xf0\x9f"
	    "\x98\x81, \xed\x9f\xbf, \xf4\x8f\xbf\xbf end\n\"\\\t\x01";
	size_t step;

	(void)state;
	for (step = 1; step <= sizeof(text); step++)
		assert_int_equal(round_trip(text, sizeof(text) - 1, step), 0);
}

static void
any_bytes_arrive_exactly_wherever_they_are_cut(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *because;
	} rows[] = {
	    {"", 0, "nothing"},
	    {"\0\0\0", 3, "NULs"},
	    {"\xff\xfe", 2, "never valid"},
	    {"\xc3", 1, "a beginning and the end"},
	    {"a\xf0\x9f\x98", 4, "three quarters of a character"},
	    {"\xc3\xc3\xa9", 3, "a beginning broken by a character"},
	    {"\xe2\x82"
	     "A",
	        3, "a beginning broken by ASCII"},
	    {"\xe2\x82\xe2\x82\xac", 5, "a beginning broken by its like"},
	    {"\xed\xa0\x80", 3, "a surrogate"},
	    {"\xc0\x80", 2, "an over-long NUL"},
	    {"\xf4\x90\x80\x80", 4, "beyond the last character"},
	    {"ok\x80\xe2\x82\xacok\xf0\x9f", 10, "a mixture"},
	};
	size_t i;
	size_t step;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (step = 1; step <= rows[i].len + 1; step++)
			(void)round_trip(rows[i].bytes, rows[i].len, step);
	}
}

static void
random_bytes_in_random_pieces_arrive_exactly(void **state)
{
	char bytes[600];
	unsigned round;
	size_t i;

	(void)state;
	srand(1);
	for (round = 0; round < 300; round++) {
		for (i = 0; i < sizeof(bytes); i++) {
			/* lead and continuation bytes are frequent */
			int dice = rand() % 4;

			bytes[i] = (char)(dice == 0   ? rand() % 128
			                  : dice == 1 ? 0x80 + rand() % 64
			                  : dice == 2 ? 0xc0 + rand() % 64
			                              : rand() % 256);
		}
		(void)round_trip(bytes, sizeof(bytes), 0);
	}
}

static void
a_held_beginning_is_written_at_the_end_of_its_stream(void **state)
{
	struct brain_output output;
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_MAX);
	brain_output_init(&output, OUTPUT_STDOUT, "t-1", 0);
	assert_int_equal(
	    brain_output_bytes(&output, "a\xe2\x82", 3, &out, NULL), 0);
	assert_int_equal(output.offset, 1);
	assert_int_equal(brain_output_flush(&output, &out, NULL), 0);
	assert_int_equal(brain_output_flush(&output, &out, NULL), 0);
	assert_int_equal(buffer_append(&out, "", 1, NULL), 0);
	assert_string_equal((const char *)buffer_bytes(&out),
	    "{\"type\":\"stdout\",\"exec\":\"t-1\",\"offset\":0,"
	    "\"data\":\"a\"}\n"
	    "{\"type\":\"stdout\",\"exec\":\"t-1\",\"offset\":1,"
	    "\"base64\":\"4oI=\"}\n");
	buffer_clear(&out);
}

static void
the_worst_bytes_stay_within_the_promised_size(void **state)
{
	size_t len = (size_t)64 << 10;
	char *bytes = memory_new(1, len);
	struct brain_output output;
	struct buffer out;

	(void)state;
	memset(bytes, 1, len);
	buffer_init(&out, 6 * len + 1024);
	brain_output_init(&output, OUTPUT_STDOUT, "t-1", INT64_MAX / 2);
	assert_int_equal(
	    brain_output_bytes(&output, bytes, len, &out, NULL), 0);
	buffer_clear(&out);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_stays_text_wherever_it_is_cut),
	    cmocka_unit_test(any_bytes_arrive_exactly_wherever_they_are_cut),
	    cmocka_unit_test(random_bytes_in_random_pieces_arrive_exactly),
	    cmocka_unit_test(
	        a_held_beginning_is_written_at_the_end_of_its_stream),
	    cmocka_unit_test(the_worst_bytes_stay_within_the_promised_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
