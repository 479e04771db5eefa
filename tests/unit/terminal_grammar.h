/* SPDX-License-Identifier: Apache-2.0 */
/* All that a watching view may write, see server/terminal/view.h. */
#ifndef TESTS_UNIT_TERMINAL_GRAMMAR_H
#define TESTS_UNIT_TERMINAL_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

static inline bool
grammar_is_printable(utf8proc_int32_t point)
{
	const char *category = utf8proc_category_string(point);

	/* "Cc" control, "Cf" format, "Cn" unassigned, "Co" private, "Cs" */
	return category[0] != 'C' && strcmp(category, "Zl") != 0 &&
	       strcmp(category, "Zp") != 0 &&
	       !utf8proc_get_property(point)->ignorable;
}

static inline bool
grammar_is_mark(utf8proc_int32_t point)
{
	utf8proc_category_t category = utf8proc_category(point);

	return category == UTF8PROC_CATEGORY_MN ||
	       category == UTF8PROC_CATEGORY_ME ||
	       (point > 0x1160 && point < 0x1200);
}

/*
 * The sequence at text.
 *   returns  its length; 0: it is none of those
 */
static inline size_t
grammar_sequence(const char *text, size_t len)
{
	static const char *const fixed[] = {"\x1b[K", "\x1b[2J", "\x1b[?25h",
	    "\x1b[?25l", "\x1b[?1049h", "\x1b[?1049l", "\x1b[?2026h",
	    "\x1b[?2026l", "\x1b[?7h", "\x1b[?7l"};
	size_t semicolons = 0;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		if (len >= strlen(fixed[i]) &&
		    memcmp(text, fixed[i], strlen(fixed[i])) == 0)
			return strlen(fixed[i]);
	}
	if (len < 3 || text[1] != '[')
		return 0;
	for (i = 2; i < len && strchr("0123456789;", text[i]) != NULL; i++)
		semicolons += text[i] == ';';
	if (i == len)
		return 0;
	if (text[i] == 'm' || (text[i] == 'H' && i > 2 && semicolons < 2))
		return i + 1;
	return 0;
}

/*
 * returns  the place of the first byte that may not be there; len: none. Behind
 *          a character that is not ASCII only marks or another place follow.
 */
static inline size_t
grammar_fault(const char *text, size_t len)
{
	bool is_lost = false;
	size_t at = 0;

	while (at < len) {
		utf8proc_int32_t point;
		utf8proc_ssize_t n;

		if (text[at] == '\x1b') {
			size_t sequence = grammar_sequence(text + at, len - at);

			if (sequence == 0)
				return at;
			at += sequence;
			is_lost = is_lost && text[at - 1] != 'H';
			continue;
		}
		n = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
		    (utf8proc_ssize_t)(len - at), &point);
		if (n <= 0 || !grammar_is_printable(point))
			return at;
		if (is_lost && !grammar_is_mark(point))
			return at;
		is_lost = is_lost || point >= 0x7f;
		at += (size_t)n;
	}
	return len;
}

#endif
