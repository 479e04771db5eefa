/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/view.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/memory.h"
#include "server/terminal/paint.h"
#include "server/terminal/state.h"
#include "server/terminal/view_filter.h"
#include "server/terminal/view_input.h"
#include "server/terminal/view_line.h"

#define NOWHERE UINT16_MAX

static const struct style plain;

struct view {
	enum view_kind kind;
	struct terminal_size size;
	struct spot *shown; /* owned; what the reader shows, row by row */
	struct view_line line;
	bool is_entered;
	bool is_stale; /* nobody knows what the reader shows */
	bool is_behind;
	uint16_t next; /* the row that a frame begins with */
	uint16_t top;  /* of the terminal, what the reader's first row and */
	uint16_t left; /* column show */

	/* of the reader's terminal */
	struct style pen;
	uint16_t row; /* NOWHERE: not known */
	uint16_t col;
	bool is_cursor_shown;
	struct view_input input;
};

static bool
has_status(const struct view *view)
{
	return view->kind == VIEW_WATCH && view->size.rows > 1;
}

/* Rows that show the terminal. */
static uint16_t
picture_rows(const struct view *view)
{
	return (uint16_t)(view->size.rows - (has_status(view) ? 1 : 0));
}

static void
allocate(struct view *view, const struct terminal_size *size)
{
	size_t spots;

	view->size.rows = size->rows < 1 ? 1 : size->rows;
	view->size.cols = size->cols < 1 ? 1 : size->cols;
	if (view->size.rows > LIMIT_PTY_ROWS)
		view->size.rows = LIMIT_PTY_ROWS;
	if (view->size.cols > LIMIT_PTY_COLS)
		view->size.cols = LIMIT_PTY_COLS;
	spots = (size_t)view->size.rows * view->size.cols;
	free(view->shown);
	free(view->line.spots);
	view->shown = memory_new(spots, sizeof(*view->shown));
	view->line.cols = view->size.cols;
	view->line.spots = memory_new(view->size.cols, sizeof(struct spot));
	view->is_stale = true;
	view->next = 0;
}

struct view *
view_new(enum view_kind kind, const struct terminal_size *size)
{
	struct view *view = memory_new(1, sizeof(*view));

	view->kind = kind;
	allocate(view, size);
	return view;
}

void
view_free(struct view *view)
{
	if (view == NULL)
		return;
	free(view->shown);
	free(view->line.spots);
	free(view);
}

void
view_resize(struct view *view, const struct terminal_size *size)
{
	allocate(view, size);
}

void
view_invalidate(struct view *view)
{
	view->is_stale = true;
}

static void
enter(struct view *view, struct buffer *out)
{
	paint_text("\x1b[?1049h\x1b[?7l", out);
	view->is_cursor_shown = true;
	if (view->kind == VIEW_INTERACTIVE)
		view_input_begin(&view->input, out);
	view->is_entered = true;
	view->is_stale = true;
}

static void
clear(struct view *view, struct buffer *out)
{
	const struct spot blank = {.point = ' '};
	size_t spots = (size_t)view->size.rows * view->size.cols;
	size_t i;

	paint_text("\x1b[m\x1b[2J", out);
	for (i = 0; i < spots; i++)
		view->shown[i] = blank;
	view->pen = plain;
	view->row = NOWHERE;
	view->is_stale = false;
}

/*
 * Where a part of the terminal begins that has the cursor in it.
 *   from     where it began
 *   room     how many of all rows or columns are shown
 *   step     how far to go beyond the cursor, so that the next steps need none
 */
static uint16_t
follow(
    uint16_t from, uint16_t cursor, uint16_t room, uint16_t all, uint16_t step)
{
	uint32_t most = all > room ? all - (uint32_t)room : 0;
	uint32_t to = from;

	if (cursor < room && cursor < from)
		to = 0;
	else if (cursor < from)
		to = cursor - (cursor < step ? (uint32_t)cursor : step);
	else if (cursor >= from + (uint32_t)room)
		to = cursor + 1u - room + step;
	return (uint16_t)(to < most ? to : most);
}

static void
follow_cursor(struct view *view, const struct terminal *terminal)
{
	uint16_t rows = picture_rows(view);
	uint16_t cols = view->size.cols;
	uint16_t row = terminal->cursor.row;
	uint16_t col = terminal->cursor.col;

	/* a hidden cursor is anywhere: stay */
	if (!terminal->modes[MODE_CURSOR_VISIBLE]) {
		row = view->top;
		col = view->left;
	}
	view->top = follow(view->top, row, rows, terminal->size.rows, 0);
	view->left = follow(
	    view->left, col, cols, terminal->size.cols, (uint16_t)(cols / 2));
}

static void
move(struct view *view, uint16_t row, uint16_t col, struct buffer *out)
{
	if (view->row != row || view->col != col)
		paint_move(row, col, out);
	view->row = row;
	view->col = col;
}

/* Before something changes: no cursor runs about. */
static void
hide_cursor(struct view *view, struct buffer *out)
{
	if (view->is_cursor_shown)
		paint_text("\x1b[?25l", out);
	view->is_cursor_shown = false;
}

static bool
is_equal(const struct spot *a, const struct spot *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
is_ascii(const struct spot *spot)
{
	return spot->point < 0x7f && spot->marks == 0;
}

/* The glyph at a column of the line. A wide one has both its columns cleared
 * first, as not every reader knows that it is wide. */
static void
paint_glyph(struct view *view, uint16_t row, uint16_t col, struct buffer *out)
{
	const struct view_line *line = &view->line;
	const struct spot *spot = &line->spots[col];
	uint32_t points[FILTER_POINTS] = {spot->point & GLYPH_POINT};
	size_t count = 1;
	char text[4];
	size_t i;

	if ((spot->point & GLYPH_WIDE) != 0) {
		paint_text("  ", out);
		view->row = NOWHERE;
		move(view, row, col, out);
	}
	if (spot->marks != 0)
		count = filter_cell(
		    line->row, (uint16_t)(line->left + col), points);
	for (i = 0; i < count; i++)
		(void)buffer_append(
		    out, text, point_encode(points[i], text), NULL);
}

static void
paint_spot(struct view *view, uint16_t row, uint16_t col, struct buffer *out)
{
	const struct spot *spot = &view->line.spots[col];

	hide_cursor(view, out);
	move(view, row, col, out);
	paint_style(&view->pen, &spot->style, out);
	view->pen = spot->style;
	paint_glyph(view, row, col, out);
	/* how far the reader's cursor went is certain for ASCII only, and in
	 * the last column it stays */
	view->col = (uint16_t)(col + 1);
	if (!is_ascii(spot) || view->col == view->size.cols)
		view->row = NOWHERE;
}

/* The column from which on the line is blank. */
static uint16_t
blank_from(const struct view_line *line)
{
	const struct spot blank = {.point = ' '};
	uint16_t col = line->cols;

	while (col > 0 && is_equal(&line->spots[col - 1], &blank))
		col--;
	return col;
}

/* What is not as the reader shows it. Behind a glyph that is not ASCII the next
 * one is painted too, as the reader may have drawn over it. */
static void
paint_line(struct view *view, uint16_t row, struct buffer *out)
{
	struct view_line *line = &view->line;
	struct spot *shown = view->shown + (size_t)row * line->cols;
	uint16_t end = blank_from(line);
	bool is_touched = false;
	uint16_t col;

	for (col = 0; col < line->cols; col++) {
		struct spot *spot = &line->spots[col];

		if (!is_touched && is_equal(spot, &shown[col]))
			continue;
		shown[col] = *spot;
		if ((spot->point & GLYPH_TAIL) != 0)
			continue;
		if (col >= end)
			break;
		paint_spot(view, row, col, out);
		is_touched = !is_ascii(spot);
	}
	if (col == line->cols)
		return;
	hide_cursor(view, out);
	move(view, row, col, out);
	paint_style(&view->pen, &plain, out);
	view->pen = plain;
	paint_text("\x1b[K", out);
	memcpy(shown + col, line->spots + col,
	    (size_t)(line->cols - col) * sizeof(*shown));
}

static void
paint_cursor(
    struct view *view, const struct terminal *terminal, struct buffer *out)
{
	uint32_t row = terminal->cursor.row;
	uint32_t col = terminal->cursor.col;

	if (!terminal->modes[MODE_CURSOR_VISIBLE] || row < view->top ||
	    row - view->top >= picture_rows(view) || col < view->left ||
	    col - view->left >= view->size.cols) {
		hide_cursor(view, out);
		return;
	}
	move(view, (uint16_t)(row - view->top), (uint16_t)(col - view->left),
	    out);
	if (!view->is_cursor_shown)
		paint_text("\x1b[?25h", out);
	view->is_cursor_shown = true;
}

static void
paint_picture(struct view *view, const struct terminal *terminal,
    const char *status, struct buffer *out)
{
	bool is_safe = view->kind == VIEW_WATCH;
	size_t full = buffer_len(out) + VIEW_FRAME_BYTES;
	uint16_t left = view->size.rows;

	for (; left > 0 && buffer_len(out) < full; left--) {
		if (view->next < picture_rows(view))
			view_line_show(&view->line, terminal,
			    (uint32_t)view->top + view->next, view->left,
			    is_safe);
		else
			view_line_tell(
			    &view->line, status == NULL ? "" : status);
		paint_line(view, view->next, out);
		view->next = (uint16_t)((view->next + 1) % view->size.rows);
	}
	view->is_behind = left > 0;
}

bool
view_frame(struct view *view, const struct terminal *terminal,
    const char *status, struct buffer *out)
{
	size_t start = buffer_len(out);
	size_t begun;

	paint_text("\x1b[?2026h", out);
	begun = buffer_len(out);
	if (!view->is_entered)
		enter(view, out);
	if (view->is_stale)
		clear(view, out);
	follow_cursor(view, terminal);
	paint_picture(view, terminal, status, out);
	if (view->kind == VIEW_INTERACTIVE)
		view_input_follow(&view->input, terminal,
		    view->top == 0 && view->left == 0, out);
	paint_cursor(view, terminal, out);
	if (buffer_len(out) == begun) {
		buffer_truncate(out, start);
		return false;
	}
	paint_text("\x1b[?2026l", out);
	return true;
}

bool
view_is_behind(const struct view *view)
{
	return view->is_behind;
}

void
view_leave(struct view *view, struct buffer *out)
{
	if (!view->is_entered)
		return;
	if (view->kind == VIEW_INTERACTIVE)
		view_input_end(&view->input, out);
	paint_text("\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l", out);
	view->is_entered = false;
}
