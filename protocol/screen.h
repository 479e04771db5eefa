/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals as messages speak of them: what is asked of one, what it answers.
 * A brain's requests and the attachment have these inline.
 *
 * Rows and columns count from 0; row 0 is the screen's first, and those of the
 * scrollback are negative: -1 is the newest.
 */
#ifndef PROTOCOL_SCREEN_H
#define PROTOCOL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/json.h"

enum screen_format {
	SCREEN_TEXT = 0, /* lines */
	SCREEN_CELLS,    /* runs: text with its attributes */
	SCREEN_ANSI,     /* lines with SGR sequences */
	SCREEN_FORMATS
};

extern const char *const screen_format_names[SCREEN_FORMATS + 1];

/* Which part of a terminal, and how. Shape: screen_ask_shape. */
struct screen_ask {
	int format;         /* enum screen_format */
	int64_t scrollback; /* lines of it above the screen; 0: none */
	int64_t first;      /* row to begin with; absent: the first there is */
	bool join;          /* a line that wrapped is one line */
};

#define SCREEN_FIRST (-1000000) /* struct screen_ask: not given */

struct screen_cursor {
	bool present;
	int64_t row;
	int64_t col;
	bool visible;
	int shape; /* enum cursor_shape */
};

enum cursor_shape {
	CURSOR_BLOCK = 0,
	CURSOR_UNDERLINE,
	CURSOR_BAR,
	CURSOR_SHAPES
};

/* A stretch of one row. Colours: "default", "0" to "255", "#rrggbb". */
struct screen_run {
	int64_t row;
	int64_t col;
	int64_t cols; /* columns it covers */
	char *text;
	char *fg; /* NULL: default */
	char *bg;
	char **attributes; /* "bold" "dim" "italic" "underline" "blink"
	                      "reverse" "conceal" "strike" "overline"; NULL:
	                      none */
};

/* Shape: screen_answer_shape. */
struct screen_answer {
	bool present;
	int64_t gen;    /* what comes later is newer: see wait's since */
	int64_t offset; /* bytes of the pty stream that made it */
	int64_t rows;
	int64_t cols;
	struct screen_cursor cursor;
	bool alt; /* the alternate screen is shown */
	char *title;
	char **modes; /* "bracketed_paste" "application_cursor" "mouse" ...;
	                 see docs/stream-json.md; NULL: none */
	int64_t scrollback;             /* lines there are above the screen */
	int64_t first;                  /* the row that lines begin with */
	char **lines;                   /* text, ansi */
	struct json_records runs;       /* struct screen_run, cells: what is
	                                   not blank */
	struct json_records highlights; /* struct screen_run: shown in
	                                   reverse, as menus do */
	struct json_records hidden;     /* struct screen_run: text that a person
	                                   does not see: conceal, its own background
	                                   for a colour */
	int64_t next; /* with more rows than an answer holds: the first that is
	                 missing; absent: none is */
};

/* What to wait for; one member is given. Shape in screen.c. */
struct wait_condition {
	char *text;        /* on the screen, or scrolled off it since */
	char *regex;       /* PCRE2, a line at a time */
	int64_t quiet_ms;  /* no byte came for so long; -1: not this */
	int64_t stable_ms; /* the text has not changed for so long; -1 */
	char *ignore;      /* with stable_ms: rows that match do not count */
	struct wait_cursor {
		bool present;
		int64_t row;
		int64_t col;
	} cursor;
	int alt;     /* 1 or 0: which screen is shown; -1: not this */
	int echo;    /* 1 or 0: whether what is typed is shown; -1 */
	bool bell;   /* it rang */
	bool change; /* anything was written */
	bool prompt; /* a shell is ready for a command (OSC 133) */
	bool exit;   /* the command has ended */
};

/* Shape: wait_ask_shape. */
struct wait_ask {
	bool present;
	int64_t since; /* a screen's gen; only what is newer counts. -1: what is
	                  there counts too, but with keys: their sending */
	struct json_records until; /* struct wait_condition, 1..LIMIT_UNTIL */
	int64_t timeout_ms;        /* 0..LIMIT_WAIT_MS */
};

/* Shape: wait_answer_shape. */
struct wait_answer {
	bool present;
	int64_t which; /* index of the condition; -1: the time was over */
	struct wait_where {
		bool present;
		int64_t row;
		int64_t col;
		char *text; /* what matched */
	} where;
	struct screen_answer screen; /* as text */
};

/* Keys for a terminal: exactly one of the three. Shape: keys_ask_shape. */
struct keys_ask {
	char **keys; /* names: server/terminal/keys.h */
	char *text;  /* typed as it is */
	char *paste; /* pasted */
};

/* One of a task's terminals. Shape: terminal_info_shape. */
struct terminal_info {
	char *exec;
	char *name; /* NULL: not a named session */
	char *what; /* the command */
	char *title;
	char *principal; /* who started it */
	int64_t rows;
	int64_t cols;
	int64_t clients; /* that may type */
	int64_t watchers;
	int64_t age_ms;
	int64_t idle_ms; /* since a byte came or went */
	bool recorded;
};

extern const struct json_shape screen_ask_shape;
extern const struct json_shape screen_answer_shape;
extern const struct json_shape screen_run_shape;
extern const struct json_shape wait_ask_shape;
extern const struct json_shape wait_answer_shape;
extern const struct json_shape keys_ask_shape;
extern const struct json_shape terminal_info_shape;

#endif
