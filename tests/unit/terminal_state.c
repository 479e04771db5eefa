/* SPDX-License-Identifier: Apache-2.0 */
/* Modes, styles, titles and what else a terminal has besides its text. */
#include "server/terminal/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/terminal/mode.h"
#include "tests/unit/terminal_stand.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct {
	const char *bytes;
	struct style style;
} styles[] = {
    {"\x1b[1m", {.attributes = ATTRIBUTE_BOLD}},
    {"\x1b[2m", {.attributes = ATTRIBUTE_DIM}},
    {"\x1b[3m", {.attributes = ATTRIBUTE_ITALIC}},
    {"\x1b[5m", {.attributes = ATTRIBUTE_BLINK}},
    {"\x1b[6m", {.attributes = ATTRIBUTE_BLINK}},
    {"\x1b[7m", {.attributes = ATTRIBUTE_REVERSE}},
    {"\x1b[8m", {.attributes = ATTRIBUTE_CONCEAL}},
    {"\x1b[9m", {.attributes = ATTRIBUTE_STRIKE}},
    {"\x1b[53m", {.attributes = ATTRIBUTE_OVERLINE}},
    {"\x1b[1;2;3;5;7;8;9;53m\x1b[22;23;25;27;28;29;55m", {0}},
    {"\x1b[1;2;3m\x1b[22m", {.attributes = ATTRIBUTE_ITALIC}},
    {"\x1b[1;31;4m\x1b[m", {0}},
    {"\x1b[4m", {.underline = UNDERLINE_SINGLE}},
    {"\x1b[21m", {.underline = UNDERLINE_DOUBLE}},
    {"\x1b[4:3m", {.underline = UNDERLINE_CURLY}},
    {"\x1b[4:5m", {.underline = UNDERLINE_DASHED}},
    {"\x1b[4:0m", {0}},
    {"\x1b[4:9m", {0}},
    {"\x1b[4m\x1b[24m", {0}},
    {"\x1b[31;42m", {.fg = COLOR_BASIC | 1, .bg = COLOR_BASIC | 2}},
    {"\x1b[97;100m", {.fg = COLOR_BASIC | 15, .bg = COLOR_BASIC | 8}},
    {"\x1b[31;41m\x1b[39;49m", {0}},
    {"\x1b[38;5;200m", {.fg = COLOR_INDEXED | 200}},
    {"\x1b[38:5:200m", {.fg = COLOR_INDEXED | 200}},
    {"\x1b[48;2;1;2;3m", {.bg = COLOR_RGB | 0x010203}},
    {"\x1b[48:2:1:2:3m", {.bg = COLOR_RGB | 0x010203}},
    {"\x1b[48:2::1:2:3m", {.bg = COLOR_RGB | 0x010203}},
    {"\x1b[48:2:9:1:2:3m", {.bg = COLOR_RGB | 0x010203}},
    {"\x1b[58;2;255;0;0m", {.underline_color = COLOR_RGB | 0xff0000}},
    {"\x1b[58;5;1m", {.underline_color = COLOR_INDEXED | 1}},
    {"\x1b[58:5:1m\x1b[59m", {0}},
    {"\x1b[38;2;1;2;3;1m",
        {.fg = COLOR_RGB | 0x010203, .attributes = ATTRIBUTE_BOLD}},
    {"\x1b[38;5;1;48;5;2;7m", {.fg = COLOR_INDEXED | 1,
                                  .bg = COLOR_INDEXED | 2,
                                  .attributes = ATTRIBUTE_REVERSE}},
    {"\x1b[38;2;1;2m", {0}},
    {"\x1b[38;5m", {0}},
    {"\x1b[38;5;256m", {0}},
    {"\x1b[38;2;300;0;0m", {0}},
    {"\x1b[1:2m", {0}},
    {"\x1b[10;11;26;50;51;200m", {0}},
    {"\x1b[?1m\x1b[>1m\x1b[1 m", {0}},
};

static void
styles_are_what_their_numbers_say(void **state)
{
	struct stand stand;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(styles); i++) {
		stand_open(&stand, 2, 10);
		stand_say(&stand, styles[i].bytes);
		stand_say(&stand, "X");
		if (!style_equal(
		        &stand_cell(&stand, 0, 0)->style, &styles[i].style))
			fail_msg("%s", styles[i].bytes + 1);
		stand_close(&stand);
	}
}

static void
erased_cells_keep_only_the_background(void **state)
{
	const struct style blue = {.bg = COLOR_BASIC | 4};
	const struct style none = {0};
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 5);
	stand_say(&stand, "abc\x1b[1;7;31;44m\x1b[2G\x1b[K");
	assert_int_equal(stand_cell(&stand, 0, 4)->glyph, 0);
	assert_true(style_equal(&stand_cell(&stand, 0, 4)->style, &blue));
	stand_say(&stand, "\x1b[3;1H\n");
	assert_true(style_equal(&stand_cell(&stand, 2, 0)->style, &blue));
	stand_say(&stand, "\x1b[m\x1b[2J");
	assert_true(style_equal(&stand_cell(&stand, 2, 0)->style, &none));
	stand_close(&stand);
}

static void
every_mode_is_set_reset_and_asked_for(void **state)
{
	struct stand stand;
	unsigned i;

	(void)state;
	stand_open(&stand, 3, 5);
	for (i = 0; i < MODES; i++) {
		bool is_private;
		uint16_t number = mode_number((enum mode)i, &is_private);
		bool first = stand.terminal->modes[i];

		mode_set(stand.terminal, is_private, number, !first);
		assert_int_equal(mode_query(stand.terminal, is_private, number),
		    first ? 2 : 1);
		assert_int_equal(stand.terminal->modes[i], !first);
	}
	stand_say(&stand, "\x1b"
	                  "c");
	assert_true(stand.terminal->modes[MODE_AUTO_WRAP]);
	assert_true(stand.terminal->modes[MODE_CURSOR_VISIBLE]);
	assert_false(stand.terminal->modes[MODE_BRACKETED_PASTE]);
	assert_int_equal(mode_query(stand.terminal, true, 12345), 0);
	assert_int_equal(mode_query(stand.terminal, false, 1), 0);
	stand_close(&stand);
}

static void
one_sequence_sets_many_modes(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 5);
	stand_say(&stand, "\x1b[?1006;1000h\x1b[?2004;1004h");
	assert_int_equal(stand.terminal->mouse, MOUSE_BUTTON);
	assert_int_equal(stand.terminal->mouse_encoding, MOUSE_SGR);
	assert_true(stand.terminal->modes[MODE_BRACKETED_PASTE]);
	assert_true(stand.terminal->modes[MODE_FOCUS_EVENTS]);
	stand_say(&stand, "\x1b[?1003h\x1b[?1005l");
	assert_int_equal(stand.terminal->mouse, MOUSE_MOTION);
	assert_int_equal(stand.terminal->mouse_encoding, MOUSE_SGR);
	stand_say(&stand, "\x1b[?1003;1006l");
	assert_int_equal(stand.terminal->mouse, MOUSE_OFF);
	assert_int_equal(stand.terminal->mouse_encoding, MOUSE_PLAIN);
	stand_close(&stand);
}

static void
a_soft_reset_ends_what_confuses_shells(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 5, 5);
	stand_say(&stand, "\x1b[?1;6;25;7l\x1b[?1h\x1b[4h\x1b[2;3r\x1b[1m"
	                  "\x1b(0\x1b[?2004h\x1b=\x1b[!p");
	assert_false(stand.terminal->modes[MODE_CURSOR_KEYS]);
	assert_false(stand.terminal->modes[MODE_INSERT]);
	assert_false(stand.terminal->modes[MODE_KEYPAD]);
	assert_true(stand.terminal->modes[MODE_CURSOR_VISIBLE]);
	assert_true(stand.terminal->modes[MODE_AUTO_WRAP]);
	assert_true(stand.terminal->modes[MODE_BRACKETED_PASTE]);
	assert_int_equal(stand.terminal->bottom, 4);
	assert_int_equal(stand.terminal->cursor.pen.attributes, 0);
	assert_int_equal(stand.terminal->cursor.charsets[0], CHARSET_ASCII);
	stand_close(&stand);
}

static void
titles_are_text_and_come_back(void **state)
{
	static const struct {
		const char *bytes;
		const char *title;
	} rows[] = {
	    {"\x1b]0;one\a", "one"},
	    {"\x1b]2;two; and more\x1b\\", "two; and more"},
	    {"\x1b]1;icon\a", ""},
	    {"\x1b]2;a\n\tb\x7f\xc2\x9b"
	     "c\a",
	        "abc"},
	    {"\x1b]2;caf\xc3\xa9\xff!\a", "caf\xc3\xa9\xef\xbf\xbd!"},
	    {"\x1b]2;cut\x18\x1b]2;cut\x1a", ""},
	    {"\x1b]2;cut\x1b[31m", ""},
	    {"\x1b]2;x\a\x1b]2;\a", ""},
	    {"\x1b]2;one\a\x1b[22;2t\x1b]2;two\a\x1b[23;2t", "one"},
	    {"\x1b]2;one\a\x1b[22t\x1b]2;two\a\x1b[23;1t", "two"},
	    {"\x1b]2;one\a\x1b[23t", "one"},
	    {"\x1bkscreen's\x1b\\", ""},
	};
	struct stand stand;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		stand_open(&stand, 2, 10);
		for (n = 0; rows[i].bytes[n] != '\0'; n++)
			stand_feed(&stand, rows[i].bytes + n, 1);
		assert_string_equal(
		    terminal_title(stand.terminal), rows[i].title);
		assert_string_equal(stand_text(&stand), "");
		stand_close(&stand);
	}
}

static void
a_title_that_is_too_long_is_cut_behind_a_character(void **state)
{
	struct stand stand;
	unsigned i;

	(void)state;
	stand_open(&stand, 2, 10);
	stand_say(&stand, "\x1b]2;");
	for (i = 0; i < 1000; i++)
		stand_say(&stand, "漢");
	stand_say(&stand, "\a");
	assert_int_equal(strlen(terminal_title(stand.terminal)), 255);
	for (i = 0; i < 100; i++)
		stand_say(&stand, "\x1b[22t");
	assert_int_equal(stand.terminal->title_count, TITLE_STACK);
	stand_close(&stand);
}

static void
keyboard_flags_are_a_stack_for_each_screen(void **state)
{
	struct stand stand;
	unsigned i;

	(void)state;
	stand_open(&stand, 2, 10);
	stand_say(&stand, "\x1b[>1u\x1b[>5u\x1b[?u\x1b[<u\x1b[?u");
	assert_string_equal(stand.answers, "\x1b[?5u\x1b[?1u");
	stand_say(&stand, "\x1b[=6;2u\x1b[=2;3u");
	assert_int_equal(stand.terminal->primary.keyboard.flags[1], 5);
	stand_say(&stand, "\x1b[?1049h\x1b[>8u\x1b[?1049l");
	assert_int_equal(stand.terminal->primary.keyboard.flags[1], 5);
	for (i = 0; i < 100; i++)
		stand_say(&stand, "\x1b[>1u");
	assert_int_equal(
	    stand.terminal->primary.keyboard.depth, KEYBOARD_STACK - 1);
	stand_say(&stand, "\x1b[<99u");
	assert_int_equal(stand.terminal->primary.keyboard.depth, 0);
	assert_int_equal(stand.terminal->primary.keyboard.flags[0], 0);
	stand_say(&stand, "\x1b[>4;2m");
	assert_int_equal(stand.terminal->modify_other_keys, 2);
	stand_say(&stand, "\x1b[>4;24m");
	assert_int_equal(stand.terminal->modify_other_keys, 2);
	stand_say(&stand, "\x1b[>4m\x1b[>;24m");
	assert_int_equal(stand.terminal->modify_other_keys, 0);
	stand_close(&stand);
}

static void
strings_of_others_are_not_printed(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 2, 20);
	stand_say(&stand, "a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\");
	stand_say(&stand, "\x1b_Ga=T;AAAA\x1b\\c\x1b^pm\x1b\\d\x1bXsos\x1b\\");
	stand_say(&stand, "e\x1bPq#0;2;0;0;0\x1b\\f\x1b]52;c;eA==\a");
	stand_say(&stand, "g\x1b]7;file:///\a\x1b]9;n\a\x1b]777;n\a");
	stand_say(&stand, "h\x1b]1337;File=:AA==\a\x1bkname\x1b\\i");
	assert_string_equal(stand_text(&stand), "abcdefghi");
	stand_close(&stand);
}

static void
marks_of_the_shell_are_told(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 2, 20);
	stand_say(&stand, "\x1b]133;A;k=i\a$ \x1b]133;B\x1b\\ls\x1b]133;C\a");
	stand_say(&stand, "\x1b]133;D;127\x1b\\");
	assert_int_equal(stand.code, 127);
	stand_say(&stand, "\x1b]133;D\a");
	assert_int_equal(stand.code, -1);
	stand_say(&stand, "\x1b]133;Ax\a\x1b]133;Z\a\x1b]133;\a\a");
	assert_string_equal(stand.marks, "ABCDD");
	assert_int_equal(stand.bells, 1);
	stand_close(&stand);
}

static void
what_is_new_has_a_greater_stamp(void **state)
{
	struct stand stand;
	uint32_t first, second;

	(void)state;
	stand_open(&stand, 2, 20);
	assert_true(terminal_observe(stand.terminal) > 0);
	stand_say(&stand, "a");
	first = terminal_observe(stand.terminal);
	assert_true(stand_cell(&stand, 0, 0)->stamp <= first);
	assert_int_equal(terminal_observe(stand.terminal), first);
	stand_say(&stand, "b\xcc\x81");
	assert_true(stand_cell(&stand, 0, 0)->stamp <= first);
	assert_true(stand_cell(&stand, 0, 1)->stamp > first);
	second = terminal_observe(stand.terminal);
	assert_true(second > first);
	stand_say(&stand, "\xcc\x82");
	assert_true(stand_cell(&stand, 0, 1)->stamp > second);
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(styles_are_what_their_numbers_say),
	    cmocka_unit_test(erased_cells_keep_only_the_background),
	    cmocka_unit_test(every_mode_is_set_reset_and_asked_for),
	    cmocka_unit_test(one_sequence_sets_many_modes),
	    cmocka_unit_test(a_soft_reset_ends_what_confuses_shells),
	    cmocka_unit_test(titles_are_text_and_come_back),
	    cmocka_unit_test(
	        a_title_that_is_too_long_is_cut_behind_a_character),
	    cmocka_unit_test(keyboard_flags_are_a_stack_for_each_screen),
	    cmocka_unit_test(strings_of_others_are_not_printed),
	    cmocka_unit_test(marks_of_the_shell_are_told),
	    cmocka_unit_test(what_is_new_has_a_greater_stamp),
	};

	return cmocka_run_group_tests_name("terminal/state", tests, NULL, NULL);
}
