/* SPDX-License-Identifier: Apache-2.0 */
/* What programs ask their terminal, where, and what it says. */
#include "server/terminal/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/terminal_stand.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define ST           "\x1b\\"

static const struct {
	const char *because;
	const char *before; /* fed first; asks nothing */
	const char *query;
	const char *answer; /* NULL: it is no query */
} rows[] = {
    {"DA1", "", "\x1b[c", "\x1b[?62;22c"},
    {"DA1 with 0", "", "\x1b[0c", "\x1b[?62;22c"},
    {"DECID", "", "\x1bZ", "\x1b[?62;22c"},
    {"DA2", "", "\x1b[>c", "\x1b[>0;100;0c"},
    {"DA3", "", "\x1b[=c", "\x1bP!|00000000" ST},
    {"an answer is no question", "", "\x1b[?62;22c", NULL},
    {"XTVERSION", "", "\x1b[>q", "\x1bP>|sallyport(" SALLYPORT_VERSION ")" ST},
    {"status", "", "\x1b[5n", "\x1b[0n"},
    {"cursor", "\x1b[2;3H", "\x1b[6n", "\x1b[2;3R"},
    {"cursor at a pending wrap", "0123456789", "\x1b[6n", "\x1b[1;10R"},
    {"cursor in origin mode", "\x1b[2;3r\x1b[?6h\x1b[2;2H", "\x1b[6n",
        "\x1b[2;2R"},
    {"cursor, private", "\x1b[2;3H", "\x1b[?6n", "\x1b[?2;3R"},
    {"another status", "", "\x1b[?996n", ""},
    {"a mode that is set", "", "\x1b[?7$p", "\x1b[?7;1$y"},
    {"a mode that is reset", "", "\x1b[?2026$p", "\x1b[?2026;2$y"},
    {"the alternate screen", "\x1b[?1049h", "\x1b[?1049$p", "\x1b[?1049;1$y"},
    {"the mouse", "\x1b[?1002;1006h", "\x1b[?1002$p\x1b[?1006$p",
        "\x1b[?1002;1$y\x1b[?1006;1$y"},
    {"an unknown mode", "", "\x1b[?9999$p", "\x1b[?9999;0$y"},
    {"an ANSI mode", "\x1b[4h", "\x1b[4$p", "\x1b[4;1$y"},
    {"SGR", "\x1b[1;38;2;1;2;3;48;5;7;4:3m", "\x1bP$qm" ST,
        "\x1bP1$r0;1;4:3;38:2::1:2:3;48:5:7m" ST},
    {"no SGR", "", "\x1bP$qm" ST, "\x1bP1$r0m" ST},
    {"margins", "\x1b[2;3r", "\x1bP$qr" ST, "\x1bP1$r2;3r" ST},
    {"cursor's shape", "\x1b[4 q", "\x1bP$q q" ST, "\x1bP1$r4 q" ST},
    {"conformance", "", "\x1bP$q\"p" ST, "\x1bP1$r62;1\"p" ST},
    {"an unknown setting", "", "\x1bP$q|" ST, "\x1bP0$r" ST},
    {"XTGETTCAP", "", "\x1bP+q544e" ST, "\x1bP0+r" ST},
    {"text's colour, with BEL", "", "\x1b]10;?\a",
        "\x1b]10;rgb:e5e5/e5e5/e5e5\a"},
    {"background, with ST", "", "\x1b]11;?" ST,
        "\x1b]11;rgb:0000/0000/0000" ST},
    {"several at once", "", "\x1b]10;?;?" ST,
        "\x1b]10;rgb:e5e5/e5e5/e5e5" ST "\x1b]11;rgb:0000/0000/0000" ST},
    {"a colour that is set is none", "", "\x1b]11;#ffffff\a", NULL},
    {"palette", "", "\x1b]4;1;?;16;?;196;?;255;?\a",
        "\x1b]4;1;rgb:cdcd/0000/0000\a"
        "\x1b]4;16;rgb:0000/0000/0000\a"
        "\x1b]4;196;rgb:ffff/0000/0000\a"
        "\x1b]4;255;rgb:eeee/eeee/eeee\a"},
    {"a colour beyond it", "", "\x1b]4;256;?\a", ""},
    {"clipboard", "", "\x1b]52;c;?\a", ""},
    {"size", "", "\x1b[18t", "\x1b[8;4;10t"},
    {"size of the screen", "", "\x1b[19t", "\x1b[9;4;10t"},
    {"pixels", "", "\x1b[14t", ""},
    {"the title is never sent back", "\x1b]2;rm -rf /\a", "\x1b[21t", ""},
    {"nor the icon's", "\x1b]0;x\a", "\x1b[20t", ""},
    {"keyboard", "\x1b[>5u", "\x1b[?u", "\x1b[?5u"},
    {"other keys", "\x1b[>4;2m", "\x1b[?4m", "\x1b[>4;2m"},
    {"ENQ", "", "\x05", ""},
    {"checksum", "", "\x1b[1;1;1;1;1;1*y", ""},
    {"kitty's graphics", "", "\x1b_Gi=1,a=q;AAAA" ST, ""},
    {"graphics registers", "", "\x1b[?1;1;0S", ""},
    {"text", "", "abc", NULL},
    {"a style", "", "\x1b[31m", NULL},
};

/* Byte by byte, so that every query lies over the ends of chunks. */
static void
every_question_is_answered_once_in_its_place(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *query = rows[i].query;
		struct stand stand;

		stand_open(&stand, 4, 10);
		stand_say(&stand, rows[i].before);
		for (n = 0; query[n] != '\0'; n++)
			stand_feed(&stand, query + n, 1);
		if ((stand.queries > 0) != (rows[i].answer != NULL) ||
		    (rows[i].answer != NULL &&
		        strcmp(stand.answers, rows[i].answer) != 0))
			fail_msg("%s: %s", rows[i].because,
			    stand.queries > 0 ? stand.answers + 1 : "none");
		if (stand.queries == 1 &&
		    (stand.from != strlen(rows[i].before) ||
		        stand.to - stand.from != n))
			fail_msg("%s: its place", rows[i].because);
		stand_close(&stand);
	}
}

/* A program that sends back what it reads would go on for ever. */
static void
no_answer_is_a_question(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct stand stand;

		if (rows[i].answer == NULL)
			continue;
		stand_open(&stand, 4, 10);
		stand_say(&stand, rows[i].answer);
		if (stand.answers[0] != '\0')
			fail_msg("%s: %s", rows[i].because, stand.answers + 1);
		stand_close(&stand);
	}
}

static void
queries_between_text_are_found_exactly(void **state)
{
	static const char text[] = "ab\x1b[1\x1b[6ncd\x1b]11;\x1b[5n\x05";
	struct stand stand;

	(void)state;
	stand_open(&stand, 4, 10);
	stand_feed(&stand, text, 9);
	assert_int_equal(stand.from, 5);
	assert_int_equal(stand.to, 9);
	stand_feed(&stand, text + 9, 11);
	assert_int_equal(stand.from, 16);
	assert_int_equal(stand.to, 20);
	stand_close(&stand);
	stand_open(&stand, 4, 10);
	stand_say(&stand, text);
	assert_int_equal(stand.queries, 3);
	assert_int_equal(stand.from, 20);
	assert_int_equal(stand.to, 21);
	stand_close(&stand);
}

static void
a_long_question_is_none(void **state)
{
	char query[TERMINAL_QUERY_BYTES + 2];
	struct stand stand;

	(void)state;
	memset(query, '0', sizeof(query));
	query[0] = '\x1b';
	query[1] = '[';
	query[TERMINAL_QUERY_BYTES - 1] = 'c';
	stand_open(&stand, 4, 10);
	stand_feed(&stand, query, TERMINAL_QUERY_BYTES);
	assert_int_equal(stand.queries, 1);
	query[TERMINAL_QUERY_BYTES - 1] = '0';
	query[TERMINAL_QUERY_BYTES] = 'c';
	stand_feed(&stand, query, TERMINAL_QUERY_BYTES + 1);
	assert_int_equal(stand.queries, 1);
	stand_close(&stand);
}

static void
a_full_question_for_colors_is_answered_in_full(void **state)
{
	struct stand stand;
	unsigned i;
	char *answer;

	(void)state;
	stand_open(&stand, 4, 10);
	stand_say(&stand, "\x1b]4");
	for (i = 0; i < 62; i++)
		stand_say(&stand, ";9;?");
	stand_say(&stand, "\x1b\\");
	assert_int_equal(stand.queries, 1);
	answer = stand.answers;
	for (i = 0;
	     (answer = strstr(answer, "]4;9;rgb:ffff/0000/0000")) != NULL; i++)
		answer++;
	assert_int_equal(i, 62);
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_question_is_answered_once_in_its_place),
	    cmocka_unit_test(no_answer_is_a_question),
	    cmocka_unit_test(queries_between_text_are_found_exactly),
	    cmocka_unit_test(a_long_question_is_none),
	    cmocka_unit_test(a_full_question_for_colors_is_answered_in_full),
	};

	return cmocka_run_group_tests_name(
	    "terminal/answer", tests, NULL, NULL);
}
