/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for text on a terminal: on the shown screen, and in lines that have
 * scrolled off it since a generation, about MATCH_TAIL_BYTES of them at most.
 * Each row is a line; rows that wrap are one. Blanks at a line's end are none
 * of it, except that those before the cursor may be: both "done$" and "\$ $"
 * find what a person would.
 */
#ifndef SERVER_TERMINAL_MATCH_H
#define SERVER_TERMINAL_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct pattern;
struct terminal;

#define MATCH_TAIL_BYTES (64u << 10)

/*
 * A regular expression (PCRE2, UTF), or plain text; for one line at a time, so
 * that nothing matches across two.
 *   returns  NULL: ERROR_INVALID, text says what is wrong and where
 */
struct pattern *pattern_regex(const char *text, struct error *err);
struct pattern *pattern_text(const char *text);

/* NULL is accepted. */
void pattern_free(struct pattern *pattern);

struct match {
	int64_t row; /* negative: in the scrollback, -1 the newest */
	int64_t col;
	char *text; /* owned by the caller: what matched, cut to
	               LIMIT_TEXT_BYTES */
};

/*
 * Find the first match whose first character that is not blank was written
 * after a generation.
 *   since    as terminal_observe returned it; 0: everything on the screen, and
 *            nothing of the scrollback
 *   returns  1 found and out is set, 0 not, -1 ERROR_LIMIT: the expression
 *            takes too many steps on this screen
 */
int match_find(const struct terminal *terminal, const struct pattern *pattern,
    uint32_t since, struct match *out, struct error *err);

/*
 * A hash of the shown text, for "it has not changed": rows that match ignore
 * (NULL: none) do not count.
 */
uint64_t match_digest(
    const struct terminal *terminal, const struct pattern *ignore);

#endif
