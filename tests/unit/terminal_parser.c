/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/terminal_stand.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void
the_ground_is_behind_the_last_whole_token(void **state)
{
	static const struct {
		const char *bytes;
		uint64_t ground;
	} rows[] = {
	    {"abc", 3},
	    {"ab\x1b", 2},
	    {"ab\x1b[", 2},
	    {"ab\x1b[3", 2},
	    {"ab\x1b[3m", 6},
	    {"ab\x1b[3\x1b[", 5},
	    {"ab\x1b[3\x18", 6},
	    {"ab\x1b(", 2},
	    {"ab\x1b(B", 5},
	    {"ab\x1b]2;t", 2},
	    {"ab\x1b]2;t\x1b", 2},
	    {"ab\x1b]2;t\x1b\\", 9},
	    {"ab\x1b]2;t\a", 8},
	    {"ab\x1b]2;t\x1b[", 7},
	    {"ab\xe6\xbc", 2},
	    {"ab\xe6\xbc\xa2", 5},
	    {"ab\xe6\xbc\xa2\xcc", 5},
	    {"ab\xe6x", 4},
	    {"ab\r\n", 4},
	    {"ab\x1b[3\n", 2},
	    {"ab\x1bP$q", 2},
	    {"ab\x1b_G", 2},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct stand stand;
		unsigned pieces;
		const char *at;

		for (pieces = 0; pieces < 2; pieces++) {
			stand_open(&stand, 3, 20);
			for (at = rows[i].bytes; pieces == 1 && *at != '\0';
			     at++)
				stand_feed(&stand, at, 1);
			if (pieces == 0)
				stand_say(&stand, rows[i].bytes);
			if (terminal_ground(stand.terminal) != rows[i].ground)
				fail_msg("%s: %llu", rows[i].bytes,
				    (unsigned long long)terminal_ground(
				        stand.terminal));
			assert_int_equal(terminal_fed(stand.terminal),
			    strlen(rows[i].bytes));
			stand_close(&stand);
		}
	}
}

static void
controls_inside_a_sequence_count_at_its_end(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 20);
	stand_say(&stand, "ab\x1b[\r\n2\a");
	assert_int_equal(stand.terminal->cursor.row, 0);
	assert_int_equal(stand.bells, 0);
	stand_say(&stand, "CX");
	assert_string_equal(stand_text(&stand), "ab\n..X");
	assert_int_equal(stand.bells, 1);
	stand_say(&stand, "\x1b\r(BY\x1b[\r\x18Z");
	assert_string_equal(stand_text(&stand), "ab\nZ.X");
	stand_close(&stand);
}

static void
what_is_no_sequence_of_ours_is_left_out_whole(void **state)
{
	static const char *const sequences[] = {"\x1b[1 2q", "\x1b[1?h",
	    "\x1b[?1?h", "\x1b[  q", "\x1b[1:2H", "\x1b[!m", "\x1b[<m",
	    "\x1b[=1;2;3y", "\x1b$$B", "\x1b%G", "\x1b F", "\x1b#3", "\x1b\\",
	    "\x1b}", "\x1b[?69h", "\x1b[1;5s", "\x1b[6;1\"q", "\x1b[8;1;1t",
	    "\x1b[i", "\x1b[?1;2r", "\x1b[?1s", "\x1b[>4;1f"};
	struct stand stand;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(sequences); i++) {
		stand_open(&stand, 3, 20);
		stand_say(&stand, "ab");
		stand_say(&stand, sequences[i]);
		stand_say(&stand, "c");
		if (strcmp(stand_text(&stand), "abc") != 0 ||
		    stand.terminal->cursor.pen.attributes != 0)
			fail_msg(
			    "%s: %s", sequences[i] + 1, stand_text(&stand));
		stand_close(&stand);
	}
}

static void
text_ends_a_sequence_that_it_cuts(void **state)
{
	struct stand stand;

	(void)state;
	stand_open(&stand, 3, 20);
	stand_say(&stand, "\x1b[3\xc3\xa9\x1b\xc3\xa9\x1b[31\x1a!");
	assert_string_equal(stand_text(&stand), "éé!");
	assert_int_equal(stand.terminal->cursor.pen.fg, COLOR_DEFAULT);
	stand_close(&stand);
}

/* Every code point but controls and surrogates, split everywhere. */
static void
every_character_arrives_whole(void **state)
{
	struct stand stand;
	uint32_t point;

	(void)state;
	stand_open(&stand, 2, 4);
	for (point = 0xa0; point <= 0x10ffff; point++) {
		char text[4];
		size_t len;
		size_t i;

		if (point >= 0xd800 && point <= 0xdfff)
			continue;
		len = point_encode(point, text);
		stand_say(&stand, "\r");
		for (i = 0; i < len; i++)
			stand_feed(&stand, text + i, 1);
		if (!stand.terminal->may_mark)
			continue; /* a mark; nothing to join */
		if ((stand_cell(&stand, 0, 0)->glyph & GLYPH_POINT) != point)
			fail_msg("U+%04X", point);
	}
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ground_is_behind_the_last_whole_token),
	    cmocka_unit_test(controls_inside_a_sequence_count_at_its_end),
	    cmocka_unit_test(what_is_no_sequence_of_ours_is_left_out_whole),
	    cmocka_unit_test(text_ends_a_sequence_that_it_cuts),
	    cmocka_unit_test(every_character_arrives_whole),
	};

	return cmocka_run_group_tests_name(
	    "terminal/parser", tests, NULL, NULL);
}
