/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/line.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/terminal/row.h"
#include "server/terminal/scrollback.h"
#include "server/terminal/state.h"

#define FIRST_BYTES  256u
#define FIRST_PIECES 128u

void
line_clear(struct line *line)
{
	free(line->text);
	free(line->pieces);
	row_free(&line->packed);
	memset(line, 0, sizeof(*line));
}

int64_t
line_first(const struct terminal *terminal)
{
	return -(int64_t)scrollback_count(&terminal->scrollback);
}

const struct row *
line_row(const struct terminal *terminal, int64_t row, struct row *packed)
{
	if (row >= 0)
		return &terminal->shown->rows[row];
	scrollback_unpack(&terminal->scrollback, (uint32_t)(-1 - row), packed);
	return packed;
}

static void
make_room(struct line *line, size_t cols)
{
	size_t bytes = line->written + cols * (size_t)GLYPH_BYTES;
	size_t pieces = line->count + cols;

	if (bytes > line->size) {
		line->size = line->size == 0 ? FIRST_BYTES : line->size;
		while (line->size < bytes)
			line->size *= 2;
		line->text = memory_resize(line->text, line->size);
	}
	if (pieces > line->room) {
		line->room = line->room == 0 ? FIRST_PIECES : line->room;
		while (line->room < pieces)
			line->room *= 2;
		line->pieces = memory_resize(
		    line->pieces, line->room * sizeof(*line->pieces));
	}
}

static bool
is_ascii(uint32_t glyph)
{
	return glyph > ' ' && glyph < 0x7f;
}

/* Put the cell's text behind the line's. */
static void
add_cell(struct line *line, const struct row *row, int64_t at, uint16_t col)
{
	const struct cell *cell = state_cell(row, col);
	uint32_t glyph = cell->glyph;
	struct line_piece *piece;

	if ((glyph & GLYPH_TAIL) != 0)
		return;
	piece = &line->pieces[line->count++];
	piece->at = (uint32_t)line->written;
	piece->stamp = cell->stamp;
	piece->row = (int32_t)at;
	piece->col = col;
	piece->is_blank = glyph == 0 || glyph == ' ';
	if (piece->is_blank)
		line->text[line->written++] = ' ';
	else if (is_ascii(glyph))
		line->text[line->written++] = (char)glyph;
	else
		line->written +=
		    cell_text(row, col, line->text + line->written);
	if (!piece->is_blank)
		line->len = line->written;
}

/* Where the cursor stands in the row; 0 when it does not. */
static uint16_t
typed_cols(const struct terminal *terminal, int64_t at)
{
	return at == terminal->cursor.row ? terminal->cursor.col : 0;
}

static const struct row *
add_row(const struct terminal *terminal, int64_t at, struct line *line)
{
	const struct row *row = line_row(terminal, at, &line->packed);
	uint16_t typed = typed_cols(terminal, at);
	uint16_t cols = row->used > typed ? row->used : typed;
	uint16_t col;

	line->typed = 0;
	make_room(line, cols);
	for (col = 0; col < cols; col++) {
		add_cell(line, row, at, col);
		if (col + 1 == typed)
			line->typed = line->written;
	}
	return row;
}

/* The scrollback is the primary screen's: nothing in it goes on in the other.
 */
bool
line_goes_on(const struct terminal *terminal, const struct row *row, int64_t at)
{
	if (!row->wrapped || at + 1 >= terminal->size.rows)
		return false;
	return at != -1 || terminal->shown == &terminal->primary;
}

int64_t
line_read(const struct terminal *terminal, int64_t row, struct line *line)
{
	bool goes_on;

	line->row = row;
	line->len = 0;
	line->written = 0;
	line->count = 0;
	make_room(line, 1);
	do {
		goes_on =
		    line_goes_on(terminal, add_row(terminal, row, line), row);
		row++;
	} while (goes_on && line->written < LINE_BYTES_MAX);
	if (line->typed < line->len)
		line->typed = line->len;
	return row;
}
