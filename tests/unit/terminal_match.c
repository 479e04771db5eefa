/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/terminal/match.h"
#include "server/terminal/terminal.h"
#include "tests/unit/terminal_made.h"

#define ALTERNATE "\x1b[?1049h\x1b[H"

/* 'r' an expression, 't' text. */
static struct pattern *
pattern_of(char kind, const char *text)
{
	struct error err = {0};
	struct pattern *pattern =
	    kind == 'r' ? pattern_regex(text, &err) : pattern_text(text);

	if (pattern == NULL)
		fail_msg("%s: %s", text, err.text);
	return pattern;
}

struct row {
	const char *before; /* written, and observed */
	const char *after;
	char kind;
	const char *pattern;
	int result;
	int64_t row;
	int64_t col;
	const char *text;
};

/* On a terminal of 5 rows and 10 columns, since 0. */
static const struct row shown[] = {
    {"one\r\ntwo", "", 't', "two", 1, 1, 0, "two"},
    {"one\r\ntwo", "", 't', "TWO", 0, 0, 0, NULL},
    {"one\r\ntwo", "", 'r', "(?i)TWO", 1, 1, 0, "two"},
    {"one\r\ntwo", "", 'r', "^t", 1, 1, 0, "t"},
    {"one\r\ntwo", "", 'r', "e$", 1, 0, 2, "e"},
    {"one\r\ntwo", "", 'r', "e\\s+t", 0, 0, 0, NULL},
    {"one\r\ntwo", "", 'r', "e[^x]*t", 0, 0, 0, NULL},
    {"one\r\ntwo", "", 't', "e\nt", 0, 0, 0, NULL},
    {"a.c", "", 't', "a.c", 1, 0, 0, "a.c"},
    {"abc", "", 't', "a.c", 0, 0, 0, NULL},
    {"x\r\n\r\ny", "", 'r', "^$", 1, 1, 0, ""},
    {"", "", 'r', "", 1, 0, 0, ""},
    {"", "", 't', "x", 0, 0, 0, NULL},
    /* wrapped rows are one line */
    {"0123456789abc", "", 't', "89ab", 1, 0, 8, "89ab"},
    {"0123456789abc", "", 't', "bc", 1, 1, 1, "bc"},
    {"0123456789abc", "", 'r', "^abc", 0, 0, 0, NULL},
    {"0123456789\r\nabc", "", 't', "9abc", 0, 0, 0, NULL},
    {"0123456789\r\nabc", "", 'r', "^abc$", 1, 1, 0, "abc"},
    {"012345678\xe4\xb8\x80", "", 'r', "8\xe4\xb8\x80", 1, 0, 8,
        "8\xe4\xb8\x80"},
    /* blanks at the end, and before the cursor */
    {"done   \x1b[H", "", 'r', "done$", 1, 0, 0, "done"},
    {"$ ", "", 'r', "\\$ $", 1, 0, 0, "$ "},
    {"$ ", "", 'r', "\\$$", 1, 0, 0, "$"},
    {"$ ", "", 't', "$ ", 1, 0, 0, "$ "},
    {"$ \x1b[5;1H", "", 't', "$ ", 0, 0, 0, NULL},
    {"$ \x1b[8G", "", 'r', "\\$ {6}$", 1, 0, 0, "$      "},
    /* characters */
    {"a\xc3\xa9z", "", 'r', "^a.z$", 1, 0, 0, "a\xc3\xa9z"},
    {"\xe4\xb8\x80\xe4\xb8\x81x", "", 't', "x", 1, 0, 4, "x"},
    {"\xe4\xb8\x80\xe4\xb8\x81x", "", 'r', ".x", 1, 0, 2, "\xe4\xb8\x81x"},
    {"e\xcc\x81x", "", 't', "\xcc\x81", 1, 0, 0, "\xcc\x81"},
    {"\x1b[8mhidden", "", 't', "hidden", 1, 0, 0, "hidden"},
    {"a\x1b[4Gb", "", 't', "a  b", 1, 0, 0, "a  b"},
    /* the shown screen only */
    {"main" ALTERNATE "other", "", 't', "main", 0, 0, 0, NULL},
    {"main" ALTERNATE "other", "", 't', "other", 1, 0, 0, "other"},
    {"gone\r\n\n\n\n\n", "", 't', "gone", 0, 0, 0, NULL},
};

/* The same, since before was observed. */
static const struct row since[] = {
    {"one", "", 't', "one", 0, 0, 0, NULL},
    {"one", "\r\ntwo", 't', "two", 1, 1, 0, "two"},
    {"one", "\r\ntwo", 't', "one", 0, 0, 0, NULL},
    {"one ", "one", 't', "one", 1, 0, 4, "one"},
    {"one ", "one", 'r', "o.*e", 1, 0, 4, "one"},
    {"one", " two", 'r', " two", 1, 0, 3, " two"},
    {"one ", "two", 'r', " +two", 1, 0, 3, " two"},
    {"one ", "two", 'r', "e +two", 0, 0, 0, NULL},
    {"ok", "\rok", 't', "ok", 1, 0, 0, "ok"},
    {"aXb", "\x1b[2GX", 't', "X", 1, 0, 1, "X"},
    {"aXb", "\x1b[2GX", 'r', ".*X", 1, 0, 1, "X"},
    {"aXbXcX", "\x1b[6GX", 't', "X", 1, 0, 5, "X"},
    {"$ \x1b[3G", "make", 'r', ".*make", 1, 0, 1, " make"},
    {"old\r\n$ ", "x", 'r', ".*x", 1, 1, 1, " x"},
    {"a", "\r\n$ ", 'r', "\\$ $", 1, 1, 0, "$ "},
    {"$ ", " ", 'r', "\\$ ", 0, 0, 0, NULL},
    {"e", "\xcc\x81", 'r', "e", 1, 0, 0, "e"},
    {"abc", "", 'r', "", 0, 0, 0, NULL},
    {"abc", "", 'r', "$", 0, 0, 0, NULL},
    {"ab", "c", 'r', "$", 1, 0, 2, ""},
    /* it has scrolled off since */
    {"", "gone\r\n\n\n\n\n", 't', "gone", 1, -1, 0, "gone"},
    {"", "a\r\nb\r\na\r\n\n\n\n\n", 't', "a", 1, -3, 0, "a"},
    {"old\r\n\n\n\n\n", "new", 't', "old", 0, 0, 0, NULL},
    {"", "0123456789abcdef\r\n\n\n\n", 't', "9ab", 1, -1, 9, "9ab"},
    {"", "0123456789abcdef\r\n\n\n\n" ALTERNATE "abc", 't', "9ab", 0, 0, 0,
        NULL},
    {"", "0123456789abcdef\r\n\n\n\n" ALTERNATE "abc", 't', "89", 1, -1, 8,
        "89"},
};

static void
check(const struct row *row, bool is_since)
{
	struct terminal *terminal = terminal_made(5, 10, row->before);
	struct pattern *pattern = pattern_of(row->kind, row->pattern);
	struct match match = {0};
	struct error err = {0};
	uint32_t gen = terminal_observe(terminal);
	int result;

	feed(terminal, row->after);
	result =
	    match_find(terminal, pattern, is_since ? gen : 0, &match, &err);
	if (result != row->result)
		fail_msg("%s in %s, %s: %d", row->pattern, row->before,
		    row->after, result);
	if (result == 1) {
		if (match.row != row->row || match.col != row->col)
			fail_msg("%s in %s, %s: at %d, %d", row->pattern,
			    row->before, row->after, (int)match.row,
			    (int)match.col);
		assert_string_equal(match.text, row->text);
		free(match.text);
	}
	pattern_free(pattern);
	terminal_free(terminal);
}

static void
text_is_found_where_it_is_shown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		check(&shown[i], false);
}

static void
only_what_is_new_is_found_since_a_generation(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(since) / sizeof(*since); i++)
		check(&since[i], true);
}

static void
an_expression_that_is_none_is_refused_with_its_place(void **state)
{
	static const char *const bad[] = {
	    "a(b", "a)", "[z-a]", "*", "a\\", "(?<n", "\xff", "\\C"};
	struct error err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(pattern_regex(bad[i], &err));
		assert_int_equal(err.code, ERROR_INVALID);
	}
	assert_null(pattern_regex("ab(c", &err));
	assert_string_equal(
	    err.text, "not an expression: byte 4: missing closing parenthesis");
	pattern_free(NULL);
}

static void
what_matched_is_cut_between_characters(void **state)
{
	struct terminal *terminal = terminal_made(5, 400, "");
	struct pattern *pattern = pattern_of('r', ".+");
	struct match match;
	unsigned i;

	(void)state;
	feed(terminal, "x");
	for (i = 0; i < 300; i++)
		feed(terminal, "\xc3\xa9");
	assert_int_equal(match_find(terminal, pattern, 0, &match, NULL), 1);
	assert_int_equal(strlen(match.text), LIMIT_TEXT_BYTES - 1);
	free(match.text);
	pattern_free(pattern);
	terminal_free(terminal);
}

/* MATCH_TAIL_BYTES of lines of 100 bytes: those in it are found. */
static void
the_tail_of_the_scrollback_is_bounded(void **state)
{
	struct terminal *terminal = terminal_made(5, 200, "first");
	struct pattern *pattern;
	struct match match;
	uint32_t gen = terminal_observe(terminal);
	char line[128];
	unsigned i;

	(void)state;
	for (i = 0; i < 1500; i++) {
		(void)snprintf(line, sizeof(line), "\r\n%096u <%u>", i, i);
		feed(terminal, line);
	}
	pattern = pattern_of('t', "<1>");
	assert_int_equal(match_find(terminal, pattern, gen, &match, NULL), 0);
	pattern_free(pattern);
	pattern = pattern_of('t', "<900>");
	assert_int_equal(match_find(terminal, pattern, gen, &match, NULL), 1);
	assert_int_equal(match.row, 900 - 1495);
	free(match.text);
	pattern_free(pattern);
	terminal_free(terminal);
}

/* Rows of 1000 columns: the 66th makes the line longer than LINE_BYTES_MAX. */
static void
a_line_is_cut_where_it_is_too_long(void **state)
{
	struct terminal *terminal = terminal_made(100, 1000, "");
	struct pattern *cut = pattern_of('t', "needle");
	struct pattern *rest = pattern_of('r', "^dle$");
	struct match match;
	unsigned i;

	(void)state;
	for (i = 0; i < 66 * 1000 - 3; i++)
		feed(terminal, ".");
	feed(terminal, "needle");
	assert_int_equal(match_find(terminal, cut, 0, &match, NULL), 0);
	assert_int_equal(match_find(terminal, rest, 0, &match, NULL), 1);
	assert_int_equal(match.row, 66);
	free(match.text);
	/* with a row less it is one line */
	feed(terminal, "\x1b[H\x1b[M");
	assert_int_equal(match_find(terminal, cut, 0, &match, NULL), 1);
	assert_int_equal(match.row, 64);
	free(match.text);
	pattern_free(rest);
	pattern_free(cut);
	terminal_free(terminal);
}

/* The largest screen, full of one character. */
static struct terminal *
flooded(uint16_t rows, uint16_t cols, char c)
{
	struct terminal *terminal = terminal_made(rows, cols, "");
	char line[LIMIT_PTY_COLS + 1];
	unsigned i;

	memset(line, c, cols);
	line[cols] = '\0';
	for (i = 0; i < rows; i++)
		feed(terminal, line);
	return terminal;
}

static void
every_expression_comes_to_an_end(void **state)
{
	static const char *const costly[] = {
	    "(a+)+$",
	    "(a+)+[bc]",
	    "(a|a)*[bc]",
	    "(a|aa)+$",
	    "(.*)*(.*)*[bc]",
	    "(?:(?=[^x]*+)a)*[bc]",
	    "[^xyz]*+[yz]",
	    "[^x]*[yz]",
	    "(a*)\\1\\1[bc]",
	    "(a*)*\\1[bc]",
	    "(?R)?a(?R)?[bc]",
	    "a{40000}[bc]",
	    "(?:a{1000}){64}",
	    "(?s).*(.*)*(?<!a)[bc]",
	    "((((a*)*)*)*)*[bc]",
	    "^(?:a?){500}a{500}[bc]",
	    "(?|(a)|(a))+?[bc]",
	    "(?>a+)+[bc]",
	    "\\X+[bc]",
	    "[bc]|(?<=aaaaaaaaaa)[de]",
	};
	struct terminal *terminal = flooded(64, 1000, 'a');
	struct error err;
	size_t i;

	(void)state;
	feed(terminal, "\x1b[64;1000H!");
	for (i = 0; i < sizeof(costly) / sizeof(*costly); i++) {
		struct pattern *pattern = pattern_of('r', costly[i]);
		struct match match = {0};
		struct timespec from;
		struct timespec to;
		int result;

		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		err.code = ERROR_NONE;
		result = match_find(terminal, pattern, 0, &match, &err);
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		print_message("# %-22s %2d, %ld us\n", costly[i], result,
		    (to.tv_sec - from.tv_sec) * 1000000 +
		        (to.tv_nsec - from.tv_nsec) / 1000);
		if (result < 0)
			assert_int_equal(err.code, ERROR_LIMIT);
		if (i == 0)
			assert_int_equal(result, -1);
		free(match.text);
		pattern_free(pattern);
	}
	terminal_free(terminal);
}

static uint64_t
digest(const struct terminal *terminal, const char *ignore)
{
	struct pattern *pattern =
	    ignore == NULL ? NULL : pattern_of('r', ignore);
	uint64_t digest = match_digest(terminal, pattern);

	pattern_free(pattern);
	return digest;
}

static void
a_digest_changes_with_the_text_that_counts(void **state)
{
	struct terminal *terminal = terminal_made(5, 20, "work\r\n| 10%");
	uint64_t all = digest(terminal, NULL);
	uint64_t some = digest(terminal, "^[-|/]");

	(void)state;
	feed(terminal, "\r| 10%  \x1b[31m\x1b[2;1H|");
	assert_true(digest(terminal, NULL) == all);
	feed(terminal, "\r/ 20%");
	assert_false(digest(terminal, NULL) == all);
	assert_true(digest(terminal, "^[-|/]") == some);
	feed(terminal, "\x1b[Hwo_k");
	assert_false(digest(terminal, "^[-|/]") == some);
	/* lines that move count, though each is as it was */
	feed(terminal, "\x1b[2J\x1b[Ha\r\nb");
	some = digest(terminal, "^$");
	feed(terminal, "\x1b[2J\x1b[Ha\r\n\nb");
	assert_false(digest(terminal, "^$") == some);
	/* one that takes too long is no reason */
	feed(terminal,
	    "\x1b[2J\x1b[Haaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaa");
	assert_true(digest(terminal, "(a+)+(a+)+b$") == digest(terminal, NULL));
	terminal_free(terminal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_is_found_where_it_is_shown),
	    cmocka_unit_test(only_what_is_new_is_found_since_a_generation),
	    cmocka_unit_test(
	        an_expression_that_is_none_is_refused_with_its_place),
	    cmocka_unit_test(what_matched_is_cut_between_characters),
	    cmocka_unit_test(the_tail_of_the_scrollback_is_bounded),
	    cmocka_unit_test(a_line_is_cut_where_it_is_too_long),
	    cmocka_unit_test(every_expression_comes_to_an_end),
	    cmocka_unit_test(a_digest_changes_with_the_text_that_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
