/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a picture: what each of a reader's columns is to show. */
#ifndef SERVER_TERMINAL_VIEW_LINE_H
#define SERVER_TERMINAL_VIEW_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/cell.h"

struct terminal;

/* A column of a reader's terminal. */
struct spot {
	uint32_t point; /* and GLYPH_WIDE; or GLYPH_TAIL */
	uint32_t marks; /* 0: none; else a sum over them */
	struct style style;
};

struct view_line {
	struct spot *spots; /* owned; cols of them */
	uint16_t cols;
	const struct row *row; /* borrowed; what shows marks; NULL: none does */
	uint16_t left;         /* its first column that is shown */
};

/*
 * The part of a terminal's row that begins at left; behind the row's end, and
 * for a row that there is not, dots.
 *   is_safe  it is shown to a reader who trusts nobody
 */
void view_line_show(struct view_line *line, const struct terminal *terminal,
    uint32_t row, uint16_t left, bool is_safe);

/* A line of text, UTF-8 from anywhere, in reverse. */
void view_line_tell(struct view_line *line, const char *text);

#endif
