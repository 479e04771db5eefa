/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/row.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"

static const struct cell erased;

void
row_free(struct row *row)
{
	free(row->cells);
	free(row->marks);
	memset(row, 0, sizeof(*row));
}

void
row_reset(struct row *row)
{
	row->used = 0;
	row->mark_count = 0;
	row->wrapped = false;
}

/* Forget the marks of the cells from up to but without to. */
static void
drop_marks(struct row *row, uint16_t from, uint16_t to)
{
	uint16_t kept = 0;
	uint16_t i;

	for (i = 0; i < row->mark_count; i++) {
		if (row->marks[i].col < from || row->marks[i].col >= to)
			row->marks[kept++] = row->marks[i];
	}
	row->mark_count = kept;
}

/* Of a wide glyph that col would cut in two only spaces are left. */
static void
split(struct row *row, uint16_t col)
{
	if ((row->cells[col].glyph & GLYPH_TAIL) == 0)
		return;
	if (row->mark_count > 0)
		drop_marks(row, (uint16_t)(col - 1), col);
	row->cells[col - 1].glyph = ' ';
	row->cells[col].glyph = ' ';
}

/* Keep only the cells before col. */
static void
truncate_at(struct row *row, uint16_t col)
{
	if (col >= row->used)
		return;
	split(row, col);
	if (row->mark_count > 0)
		drop_marks(row, col, row->used);
	row->used = col;
}

struct cell *
row_open(struct row *row, uint16_t from, uint16_t to, uint16_t cols)
{
	if (row->cells == NULL)
		row->cells = memory_new(cols, sizeof(*row->cells));
	if (from < row->used)
		split(row, from);
	for (; row->used < from; row->used++)
		row->cells[row->used] = erased;
	if (to < row->used)
		split(row, to);
	else
		row->used = to;
	if (row->mark_count > 0)
		drop_marks(row, from, to);
	return row->cells;
}

static bool
is_plain(const struct cell *blank)
{
	return blank->style.bg == COLOR_DEFAULT;
}

void
row_erase(struct row *row, uint16_t from, uint16_t to, uint16_t cols,
    const struct cell *blank)
{
	struct cell *cells;
	uint16_t i;

	if (from >= to)
		return;
	if (is_plain(blank) && to >= row->used) {
		truncate_at(row, from);
		return;
	}
	cells = row_open(row, from, to, cols);
	for (i = from; i < to; i++)
		cells[i] = *blank;
}

/* Marks from col on go with their glyphs. */
static void
shift_marks(struct row *row, uint16_t col, int by)
{
	uint16_t i;

	for (i = 0; i < row->mark_count; i++) {
		if (row->marks[i].col >= col)
			row->marks[i].col = (uint16_t)(row->marks[i].col + by);
	}
}

void
row_insert(struct row *row, uint16_t col, uint16_t count, uint16_t cols,
    const struct cell *blank)
{
	struct cell *cells;
	uint16_t i;

	if (count >= cols - col) {
		row_erase(row, col, cols, cols, blank);
		return;
	}
	if (col < row->used) {
		split(row, col);
		truncate_at(row, (uint16_t)(cols - count));
		memmove(row->cells + col + count, row->cells + col,
		    (size_t)(row->used - col) * sizeof(*row->cells));
		shift_marks(row, col, count);
		row->used = (uint16_t)(row->used + count);
		cells = row->cells;
		for (i = col; i < col + count; i++)
			cells[i] = *blank;
	} else {
		row_erase(row, col, (uint16_t)(col + count), cols, blank);
	}
}

void
row_delete(struct row *row, uint16_t col, uint16_t count, uint16_t cols,
    const struct cell *blank)
{
	uint16_t next;

	if (count > cols - col)
		count = (uint16_t)(cols - col);
	next = (uint16_t)(col + count);
	if (next >= row->used) {
		truncate_at(row, col);
	} else {
		split(row, col);
		split(row, next);
		if (row->mark_count > 0)
			drop_marks(row, col, next);
		memmove(row->cells + col, row->cells + next,
		    (size_t)(row->used - next) * sizeof(*row->cells));
		shift_marks(row, next, -count);
		row->used = (uint16_t)(row->used - count);
	}
	row_erase(row, (uint16_t)(cols - count), cols, cols, blank);
}

/* Index of the first entry at col or behind it. */
static uint16_t
find_marks(const struct row *row, uint16_t col)
{
	uint16_t low = 0;
	uint16_t high = row->mark_count;

	while (low < high) {
		uint16_t middle = (uint16_t)((low + high) / 2);

		if (row->marks[middle].col < col)
			low = (uint16_t)(middle + 1);
		else
			high = middle;
	}
	return low;
}

const struct marks *
row_marks(const struct row *row, uint16_t col)
{
	uint16_t i = find_marks(row, col);

	if (i == row->mark_count || row->marks[i].col != col)
		return NULL;
	return &row->marks[i];
}

/* The entries are doubled whenever their number is a power of two. */
static struct marks *
insert_marks(struct row *row, uint16_t i, uint16_t col)
{
	uint16_t count = row->mark_count;

	if ((count & (count - 1)) == 0)
		row->marks = memory_resize(row->marks,
		    (count == 0 ? 1 : 2 * (size_t)count) * sizeof(*row->marks));
	memmove(row->marks + i + 1, row->marks + i,
	    (size_t)(count - i) * sizeof(*row->marks));
	memset(&row->marks[i], 0, sizeof(*row->marks));
	row->marks[i].col = col;
	row->mark_count++;
	return &row->marks[i];
}

void
row_mark(struct row *row, uint16_t col, uint32_t point)
{
	uint16_t i = find_marks(row, col);
	struct marks *marks;

	if (i < row->mark_count && row->marks[i].col == col)
		marks = &row->marks[i];
	else
		marks = insert_marks(row, i, col);
	if (marks->count == MARKS_MAX)
		return;
	marks->points[marks->count++] = point;
	row->cells[col].glyph |= GLYPH_MARKED;
}

void
row_resize(struct row *row, uint16_t cols)
{
	truncate_at(row, cols);
	if (row->cells != NULL)
		row->cells = memory_resize(
		    row->cells, (size_t)cols * sizeof(*row->cells));
}
