/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/canvas.h"

#include <string.h>

#include "protocol/buffer.h"
#include "server/terminal/paint.h"
#include "server/terminal/state.h"

static const struct style plain;

void
canvas_style(struct canvas *canvas, const struct style *style)
{
	paint_style(&canvas->pen, style, canvas->out);
	canvas->pen = *style;
}

/* Only a background: what erases as that. */
static void
background(struct canvas *canvas, uint32_t color)
{
	struct style style = {.bg = color};

	canvas_style(canvas, &style);
}

void
canvas_move(struct canvas *canvas, uint16_t row, uint16_t col)
{
	paint_move(row, col, canvas->out);
	canvas->col = col;
	canvas->is_lost = false;
}

void
canvas_to_col(struct canvas *canvas, uint16_t col)
{
	if (!canvas->is_lost && canvas->col == col)
		return;
	if (!canvas->is_lost && col > canvas->col)
		(void)buffer_printf(
		    canvas->out, NULL, "\x1b[%uC", col - canvas->col + 0u);
	else
		(void)buffer_printf(canvas->out, NULL, "\x1b[%uG", col + 1u);
	canvas->col = col;
	canvas->is_lost = false;
}

void
canvas_text(struct canvas *canvas, const char *text)
{
	paint_text(text, canvas->out);
	canvas->col = (uint16_t)(canvas->col + strlen(text));
}

/* Whether every terminal draws it one column wide. */
static bool
is_certain(uint32_t glyph)
{
	uint32_t point = glyph & GLYPH_POINT;

	return (glyph & (GLYPH_MARKED | GLYPH_WIDE)) == 0 &&
	       (point < 0x300 || (point >= 0x2500 && point < 0x25a0));
}

void
canvas_glyph(struct canvas *canvas, const struct row *row, uint16_t col)
{
	const struct cell *cell = state_cell(row, col);
	char text[GLYPH_BYTES];
	size_t len = cell_text(row, col, text);

	if (len == 0)
		return;
	canvas_style(canvas, &cell->style);
	(void)buffer_append(canvas->out, text, len, NULL);
	canvas->col =
	    (uint16_t)(col + ((cell->glyph & GLYPH_WIDE) != 0 ? 2 : 1));
	canvas->is_lost = !is_certain(cell->glyph);
}

static bool
is_erased(const struct row *row, uint16_t col)
{
	return state_cell(row, col)->glyph == 0;
}

/*
 * The erased cells at col, as far as to.
 *   returns  the column behind them
 */
static uint16_t
paint_erased(
    struct canvas *canvas, const struct row *row, uint16_t col, uint16_t to)
{
	uint32_t color = state_cell(row, col)->style.bg;
	uint16_t end = col;

	while (end < to && is_erased(row, end) &&
	       state_cell(row, end)->style.bg == color)
		end++;
	if (color == COLOR_DEFAULT)
		return end;
	canvas_to_col(canvas, col);
	background(canvas, color);
	if (end == canvas->cols)
		paint_text("\x1b[K", canvas->out);
	else
		(void)buffer_printf(
		    canvas->out, NULL, "\x1b[%uX", end - col + 0u);
	return end;
}

void
canvas_row(
    struct canvas *canvas, const struct row *row, uint16_t from, uint16_t to)
{
	uint16_t col = from;

	if (to > row->used)
		to = row->used;
	while (col < to) {
		if (is_erased(row, col)) {
			col = paint_erased(canvas, row, col, to);
			continue;
		}
		if ((row->cells[col].glyph & GLYPH_TAIL) == 0) {
			canvas_to_col(canvas, col);
			canvas_glyph(canvas, row, col);
		}
		col++;
	}
}

/* Erase the cell at the cursor. */
static void
erase_cell(struct canvas *canvas, uint32_t color)
{
	background(canvas, color);
	paint_text("\x1b[X", canvas->out);
}

uint16_t
canvas_wrap(struct canvas *canvas, const struct row *next)
{
	uint16_t behind;

	canvas_glyph(canvas, next, 0);
	behind = canvas->col;
	if (is_erased(next, 0)) {
		canvas->is_lost = true;
		canvas_to_col(canvas, 0);
		erase_cell(canvas, state_cell(next, 0)->style.bg);
	}
	return behind;
}

static bool
ends_erased(const struct canvas *canvas, const struct row *row)
{
	return is_erased(row, (uint16_t)(canvas->cols - 1));
}

/* Whether painting the rows one behind the other makes the first one wrap. */
static bool
wraps_by_itself(
    const struct canvas *canvas, const struct row *row, const struct row *next)
{
	return row->wrapped && (!ends_erased(canvas, row) ||
	                           (state_cell(next, 0)->glyph & GLYPH_WIDE));
}

/*
 * Make a row wrap that is not the last one, without its text. Erasing its last
 * cell would undo that: so it is erased before another cell is inserted.
 */
static void
plant_wrap(struct canvas *canvas, const struct row *row, uint16_t at)
{
	uint16_t last = (uint16_t)(canvas->cols - 1);

	canvas_style(canvas, &plain);
	canvas_move(canvas, at, last);
	canvas_text(canvas, "--");
	if (ends_erased(canvas, row)) {
		canvas_move(canvas, at, (uint16_t)(last - 1));
		erase_cell(canvas, state_cell(row, last)->style.bg);
		canvas_style(canvas, &plain);
		canvas_move(canvas, at, 0);
		paint_text("\x1b[4h \x1b[4l", canvas->out);
		canvas_move(canvas, at, 0);
		erase_cell(canvas, COLOR_DEFAULT);
	}
	canvas_move(canvas, (uint16_t)(at + 1), 0);
	erase_cell(canvas, COLOR_DEFAULT);
}

/* The last row wraps: it was above another one. */
static void
plant_last(struct canvas *canvas, const struct row *row, uint16_t count)
{
	plant_wrap(canvas, row, 0);
	canvas_move(canvas, 0, 0);
	(void)buffer_printf(canvas->out, NULL, "\x1b[%uL", count - 1u);
}

static void
plant_wraps(struct canvas *canvas, const struct row *rows, uint16_t count)
{
	uint16_t last = (uint16_t)(count - 1);
	uint16_t i;

	if (rows[last].wrapped)
		plant_last(canvas, &rows[last], count);
	for (i = 0; i < last; i++) {
		if (rows[i].wrapped &&
		    !wraps_by_itself(canvas, &rows[i], &rows[i + 1]))
			plant_wrap(canvas, &rows[i], i);
	}
}

void
canvas_screen(struct canvas *canvas, const struct row *rows, uint16_t count)
{
	uint16_t cols = canvas->cols;
	bool is_planted = count > 1 && cols > 1;
	bool is_wrapping = false;
	uint16_t i;

	if (is_planted)
		plant_wraps(canvas, rows, count);
	for (i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		uint16_t from = 0;
		uint16_t to = cols;

		if (is_wrapping)
			from = canvas_wrap(canvas, row);
		else if (row->used > 0 || row->wrapped)
			canvas_move(canvas, i, 0);
		is_wrapping =
		    i + 1 < count && wraps_by_itself(canvas, row, row + 1);
		if (is_planted && !is_wrapping && row->wrapped &&
		    ends_erased(canvas, row))
			to = (uint16_t)(cols - 1);
		canvas_row(canvas, row, from, to);
		if (is_wrapping && ends_erased(canvas, row))
			canvas_to_col(canvas, (uint16_t)(cols - 1));
	}
}
