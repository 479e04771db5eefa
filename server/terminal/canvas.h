/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Painting rows of cells on a reader's terminal that has as many columns, for
 * repaint.c. What is painted on is blank, its margins and modes are plain.
 */
#ifndef SERVER_TERMINAL_CANVAS_H
#define SERVER_TERMINAL_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/cell.h"

struct buffer;

struct canvas {
	struct buffer *out; /* borrowed */
	uint16_t cols;
	struct style pen; /* the reader's */
	uint16_t col;     /* where its cursor is; cols: a wrap is pending */
	bool is_lost;     /* after a glyph that some terminals draw wider or
	                     narrower than others */
};

/* The pen that the next glyph is drawn with. */
void canvas_style(struct canvas *canvas, const struct style *style);

/* To a place on the screen. */
void canvas_move(struct canvas *canvas, uint16_t row, uint16_t col);

/* In the row where the cursor is. */
void canvas_to_col(struct canvas *canvas, uint16_t col);

/* Text without control characters that is as many columns wide as bytes. */
void canvas_text(struct canvas *canvas, const char *text);

/* Write the glyph of a cell with its marks; a tail writes nothing. */
void canvas_glyph(struct canvas *canvas, const struct row *row, uint16_t col);

/*
 * The cells of a row from one column up to but without another, where the
 * cursor is in that row.
 */
void canvas_row(
    struct canvas *canvas, const struct row *row, uint16_t from, uint16_t to);

/*
 * A wrap is pending, or a wide glyph does not fit any more: begin the next row
 * with its first glyph.
 *   returns  the column behind it
 */
uint16_t canvas_wrap(struct canvas *canvas, const struct row *next);

/*
 * Paint all rows of a screen that is blank; those that wrapped wrap again.
 *   rows  as many as count
 */
void canvas_screen(
    struct canvas *canvas, const struct row *rows, uint16_t count);

#endif
