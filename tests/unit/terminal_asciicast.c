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
#include "server/terminal/asciicast.h"

#define OUT_BYTES (1u << 20)

static const struct asciicast_header header_2 = {
    .version = ASCIICAST_2,
    .size = {24, 80},
    .timestamp = 1504467315,
    .term = "xterm-256color",
    .title = "a \"title\"",
};

static const struct asciicast_header header_3 = {
    .version = ASCIICAST_3,
    .size = {24, 80},
    .timestamp = 1504467315,
    .term = "xterm-256color",
};

static void
say(struct asciicast *cast, uint64_t at_ms, const char *text,
    struct buffer *out)
{
	asciicast_output(cast, at_ms, (const uint8_t *)text, strlen(text), out);
}

static void
check_text(struct buffer *out, const char *text)
{
	if (buffer_len(out) != strlen(text) ||
	    memcmp(buffer_bytes(out), text, strlen(text)) != 0)
		fail_msg("%.*s", (int)buffer_len(out),
		    (const char *)buffer_bytes(out));
	buffer_clear(out);
}

static void
version_2_has_times_since_the_beginning(void **state)
{
	struct asciicast cast = {0};
	struct terminal_size size = {50, 200};
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_BYTES);
	asciicast_begin(&cast, &header_2, &out);
	say(&cast, 0, "$ \x1b[1m\"\\\r\n", &out);
	say(&cast, 1007, "\xc3\xa9\a", &out);
	asciicast_input(&cast, 1500, (const uint8_t *)"\x03", 1, &out);
	asciicast_resize(&cast, 61000, &size, &out);
	asciicast_marker(&cast, 61001, "done", &out);
	/* a clock that goes back stands still */
	say(&cast, 5, "x", &out);
	asciicast_exit(&cast, 70000, 1, &out);
	check_text(&out,
	    "{\"version\": 2, \"width\": 80, \"height\": 24, "
	    "\"timestamp\": 1504467315, \"title\": \"a \\\"title\\\"\", "
	    "\"env\": {\"TERM\": \"xterm-256color\"}}\n"
	    "[0.000, \"o\", \"$ \\u001b[1m\\\"\\\\\\r\\n\"]\n"
	    "[1.007, \"o\", \"\xc3\xa9\\u0007\"]\n"
	    "[1.500, \"i\", \"\\u0003\"]\n"
	    "[61.000, \"r\", \"200x50\"]\n"
	    "[61.001, \"m\", \"done\"]\n"
	    "[61.001, \"o\", \"x\"]\n");
}

static void
version_3_has_the_time_since_the_event_before(void **state)
{
	struct asciicast cast = {0};
	struct terminal_size size = {50, 200};
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_BYTES);
	asciicast_begin(&cast, &header_3, &out);
	say(&cast, 10, "a", &out);
	say(&cast, 1017, "b", &out);
	asciicast_resize(&cast, 1017, &size, &out);
	say(&cast, 1000, "c", &out);
	asciicast_exit(&cast, 2000, 137, &out);
	check_text(&out,
	    "{\"version\": 3, \"term\": {\"cols\": 80, \"rows\": 24, "
	    "\"type\": \"xterm-256color\"}, \"timestamp\": 1504467315}\n"
	    "[0.010, \"o\", \"a\"]\n"
	    "[1.007, \"o\", \"b\"]\n"
	    "[0.000, \"r\", \"200x50\"]\n"
	    "[0.000, \"o\", \"c\"]\n"
	    "[0.983, \"x\", \"137\"]\n");
}

static void
half_a_character_waits_for_its_rest(void **state)
{
	struct asciicast cast = {.version = ASCIICAST_2};
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_BYTES);
	say(&cast, 1, "\xf0", &out);
	say(&cast, 2, "\x9f\x98", &out);
	check_text(&out, "");
	asciicast_input(&cast, 2, (const uint8_t *)"\xc3", 1, &out);
	say(&cast, 3, "\x80x\xe2\x82", &out);
	check_text(&out, "[0.003, \"o\", \"\xf0\x9f\x98\x80x\"]\n");
	asciicast_input(&cast, 4, (const uint8_t *)"\xa9", 1, &out);
	check_text(&out, "[0.004, \"i\", \"\xc3\xa9\"]\n");
	/* the rest never comes; nothing, nothing else */
	say(&cast, 5, "", &out);
	check_text(&out, "");
	say(&cast, 5, "z\xff", &out);
	check_text(&out,
	    "[0.005, \"o\", \"\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"]\n");
	say(&cast, 6, "\xed\xa0\x80\xc0\xf5", &out);
	check_text(&out, "[0.006, \"o\", \"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	                 "\xef\xbf\xbd\xef\xbf\xbd\"]\n");
}

static void
what_has_no_room_is_left_out_whole(void **state)
{
	struct asciicast cast = {.version = ASCIICAST_3};
	struct buffer out;
	size_t max;

	(void)state;
	for (max = 0; max < strlen("[1.000, \"o\", \"ab\"]\n"); max++) {
		buffer_init(&out, max);
		say(&cast, 1000, "ab", &out);
		assert_int_equal(buffer_len(&out), 0);
		assert_int_equal(cast.written_ms, 0);
		buffer_clear(&out);
	}
	buffer_init(&out, max);
	say(&cast, 1000, "ab", &out);
	check_text(&out, "[1.000, \"o\", \"ab\"]\n");
}

static const struct {
	const char *line;
	enum asciicast_version version; /* 0: refused */
	struct terminal_size size;
	int64_t timestamp;
} headers[] = {
    {"{\"version\":2,\"width\":80,\"height\":24}", ASCIICAST_2, {24, 80}, 0},
    {"{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 17, "
     "\"env\": {\"SHELL\": \"/bin/sh\", \"TERM\": \"xterm\"}, "
     "\"idle_time_limit\": 2.5, \"command\": \"ls\", \"title\": \"t\"}",
        ASCIICAST_2, {24, 80}, 17},
    {"{\"version\":3,\"term\":{\"cols\":1000,\"rows\":500}}", ASCIICAST_3,
        {500, 1000}, 0},
    {"{\"version\":3,\"term\":{\"cols\":1,\"rows\":1,\"type\":\"x\","
     "\"version\":\"y\"},\"timestamp\":5,\"tags\":[\"a\"]}",
        ASCIICAST_3, {1, 1}, 5},
    {"{\"version\":1,\"width\":80,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":4,\"width\":80,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":80}", 0, {0, 0}, 0},
    {"{\"version\":2,\"height\":80}", 0, {0, 0}, 0},
    {"{\"version\":2,\"term\":{\"cols\":1,\"rows\":1}}", 0, {0, 0}, 0},
    {"{\"version\":3,\"width\":80,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":1001,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":80,\"height\":501}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":0,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":-1,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":8.5,\"height\":24}", 0, {0, 0}, 0},
    {"{\"version\":2,\"width\":80,\"height\":24,\"x\":1}", 0, {0, 0}, 0},
    {"[0.1, \"o\", \"a\"]", 0, {0, 0}, 0},
    {"", 0, {0, 0}, 0},
};

static void
headers_of_both_versions_are_read(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		struct asciicast_header header = {0};
		struct error err = {0};
		int result = asciicast_read_header(
		    headers[i].line, strlen(headers[i].line), &header, &err);

		if ((result == 0) != (headers[i].version != 0))
			fail_msg(
			    "%s: %d %s", headers[i].line, result, err.text);
		assert_int_equal(header.version, headers[i].version);
		assert_int_equal(header.size.rows, headers[i].size.rows);
		assert_int_equal(header.size.cols, headers[i].size.cols);
		assert_int_equal(header.timestamp, headers[i].timestamp);
	}
}

static const struct {
	const char *line;
	int kind;             /* -1: refused */
	uint64_t since_begin; /* version 2, and 3 behind an event at 0 */
	const char *bytes;
	size_t len;
	struct terminal_size size;
} events[] = {
#define OUTPUT(line, at, text)                                      \
	{                                                           \
		line, ASCIICAST_OUTPUT, at, text, sizeof(text) - 1, \
		{                                                   \
			0, 0                                        \
		}                                                   \
	}
#define RESIZE(line, at, rows, cols)                 \
	{                                            \
		line, ASCIICAST_RESIZE, at, NULL, 0, \
		{                                    \
			rows, cols                   \
		}                                    \
	}
#define OTHER(line, at)                             \
	{                                           \
		line, ASCIICAST_OTHER, at, NULL, 0, \
		{                                   \
			0, 0                        \
		}                                   \
	}
#define REFUSED(line)                 \
	{                             \
		line, -1, 0, NULL, 0, \
		{                     \
			0, 0          \
		}                     \
	}
    OUTPUT("[0.5, \"o\", \"ab\"]", 500, "ab"),
    OUTPUT("[0,\"o\",\"\"]", 0, ""),
    OUTPUT(" [ 1.0014999 , \"o\" , \"a\\u0000b\\u001b\\\"\\\\\" ] ", 1001,
        "a\0b\x1b\"\\"),
    OUTPUT(
        "[1.0015,\"o\",\"\xc3\xa9\\u20ac\"]\r", 1002, "\xc3\xa9\xe2\x82\xac"),
    OUTPUT("[1e-05,\"o\",\"x\"]", 0, "x"),
    OUTPUT("[1.5E+2,\"o\",\"x\"]", 150000, "x"),
    OUTPUT("[1000000000,\"o\",\"x\"]", 1000000000000, "x"),
    RESIZE("[2.25,\"r\",\"80x24\"]", 2250, 24, 80),
    RESIZE("[2.25,\"r\",\"1000x500\"]", 2250, 500, 1000),
    RESIZE("[2.25,\"r\",\"1x1\"]", 2250, 1, 1),
    OTHER("[3,\"i\",\"x\"]", 3000),
    OTHER("[3,\"m\",\"\"]", 3000),
    OTHER("[3,\"x\",\"0\"]", 3000),
    OTHER("[3,\"?\",{\"a\":[]}]", 3000),
    REFUSED(""),
    REFUSED("[]"),
    REFUSED("]"),
    REFUSED("["),
    REFUSED("{}"),
    REFUSED("[1,\"o\"]"),
    REFUSED("[1,\"o\",]"),
    REFUSED("[1,\"o\",\"x\""),
    REFUSED("[1,\"o\",\"x\"]]"),
    REFUSED("[1,\"o\",\"x\",\"y\"]"),
    REFUSED("[1,\"o\",\"x\"}]"),
    REFUSED("[1,\"o\",\"x\",\"base64\":\"eA==\"]"),
    REFUSED("[1,\"o\",\"x\",\"other\":1]"),
    REFUSED("[1,\"o\",5]"),
    REFUSED("[1,\"o\",null]"),
    REFUSED("[1,\"o\",\"\xff\"]"),
    REFUSED("[1,\"o\",\"\\ud800\"]"),
    REFUSED("[1,\"o\",\"\x1b\"]"),
    REFUSED("[1,o,\"x\"]"),
    REFUSED("[1,\"\",\"x\"]"),
    REFUSED("[1,\"oo\",\"x\"]"),
    REFUSED("[1,\"\\u006f\",\"x\"]"),
    REFUSED("[-1,\"o\",\"x\"]"),
    REFUSED("[01,\"o\",\"x\"]"),
    REFUSED("[1.,\"o\",\"x\"]"),
    REFUSED("[.5,\"o\",\"x\"]"),
    REFUSED("[1e,\"o\",\"x\"]"),
    REFUSED("[0x1,\"o\",\"x\"]"),
    REFUSED("[NaN,\"o\",\"x\"]"),
    REFUSED("[Infinity,\"o\",\"x\"]"),
    REFUSED("[1000000001,\"o\",\"x\"]"),
    REFUSED("[1e400,\"o\",\"x\"]"),
    REFUSED("[1.0000000000000000000000000000000001,\"o\",\"x\"]"),
    REFUSED("[\"1\",\"o\",\"x\"]"),
    REFUSED("[1,\"r\",\"0x24\"]"),
    REFUSED("[1,\"r\",\"80x0\"]"),
    REFUSED("[1,\"r\",\"1001x24\"]"),
    REFUSED("[1,\"r\",\"80x501\"]"),
    REFUSED("[1,\"r\",\"80x24x\"]"),
    REFUSED("[1,\"r\",\"80x24\\u0000\"]"),
    REFUSED("[1,\"r\",\"80 x24\"]"),
    REFUSED("[1,\"r\",\"80\"]"),
    REFUSED("[1,\"r\",\"4294967376x24\"]"),
};

static void
events_are_read_strictly(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(events) / sizeof(*events); i++) {
		struct asciicast_event event = {.kind = ASCIICAST_EVENTS};
		struct error err = {0};
		int result = asciicast_read_event(ASCIICAST_2, 77,
		    events[i].line, strlen(events[i].line), &event, &err);

		if (result != (events[i].kind < 0 ? -1 : 0))
			fail_msg("%s: %d %s", events[i].line, result, err.text);
		if (result != 0)
			continue;
		assert_int_equal(event.kind, events[i].kind);
		if (event.at_ms != events[i].since_begin)
			fail_msg("%s: %lu", events[i].line,
			    (unsigned long)event.at_ms);
		assert_int_equal(event.len, events[i].len);
		if (event.kind == ASCIICAST_OUTPUT)
			assert_memory_equal(
			    event.bytes, events[i].bytes, event.len);
		assert_int_equal(event.size.rows, events[i].size.rows);
		assert_int_equal(event.size.cols, events[i].size.cols);
		free(event.bytes);
	}
}

static void
version_3_counts_on_and_has_comments(void **state)
{
	static const char line[] = "[0.5, \"m\", \"x\"]";
	static const char comment[] = "# [0.5, \"o\", \"x\"]";
	struct asciicast_event event;

	(void)state;
	assert_int_equal(asciicast_read_event(ASCIICAST_3, 1000, line,
	                     strlen(line), &event, NULL),
	    0);
	assert_int_equal(event.at_ms, 1500);
	assert_int_equal(asciicast_read_event(ASCIICAST_3, 1000, comment,
	                     strlen(comment), &event, NULL),
	    0);
	assert_int_equal(event.kind, ASCIICAST_OTHER);
	assert_int_equal(event.at_ms, 1000);
	assert_int_equal(asciicast_read_event(ASCIICAST_2, 1000, comment,
	                     strlen(comment), &event, NULL),
	    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(version_2_has_times_since_the_beginning),
	    cmocka_unit_test(version_3_has_the_time_since_the_event_before),
	    cmocka_unit_test(half_a_character_waits_for_its_rest),
	    cmocka_unit_test(what_has_no_room_is_left_out_whole),
	    cmocka_unit_test(headers_of_both_versions_are_read),
	    cmocka_unit_test(events_are_read_strictly),
	    cmocka_unit_test(version_3_counts_on_and_has_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
