/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/write.h"

#include "server/terminal/motion.h"
#include "server/terminal/row.h"
#include "server/terminal/state.h"
#include "server/terminal/width.h"

#define REPLACEMENT 0xfffdu
#define DRAWING_MIN 0x5fu

/* DEC's special graphics, from 0x5f. */
static const uint16_t drawing[] = {0xa0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d,
    0x240a, 0xb0, 0xb1, 0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c,
    0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c,
    0x2502, 0x2264, 0x2265, 0x3c0, 0x2260, 0xa3, 0xb7};

static uint32_t
translate(uint8_t charset, uint8_t byte)
{
	if (charset == CHARSET_DRAWING && byte >= DRAWING_MIN)
		return drawing[byte - DRAWING_MIN];
	if (charset == CHARSET_UK && byte == '#')
		return 0xa3;
	return byte;
}

/* A character comes behind the last column. */
static void
wrap(struct terminal *terminal)
{
	terminal->cursor.wrap_pending = false;
	if (!terminal->modes[MODE_AUTO_WRAP])
		return;
	state_row(terminal)->wrapped = true;
	terminal->cursor.col = 0;
	motion_index(terminal);
}

/* Behind count columns that were written, the last glyph at last. */
static void
advance(struct terminal *terminal, uint16_t count, uint16_t last)
{
	struct cursor *cursor = &terminal->cursor;

	terminal->may_mark = true;
	terminal->mark_row = cursor->row;
	terminal->mark_col = last;
	cursor->col = (uint16_t)(cursor->col + count);
	if (cursor->col >= terminal->size.cols) {
		cursor->col = (uint16_t)(terminal->size.cols - 1);
		cursor->wrap_pending = true;
	}
}

static void
put_run(struct terminal *terminal, const uint8_t *bytes, uint16_t len)
{
	struct cell cell = {
	    .stamp = terminal->stamp,
	    .style = terminal->cursor.pen,
	};
	uint16_t col = terminal->cursor.col;
	struct cell *cells = row_open(state_row(terminal), col,
	    (uint16_t)(col + len), terminal->size.cols);
	uint16_t i;

	for (i = 0; i < len; i++) {
		cell.glyph = bytes[i];
		cells[col + i] = cell;
	}
	advance(terminal, len, (uint16_t)(col + len - 1));
}

/* One glyph of one or two columns. */
static void
put_glyph(struct terminal *terminal, uint32_t point, uint16_t width)
{
	struct cursor *cursor = &terminal->cursor;
	uint16_t cols = terminal->size.cols;
	struct cell cell = {
	    .glyph = point,
	    .stamp = terminal->stamp,
	    .style = cursor->pen,
	};
	struct cell *cells;

	if (width > cols) {
		cell.glyph = REPLACEMENT;
		width = 1;
	}
	if (cursor->wrap_pending)
		wrap(terminal);
	if (cursor->col + width > cols) {
		if (!terminal->modes[MODE_AUTO_WRAP])
			return;
		wrap(terminal);
	}
	if (terminal->modes[MODE_INSERT]) {
		struct cell blank = state_blank(terminal);

		row_insert(
		    state_row(terminal), cursor->col, width, cols, &blank);
	}
	cells = row_open(state_row(terminal), cursor->col,
	    (uint16_t)(cursor->col + width), cols);
	if (width == 2) {
		cell.glyph = GLYPH_TAIL;
		cells[cursor->col + 1] = cell;
		cell.glyph = point | GLYPH_WIDE;
	}
	cells[cursor->col] = cell;
	terminal->last_glyph = point;
	advance(terminal, width, cursor->col);
}

static void
write_translated(struct terminal *terminal, const uint8_t *bytes, size_t len)
{
	const struct cursor *cursor = &terminal->cursor;
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t slot = terminal->single_shift != 0
		                   ? terminal->single_shift
		                   : cursor->shift;

		terminal->single_shift = 0;
		put_glyph(
		    terminal, translate(cursor->charsets[slot], bytes[i]), 1);
	}
}

void
write_ascii(struct terminal *terminal, const uint8_t *bytes, size_t len)
{
	const struct cursor *cursor = &terminal->cursor;

	if (cursor->charsets[cursor->shift] != CHARSET_ASCII ||
	    terminal->modes[MODE_INSERT] || terminal->single_shift != 0) {
		write_translated(terminal, bytes, len);
		return;
	}
	while (len > 0) {
		size_t room;

		if (cursor->wrap_pending)
			wrap(terminal);
		room = (size_t)(terminal->size.cols - cursor->col);
		if (room > len)
			room = len;
		put_run(terminal, bytes, (uint16_t)room);
		bytes += room;
		len -= room;
	}
	terminal->last_glyph = bytes[-1];
}

/* A character of no width. */
static void
join(struct terminal *terminal, uint32_t point)
{
	struct row *row;

	if (!terminal->may_mark)
		return;
	row = &terminal->shown->rows[terminal->mark_row];
	row->cells[terminal->mark_col].stamp = terminal->stamp;
	row_mark(row, terminal->mark_col, point);
}

void
write_point(struct terminal *terminal, uint32_t point)
{
	unsigned width = width_of(point);

	if (width == 0) {
		join(terminal, point);
		return;
	}
	terminal->single_shift = 0;
	put_glyph(terminal, point, (uint16_t)width);
}

void
write_repeat(struct terminal *terminal, uint16_t count)
{
	uint32_t cells = (uint32_t)terminal->size.rows * terminal->size.cols;
	uint32_t point = terminal->last_glyph;
	unsigned width;

	if (point == 0)
		return;
	width = width_of(point);
	for (; count > 0 && cells > 0; count--, cells--)
		put_glyph(terminal, point, (uint16_t)width);
}
