/* SPDX-License-Identifier: Apache-2.0 */
/* What programs write, and the screen that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/terminal_stand.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

struct expectation {
	const char *because;
	const char *bytes;
	const char *screen;
	uint16_t rows;
	uint16_t cols;
	uint16_t row; /* the cursor's */
	uint16_t col;
};

/* In one piece, and byte by byte. */
static void
check(const struct expectation *expected)
{
	struct stand stand;
	unsigned pieces;
	size_t i;

	for (pieces = 0; pieces < 2; pieces++) {
		stand_open(&stand, expected->rows, expected->cols);
		if (pieces == 0)
			stand_say(&stand, expected->bytes);
		for (i = 0; pieces == 1 && expected->bytes[i] != '\0'; i++)
			stand_feed(&stand, expected->bytes + i, 1);
		if (strcmp(stand_text(&stand), expected->screen) != 0)
			fail_msg("%s:\n%s\ninstead of\n%s", expected->because,
			    stand_text(&stand), expected->screen);
		if (stand.terminal->cursor.row != expected->row ||
		    stand.terminal->cursor.col != expected->col)
			fail_msg("%s: the cursor is at %u, %u",
			    expected->because, stand.terminal->cursor.row,
			    stand.terminal->cursor.col);
		stand_close(&stand);
	}
}

static void
check_all(const struct expectation *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check(&rows[i]);
}

static void
text_and_controls_make_lines(void **state)
{
	static const struct expectation rows[] = {
	    {"text", "ab", "ab", 3, 5, 0, 2},
	    {"CR LF", "ab\r\ncd", "ab\ncd", 3, 5, 1, 2},
	    {"LF stays in its column", "ab\ncd", "ab\n..cd", 3, 5, 1, 4},
	    {"VT and FF are line feeds", "a\vb\fc", "a\n.b\n..c", 3, 5, 2, 3},
	    {"LNM", "\x1b[20ha\nb", "a\nb", 3, 5, 1, 1},
	    {"BS", "abc\b\bX", "aXc", 3, 5, 0, 2},
	    {"BS stops at the left", "a\b\b\bX", "X", 3, 5, 0, 1},
	    {"HT", "a\tb", "a.......b", 2, 20, 0, 9},
	    {"HT stops at the right", "a\t\tb", "a....b", 2, 6, 0, 5},
	    {"NUL and DEL do nothing",
	        "a\x7f"
	        "b",
	        "ab", 2, 5, 0, 2},
	    {"lines scroll", "1\r\n2\r\n3\r\n4", "2\n3\n4", 3, 5, 2, 1},
	    {"NEL",
	        "ab\x1b"
	        "Ecd",
	        "ab\ncd", 3, 5, 1, 2},
	    {"IND",
	        "ab\x1b"
	        "Dcd",
	        "ab\n..cd", 3, 5, 1, 4},
	    {"RI at the top scrolls down", "ab\x1bMc", "..c\nab", 3, 5, 0, 3},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
the_last_column_waits_for_the_next_character(void **state)
{
	static const struct expectation rows[] = {
	    {"a full line waits", "abcde", "abcde", 3, 5, 0, 4},
	    {"the next one wraps", "abcdef", "abcde\nf", 3, 5, 1, 1},
	    {"CR at a pending wrap", "abcde\rX", "Xbcde", 3, 5, 0, 1},
	    {"CR LF at a pending wrap", "abcde\r\nX", "abcde\nX", 3, 5, 1, 1},
	    {"LF forgets it", "abcde\nX", "abcde\n....X", 3, 5, 1, 4},
	    {"LF on the bottom row forgets it", "\x1b[3;1Habcde\nX",
	        "\nabcde\n....X", 3, 5, 2, 4},
	    {"BS forgets it", "abcde\bX", "abcXe", 3, 5, 0, 4},
	    {"HT keeps it", "abcde\tX", "abcde\nX", 3, 5, 1, 1},
	    {"SGR keeps it", "abcde\x1b[1mX", "abcde\nX", 3, 5, 1, 1},
	    {"CUP forgets it", "abcde\x1b[1;5HX", "abcdX", 3, 5, 0, 4},
	    {"EL 0 has nothing to erase", "abcde\x1b[KX", "abcde\nX", 3, 5, 1,
	        1},
	    {"EL 1 forgets it too", "abcde\x1b[1KX", "....X", 3, 5, 0, 4},
	    {"ED 2 forgets it too", "abcde\x1b[2JX", "....X", 3, 5, 0, 4},
	    {"nor has ECH", "abcde\x1b[XY", "abcde\nY", 3, 5, 1, 1},
	    {"DECRC brings it back",
	        "abcde\x1b"
	        "7\x1b[H\x1b"
	        "8X",
	        "abcde\nX", 3, 5, 1, 1},
	    {"without autowrap the last is overwritten", "\x1b[?7labcdefg",
	        "abcdg", 3, 5, 0, 4},
	    {"at the bottom it scrolls", "1\r\n2\r\nabcdef", "2\nabcde\nf", 3,
	        5, 2, 1},
	    {"a run over many rows", "abcdefghijkl", "abcde\nfghij\nkl", 3, 5,
	        2, 2},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
the_cursor_goes_where_it_is_told(void **state)
{
	static const struct expectation rows[] = {
	    {"CUP", "\x1b[2;3HX", "\n..X", 3, 5, 1, 3},
	    {"CUP home", "ab\x1b[HX", "Xb", 3, 5, 0, 1},
	    {"CUP is clamped", "\x1b[99;99HX", "\n\n....X", 3, 5, 2, 4},
	    {"HVP", "\x1b[2;3fX", "\n..X", 3, 5, 1, 3},
	    {"CUU CUD CUF CUB", "\x1b[2;2H\x1b[A\x1b[2B\x1b[2C\x1b[DX",
	        "\n\n..X", 3, 5, 2, 3},
	    {"0 counts as 1", "\x1b[0CX", ".X", 3, 5, 0, 2},
	    {"CNL CPL", "ab\x1b[2EX\x1b[FY", "ab\nY\nX", 3, 5, 1, 1},
	    {"CHA and HPA", "\x1b[4GX\x1b[2`Y", ".Y.X", 3, 5, 0, 2},
	    {"VPA and VPR", "a\x1b[2dX\x1b[eY", "a\n.X\n..Y", 3, 5, 2, 3},
	    {"HPR", "a\x1b[2aX", "a..X", 3, 5, 0, 4},
	    {"CHT and CBT", "a\x1b[2IX\x1b[2ZY", "a.......Y.......X", 2, 30, 0,
	        9},
	    {"HTS", "\x1b[4G\x1bH\r\tX", "...X", 3, 10, 0, 4},
	    {"TBC", "\x1b[9G\x1b[g\r\tX", "................X", 2, 30, 0, 17},
	    {"TBC 3", "\x1b[3g\tX", ".........X", 2, 10, 0, 9},
	    {"DECSC and DECRC",
	        "ab\x1b"
	        "7\r\ncd\x1b"
	        "8X",
	        "abX\ncd", 3, 5, 0, 3},
	    {"CSI s and u", "ab\x1b[s\r\ncd\x1b[uX", "abX\ncd", 3, 5, 0, 3},
	    {"?1048", "ab\x1b[?1048h\r\ncd\x1b[?1048lX", "abX\ncd", 3, 5, 0, 3},
	    {"nothing saved is home",
	        "ab\x1b"
	        "8X",
	        "Xb", 3, 5, 0, 1},
	    {"reverse wrap", "\x1b[?45habcdef\b\bX", "abcdX\nf", 3, 5, 0, 4},
	    {"no reverse wrap into a line of its own", "\x1b[?45habc\r\nf\b\bX",
	        "abc\nX", 3, 5, 1, 1},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
erasing_and_shifting_leave_the_rest(void **state)
{
	static const struct expectation rows[] = {
	    {"EL 0", "abcde\x1b[3G\x1b[K", "ab", 3, 5, 0, 2},
	    {"EL 1", "abcde\x1b[3G\x1b[1K", "...de", 3, 5, 0, 2},
	    {"EL 2", "abcde\x1b[3G\x1b[2K", "", 3, 5, 0, 2},
	    {"ED 0", "ab\r\ncd\r\nef\x1b[2;2H\x1b[J", "ab\nc", 3, 5, 1, 1},
	    {"ED 1", "ab\r\ncd\r\nef\x1b[2;1H\x1b[1J", "\n.d\nef", 3, 5, 1, 0},
	    {"ED 2", "ab\r\ncd\x1b[2J", "", 3, 5, 1, 2},
	    {"ED 3 leaves the screen", "ab\x1b[3J", "ab", 3, 5, 0, 2},
	    {"ECH", "abcde\x1b[2G\x1b[2X", "a..de", 3, 5, 0, 1},
	    {"ECH is clamped", "abcde\x1b[2G\x1b[99X", "a", 3, 5, 0, 1},
	    {"ICH", "abcde\x1b[2G\x1b[2@", "a..bc", 3, 5, 0, 1},
	    {"DCH", "abcde\x1b[2G\x1b[2P", "ade", 3, 5, 0, 1},
	    {"DCH is clamped", "abcde\x1b[2G\x1b[99P", "a", 3, 5, 0, 1},
	    {"IL", "a\r\nb\r\nc\x1b[2;2H\x1b[L", "a\n\nb", 3, 5, 1, 0},
	    {"DL", "a\r\nb\r\nc\x1b[2;2H\x1b[M", "a\nc", 3, 5, 1, 0},
	    {"SU", "a\r\nb\r\nc\x1b[2S", "c", 3, 5, 2, 1},
	    {"SD", "a\r\nb\r\nc\x1b[T", "\na\nb", 3, 5, 2, 1},
	    {"insert mode", "abc\r\x1b[4hXY\x1b[4lZ", "XYZbc", 3, 5, 0, 3},
	    {"insert mode at the margin", "abcde\r\x1b[4hX", "Xabcd", 3, 5, 0,
	        1},
	    {"REP", "ab\x1b[3b", "abbbb", 3, 5, 0, 4},
	    {"REP wraps", "ab\x1b[5b", "abbbb\nbb", 3, 5, 1, 2},
	    {"REP only behind a character", "ab\x1b[C\x1b[3b", "ab", 3, 5, 0,
	        3},
	    {"DECALN", "\x1b#8", "EEE\nEEE", 2, 3, 0, 0},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
the_scroll_region_bounds_what_moves(void **state)
{
	static const struct expectation rows[] = {
	    {"DECSTBM homes", "ab\x1b[2;3rX", "Xb", 4, 5, 0, 1},
	    {"LF scrolls inside", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\nX",
	        "1\n3\nX\n4", 4, 5, 2, 1},
	    {"LF below it does not", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[4;1H\nX",
	        "1\n2\n3\nX", 4, 5, 3, 1},
	    {"RI inside", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[2;1H\x1bMX",
	        "1\nX\n2\n4", 4, 5, 1, 1},
	    {"IL outside does nothing", "1\r\n2\r\n3\x1b[2;3r\x1b[1;1H\x1b[L",
	        "1\n2\n3", 4, 5, 0, 0},
	    {"CUU stops at its top", "\x1b[2;3r\x1b[3;1H\x1b[9AX", "\nX", 4, 5,
	        1, 1},
	    {"CUD stops at its bottom", "\x1b[2;3r\x1b[2;1H\x1b[9BX", "\n\nX",
	        4, 5, 2, 1},
	    {"VPR does not", "\x1b[2;3r\x1b[9eX", "\n\n\nX", 4, 5, 3, 1},
	    {"VPR in origin mode does", "\x1b[2;3r\x1b[?6h\x1b[9eX", "\n\nX", 4,
	        5, 2, 1},
	    {"origin mode", "\x1b[2;3r\x1b[?6hX\x1b[9;1HY", "\nX\nY", 4, 5, 2,
	        1},
	    {"a region of one row is none", "\x1b[2;2rX", "X", 4, 5, 0, 1},
	    {"reset", "\x1b[2;3r\x1b[r\x1b[9BX", "\n\n\nX", 4, 5, 3, 1},
	    {"SU scrolls the region", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[S",
	        "1\n3\n\n4", 4, 5, 0, 0},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
charsets_draw_lines(void **state)
{
	static const struct expectation rows[] = {
	    {"G0", "\x1b(0lqk\x1b(Bq", "┌─┐q", 2, 5, 0, 4},
	    {"G1 with SO and SI", "\x1b)0\x0ex\x0fx", "│x", 2, 5, 0, 2},
	    {"SS2", "\x1b*0\x1bNqq", "─q", 2, 5, 0, 2},
	    {"SS3", "\x1b+0\x1bOqq", "─q", 2, 5, 0, 2},
	    {"LS2", "\x1b*0\x1bnqq", "──", 2, 5, 0, 2},
	    {"UK", "\x1b(A#\x1b(B#", "£#", 2, 5, 0, 2},
	    {"only 0x5f and above", "\x1b(0A_B",
	        "A\xc2\xa0"
	        "B",
	        2, 5, 0, 3},
	    {"REP of a drawn one", "\x1b(0q\x1b[2b", "───", 2, 5, 0, 3},
	    {"DECRC brings charsets back",
	        "\x1b(0\x1b"
	        "7\x1b(B\x1b"
	        "8q",
	        "─", 2, 5, 0, 1},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
wide_glyphs_and_marks_stay_whole(void **state)
{
	static const struct expectation rows[] = {
	    {"two columns", "漢a", "漢a", 2, 5, 0, 3},
	    {"it wraps as a whole", "abcd漢", "abcd\n漢", 2, 5, 1, 2},
	    {"it fills the row", "abc漢", "abc漢", 2, 5, 0, 4},
	    {"dropped without autowrap", "\x1b[?7labcd漢", "abcd", 2, 5, 0, 4},
	    {"its right half overwritten", "漢\x1b[2GX", " X", 2, 5, 0, 2},
	    {"its left half overwritten", "漢\rX", "X ", 2, 5, 0, 1},
	    {"its right half erased", "漢a\x1b[2G\x1b[X", " .a", 2, 5, 0, 1},
	    {"the end erased from its half", "漢a\x1b[2G\x1b[K", " ", 2, 5, 0,
	        1},
	    {"ICH inside of it", "漢a\x1b[2G\x1b[@", " . a", 2, 5, 0, 1},
	    {"DCH of its left half", "漢a\r\x1b[P", " a", 2, 5, 0, 0},
	    {"ICH pushes half of it out", "abc漢\r\x1b[@", ".abc ", 2, 5, 0, 0},
	    {"another wide one over its half", "漢字\x1b[2G漢", " 漢 ", 2, 6, 0,
	        3},
	    {"insert mode", "ab\r\x1b[4h漢", "漢ab", 2, 5, 0, 2},
	    {"a mark joins", "e\xcc\x81x", "e\xcc\x81x", 2, 5, 0, 2},
	    {"a mark at a pending wrap joins the last", "abcde\xcc\x81",
	        "abcde\xcc\x81", 2, 5, 0, 4},
	    {"also behind a charset and an SGR", "abcde\x1b(B\x1b[1m\xcc\x81",
	        "abcde\xcc\x81", 2, 5, 0, 4},
	    {"a mark behind a motion is dropped", "ab\x1b[H\xcc\x81", "ab", 2,
	        5, 0, 0},
	    {"a mark first is dropped",
	        "\xcc\x81"
	        "a",
	        "a", 2, 5, 0, 1},
	    {"five marks at most",
	        "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86",
	        "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85", 2, 5, 0, 1},
	    {"marks shift with their glyph", "ae\xcc\x81\r\x1b[@",
	        ".ae\xcc\x81", 2, 5, 0, 0},
	    {"marks go with their glyph", "ae\xcc\x81\x1b[2GX", "aX", 2, 5, 0,
	        2},
	    {"VS16 and ZWJ have no width", "\xe2\x9c\x88\xef\xb8\x8f|",
	        "\xe2\x9c\x88\xef\xb8\x8f|", 2, 5, 0, 2},
	    {"the soft hyphen has one",
	        "a\xc2\xad"
	        "b",
	        "a\xc2\xad"
	        "b",
	        2, 5, 0, 3},
	    {"emoji are wide", "😀|", "😀|", 2, 5, 0, 3},
	    {"Hangul's vowels join", "\xe1\x84\x92\xe1\x85\xa1|",
	        "\xe1\x84\x92\xe1\x85\xa1|", 2, 5, 0, 3},
	    {"unassigned and private ones have one",
	        "\xee\x80\x80\xe0\xa7\xbf|", "\xee\x80\x80\xe0\xa7\xbf|", 2, 5,
	        0, 3},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

static void
the_alternate_screen_is_apart(void **state)
{
	static const struct expectation rows[] = {
	    {"?1049 h", "ab\x1b[?1049hX", "..X", 3, 5, 0, 3},
	    {"and back", "ab\x1b[?1049h\x1b[2;2HX\x1b[?1049lY", "abY", 3, 5, 0,
	        3},
	    {"?47 keeps the cursor", "ab\x1b[?47h\nX\x1b[?47lY", "ab\n...Y", 3,
	        5, 1, 4},
	    {"?47 keeps what was there", "\x1b[?47hX\x1b[?47l\x1b[?47h", "X", 3,
	        5, 0, 1},
	    {"?1047 l clears it", "\x1b[?1047hX\x1b[?1047l\x1b[?47h", "", 3, 5,
	        0, 1},
	    {"?1049 h clears it", "\x1b[?47hX\x1b[?47l\x1b[?1049h", "", 3, 5, 0,
	        1},
	    {"?1049 l on the primary one restores the cursor",
	        "ab\x1b"
	        "7\r\n\x1b[?1049lX",
	        "abX", 3, 5, 0, 3},
	    {"RIS shows the primary one, blank",
	        "ab\x1b[?1049hX\x1b"
	        "cY",
	        "Y", 3, 5, 0, 1},
	    {"each has its saved cursor",
	        "ab\x1b"
	        "7\x1b[?47h\x1b[3;1H\x1b"
	        "7\x1b[?47l\x1b"
	        "8X",
	        "abX", 3, 5, 0, 3},
	};

	(void)state;
	check_all(rows, COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_and_controls_make_lines),
	    cmocka_unit_test(the_last_column_waits_for_the_next_character),
	    cmocka_unit_test(the_cursor_goes_where_it_is_told),
	    cmocka_unit_test(erasing_and_shifting_leave_the_rest),
	    cmocka_unit_test(the_scroll_region_bounds_what_moves),
	    cmocka_unit_test(charsets_draw_lines),
	    cmocka_unit_test(wide_glyphs_and_marks_stay_whole),
	    cmocka_unit_test(the_alternate_screen_is_apart),
	};

	return cmocka_run_group_tests_name(
	    "terminal/engine", tests, NULL, NULL);
}
