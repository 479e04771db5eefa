/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of a terminal whatever it was fed; abort() where it does not. */
#ifndef TESTS_FUZZ_TERMINAL_INVARIANTS_H
#define TESTS_FUZZ_TERMINAL_INVARIANTS_H

#include <stdlib.h>
#include <string.h>

#include "protocol/utf8.h"
#include "server/terminal/row.h"
#include "server/terminal/state.h"

static inline void
hold(bool is_true)
{
	if (!is_true)
		abort();
}

static inline void
hold_point(uint32_t point)
{
	hold(point >= 0x20 && point <= 0x10ffff);
	hold(point < 0x7f || point > 0x9f);
	hold(point < 0xd800 || point > 0xdfff);
}

static inline void
hold_marks(const struct row *row)
{
	uint16_t i, n;

	for (i = 0; i < row->mark_count; i++) {
		const struct marks *marks = &row->marks[i];

		hold(i == 0 || marks[-1].col < marks->col);
		hold(marks->col < row->used);
		hold(marks->count >= 1 && marks->count <= MARKS_MAX);
		hold((row->cells[marks->col].glyph & GLYPH_MARKED) != 0);
		for (n = 0; n < marks->count; n++)
			hold_point(marks->points[n]);
	}
}

static inline void
hold_row(const struct row *row, uint16_t cols)
{
	uint16_t marked = 0;
	uint16_t col;

	hold(row->used <= cols);
	hold(row->used == 0 || row->cells != NULL);
	for (col = 0; col < row->used; col++) {
		uint32_t glyph = row->cells[col].glyph;

		hold(row->cells[col].style.zero == 0);
		hold(row->cells[col].style.underline < UNDERLINES);
		if ((glyph & GLYPH_TAIL) != 0) {
			hold(glyph == GLYPH_TAIL && col > 0);
			hold((row->cells[col - 1].glyph & GLYPH_WIDE) != 0);
			continue;
		}
		if (glyph != 0)
			hold_point(glyph & GLYPH_POINT);
		if ((glyph & GLYPH_WIDE) != 0)
			hold(col + 1 < row->used &&
			     row->cells[col + 1].glyph == GLYPH_TAIL);
		marked = (uint16_t)(marked + ((glyph & GLYPH_MARKED) != 0));
	}
	hold(marked == row->mark_count);
	hold_marks(row);
}

static inline void
hold_cursor(const struct terminal *terminal, const struct cursor *cursor)
{
	unsigned i;

	hold(cursor->row < terminal->size.rows);
	hold(cursor->col < terminal->size.cols);
	hold(!cursor->wrap_pending || cursor->col == terminal->size.cols - 1);
	hold(cursor->shift < CHARSET_SLOTS);
	for (i = 0; i < CHARSET_SLOTS; i++)
		hold(cursor->charsets[i] < CHARSETS);
}

static inline void
hold_screen(const struct terminal *terminal, const struct screen *screen)
{
	uint16_t i;

	for (i = 0; screen->rows != NULL && i < terminal->size.rows; i++)
		hold_row(&screen->rows[i], terminal->size.cols);
	if (screen->has_saved)
		hold_cursor(terminal, &screen->saved);
	hold(screen->keyboard.depth < KEYBOARD_STACK);
}

static inline void
hold_scrollback(const struct scrollback *scrollback, struct row *line)
{
	uint32_t count = scrollback_count(scrollback);

	hold(count <= scrollback->lines_max);
	hold(scrollback_memory(scrollback) - scrollback->packing_size <=
	     scrollback->bytes_max);
	if (count == 0)
		return;
	scrollback_unpack(scrollback, 0, line);
	hold_row(line, LIMIT_PTY_COLS);
	scrollback_unpack(scrollback, count - 1, line);
	hold_row(line, LIMIT_PTY_COLS);
}

static inline void
hold_title(const char *title)
{
	size_t len = strlen(title);
	size_t i;

	hold(len < TERMINAL_TITLE_BYTES && utf8_is_valid(title, len));
	for (i = 0; i < len; i++)
		hold((unsigned char)title[i] >= 0x20 && title[i] != 0x7f);
}

/* line is used again and again; row_free frees it. */
static inline void
hold_terminal(const struct terminal *terminal, struct row *line)
{
	const struct parser *parser = &terminal->parser;

	hold_cursor(terminal, &terminal->cursor);
	hold_screen(terminal, &terminal->primary);
	hold_screen(terminal, &terminal->alternate);
	hold_scrollback(&terminal->scrollback, line);
	hold_title(terminal->title);
	hold(terminal->shown->rows != NULL);
	hold(terminal->top <= terminal->bottom &&
	     terminal->bottom < terminal->size.rows);
	hold(terminal->single_shift < CHARSET_SLOTS);
	hold(terminal->cursor_shape <= 6 && terminal->modify_other_keys <= 2);
	hold(terminal->title_count <= TITLE_STACK);
	if (terminal->may_mark) {
		const struct row *row =
		    &terminal->shown->rows[terminal->mark_row];

		hold(terminal->mark_row < terminal->size.rows);
		hold(terminal->mark_col < row->used);
		hold(row->cells[terminal->mark_col].glyph != GLYPH_TAIL);
	}
	hold(terminal->last_glyph == 0 || terminal->may_mark);
	hold(parser->last < PARSER_PARAMS && parser->held_len <= PARSER_HELD);
	hold(terminal_fed(terminal) - terminal_ground(terminal) <=
	     PARSER_SEQUENCE_BYTES);
}

#endif
