/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/repaint.h"

#include <stdio.h>
#include <string.h>

#include "protocol/buffer.h"
#include "server/terminal/canvas.h"
#include "server/terminal/paint.h"
#include "server/terminal/repaint_modes.h"
#include "server/terminal/row.h"
#include "server/terminal/state.h"

#define SAVE    "\0337"
#define RESTORE "\0338"
#define ASCII   "\x0f\x1b(B\x1b)B\x1b*B\x1b+B"

static const struct style plain;

static bool
is_alternate(const struct terminal *terminal)
{
	return terminal->shown == &terminal->alternate;
}

/* Where painting begins: nothing moves, shifts or translates what is written.
 */
static void
start(const struct terminal *terminal, struct canvas *canvas)
{
	paint_text("\x1b[?1049l\x1b[m\x1b[?6l\x1b[r\x1b[4l\x1b[20l\x1b[?7h"
	           "\x1b[?45l" ASCII,
	    canvas->out);
	canvas->cols = terminal->size.cols;
	canvas->is_lost = true;
}

/* The space ends a single shift that the reader may be in. */
static void
blank(struct canvas *canvas)
{
	canvas_style(canvas, &plain);
	paint_text("\x1b[H \x1b[H\x1b[J", canvas->out);
}

/* A row that scrolls in has the pen's background. */
static void
uncolor(struct canvas *canvas, uint16_t from)
{
	if (canvas->pen.bg == COLOR_DEFAULT || from >= canvas->cols)
		return;
	canvas_to_col(canvas, from);
	canvas_style(canvas, &plain);
	paint_text("\x1b[K", canvas->out);
}

static void
begin_line(struct canvas *canvas)
{
	canvas_style(canvas, &plain);
	paint_text("\r\n", canvas->out);
	canvas->col = 0;
	canvas->is_lost = false;
}

/* One line of the scrollback, at the bottom of the reader's screen. */
static void
write_line(struct canvas *canvas, const struct row *line, bool is_wrapping)
{
	uint16_t from = 0;
	uint16_t col;

	if (is_wrapping) {
		from = canvas_wrap(canvas, line);
		uncolor(canvas, from);
	}
	if (line->used <= canvas->cols) {
		canvas_row(canvas, line, from, canvas->cols);
		return;
	}
	/* it was wider than the terminal is now */
	for (col = from; col < line->used; col++)
		canvas_glyph(canvas, line, col);
}

/* The reader's cursor goes to where writing on makes the line wrap. */
static void
fill_line(struct canvas *canvas, const struct row *line, const struct row *next)
{
	static const struct row empty;
	uint16_t end = canvas->cols;
	uint16_t col;

	if ((state_cell(next, 0)->glyph & GLYPH_WIDE) != 0)
		end--;
	if (line->used >= end)
		return;
	canvas_to_col(canvas, line->used);
	for (col = line->used; col < end; col++)
		canvas_glyph(canvas, &empty, col);
}

/* The newest line may wrap into the screen. */
static void
leave_at_top(
    struct canvas *canvas, const struct terminal *terminal, bool is_wrapping)
{
	uint16_t rows = terminal->size.rows;

	if (is_wrapping)
		canvas_glyph(canvas, &terminal->primary.rows[0], 0);
	canvas_style(canvas, &plain);
	paint_text(is_wrapping ? "\r" : "\r\n", canvas->out);
	while (--rows > 0)
		paint_text("\n", canvas->out);
}

/*
 * What the reader shows, then the newest lines of the scrollback, leave its
 * screen at the top.
 */
static void
write_scrollback(struct canvas *canvas, const struct terminal *terminal,
    const struct repaint_options *options)
{
	uint32_t count = options->scrollback;
	const struct scrollback *scrollback = &terminal->scrollback;
	struct row lines[2] = {{0}};
	const struct row *first = &terminal->primary.rows[0];
	bool is_wrapping = false;
	bool is_there = options->blank;

	if (count > scrollback_count(scrollback))
		count = scrollback_count(scrollback);
	canvas_move(
	    canvas, is_there ? 0 : (uint16_t)(terminal->size.rows - 1), 0);
	if (count > 0)
		scrollback_unpack(scrollback, count - 1, &lines[0]);
	while (count-- > 0) {
		struct row line = lines[0];

		if (!is_wrapping && !is_there)
			begin_line(canvas);
		is_there = false;
		write_line(canvas, &line, is_wrapping);
		is_wrapping = line.wrapped;
		if (count > 0)
			scrollback_unpack(scrollback, count - 1, &lines[1]);
		if (is_wrapping)
			fill_line(canvas, &line, count > 0 ? &lines[1] : first);
		lines[0] = lines[1];
		lines[1] = line;
	}
	leave_at_top(canvas, terminal, is_wrapping);
	row_free(&lines[0]);
	row_free(&lines[1]);
}

/* The first column of the glyph that covers a cell. */
static uint16_t
glyph_col(const struct row *row, uint16_t col)
{
	return (state_cell(row, col)->glyph & GLYPH_TAIL) != 0
	           ? (uint16_t)(col - 1)
	           : col;
}

/* Draw what is in the last column again, so that a wrap is pending. */
static void
draw_last(struct canvas *canvas, const struct row *row, uint16_t at)
{
	uint16_t col = glyph_col(row, (uint16_t)(canvas->cols - 1));

	canvas_move(canvas, at, col);
	canvas_glyph(canvas, row, col);
}

/* DECSC with what the screen has saved; a terminal where nothing was saved
 * goes home, plain. The screen is blank before and afterwards. */
static void
save_cursor(struct canvas *canvas, const struct screen *screen)
{
	static const struct cursor home;
	const struct cursor *saved = screen->has_saved ? &screen->saved : &home;

	if (saved->origin)
		paint_text("\x1b[?6h", canvas->out);
	canvas_move(canvas, saved->row, saved->col);
	if (saved->wrap_pending)
		canvas_text(canvas, "-");
	canvas_style(canvas, &saved->pen);
	repaint_charsets(saved, canvas->out);
	paint_text(SAVE ASCII, canvas->out);
	if (saved->origin)
		paint_text("\x1b[?6l", canvas->out);
	if (saved->wrap_pending)
		blank(canvas);
}

static void
write_screen(struct canvas *canvas, const struct terminal *terminal,
    const struct screen *screen)
{
	blank(canvas);
	repaint_keyboard(&screen->keyboard, canvas->out);
	save_cursor(canvas, screen);
	canvas_screen(canvas, screen->rows, terminal->size.rows);
}

/* Whether the alternate screen holds anything while it is not shown. */
static bool
has_hidden(const struct terminal *terminal)
{
	const struct screen *screen = &terminal->alternate;
	uint16_t i;

	if (is_alternate(terminal) || screen->rows == NULL)
		return false;
	if (screen->has_saved || screen->keyboard.depth > 0 ||
	    screen->keyboard.flags[0] != 0)
		return true;
	for (i = 0; i < terminal->size.rows; i++) {
		if (screen->rows[i].used > 0 || screen->rows[i].wrapped)
			return true;
	}
	return false;
}

/*
 * A hidden screen comes first: on a reader that cannot show it without erasing
 * it, what is shown goes over it.
 */
static void
write_screens(struct canvas *canvas, const struct terminal *terminal)
{
	if (has_hidden(terminal)) {
		paint_text("\x1b[?47h", canvas->out);
		write_screen(canvas, terminal, &terminal->alternate);
		paint_text("\x1b[?47l", canvas->out);
	}
	write_screen(canvas, terminal, &terminal->primary);
	if (!is_alternate(terminal))
		return;
	/* this saves the cursor, so it is what it was saved as */
	paint_text(RESTORE "\x1b[?1049h\x1b[m\x1b[?6l" ASCII, canvas->out);
	memset(&canvas->pen, 0, sizeof(canvas->pen));
	write_screen(canvas, terminal, &terminal->alternate);
}

/* Whether a mark that comes next joins the glyph before the cursor. */
static bool
may_join(const struct terminal *terminal)
{
	const struct cursor *cursor = &terminal->cursor;
	const struct row *row = &terminal->shown->rows[cursor->row];
	uint32_t glyph = state_cell(row, terminal->mark_col)->glyph;
	uint16_t width = (glyph & GLYPH_WIDE) != 0 ? 2 : 1;

	return terminal->may_mark &&
	       (cursor->wrap_pending ||
	           terminal->mark_col + width == cursor->col);
}

/* Whether the last glyph, written as the very last, is the one that can be
 * repeated: nothing would shift or translate it. */
static bool
may_repeat(const struct terminal *terminal)
{
	const struct cursor *cursor = &terminal->cursor;

	return terminal->last_glyph != 0 && may_join(terminal) &&
	       !terminal->modes[MODE_INSERT] &&
	       (terminal->last_glyph >= 0x80 ||
	           cursor->charsets[cursor->shift] == CHARSET_ASCII);
}

/* Whether DECRC brings the cursor to where it is, a wrap pending behind a cell
 * that was erased. */
static bool
is_as_saved(const struct terminal *terminal)
{
	const struct cursor *cursor = &terminal->cursor;
	const struct screen *screen = terminal->shown;

	return screen->has_saved && screen->saved.wrap_pending &&
	       screen->saved.row == cursor->row &&
	       screen->saved.origin == terminal->modes[MODE_ORIGIN];
}

/* The cursor's place, with what is pending there but for what may_repeat. */
static void
write_place(struct canvas *canvas, const struct terminal *terminal)
{
	const struct cursor *cursor = &terminal->cursor;
	const struct row *row = &terminal->shown->rows[cursor->row];
	uint16_t at = cursor->row;

	if (terminal->modes[MODE_ORIGIN])
		at = (uint16_t)(at - terminal->top);
	if (may_join(terminal)) {
		canvas_move(canvas, at, terminal->mark_col);
		if (!may_repeat(terminal))
			canvas_glyph(canvas, row, terminal->mark_col);
		return;
	}
	if (!cursor->wrap_pending) {
		canvas_move(canvas, at, cursor->col);
		return;
	}
	if (is_as_saved(terminal)) {
		paint_text(RESTORE, canvas->out);
		canvas->pen = terminal->shown->saved.pen;
		return;
	}
	draw_last(canvas, row, at);
	/* showing the screen that is shown: no mark joins the glyph any more */
	paint_text(
	    is_alternate(terminal) ? "\x1b[?47h" : "\x1b[?47l", canvas->out);
}

void
repaint_write(const struct terminal *terminal,
    const struct repaint_options *options, struct buffer *out)
{
	const struct cursor *cursor = &terminal->cursor;
	struct canvas canvas = {.out = out};

	if (options->synchronized)
		paint_text("\x1b[?2026h", out);
	start(terminal, &canvas);
	if (options->scrollback > 0 &&
	    (!options->blank || scrollback_count(&terminal->scrollback) > 0))
		write_scrollback(&canvas, terminal, options);
	repaint_tabs(terminal, out);
	write_screens(&canvas, terminal);
	repaint_region(terminal, out);
	repaint_titles(terminal, options, out);
	/* some know no pending wrap without it */
	if (!terminal->modes[MODE_AUTO_WRAP])
		paint_text("\x1b[?7l", out);
	write_place(&canvas, terminal);
	repaint_modes(terminal, out);
	repaint_charsets(cursor, out);
	canvas_style(&canvas, &cursor->pen);
	if (options->synchronized)
		paint_text("\x1b[?2026l", out);
	if (terminal->single_shift != 0)
		paint_text(
		    terminal->single_shift == 2 ? "\x1bN" : "\x1bO", out);
	if (may_repeat(terminal))
		canvas_glyph(&canvas, &terminal->shown->rows[cursor->row],
		    terminal->mark_col);
}

/* The last row of the primary screen where anything is. */
static uint16_t
last_row(const struct terminal *terminal)
{
	uint16_t row = (uint16_t)(terminal->size.rows - 1);

	while (row > 0 && terminal->primary.rows[row].used == 0)
		row--;
	if (!is_alternate(terminal) && terminal->cursor.row > row)
		row = terminal->cursor.row;
	return row;
}

void
repaint_leave(const struct terminal *terminal, struct buffer *out)
{
	struct canvas canvas = {.out = out};
	struct terminal fresh = {.size = terminal->size};

	fresh.shown = &fresh.primary;
	state_reset(&fresh);
	repaint_keyboard(&fresh.primary.keyboard, out);
	start(terminal, &canvas);
	repaint_keyboard(&fresh.primary.keyboard, out);
	repaint_tabs(&fresh, out);
	repaint_modes(&fresh, out);
	if (terminal->modes[MODE_ALTERNATE_SCROLL])
		paint_text("\x1b[?1007l", out);
	repaint_forget_titles(terminal, out);
	paint_text("\x1b[?2026l", out);
	canvas_move(&canvas, last_row(terminal), 0);
	paint_text("\r\n \r", out);
}
