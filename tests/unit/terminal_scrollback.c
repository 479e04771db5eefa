/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/scrollback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/terminal/row.h"
#include "tests/unit/terminal_stand.h"

/* A line as text; i 0 is the newest. */
static const char *
line_text(const struct scrollback *scrollback, uint32_t i)
{
	static char text[STAND_TEXT_BYTES];
	struct row row = {0};

	scrollback_unpack(scrollback, i, &row);
	(void)stand_row_text(&row, text);
	row_free(&row);
	return text;
}

static void
lines_that_leave_at_the_top_are_kept(void **state)
{
	struct stand stand;
	const struct scrollback *kept;

	(void)state;
	stand_open(&stand, 2, 10);
	kept = &stand.terminal->scrollback;
	stand_say(&stand, "one\r\ntwo\r\nthree\r\n0123456789abc\r\n");
	assert_int_equal(scrollback_count(kept), 4);
	assert_string_equal(line_text(kept, 0), "0123456789");
	assert_string_equal(line_text(kept, 1), "three");
	assert_string_equal(line_text(kept, 3), "one");
	stand_say(&stand, "\x1b[2S");
	assert_int_equal(scrollback_count(kept), 6);
	stand_say(&stand, "\x1b[3J");
	assert_int_equal(scrollback_count(kept), 0);
	stand_close(&stand);
}

static void
only_the_primary_screen_and_a_region_from_its_top_keep_lines(void **state)
{
	static const struct {
		const char *bytes;
		unsigned kept;
	} rows[] = {
	    {"\x1b[?1049h\r\n\r\n\r\n\r\n\r\n", 0},
	    {"\x1b[2;3r\x1b[3;1H\n\n\n", 0},
	    {"\x1b[1;2r\x1b[2;1H\n\n\n", 3},
	    {"a\r\nb\x1b[2J", 0},
	    {"a\x1b[H\x1b[M", 0},
	    {"a\x1bM\x1bM", 0},
	    {"\x1b[9S", 4},
	    {"a\x1b"
	     "c",
	        0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stand stand;

		stand_open(&stand, 4, 10);
		stand_say(&stand, rows[i].bytes);
		assert_int_equal(scrollback_count(&stand.terminal->scrollback),
		    rows[i].kept);
		stand_close(&stand);
	}
}

/* Cells come back as they were, whatever is in them. */
static void
a_line_unpacks_as_it_was_packed(void **state)
{
	struct stand stand;
	struct row was;
	struct row row = {0};
	struct cell cells[40];
	uint16_t col;

	(void)state;
	stand_open(&stand, 2, 40);
	stand_say(&stand, "\x1b[1;31mab\x1b[0;48;2;1;2;3;4:3;58:5:9mc漢\x1b[m"
	                  "e\xcc\x81\xcc\x82\x1b[5C\xc3\xa9😀x\x1b[7m \x1b[m "
	                  "\x1b[42m\x1b[2X\x1b[2CZ");
	was = stand.terminal->shown->rows[0];
	memcpy(cells, was.cells, was.used * sizeof(*cells));
	stand_say(&stand, "\r\n\r\n");
	scrollback_unpack(&stand.terminal->scrollback, 0, &row);
	assert_int_equal(row.used, was.used);
	assert_int_equal(row.mark_count, 1);
	assert_int_equal(row.marks[0].count, 2);
	assert_int_equal(row.marks[0].col, 5);
	assert_false(row.wrapped);
	for (col = 0; col < row.used; col++) {
		assert_int_equal(row.cells[col].glyph, cells[col].glyph);
		assert_true(
		    style_equal(&row.cells[col].style, &cells[col].style));
	}
	stand_say(&stand, "\x1b[H0123456789012345678901234567890123456789abc"
	                  "\r\n\r\n");
	scrollback_unpack(&stand.terminal->scrollback, 1, &row);
	assert_true(row.wrapped);
	assert_int_equal(row.used, 40);
	row_free(&row);
	stand_close(&stand);
}

static void
blank_ends_cost_nothing(void **state)
{
	struct row row = {0};
	struct stand stand;

	(void)state;
	stand_open(&stand, 2, 80);
	stand_say(&stand, "\x1b[80G \x1b[1;5H\x1b[K\r\n\r\n");
	scrollback_unpack(&stand.terminal->scrollback, 0, &row);
	assert_int_equal(row.used, 0);
	row_free(&row);
	stand_close(&stand);
}

static void
the_oldest_lines_go_when_there_are_too_many(void **state)
{
	struct stand stand;
	const struct scrollback *kept;
	char text[16];
	unsigned i;

	(void)state;
	stand_open(&stand, 1, 20);
	kept = &stand.terminal->scrollback;
	for (i = 1; i <= 5000; i++) {
		(void)snprintf(text, sizeof(text), "%u\r\n", i);
		stand_say(&stand, text);
	}
	assert_int_equal(scrollback_count(kept), LIMIT_SCROLLBACK);
	assert_string_equal(line_text(kept, 0), "5000");
	assert_string_equal(line_text(kept, 1), "4999");
	assert_string_equal(line_text(kept, LIMIT_SCROLLBACK - 1), "3001");
	stand_close(&stand);
}

/* Lines of every length, over and over through the ring. */
static void
the_oldest_lines_go_when_they_take_too_much_memory(void **state)
{
	const struct terminal_options options = {
	    .size = {1, 1000},
	    .scrollback_lines = 500,
	    .scrollback_bytes = 40000,
	};
	struct terminal *terminal = terminal_new(&options, NULL, NULL);
	static char bytes[1200];
	unsigned round;

	(void)state;
	for (round = 1; round < 3000; round++) {
		size_t len = round * 7919 % 998;
		uint32_t count, i;

		memset(bytes, 'x', len);
		memcpy(bytes + len, "\r\n", 2);
		terminal_feed(terminal, (const uint8_t *)bytes, len + 2);
		count = scrollback_count(&terminal->scrollback);
		assert_in_range(count, 1, 500);
		assert_in_range(terminal->scrollback.bytes_size +
		                    terminal->scrollback.lines_size * 16,
		    1, 40000);
		for (i = 0; i < count; i += 7)
			assert_int_equal(
			    strlen(line_text(&terminal->scrollback, i)),
			    (round - i) * 7919 % 998);
	}
	terminal_free(terminal);
}

static void
a_line_that_is_larger_than_all_is_not_kept(void **state)
{
	const struct terminal_options options = {
	    .size = {1, 1000},
	    .scrollback_lines = 10,
	    .scrollback_bytes = 500,
	};
	const struct terminal_options none = {.size = {1, 10}};
	struct terminal *terminal = terminal_new(&options, NULL, NULL);
	static uint8_t bytes[900];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	terminal_feed(terminal, bytes, sizeof(bytes));
	terminal_feed(terminal, (const uint8_t *)"\r\nab\r\n", 6);
	assert_int_equal(scrollback_count(&terminal->scrollback), 1);
	assert_string_equal(line_text(&terminal->scrollback, 0), "ab");
	terminal_free(terminal);
	terminal = terminal_new(&none, NULL, NULL);
	terminal_feed(terminal, bytes, sizeof(bytes));
	assert_int_equal(scrollback_count(&terminal->scrollback), 0);
	terminal_free(terminal);
}

static void
a_line_has_the_stamp_of_its_newest_cell(void **state)
{
	struct stand stand;
	uint32_t since;

	(void)state;
	stand_open(&stand, 1, 20);
	stand_say(&stand, "old\r\n");
	since = terminal_observe(stand.terminal);
	stand_say(&stand, "new\r\n\r\n");
	assert_int_equal(scrollback_stamp(&stand.terminal->scrollback, 0), 0);
	assert_true(scrollback_stamp(&stand.terminal->scrollback, 1) > since);
	assert_true(scrollback_stamp(&stand.terminal->scrollback, 2) <= since);
	stand_close(&stand);
}

static void
rows_that_no_longer_fit_go_to_the_scrollback(void **state)
{
	struct stand stand;
	const struct scrollback *kept;

	(void)state;
	stand_open(&stand, 4, 10);
	kept = &stand.terminal->scrollback;
	stand_say(&stand, "1\r\n2\r\n3\r\n4");
	stand_resize(&stand, 2, 10);
	assert_int_equal(scrollback_count(kept), 2);
	assert_string_equal(line_text(kept, 0), "2");
	assert_string_equal(stand_text(&stand), "3\n4");
	assert_int_equal(stand.terminal->cursor.row, 1);
	stand_resize(&stand, 4, 10);
	assert_int_equal(scrollback_count(kept), 2);
	assert_string_equal(stand_text(&stand), "3\n4");
	stand_say(&stand, "\x1b[?1049h\x1b[4;1Hx");
	stand_resize(&stand, 1, 10);
	assert_int_equal(scrollback_count(kept), 3);
	assert_string_equal(stand_text(&stand), "x");
	stand_say(&stand, "\x1b[?1049lX");
	assert_string_equal(stand_text(&stand), "4X");
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_that_leave_at_the_top_are_kept),
	    cmocka_unit_test(
	        only_the_primary_screen_and_a_region_from_its_top_keep_lines),
	    cmocka_unit_test(a_line_unpacks_as_it_was_packed),
	    cmocka_unit_test(blank_ends_cost_nothing),
	    cmocka_unit_test(the_oldest_lines_go_when_there_are_too_many),
	    cmocka_unit_test(
	        the_oldest_lines_go_when_they_take_too_much_memory),
	    cmocka_unit_test(a_line_that_is_larger_than_all_is_not_kept),
	    cmocka_unit_test(a_line_has_the_stamp_of_its_newest_cell),
	    cmocka_unit_test(rows_that_no_longer_fit_go_to_the_scrollback),
	};

	return cmocka_run_group_tests_name(
	    "terminal/scrollback", tests, NULL, NULL);
}
