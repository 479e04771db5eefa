/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/view_input.h"

#include <string.h>

#include "protocol/buffer.h"
#include "protocol/utf8.h"
#include "server/terminal/mode.h"
#include "server/terminal/paint.h"
#include "server/terminal/state.h"
#include "server/terminal/view_filter.h"

static void
set_mode(uint16_t number, bool is_on, struct buffer *out)
{
	if (number != 0)
		(void)buffer_printf(
		    out, NULL, "\x1b[?%u%c", number + 0u, is_on ? 'h' : 'l');
}

static void
switch_mode(bool *is_on, bool wanted, enum mode mode, struct buffer *out)
{
	bool is_private;

	if (*is_on == wanted)
		return;
	*is_on = wanted;
	set_mode(mode_number(mode, &is_private), wanted, out);
}

static void
follow_mouse(struct view_input *input, enum mouse_tracking mouse,
    enum mouse_encoding encoding, struct buffer *out)
{
	if (input->mouse != mouse) {
		set_mode(mode_mouse_number((enum mouse_tracking)input->mouse),
		    false, out);
		set_mode(mode_mouse_number(mouse), true, out);
		input->mouse = (uint8_t)mouse;
	}
	if (input->encoding != encoding) {
		set_mode(
		    mode_encoding_number((enum mouse_encoding)input->encoding),
		    false, out);
		set_mode(mode_encoding_number(encoding), true, out);
		input->encoding = (uint8_t)encoding;
	}
}

/* A number in a sequence of its own. */
static void
follow_number(uint8_t *number, uint8_t wanted, const char *before,
    const char *behind, struct buffer *out)
{
	if (*number == wanted)
		return;
	*number = wanted;
	(void)buffer_printf(
	    out, NULL, "\x1b[%s%u%s", before, wanted + 0u, behind);
}

static void
follow_title(struct view_input *input, const char *title, struct buffer *out)
{
	size_t left = strlen(title);

	if (strcmp(input->title, title) == 0)
		return;
	memcpy(input->title, title, left + 1);
	paint_text("\x1b]2;", out);
	while (left > 0) {
		uint32_t point;
		size_t len = utf8_decode(title, left, &point);

		if (len == 0)
			break;
		if (filter_is_visible(point))
			(void)buffer_append(out, title, len, NULL);
		title += len;
		left -= len;
	}
	paint_text("\x1b\\", out);
}

void
view_input_begin(struct view_input *input, struct buffer *out)
{
	memset(input, 0, sizeof(*input));
	paint_text("\x1b[22;2t\x1b[>0u", out);
}

void
view_input_follow(struct view_input *input, const struct terminal *terminal,
    bool may_point, struct buffer *out)
{
	const struct keyboard *keyboard = &terminal->shown->keyboard;
	const bool *modes = terminal->modes;

	switch_mode(&input->cursor_keys, modes[MODE_CURSOR_KEYS],
	    MODE_CURSOR_KEYS, out);
	switch_mode(
	    &input->focus, modes[MODE_FOCUS_EVENTS], MODE_FOCUS_EVENTS, out);
	switch_mode(&input->paste, modes[MODE_BRACKETED_PASTE],
	    MODE_BRACKETED_PASTE, out);
	if (input->keypad != modes[MODE_KEYPAD]) {
		input->keypad = modes[MODE_KEYPAD];
		paint_text(input->keypad ? "\x1b=" : "\x1b>", out);
	}
	follow_mouse(input, may_point ? terminal->mouse : MOUSE_OFF,
	    terminal->mouse_encoding, out);
	follow_number(&input->shape, terminal->cursor_shape, "", " q", out);
	follow_number(
	    &input->modify, terminal->modify_other_keys, ">4;", "m", out);
	follow_number(
	    &input->keyboard, keyboard->flags[keyboard->depth], "=", "u", out);
	follow_title(input, terminal->title, out);
}

void
view_input_end(struct view_input *input, struct buffer *out)
{
	struct terminal fresh = {.size = {1, 1}};

	fresh.shown = &fresh.primary;
	state_reset(&fresh);
	memcpy(fresh.title, input->title, sizeof(fresh.title));
	view_input_follow(input, &fresh, false, out);
	paint_text("\x1b[<u\x1b[23;2t", out);
}
