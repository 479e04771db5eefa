/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/state.h"

#include <string.h>

#include "server/terminal/mode.h"

#define TAB_COLUMNS 8

static const struct cell nothing;

const struct cell *
state_cell(const struct row *row, uint16_t col)
{
	return col < row->used ? &row->cells[col] : &nothing;
}

struct row *
state_row(struct terminal *terminal)
{
	return &terminal->shown->rows[terminal->cursor.row];
}

struct cell
state_blank(const struct terminal *terminal)
{
	struct cell blank = {
	    .stamp = terminal->stamp,
	    .style.bg = terminal->cursor.pen.bg,
	};

	return blank;
}

void
state_reset_soft(struct terminal *terminal)
{
	struct cursor *cursor = &terminal->cursor;
	struct cursor plain = {.row = cursor->row, .col = cursor->col};

	*cursor = plain;
	terminal->top = 0;
	terminal->bottom = (uint16_t)(terminal->size.rows - 1);
	terminal->modes[MODE_INSERT] = false;
	terminal->modes[MODE_ORIGIN] = false;
	terminal->modes[MODE_CURSOR_KEYS] = false;
	terminal->modes[MODE_KEYPAD] = false;
	terminal->modes[MODE_AUTO_WRAP] = true;
	terminal->modes[MODE_CURSOR_VISIBLE] = true;
	terminal->shown->has_saved = false;
	terminal->single_shift = 0;
	terminal->may_mark = false;
	terminal->last_glyph = 0;
}

void
state_reset(struct terminal *terminal)
{
	struct cursor plain = {0};

	terminal->cursor = plain;
	terminal->primary.has_saved = false;
	terminal->alternate.has_saved = false;
	memset(
	    &terminal->primary.keyboard, 0, sizeof(terminal->primary.keyboard));
	memset(&terminal->alternate.keyboard, 0,
	    sizeof(terminal->alternate.keyboard));
	mode_reset(terminal);
	state_reset_soft(terminal);
	terminal->cursor_shape = 0;
	terminal->modify_other_keys = 0;
	state_reset_tabs(terminal);
}

void
state_reset_tabs(struct terminal *terminal)
{
	uint16_t col;

	for (col = 0; col < LIMIT_PTY_COLS; col++)
		terminal->tabs[col] = col % TAB_COLUMNS == 0 && col > 0;
}
