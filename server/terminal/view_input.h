/* SPDX-License-Identifier: Apache-2.0 */
/* The modes of a terminal that change what a keyboard and a mouse send, and its
 * title: for a view that somebody works in. */
#ifndef SERVER_TERMINAL_VIEW_INPUT_H
#define SERVER_TERMINAL_VIEW_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/terminal.h"

struct buffer;

/* What the reader's terminal was told. */
struct view_input {
	bool cursor_keys;
	bool keypad;
	bool focus;
	bool paste;
	uint8_t mouse;    /* enum mouse_tracking */
	uint8_t encoding; /* enum mouse_encoding */
	uint8_t shape;
	uint8_t modify;
	uint8_t keyboard; /* kitty's flags */
	char title[TERMINAL_TITLE_BYTES];
};

/* Put the reader's own aside; everything is off then. */
void view_input_begin(struct view_input *input, struct buffer *out);

/*
 * Write what is not as the terminal has it.
 *   may_point  the reader's columns and rows are the terminal's; else the mouse
 *              stays off, as it would name other places
 */
void view_input_follow(struct view_input *input,
    const struct terminal *terminal, bool may_point, struct buffer *out);

/* The reader's own again. */
void view_input_end(struct view_input *input, struct buffer *out);

#endif
