/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/erase.h"

#include "server/terminal/motion.h"
#include "server/terminal/row.h"
#include "server/terminal/screen.h"
#include "server/terminal/state.h"

/* Cells of the cursor's row. As in xterm this ends a pending wrap, and what is
 * erased from the cursor on begins with the last column then. */
static void
erase_part(struct terminal *terminal, uint16_t from, uint16_t to)
{
	struct cell blank = state_blank(terminal);
	struct row *row = state_row(terminal);

	row_erase(row, from, to, terminal->size.cols, &blank);
	if (to == terminal->size.cols)
		row->wrapped = false;
	terminal->cursor.wrap_pending = false;
	terminal->may_mark = false;
}

/* Behind a pending wrap there is nothing to erase; xterm itself takes the last
 * column, tmux and what most people use do not. */
static void
erase_right(struct terminal *terminal, uint32_t count)
{
	uint16_t col = terminal->cursor.col;
	uint32_t room = (uint32_t)(terminal->size.cols - col);

	if (terminal->cursor.wrap_pending)
		return;
	erase_part(
	    terminal, col, (uint16_t)(col + (count < room ? count : room)));
}

void
erase_line(struct terminal *terminal, uint16_t which)
{
	if (which == 0)
		erase_right(terminal, terminal->size.cols);
	else if (which == 1)
		erase_part(terminal, 0, (uint16_t)(terminal->cursor.col + 1));
	else if (which == 2)
		erase_part(terminal, 0, terminal->size.cols);
}

void
erase_display(struct terminal *terminal, uint16_t which)
{
	uint16_t row = terminal->cursor.row;

	switch (which) {
	case 0:
		erase_right(terminal, terminal->size.cols);
		screen_erase(
		    terminal, (uint16_t)(row + 1), terminal->size.rows);
		break;
	case 1:
		screen_erase(terminal, 0, row);
		erase_line(terminal, 1);
		break;
	case 2:
		screen_erase(terminal, 0, terminal->size.rows);
		terminal->cursor.wrap_pending = false;
		break;
	case 3:
		scrollback_clear(&terminal->scrollback);
		break;
	default:
		break;
	}
}

void
erase_cells(struct terminal *terminal, uint16_t count)
{
	erase_right(terminal, count);
}

/* What is behind the shifted text is not what was wrapped. */
static void
settle(struct terminal *terminal)
{
	state_row(terminal)->wrapped = false;
	terminal->cursor.wrap_pending = false;
	terminal->may_mark = false;
}

void
erase_insert_cells(struct terminal *terminal, uint16_t count)
{
	struct cell blank = state_blank(terminal);

	row_insert(state_row(terminal), terminal->cursor.col, count,
	    terminal->size.cols, &blank);
	settle(terminal);
}

void
erase_delete_cells(struct terminal *terminal, uint16_t count)
{
	struct cell blank = state_blank(terminal);

	row_delete(state_row(terminal), terminal->cursor.col, count,
	    terminal->size.cols, &blank);
	settle(terminal);
}

static bool
is_in_region(const struct terminal *terminal)
{
	return terminal->cursor.row >= terminal->top &&
	       terminal->cursor.row <= terminal->bottom;
}

void
erase_insert_rows(struct terminal *terminal, uint16_t count)
{
	if (!is_in_region(terminal))
		return;
	screen_insert_rows(terminal, terminal->cursor.row, count);
	motion_to_col(terminal, 0);
}

void
erase_delete_rows(struct terminal *terminal, uint16_t count)
{
	if (!is_in_region(terminal))
		return;
	screen_delete_rows(terminal, terminal->cursor.row, count);
	motion_to_col(terminal, 0);
}

void
erase_align(struct terminal *terminal)
{
	const struct cell letter = {.glyph = 'E', .stamp = terminal->stamp};
	uint16_t cols = terminal->size.cols;
	uint16_t i, col;

	terminal->modes[MODE_ORIGIN] = false;
	terminal->top = 0;
	terminal->bottom = (uint16_t)(terminal->size.rows - 1);
	for (i = 0; i < terminal->size.rows; i++) {
		struct row *row = &terminal->shown->rows[i];

		row_reset(row);
		(void)row_open(row, 0, cols, cols);
		for (col = 0; col < cols; col++)
			row->cells[col] = letter;
	}
	motion_to(terminal, 0, 0);
}
