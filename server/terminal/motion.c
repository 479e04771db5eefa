/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/motion.h"

#include "server/terminal/screen.h"

static uint16_t
least(uint32_t a, uint32_t b)
{
	return (uint16_t)(a < b ? a : b);
}

/* To a place on the screen that is there. */
static void
place(struct terminal *terminal, uint16_t row, uint16_t col)
{
	terminal->cursor.row = row;
	terminal->cursor.col = col;
	terminal->cursor.wrap_pending = false;
	terminal->may_mark = false;
}

static uint16_t
absolute_row(const struct terminal *terminal, uint16_t row)
{
	if (!terminal->modes[MODE_ORIGIN])
		return least(row, terminal->size.rows - 1u);
	return least((uint32_t)terminal->top + row, terminal->bottom);
}

void
motion_to(struct terminal *terminal, uint16_t row, uint16_t col)
{
	place(terminal, absolute_row(terminal, row),
	    least(col, terminal->size.cols - 1u));
}

void
motion_to_row(struct terminal *terminal, uint16_t row)
{
	place(terminal, absolute_row(terminal, row), terminal->cursor.col);
}

void
motion_to_col(struct terminal *terminal, uint16_t col)
{
	place(terminal, terminal->cursor.row,
	    least(col, terminal->size.cols - 1u));
}

void
motion_up(struct terminal *terminal, uint16_t count)
{
	uint16_t row = terminal->cursor.row;
	uint16_t edge = row >= terminal->top ? terminal->top : 0;

	count = least(count, (uint32_t)(row - edge));
	place(terminal, (uint16_t)(row - count), terminal->cursor.col);
}

void
motion_down(struct terminal *terminal, uint16_t count)
{
	uint16_t row = terminal->cursor.row;
	uint16_t edge = row <= terminal->bottom
	                    ? terminal->bottom
	                    : (uint16_t)(terminal->size.rows - 1);

	count = least(count, (uint32_t)(edge - row));
	place(terminal, (uint16_t)(row + count), terminal->cursor.col);
}

void
motion_right(struct terminal *terminal, uint16_t count)
{
	place(terminal, terminal->cursor.row,
	    least((uint32_t)terminal->cursor.col + count,
	        terminal->size.cols - 1u));
}

/* Whether going back from the first column leads to the row above. */
static bool
may_wrap_back(const struct terminal *terminal)
{
	uint16_t row = terminal->cursor.row;

	return terminal->modes[MODE_REVERSE_WRAP] &&
	       terminal->modes[MODE_AUTO_WRAP] && row > 0 &&
	       row != terminal->top && terminal->shown->rows[row - 1].wrapped;
}

void
motion_left(struct terminal *terminal, uint16_t count)
{
	while (count > terminal->cursor.col && may_wrap_back(terminal)) {
		count = (uint16_t)(count - terminal->cursor.col - 1);
		place(terminal, (uint16_t)(terminal->cursor.row - 1),
		    (uint16_t)(terminal->size.cols - 1));
	}
	count = least(count, terminal->cursor.col);
	place(terminal, terminal->cursor.row,
	    (uint16_t)(terminal->cursor.col - count));
}

void
motion_index(struct terminal *terminal)
{
	struct cursor *cursor = &terminal->cursor;

	if (cursor->row == terminal->bottom)
		screen_scroll_up(terminal, 1);
	else if (cursor->row < terminal->size.rows - 1)
		cursor->row++;
	cursor->wrap_pending = false;
	terminal->may_mark = false;
}

void
motion_reverse_index(struct terminal *terminal)
{
	struct cursor *cursor = &terminal->cursor;

	if (cursor->row == terminal->top)
		screen_insert_rows(terminal, terminal->top, 1);
	else if (cursor->row > 0)
		cursor->row--;
	cursor->wrap_pending = false;
	terminal->may_mark = false;
}

void
motion_tab(struct terminal *terminal, uint16_t count)
{
	struct cursor *cursor = &terminal->cursor;
	uint16_t last = (uint16_t)(terminal->size.cols - 1);
	uint16_t from = cursor->col;

	for (; count > 0 && cursor->col < last; count--) {
		do
			cursor->col++;
		while (cursor->col < last && !terminal->tabs[cursor->col]);
	}
	if (cursor->col != from)
		terminal->may_mark = false;
}

void
motion_back_tab(struct terminal *terminal, uint16_t count)
{
	uint16_t col = terminal->cursor.col;

	for (; count > 0 && col > 0; count--) {
		do
			col--;
		while (col > 0 && !terminal->tabs[col]);
	}
	place(terminal, terminal->cursor.row, col);
}

void
motion_save(struct terminal *terminal)
{
	terminal->shown->saved = terminal->cursor;
	terminal->shown->saved.origin = terminal->modes[MODE_ORIGIN];
	terminal->shown->has_saved = true;
}

void
motion_restore(struct terminal *terminal)
{
	const struct screen *screen = terminal->shown;
	struct cursor plain = {0};
	struct cursor cursor = screen->has_saved ? screen->saved : plain;
	uint16_t row = least(cursor.row, terminal->size.rows - 1u);
	uint16_t col = least(cursor.col, terminal->size.cols - 1u);
	bool is_pending = cursor.wrap_pending && col == cursor.col &&
	                  col == terminal->size.cols - 1;

	terminal->modes[MODE_ORIGIN] = cursor.origin;
	if (cursor.origin && row < terminal->top)
		row = terminal->top;
	if (cursor.origin && row > terminal->bottom)
		row = terminal->bottom;
	terminal->cursor = cursor;
	terminal->cursor.origin = false;
	place(terminal, row, col);
	terminal->cursor.wrap_pending = is_pending;
}
