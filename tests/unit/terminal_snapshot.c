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
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "server/terminal/snapshot.h"
#include "server/terminal/terminal.h"
#include "tests/unit/terminal_made.h"

#define JSON_BYTES_MAX (4u << 20)
#define ALTERNATE      "\x1b[?1049h\x1b[H"

static const struct screen_ask plain_ask = {.first = SCREEN_FIRST};

/* A format's members as JSON: what stands behind "first", or the lines. */
static char *
taken(struct terminal *terminal, const struct screen_ask *ask)
{
	struct screen_answer answer;
	struct buffer out;
	struct error err = {0};
	char *text;
	size_t len;

	snapshot_take(terminal, ask, &answer);
	assert_true(answer.present);
	buffer_init(&out, JSON_BYTES_MAX);
	if (json_write(&screen_answer_shape, NULL, &answer, &out, &err) != 0)
		fail_msg("%s", err.text);
	json_clear(&screen_answer_shape, &answer);
	/* what is written is what is read */
	if (json_read(&screen_answer_shape, (const char *)buffer_bytes(&out),
	        buffer_len(&out), &answer, &err) != 0)
		fail_msg("%s", err.text);
	json_clear(&screen_answer_shape, &answer);
	len = buffer_len(&out);
	text = malloc(len + 1);
	assert_non_null(text);
	memcpy(text, buffer_bytes(&out), len);
	text[len] = '\0';
	buffer_clear(&out);
	return text;
}

struct row {
	const char *bytes;
	struct screen_ask ask;
	const char *json; /* a part of the answer */
};

#define TEXT                          \
	{                             \
		.first = SCREEN_FIRST \
	}
#define CELLS                                                 \
	{                                                     \
		.format = SCREEN_CELLS, .first = SCREEN_FIRST \
	}
#define ANSI                                                 \
	{                                                    \
		.format = SCREEN_ANSI, .first = SCREEN_FIRST \
	}

/* Of a terminal of 3 rows and 10 columns. */
static const struct row rows[] = {
    /* text */
    {"", TEXT, "\"lines\":[\"\",\"\",\"\"]}"},
    {"a  \r\n  b", TEXT, "\"lines\":[\"a\",\"  b\",\"\"]}"},
    {"\"\\\t.", TEXT, "\"lines\":[\"\\\"\\\\      .\",\"\",\"\"]}"},
    {"\xe4\xb8\x80\xe4\xb8\x81x\r\ne\xcc\x81", TEXT,
        "\"lines\":[\"\xe4\xb8\x80\xe4\xb8\x81x\",\"e\xcc\x81\",\"\"]}"},
    {"\x1b[44m   ", TEXT, "\"lines\":[\"\",\"\",\"\"]}"},
    {"0123456789abc", TEXT, "\"lines\":[\"0123456789\",\"abc\",\"\"]}"},
    {"0123456789abc", {.first = SCREEN_FIRST, .join = true},
        "\"lines\":[\"0123456789abc\",\"\"]}"},
    {"0123456789\r\nabc", {.first = SCREEN_FIRST, .join = true},
        "\"lines\":[\"0123456789\",\"abc\",\"\"]}"},
    {"        9 z", {.first = SCREEN_FIRST, .join = true},
        "\"lines\":[\"        9 z\",\"\"]}"},
    /* rows of the scrollback */
    {"1\r\n2\r\n3\r\n4\r\n5", TEXT,
        "\"scrollback\":2,\"lines\":[\"3\",\"4\",\"5\"]}"},
    {"1\r\n2\r\n3\r\n4\r\n5", {.scrollback = 1, .first = SCREEN_FIRST},
        "\"scrollback\":2,\"first\":-1,\"lines\":[\"2\",\"3\",\"4\",\"5\"]}"},
    {"1\r\n2\r\n3\r\n4\r\n5", {.scrollback = 9, .first = SCREEN_FIRST},
        "\"first\":-2,\"lines\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}"},
    {"1\r\n2\r\n3\r\n4\r\n5", {.first = -1}, "\"first\":-1,\"lines\":[\"2\","},
    {"1\r\n2\r\n3\r\n4\r\n5", {.first = -9}, "\"first\":-2,\"lines\":[\"1\","},
    {"1\r\n2\r\n3\r\n4\r\n5", {.first = 2}, "\"first\":2,\"lines\":[\"5\"]}"},
    {"1\r\n2\r\n3\r\n4\r\n5", {.first = 3}, "\"first\":3,\"lines\":[]}"},
    {"1\r\n2\r\n3\r\n4\r\n5", {.first = 500}, "\"first\":3,\"lines\":[]}"},
    {"0123456789abc\r\n\n\n",
        {.scrollback = 9, .first = SCREEN_FIRST, .join = true},
        "\"lines\":[\"0123456789abc\",\"\",\"\",\"\"]}"},
    {"0123456789abc\r\n\n" ALTERNATE "x",
        {.scrollback = 9, .first = SCREEN_FIRST, .join = true},
        "\"first\":-1,\"lines\":[\"0123456789\",\"x\",\"\",\"\"]}"},
    /* what else there is to know */
    {"ab\r\nc", TEXT,
        "\"rows\":3,\"cols\":10,\"cursor\":{\"row\":1,\"col\":1,"
        "\"visible\":true,\"shape\":\"block\"},\"alt\":false,\"modes\":[]"},
    {"0123456789", TEXT, "\"cursor\":{\"row\":0,\"col\":9,"},
    {ALTERNATE "\x1b[?25l\x1b[5 q", TEXT,
        "\"visible\":false,\"shape\":\"bar\"},\"alt\":true"},
    {"\x1b[4 q", TEXT, "\"shape\":\"underline\""},
    {"\x1b[2 q", TEXT, "\"shape\":\"block\""},
    {"\x1b]2;a \"title\"\a", TEXT, "\"title\":\"a \\\"title\\\"\""},
    {"\x1b[?1;2004;1004h\x1b=", TEXT,
        "\"modes\":[\"application_cursor\","
        "\"application_keypad\",\"focus_events\",\"bracketed_paste\"]"},
    {"\x1b[?1000;1006h", TEXT, "\"modes\":[\"mouse\",\"mouse_sgr\"]"},
    {"\x1b[?1003;1015h", TEXT,
        "\"modes\":[\"mouse\",\"mouse_motion\",\"mouse_urxvt\"]"},
    {"\x1b[?9h", TEXT, "\"modes\":[\"mouse\",\"mouse_press\"]"},
    {"\x1b[4;20h\x1b[?5;6;45;12;1007;2026h\x1b[?7l", TEXT,
        "\"modes\":[\"insert\",\"new_line\",\"reverse_screen\",\"origin\","
        "\"no_wrap\",\"reverse_wrap\",\"cursor_blink\","
        "\"alternate_scroll\",\"synchronized\"]"},
    {"\x1b[>1u\x1b[>4;2m", TEXT,
        "\"modes\":[\"kitty_keyboard\",\"modify_other_keys\"]"},
    /* cells */
    {"", CELLS, "\"modes\":[]}"},
    {"ab c", CELLS,
        "\"runs\":[{\"row\":0,\"col\":0,\"cols\":4,"
        "\"text\":\"ab c\"}]}"},
    {"\x1b[2;3Hx \x1b[1;31my\x1b[m z ", CELLS,
        "\"runs\":["
        "{\"row\":1,\"col\":2,\"cols\":1,\"text\":\"x\"},"
        "{\"row\":1,\"col\":4,\"cols\":1,\"text\":\"y\",\"fg\":\"1\","
        "\"attributes\":[\"bold\"]},"
        "{\"row\":1,\"col\":6,\"cols\":1,\"text\":\"z\"}]}"},
    {"\x1b[48;2;1;2;255m  ", CELLS,
        "\"runs\":[{\"row\":0,\"col\":0,"
        "\"cols\":2,\"text\":\"  \",\"bg\":\"#0102ff\"}]}"},
    {"\x1b[2;3;4;5;7;8;9;53mx", CELLS,
        "\"attributes\":[\"dim\",\"italic\","
        "\"blink\",\"reverse\",\"conceal\",\"strike\",\"overline\","
        "\"underline\"]}"},
    {"\x1b[7m\xe4\xb8\x80\x1b[mx", CELLS,
        "\"runs\":["
        "{\"row\":0,\"col\":0,\"cols\":2,\"text\":\"\xe4\xb8\x80\","
        "\"attributes\":[\"reverse\"]},"
        "{\"row\":0,\"col\":2,\"cols\":1,\"text\":\"x\"}]}"},
    {"\x1b[44m\x1b[K", CELLS,
        "\"runs\":[{\"row\":0,\"col\":0,\"cols\":10,"
        "\"text\":\"          \",\"bg\":\"4\"}]}"},
    /* highlights: reverse, whatever the colours */
    {"a \x1b[7mb \x1b[31mc  \x1b[m d", TEXT,
        "\"highlights\":["
        "{\"row\":0,\"col\":2,\"cols\":5,\"text\":\"b c\"}]}"},
    {"\x1b[7m \x1b[m", ANSI,
        "\"highlights\":["
        "{\"row\":0,\"col\":0,\"cols\":1,\"text\":\"\"}]}"},
    /* hidden */
    {"a\x1b[8mpw\x1b[m", TEXT,
        "\"hidden\":[{\"row\":0,\"col\":1,"
        "\"cols\":2,\"text\":\"pw\"}]}"},
    {"\x1b[31;41mx \x1b[m", TEXT,
        "\"hidden\":[{\"row\":0,\"col\":0,"
        "\"cols\":1,\"text\":\"x\"}]}"},
    {"\x1b[38;5;16;48;2;0;0;0mx", CELLS,
        "\"hidden\":[{\"row\":0,\"col\":0,"
        "\"cols\":1,\"text\":\"x\"}]}"},
    {"\x1b[38;5;231;48;2;255;255;255mx\x1b[38;5;244;48;2;128;128;128my", TEXT,
        "\"hidden\":[{\"row\":0,\"col\":0,\"cols\":2,\"text\":\"xy\"}]}"},
    {"a\xe2\x80\x8b"
     "b",
        TEXT,
        "\"lines\":[\"a\xe2\x80\x8b"
        "b\",\"\",\"\"],"
        "\"hidden\":[{\"row\":0,\"col\":0,\"cols\":1,"
        "\"text\":\"<U+200B>\"}]}"},
    {"a\xe2\x80\xae"
     "b",
        TEXT, "\"text\":\"<U+202E>\"}]}"},
    {"a\xf3\xa0\x81\x81\xf3\xa0\x81\x82"
     "b",
        TEXT, "\"text\":\"<U+E0041><U+E0042>\"}]}"},
    {"a\xe2\x80\x8d"
     "b",
        TEXT, "\"text\":\"<U+200D>\"}]}"},
    {"\x1b[8ma\xe2\x80\x8b"
     "b",
        TEXT, "\"text\":\"a<U+200B>b\"}]}"},
    {"a\xef\xb8\x8f\xef\xb8\x8f"
     "b",
        TEXT, "\"text\":\"<U+FE0F>\"}]}"},
};

/* No run, highlight or hidden text is told. */
static const char *const quiet[] = {
    "e\xcc\x81",
    "\xe2\x9d\xa4\xef\xb8\x8f",
    "1\xef\xb8\x8f\xe2\x83\xa3",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
    "\x1b[8m   ",
    "\x1b[31;41m   ",
    "\x1b[30;40mx\x1b[2K",
    "\x1b[31;42mx",
    "\x1b[38;5;0;48;2;0;0;0mx",
    "\xd8\x80",
};

static void
a_screen_is_told_as_asked_for(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct terminal *terminal = terminal_made(3, 10, rows[i].bytes);
		char *json = taken(terminal, &rows[i].ask);

		if (strstr(json, rows[i].json) == NULL)
			fail_msg("row %zu: %s in %s", i, rows[i].json, json);
		free(json);
		terminal_free(terminal);
	}
}

static void
what_is_seen_as_it_is_hides_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(quiet) / sizeof(*quiet); i++) {
		struct terminal *terminal = terminal_made(3, 10, quiet[i]);
		char *json = taken(terminal, &plain_ask);

		if (strstr(json, "hidden") != NULL)
			fail_msg("row %zu: %s", i, json);
		free(json);
		terminal_free(terminal);
	}
}

/* The lines, written to another terminal, show the same cells. */
static void
ansi_lines_show_the_same_elsewhere(void **state)
{
	static const char bytes[] =
	    "\x1b[1;38;5;200ma\x1b[4:3;58:2::1:2:3mb\x1b[mc\r\n"
	    "\x1b[7m\xe4\xb8\x80 \x1b[0;2;9;53;48;2;9;8;7mx  \x1b[m  \r\n"
	    "0123456789\x1b[31mabcde";
	struct screen_ask ask = {.format = SCREEN_ANSI, .first = SCREEN_FIRST};
	struct screen_ask cells = {
	    .format = SCREEN_CELLS, .first = SCREEN_FIRST};
	struct terminal *one = terminal_made(5, 10, bytes);
	struct terminal *two = terminal_made(5, 10, "");
	struct screen_answer answer;
	char *first;
	char *second;
	unsigned i;

	(void)state;
	snapshot_take(one, &ask, &answer);
	for (i = 0; i < 5; i++) {
		/* from the last up: each stands for itself */
		char move[16];

		(void)snprintf(move, sizeof(move), "\x1b[%uH", 5 - i);
		feed(two, move);
		feed(two, answer.lines[4 - i]);
	}
	feed(two, "\x1b[4;6H");
	json_clear(&screen_answer_shape, &answer);
	first = taken(one, &cells);
	second = taken(two, &cells);
	assert_string_equal(
	    strstr(first, "\"cursor\""), strstr(second, "\"cursor\""));
	free(first);
	free(second);
	terminal_free(one);
	terminal_free(two);
}

static void
it_knows_its_generation_and_offset(void **state)
{
	struct terminal *terminal = terminal_made(3, 10, "abc\x1b[3");
	struct screen_answer answer;
	int64_t gen;

	(void)state;
	snapshot_take(terminal, &plain_ask, &answer);
	assert_int_equal(answer.offset, 3);
	gen = answer.gen;
	json_clear(&screen_answer_shape, &answer);
	snapshot_take(terminal, &plain_ask, &answer);
	assert_int_equal(answer.gen, gen);
	json_clear(&screen_answer_shape, &answer);
	feed(terminal, "1mx");
	snapshot_take(terminal, &plain_ask, &answer);
	assert_true(answer.gen > gen);
	assert_int_equal(answer.offset, 9);
	json_clear(&screen_answer_shape, &answer);
	terminal_free(terminal);
}

/* Cells that are costly to tell, one each. */
static void
truecolour(struct terminal *terminal, unsigned i)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
	    "\x1b[0;1;2;3;4:3;5;7;8;9;53;38;2;%u;%u;255;48;2;%u;%u;255;"
	    "58:2::%u;255;255m\"",
	    200 + i % 50, 200 + i / 50 % 50, 200 + i % 50, 200 + i / 50 % 50,
	    200 + i % 2);
	feed(terminal, text);
}

static void
marked(struct terminal *terminal, unsigned i)
{
	truecolour(terminal, i);
	feed(terminal, "\xf3\xa0\x81\x81\xf3\xa0\x81\x82\xf3\xa0\x81\x83"
	               "\xf3\xa0\x81\x84\xf3\xa0\x81\x85");
}

/* Every other cell is hidden and in reverse. */
static void
alternating(struct terminal *terminal, unsigned i)
{
	if (i % 2 == 0)
		marked(terminal, i / 2);
	else
		feed(terminal, "\x1b[m\\");
}

static void
quotes(struct terminal *terminal, unsigned i)
{
	(void)i;
	feed(terminal, "\"");
}

static void
accents(struct terminal *terminal, unsigned i)
{
	(void)i;
	feed(terminal, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81");
}

static void
wide(struct terminal *terminal, unsigned i)
{
	if (i % 2 == 0)
		feed(terminal, "\xf0\x9f\x98\x80\xf3\xa0\x81\x82"
		               "\xf3\xa0\x81\x83\xf3\xa0\x81\x84"
		               "\xf3\xa0\x81\x85\xf3\xa0\x81\x86");
}

static void (*const worst[])(struct terminal *, unsigned) = {
    truecolour, marked, alternating, quotes, accents, wide};

static size_t
wire_bytes(const struct screen_answer *screen)
{
	struct wait_answer answer;
	struct buffer out;
	struct error err = {0};
	char found[LIMIT_TEXT_BYTES + 1];
	char title[TERMINAL_TITLE_BYTES];
	size_t len;

	json_absent(&wait_answer_shape, &answer);
	memset(found, '"', sizeof(found) - 1);
	found[sizeof(found) - 1] = '\0';
	memset(title, '"', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	answer.where.present = true;
	answer.where.text = found;
	answer.screen = *screen;
	answer.screen.title = title;
	buffer_init(&out, JSON_BYTES_MAX);
	if (json_write(&wait_answer_shape, "answer", &answer, &out, &err) != 0)
		fail_msg("%s", err.text);
	len = buffer_len(&out);
	buffer_clear(&out);
	return len;
}

/* Ask again for what is missing, until all rows were told. */
static void
check_all_told(struct terminal *terminal, struct screen_ask ask)
{
	struct screen_answer answer;
	size_t text = 0;
	int64_t rows_told;
	int64_t next;
	size_t i;

	do {
		text = 0;
		snapshot_take(terminal, &ask, &answer);
		assert_true(wire_bytes(&answer) <= FRAME_CONTROL_MAX);
		assert_true(answer.runs.count <= 8192);
		assert_true(answer.hidden.count <= 8192);
		assert_true(answer.highlights.count <= 8192);
		for (i = 0; answer.lines != NULL && answer.lines[i] != NULL;
		     i++)
			text += strlen(answer.lines[i]);
		assert_true(text <= LIMIT_SCREEN_BYTES);
		next = answer.next;
		rows_told =
		    (next == SCREEN_FIRST ? answer.rows : next) - answer.first;
		assert_true(rows_told > 0);
		if (answer.lines != NULL && !ask.join)
			assert_int_equal(i, rows_told);
		ask.first = next;
		json_clear(&screen_answer_shape, &answer);
	} while (next != SCREEN_FIRST);
}

static void
the_worst_screens_fit_into_a_frame(void **state)
{
	size_t i;
	unsigned cell;
	int format;

	(void)state;
	for (i = 0; i < sizeof(worst) / sizeof(*worst); i++) {
		struct terminal *terminal =
		    terminal_made(LIMIT_PTY_ROWS, LIMIT_PTY_COLS, "");

		/* some rows of it are enough, and have to be in parts */
		for (cell = 0; cell < 8 * LIMIT_PTY_COLS; cell++)
			worst[i](terminal, cell);
		for (format = 0; format < SCREEN_FORMATS; format++) {
			struct screen_ask ask = {
			    .format = format, .first = SCREEN_FIRST};

			check_all_told(terminal, ask);
			ask.join = true;
			check_all_told(terminal, ask);
		}
		terminal_free(terminal);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_screen_is_told_as_asked_for),
	    cmocka_unit_test(what_is_seen_as_it_is_hides_nothing),
	    cmocka_unit_test(ansi_lines_show_the_same_elsewhere),
	    cmocka_unit_test(it_knows_its_generation_and_offset),
	    cmocka_unit_test(the_worst_screens_fit_into_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
