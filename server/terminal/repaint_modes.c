/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/repaint_modes.h"

#include <assert.h>
#include <string.h>

#include "protocol/buffer.h"
#include "server/terminal/mode.h"
#include "server/terminal/paint.h"
#include "server/terminal/repaint.h"
#include "server/terminal/state.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define TAB_COLUMNS  8
#define POPS         99 /* more than any terminal's stack of flags has */

/* In the order in which they are written. The others: what moves the cursor is
 * repaint_region's, repaint_write has ?7 on but where it is off, and ?2026 is
 * never described. */
static const enum mode modes[] = {
    MODE_INSERT,
    MODE_NEW_LINE,
    MODE_REVERSE_WRAP,
    MODE_CURSOR_KEYS,
    MODE_REVERSE_SCREEN,
    MODE_CURSOR_BLINK,
    MODE_CURSOR_VISIBLE,
    MODE_FOCUS_EVENTS,
    MODE_BRACKETED_PASTE,
};

static void
set_private(uint16_t number, bool is_on, struct buffer *out)
{
	(void)buffer_printf(
	    out, NULL, "\x1b[?%u%c", number + 0u, is_on ? 'h' : 'l');
}

void
repaint_tabs(const struct terminal *terminal, struct buffer *out)
{
	bool is_default = true;
	uint16_t last = 0;
	uint16_t col;

	paint_text("\x1b[H\x1b[3g", out);
	for (col = 0; col < terminal->size.cols; col++) {
		if (terminal->tabs[col] != (col > 0 && col % TAB_COLUMNS == 0))
			is_default = false;
		if (!terminal->tabs[col])
			continue;
		if (col > last)
			(void)buffer_printf(
			    out, NULL, "\x1b[%uC", col - last + 0u);
		paint_text("\x1bH", out);
		last = col;
	}
	/* DECST8C: also for columns that the reader will get later */
	if (is_default)
		paint_text("\x1b[?5W", out);
}

void
repaint_region(const struct terminal *terminal, struct buffer *out)
{
	if (terminal->top > 0 || terminal->bottom + 1 < terminal->size.rows)
		(void)buffer_printf(out, NULL, "\x1b[%u;%ur",
		    terminal->top + 1u, terminal->bottom + 1u);
	if (terminal->modes[MODE_ORIGIN])
		paint_text("\x1b[?6h", out);
}

static void
write_mouse(const struct terminal *terminal, struct buffer *out)
{
	unsigned i;

	for (i = 1; i < MOUSE_TRACKINGS; i++)
		set_private(
		    mode_mouse_number((enum mouse_tracking)i), false, out);
	if (terminal->mouse != MOUSE_OFF)
		set_private(mode_mouse_number(terminal->mouse), true, out);
	for (i = 1; i < MOUSE_ENCODINGS; i++)
		set_private(
		    mode_encoding_number((enum mouse_encoding)i), false, out);
	if (terminal->mouse_encoding != MOUSE_PLAIN)
		set_private(
		    mode_encoding_number(terminal->mouse_encoding), true, out);
}

void
repaint_modes(const struct terminal *terminal, struct buffer *out)
{
	size_t i;

	for (i = 0; i < COUNT(modes); i++) {
		bool is_private;
		uint16_t number = mode_number(modes[i], &is_private);

		(void)buffer_printf(out, NULL, "\x1b[%s%u%c",
		    is_private ? "?" : "", number + 0u,
		    terminal->modes[modes[i]] ? 'h' : 'l');
	}
	paint_text(terminal->modes[MODE_KEYPAD] ? "\x1b=" : "\x1b>", out);
	/* many readers have it on by themselves, and nobody minds */
	if (terminal->modes[MODE_ALTERNATE_SCROLL])
		set_private(1007, true, out);
	(void)buffer_printf(out, NULL, "\x1b[%u q\x1b[>4;%um",
	    terminal->cursor_shape + 0u, terminal->modify_other_keys + 0u);
	write_mouse(terminal, out);
}

void
repaint_charsets(const struct cursor *cursor, struct buffer *out)
{
	static const char slots[CHARSET_SLOTS] = {'(', ')', '*', '+'};
	static const char sets[] = {
	    [CHARSET_ASCII] = 'B',
	    [CHARSET_DRAWING] = '0',
	    [CHARSET_UK] = 'A',
	};
	static const char *const shifts[CHARSET_SLOTS] = {
	    "", "\x0e", "\x1bn", "\x1bo"};
	size_t i;

	static_assert(COUNT(sets) == CHARSETS, "one letter a set");
	for (i = 0; i < CHARSET_SLOTS; i++) {
		if (cursor->charsets[i] != CHARSET_ASCII)
			(void)buffer_printf(out, NULL, "\x1b%c%c", slots[i],
			    sets[cursor->charsets[i]]);
	}
	paint_text(shifts[cursor->shift], out);
}

void
repaint_keyboard(const struct keyboard *keyboard, struct buffer *out)
{
	uint8_t i;

	(void)buffer_printf(out, NULL, "\x1b[<%uu", POPS + 0u);
	if (keyboard->flags[0] != 0)
		(void)buffer_printf(
		    out, NULL, "\x1b[=%uu", keyboard->flags[0] + 0u);
	for (i = 1; i <= keyboard->depth; i++)
		(void)buffer_printf(
		    out, NULL, "\x1b[>%uu", keyboard->flags[i] + 0u);
}

static void
write_title(const char *title, struct buffer *out)
{
	paint_text("\x1b]2;", out);
	paint_text(title, out);
	paint_text("\x1b\\", out);
}

void
repaint_titles(const struct terminal *terminal,
    const struct repaint_options *options, struct buffer *out)
{
	uint8_t i;

	if (options->first)
		paint_text("\x1b[22;2t", out);
	for (i = 0; i < terminal->title_count; i++) {
		if (!options->first && !options->blank)
			break;
		write_title(terminal->titles[i], out);
		paint_text("\x1b[22;2t", out);
	}
	if (terminal->title[0] != '\0' || terminal->title_count > 0)
		write_title(terminal->title, out);
}

void
repaint_forget_titles(const struct terminal *terminal, struct buffer *out)
{
	unsigned i;

	for (i = 0; i <= terminal->title_count; i++)
		paint_text("\x1b[23;2t", out);
}
