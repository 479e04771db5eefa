/* SPDX-License-Identifier: Apache-2.0 */
/* What broke other emulators, memory and screen: each once, by its effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fuzz/terminal_invariants.h"
#include "tests/unit/terminal_stand.h"

#define MIB (1u << 20)

static void
check_sound(const struct stand *stand)
{
	struct row line = {0};

	hold_terminal(stand->terminal, &line);
	row_free(&line);
}

static void
many_parameters_stay_in_their_array(void **state)
{
	struct stand stand;
	unsigned i;

	(void)state;
	stand_open(&stand, 3, 20);
	stand_say(&stand, "\x1b[");
	for (i = 0; i < 5000; i++)
		stand_say(&stand, i % 2 == 0 ? "281474976710655;" : "1:");
	stand_say(&stand, "mX\x1b[1");
	for (i = 0; i < 40; i++)
		stand_say(&stand, ";3");
	stand_say(&stand, "mY");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "XY");
	assert_int_equal(stand_cell(&stand, 0, 1)->style.attributes,
	    ATTRIBUTE_BOLD | ATTRIBUTE_ITALIC);
	stand_close(&stand);
}

static void
an_ordinary_style_of_seventeen_parameters_is_applied(void **state)
{
	struct stand stand;
	const struct style *style;

	(void)state;
	stand_open(&stand, 3, 20);
	stand_say(
	    &stand, "\x1b[38:2:59:66:97;48:2:36:40:59;58:2:224:175:104;4:3mX");
	style = &stand_cell(&stand, 0, 0)->style;
	assert_int_equal(style->fg, COLOR_RGB | 0x3b4261);
	assert_int_equal(style->bg, COLOR_RGB | 0x24283b);
	assert_int_equal(style->underline_color, COLOR_RGB | 0xe0af68);
	assert_int_equal(style->underline, UNDERLINE_CURLY);
	stand_close(&stand);
}

static void
rep_without_a_glyph_does_nothing(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 5);
	stand_say(&stand, "\x1b[9b\xcc\x81\x1b[9b");
	assert_string_equal(stand_text(&stand), "");
	stand_say(&stand, "a\xcc\x81\x1b[2b");
	assert_string_equal(stand_text(&stand), "a\xcc\x81"
	                                        "aa");
	check_sound(&stand);
	stand_close(&stand);
}

static void
rep_of_a_wide_glyph_at_the_margin_wraps(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 5);
	stand_say(&stand, "abc漢\x1b[65535b");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "漢漢\n漢漢\n漢");
	stand_close(&stand);
}

static void
a_wide_glyph_in_one_column_is_a_replacement(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 2, 5);
	stand_say(&stand, "漢");
	stand_resize(&stand, 2, 1);
	check_sound(&stand);
	stand_say(&stand, "\x1b[H漢\x1b[3b");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "\xef\xbf\xbd\n\xef\xbf\xbd");
	stand_close(&stand);
}

static void
a_region_that_no_longer_fits_is_reset(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 24, 80);
	stand_say(&stand, "\x1b[10;20r\x1b[20;1Htext");
	stand_resize(&stand, 5, 80);
	stand_say(&stand, "\n\n\n\x1b[9S\x1b[9T\x1bM");
	check_sound(&stand);
	assert_int_equal(stand.terminal->top, 0);
	assert_int_equal(stand.terminal->bottom, 4);
	stand_close(&stand);
}

static void
a_cursor_saved_below_the_screen_is_clamped(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 24, 80);
	stand_say(&stand, "\x1b[24;80H\x1b"
	                  "7\x1b[H");
	stand_resize(&stand, 3, 7);
	stand_say(&stand, "\x1b"
	                  "8\x1b#6X");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "\n\n......X");
	stand_close(&stand);
}

static void
megabytes_in_one_piece_are_taken(void **state)
{
	size_t len = (size_t)16 * MIB;
	char *bytes = malloc(len);
	struct stand stand;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', len);
	stand_open(&stand, 24, 80);
	stand_feed(&stand, bytes, len);
	check_sound(&stand);
	assert_int_equal(terminal_ground(stand.terminal), len);
	stand_close(&stand);
	free(bytes);
}

static void
controls_of_eight_bits_do_nothing(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 10);
	/* NEL, CSI, HTS as U+0085, U+009B, U+0088; and as bare bytes */
	stand_say(&stand, "\xc2\x85\xc2\x9b"
	                  "31m\xc2\x88"
	                  "a\x9b"
	                  "1m");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "31ma\xef\xbf\xbd"
	                                        "1m");
	stand_close(&stand);
}

static void
rows_that_shrink_away_take_no_cursor_along(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 5, 5);
	stand_say(&stand, "1\r\n2\r\n3\r\n4\r\n5\x1b[H");
	stand_resize(&stand, 2, 5);
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "1\n2");
	assert_int_equal(stand.terminal->cursor.row, 0);
	stand_close(&stand);
}

static void
sizes_may_come_in_any_order(void **state)
{
	struct stand stand;
	unsigned i;

	(void)state;
	stand_open(&stand, 24, 80);
	for (i = 0; i < 400; i++) {
		stand_say(&stand, "漢e\xcc\x81\x1b[44m\t\x1b[K\r\nabcdefghijk");
		stand_resize(&stand, (uint16_t)(i * 7919 % 700),
		    (uint16_t)(i * 104729 % 1200));
		stand_say(&stand, i % 3 == 0 ? "\x1b[?1049h" : "\x1b[?1049l");
		check_sound(&stand);
	}
	assert_int_equal(
	    terminal_get_size(stand.terminal).rows, stand.terminal->size.rows);
	stand_resize(&stand, 0, 0);
	assert_int_equal(stand.terminal->size.rows, 1);
	assert_int_equal(stand.terminal->size.cols, 1);
	stand_resize(&stand, UINT16_MAX, UINT16_MAX);
	assert_int_equal(stand.terminal->size.rows, LIMIT_PTY_ROWS);
	assert_int_equal(stand.terminal->size.cols, LIMIT_PTY_COLS);
	check_sound(&stand);
	stand_close(&stand);
}

static void
numbers_do_not_overflow(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 5);
	stand_say(&stand, "\x1b[18446744073709551617;99999999999999999999HX");
	check_sound(&stand);
	assert_string_equal(stand_text(&stand), "\n\n....X");
	stand_close(&stand);
}

static void
bytes_that_are_no_utf8_become_replacements(void **state)
{
	static const struct {
		const char *because;
		const char *bytes;
		unsigned replacements;
	} rows[] = {
	    {"a continuation alone", "\x80", 1},
	    {"over-long in two", "\xc0\xaf", 2},
	    {"over-long in three", "\xe0\x80\xaf", 3},
	    {"over-long in four", "\xf0\x80\x80\xaf", 4},
	    {"a surrogate", "\xed\xa0\x80", 3},
	    {"beyond Unicode", "\xf4\x90\x80\x80", 4},
	    {"five bytes", "\xf8\x88\x80\x80\x80", 5},
	    {"six bytes", "\xfc\x84\x80\x80\x80\x80", 6},
	    {"cut by text",
	        "\xe2\x82"
	        "",
	        1},
	    {"cut by another", "\xe2\xe2", 2},
	};
	struct stand stand;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned col = 0;

		stand_open(&stand, 2, 20);
		stand_say(&stand, rows[i].bytes);
		stand_say(&stand, "|");
		while (stand_cell(&stand, 0, (uint16_t)col)->glyph == 0xfffd)
			col++;
		if (col != rows[i].replacements ||
		    stand_cell(&stand, 0, (uint16_t)col)->glyph != '|')
			fail_msg("%s: %u", rows[i].because, col);
		stand_close(&stand);
	}
}

static void
a_string_without_an_end_is_given_up(void **state)
{
	static char bytes[MIB - 2];
	struct stand stand;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	stand_open(&stand, 3, 5);
	stand_say(&stand, "\x1b]");
	stand_feed(&stand, bytes, sizeof(bytes) - 1);
	assert_int_equal(terminal_ground(stand.terminal), 0);
	stand_say(&stand, "x");
	assert_int_equal(terminal_ground(stand.terminal), MIB);
	stand_say(&stand, "ab");
	assert_string_equal(stand_text(&stand), "ab");
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_parameters_stay_in_their_array),
	    cmocka_unit_test(
	        an_ordinary_style_of_seventeen_parameters_is_applied),
	    cmocka_unit_test(rep_without_a_glyph_does_nothing),
	    cmocka_unit_test(rep_of_a_wide_glyph_at_the_margin_wraps),
	    cmocka_unit_test(a_wide_glyph_in_one_column_is_a_replacement),
	    cmocka_unit_test(a_region_that_no_longer_fits_is_reset),
	    cmocka_unit_test(a_cursor_saved_below_the_screen_is_clamped),
	    cmocka_unit_test(megabytes_in_one_piece_are_taken),
	    cmocka_unit_test(controls_of_eight_bits_do_nothing),
	    cmocka_unit_test(rows_that_shrink_away_take_no_cursor_along),
	    cmocka_unit_test(sizes_may_come_in_any_order),
	    cmocka_unit_test(numbers_do_not_overflow),
	    cmocka_unit_test(bytes_that_are_no_utf8_become_replacements),
	    cmocka_unit_test(a_string_without_an_end_is_given_up),
	};

	return cmocka_run_group_tests_name(
	    "terminal/hostile", tests, NULL, NULL);
}
