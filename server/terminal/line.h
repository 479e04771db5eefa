/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a terminal as lines of text, and where each piece of a line stands.
 * Rows that wrap are one line. Rows count as in protocol/screen.h: 0 is the
 * screen's first, -1 the newest of the scrollback.
 */
#ifndef SERVER_TERMINAL_LINE_H
#define SERVER_TERMINAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/terminal/cell.h"

struct terminal;

/* A line ends behind the row that makes it longer, wrapped or not. */
#define LINE_BYTES_MAX (64u << 10)

/* What one cell gave to a line. */
struct line_piece {
	uint32_t at; /* where its text begins in the line's */
	uint32_t stamp;
	int32_t row;
	uint16_t col;
	bool is_blank;
};

/* All zeroes at the beginning; used again and again; line_clear frees it. */
struct line {
	int64_t row;    /* its first */
	char *text;     /* UTF-8 */
	size_t len;     /* without blanks at the end */
	size_t typed;   /* with those before the cursor, which stands there */
	size_t written; /* with all that cells have given */
	size_t size;
	struct line_piece *pieces; /* one for each cell, but for the second
	                              halves of wide ones */
	size_t count;
	size_t room;
	struct row packed; /* of the scrollback, unpacked */
};

void line_clear(struct line *line);

/* The oldest row there is; the newest is the screen's last. */
int64_t line_first(const struct terminal *terminal);

/*
 * A row, of the screen or of the scrollback.
 *   packed   all zeroes at first; row_free frees it
 *   returns  borrowed until packed is used again or the terminal fed
 */
const struct row *line_row(
    const struct terminal *terminal, int64_t row, struct row *packed);

/* Whether a row's text goes on in the next one. */
bool line_goes_on(
    const struct terminal *terminal, const struct row *row, int64_t at);

/* Read the line that begins with a row; returns the row behind it. */
int64_t line_read(
    const struct terminal *terminal, int64_t row, struct line *line);

#endif
