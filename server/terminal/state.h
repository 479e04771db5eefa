/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a terminal, for this room: parser.c and the files that carry
 * out what it reads write it, and repaint.c, view.c and snapshot.c read it.
 */
#ifndef SERVER_TERMINAL_STATE_H
#define SERVER_TERMINAL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"
#include "server/terminal/cell.h"
#include "server/terminal/parser.h"
#include "server/terminal/scrollback.h"
#include "server/terminal/terminal.h"

/* Modes that are on or off. The table in mode.c has each one's number, whether
 * it is a private (DEC) one, and how it begins. */
enum mode {
	MODE_INSERT = 0,       /* 4: IRM */
	MODE_NEW_LINE,         /* 20: LNM */
	MODE_CURSOR_KEYS,      /* ?1: DECCKM, application */
	MODE_REVERSE_SCREEN,   /* ?5 */
	MODE_ORIGIN,           /* ?6 */
	MODE_AUTO_WRAP,        /* ?7 */
	MODE_CURSOR_BLINK,     /* ?12 */
	MODE_CURSOR_VISIBLE,   /* ?25 */
	MODE_REVERSE_WRAP,     /* ?45 */
	MODE_KEYPAD,           /* ?66 and ESC =, ESC >: application */
	MODE_FOCUS_EVENTS,     /* ?1004 */
	MODE_ALTERNATE_SCROLL, /* ?1007 */
	MODE_BRACKETED_PASTE,  /* ?2004 */
	MODE_SYNCHRONIZED,     /* ?2026; never in a repaint */
	MODES
};

enum mouse_tracking {
	MOUSE_OFF = 0,
	MOUSE_PRESS,  /* ?9 */
	MOUSE_BUTTON, /* ?1000 */
	MOUSE_DRAG,   /* ?1002 */
	MOUSE_MOTION, /* ?1003 */
	MOUSE_TRACKINGS
};

enum mouse_encoding {
	MOUSE_PLAIN = 0,
	MOUSE_UTF8,   /* ?1005 */
	MOUSE_SGR,    /* ?1006 */
	MOUSE_URXVT,  /* ?1015 */
	MOUSE_PIXELS, /* ?1016 */
	MOUSE_ENCODINGS
};

enum charset { CHARSET_ASCII = 0, CHARSET_DRAWING, CHARSET_UK, CHARSETS };

#define CHARSET_SLOTS  4 /* G0 to G3 */
#define KEYBOARD_STACK 8
#define TITLE_STACK    8

/* Where and how the next character is written. */
struct cursor {
	uint16_t row; /* 0 upwards */
	uint16_t col;
	bool wrap_pending; /* the last column was written; the next character
	                      goes to the next row */
	bool origin;       /* MODE_ORIGIN, in a saved cursor */
	struct style pen;
	uint8_t charsets[CHARSET_SLOTS]; /* enum charset */
	uint8_t shift;                   /* the slot in use: GL */
};

/* The kitty keyboard protocol's flags: the last one pushed is in force. */
struct keyboard {
	uint8_t flags[KEYBOARD_STACK];
	uint8_t depth; /* pushed ones, below KEYBOARD_STACK; flags[depth] is in
	                  force, also when none is pushed */
};

struct screen {
	struct row *rows;  /* terminal's size.rows of them; NULL: the alternate
	                      one while it was never used */
	struct row *store; /* owned; rows is a window into it, which moves when
	                      all lines scroll */
	struct cursor saved; /* DECSC */
	bool has_saved;
	struct keyboard keyboard;
};

struct terminal {
	struct terminal_size size;
	const struct terminal_events *events;
	void *data;
	struct parser parser;
	struct screen primary;
	struct screen alternate;
	struct screen *shown; /* one of the two */
	struct scrollback scrollback;
	struct cursor cursor;
	uint16_t top; /* of the scroll region, first and last row */
	uint16_t bottom;
	bool modes[MODES];
	enum mouse_tracking mouse;
	enum mouse_encoding mouse_encoding;
	uint8_t cursor_shape;      /* of DECSCUSR, 0..6 */
	uint8_t modify_other_keys; /* 0..2 */
	uint8_t single_shift;      /* slot of the next character; 0: none */
	bool tabs[LIMIT_PTY_COLS];
	uint32_t last_glyph; /* code point for REP; 0: something else than a
	                        character came last. Only with may_mark */
	bool may_mark; /* a combining mark joins the glyph at mark_row, col */
	uint16_t mark_row;
	uint16_t mark_col;
	uint32_t stamp; /* what is written now gets it */
	bool is_dirty;  /* something was written with it */
	char title[TERMINAL_TITLE_BYTES];
	char *titles[TITLE_STACK]; /* owned; CSI 22 t put them aside */
	uint8_t title_count;
};

/* The row's cell, or a blank one behind its end. */
const struct cell *state_cell(const struct row *row, uint16_t col);

/* The row that the cursor is in. */
struct row *state_row(struct terminal *terminal);

/* What an erased cell becomes now: the pen's background, nothing else. */
struct cell state_blank(const struct terminal *terminal);

/* DECSTR: what programs leave behind, less than state_reset. */
void state_reset_soft(struct terminal *terminal);

/* A tab stop in every eighth column. */
void state_reset_tabs(struct terminal *terminal);

/* Everything but the screens, the scrollback and the title as at the
 * beginning: modes, pen, charsets, tab stops, margins. */
void state_reset(struct terminal *terminal);

#endif
