/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/screen.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/terminal/row.h"

/* Rows of the store for each row of the screen: the window moves through it,
 * and back to its start when it has reached its end. */
#define STORE_FACTOR 2u

void
screen_init(struct screen *screen, uint16_t rows)
{
	screen->store =
	    memory_new((size_t)rows * STORE_FACTOR, sizeof(*screen->store));
	screen->rows = screen->store;
}

void
screen_clear(struct screen *screen, uint16_t rows)
{
	uint16_t i;

	for (i = 0; screen->rows != NULL && i < rows; i++)
		row_free(&screen->rows[i]);
	free(screen->store);
	screen->store = NULL;
	screen->rows = NULL;
}

void
screen_show(struct terminal *terminal, bool is_alternate)
{
	if (is_alternate && terminal->alternate.rows == NULL)
		screen_init(&terminal->alternate, terminal->size.rows);
	terminal->shown =
	    is_alternate ? &terminal->alternate : &terminal->primary;
	terminal->may_mark = false;
}

/* Erase whole rows that nothing has changed the margins of. */
static void
erase_rows(struct terminal *terminal, uint16_t from, uint16_t to)
{
	struct cell blank = state_blank(terminal);
	uint16_t cols = terminal->size.cols;
	uint16_t i;

	for (i = from; i < to; i++) {
		row_reset(&terminal->shown->rows[i]);
		row_erase(&terminal->shown->rows[i], 0, cols, cols, &blank);
	}
}

void
screen_erase(struct terminal *terminal, uint16_t from, uint16_t to)
{
	erase_rows(terminal, from, to);
	terminal->may_mark = false;
}

/* All rows move up by one: the first becomes the last. */
static void
rotate(struct screen *screen, uint16_t rows)
{
	struct row first = screen->rows[0];
	size_t room = (size_t)rows * STORE_FACTOR;

	if (screen->rows + rows == screen->store + room) {
		memmove(screen->store, screen->rows + 1,
		    (size_t)(rows - 1) * sizeof(*screen->store));
		screen->rows = screen->store;
	} else {
		screen->rows++;
	}
	screen->rows[rows - 1] = first;
}

static void
remove_rows(struct terminal *terminal, uint16_t first, uint16_t count)
{
	struct row *rows = terminal->shown->rows;
	uint16_t height = (uint16_t)(terminal->bottom + 1 - first);
	struct row removed[LIMIT_PTY_ROWS];

	memcpy(removed, rows + first, count * sizeof(*rows));
	memmove(rows + first, rows + first + count,
	    (size_t)(height - count) * sizeof(*rows));
	memcpy(rows + first + height - count, removed, count * sizeof(*rows));
}

void
screen_delete_rows(struct terminal *terminal, uint16_t first, uint16_t count)
{
	uint16_t height = (uint16_t)(terminal->bottom + 1 - first);
	uint16_t i;

	if (count > height)
		count = height;
	if (height == terminal->size.rows) {
		for (i = 0; i < count; i++)
			rotate(terminal->shown, height);
	} else {
		remove_rows(terminal, first, count);
	}
	erase_rows(terminal, (uint16_t)(terminal->bottom + 1 - count),
	    (uint16_t)(terminal->bottom + 1));
	terminal->may_mark = false;
}

void
screen_insert_rows(struct terminal *terminal, uint16_t first, uint16_t count)
{
	struct row *rows = terminal->shown->rows;
	uint16_t height = (uint16_t)(terminal->bottom + 1 - first);
	struct row removed[LIMIT_PTY_ROWS];

	if (count > height)
		count = height;
	memcpy(removed, rows + first + height - count, count * sizeof(*rows));
	memmove(rows + first + count, rows + first,
	    (size_t)(height - count) * sizeof(*rows));
	memcpy(rows + first, removed, count * sizeof(*rows));
	erase_rows(terminal, first, (uint16_t)(first + count));
	terminal->may_mark = false;
}

/* The first rows of the primary screen are about to go. */
static void
keep_rows(struct terminal *terminal, uint16_t count)
{
	uint16_t i;

	for (i = 0; i < count; i++)
		scrollback_push(
		    &terminal->scrollback, &terminal->primary.rows[i]);
}

void
screen_scroll_up(struct terminal *terminal, uint16_t count)
{
	uint16_t height = (uint16_t)(terminal->bottom + 1 - terminal->top);

	if (count > height)
		count = height;
	if (terminal->top == 0 && terminal->shown == &terminal->primary)
		keep_rows(terminal, count);
	screen_delete_rows(terminal, terminal->top, count);
}

/*
 * Give a screen other rows: those at the top go until the row with the cursor
 * fits.
 *   returns  how many went at the top
 */
static uint16_t
resize_rows(struct terminal *terminal, struct screen *screen,
    const struct terminal_size *to, uint16_t cursor_row)
{
	uint16_t rows = terminal->size.rows;
	struct screen old = *screen;
	uint16_t gone = 0;
	uint16_t i;

	if (cursor_row >= to->rows)
		gone = (uint16_t)(cursor_row + 1 - to->rows);
	if (screen == &terminal->primary)
		keep_rows(terminal, gone);
	screen_init(screen, to->rows);
	for (i = 0; i < rows; i++) {
		if (i < gone || i - gone >= to->rows) {
			row_free(&old.rows[i]);
			continue;
		}
		screen->rows[i - gone] = old.rows[i];
		if (to->cols != terminal->size.cols)
			row_resize(&screen->rows[i - gone], to->cols);
	}
	free(old.store);
	return gone;
}

static void
move_cursor(struct cursor *cursor, uint16_t gone,
    const struct terminal_size *to, bool is_width_changed)
{
	cursor->row = (uint16_t)(cursor->row > gone ? cursor->row - gone : 0);
	if (cursor->row >= to->rows)
		cursor->row = (uint16_t)(to->rows - 1);
	if (cursor->col >= to->cols)
		cursor->col = (uint16_t)(to->cols - 1);
	if (is_width_changed)
		cursor->wrap_pending = false;
}

/* A screen that is not shown keeps the row of its saved cursor. */
static void
resize_screen(struct terminal *terminal, struct screen *screen,
    const struct terminal_size *to)
{
	bool is_width_changed = to->cols != terminal->size.cols;
	struct cursor *cursor =
	    screen == terminal->shown ? &terminal->cursor : &screen->saved;
	uint16_t gone;

	if (screen->rows == NULL)
		return;
	gone = resize_rows(terminal, screen, to, cursor->row);
	move_cursor(&screen->saved, gone, to, is_width_changed);
	if (screen == terminal->shown)
		move_cursor(cursor, gone, to, is_width_changed);
}

void
screen_resize(struct terminal *terminal, const struct terminal_size *to)
{
	resize_screen(terminal, &terminal->primary, to);
	resize_screen(terminal, &terminal->alternate, to);
	terminal->size = *to;
	terminal->top = 0;
	terminal->bottom = (uint16_t)(to->rows - 1);
	terminal->may_mark = false;
	terminal->last_glyph = 0;
}
