/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/snapshot.h"

#include <assert.h>

#include "protocol/buffer.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/terminal/line.h"
#include "server/terminal/paint.h"
#include "server/terminal/row.h"
#include "server/terminal/runs.h"
#include "server/terminal/state.h"

/*
 * An answer goes into one CONTROL frame, so what it takes as JSON counts. What
 * is beside the rows needs less than JSON_REST: the title, the modes, what a
 * wait has found. One row always fits: 1000 cells with five marks each, every
 * one of another style, and all of it hidden, are 248,000 bytes.
 */
#define JSON_REST    (8u << 10)
#define JSON_MAX     (FRAME_CONTROL_MAX - JSON_REST)
#define WORDS_MAX    32u        /* for its modes */
#define TAKING_BYTES (1u << 20) /* more than a row or a line can have */

static const struct style plain;

struct taking {
	const struct terminal *terminal;
	const struct screen_ask *ask;
	struct row packed;
	char **lines; /* owned */
	size_t count;
	struct runs runs[RUNS_KINDS];
	struct buffer line; /* as far as it was put together */
	struct buffer row;
	struct buffer json; /* of a row, to see its length */
	size_t text_bytes;
	size_t json_bytes;
};

static bool
is_default_blank(const struct cell *cell)
{
	return (cell->glyph == 0 || cell->glyph == ' ') &&
	       style_equal(&cell->style, &plain);
}

/* Columns of the row that are worth a line's bytes. */
static uint16_t
line_cols(const struct taking *taking, const struct row *row, bool goes_on)
{
	bool is_text = taking->ask->format == SCREEN_TEXT;
	uint16_t cols = row->used;

	while (!goes_on && cols > 0) {
		const struct cell *cell = &row->cells[cols - 1];
		bool is_blank = is_text ? cell->glyph == 0 || cell->glyph == ' '
		                        : is_default_blank(cell);

		if (!is_blank)
			break;
		cols--;
	}
	return cols;
}

/* The row as a line has it, into taking->row. */
static void
put_row(struct taking *taking, const struct row *row, bool goes_on)
{
	uint16_t cols = line_cols(taking, row, goes_on);
	const struct style *style = &plain;
	char text[GLYPH_BYTES];
	uint16_t col;

	buffer_truncate(&taking->row, 0);
	for (col = 0; col < cols; col++) {
		if (taking->ask->format == SCREEN_ANSI) {
			paint_style(
			    style, &row->cells[col].style, &taking->row);
			style = &row->cells[col].style;
		}
		(void)buffer_append(
		    &taking->row, text, cell_text(row, col, text), NULL);
	}
	paint_style(style, &plain, &taking->row);
}

/* What this row's lines and runs take as JSON. */
static size_t
row_json(struct taking *taking, const size_t before[static RUNS_KINDS])
{
	struct buffer *json = &taking->json;
	size_t kind;
	size_t i;

	buffer_truncate(json, 0);
	if (taking->ask->format != SCREEN_CELLS)
		(void)json_write_string(json,
		    (const char *)buffer_bytes(&taking->row),
		    buffer_len(&taking->row), NULL);
	for (kind = 0; kind < RUNS_KINDS; kind++) {
		const struct runs *runs = &taking->runs[kind];

		for (i = before[kind]; i < runs->count; i++) {
			(void)json_write(&screen_run_shape, NULL,
			    &runs->items[i], json, NULL);
			(void)buffer_append(json, ",", 1, NULL);
		}
	}
	return buffer_len(json) + 1;
}

static void
push_line(struct taking *taking)
{
	(void)buffer_append(&taking->line, "", 1, NULL);
	taking->lines[taking->count++] =
	    memory_copy(buffer_bytes(&taking->line), buffer_len(&taking->line));
	buffer_truncate(&taking->line, 0);
}

/* Count the row and what it added to the runs; false: that is too much. */
static bool
fits(struct taking *taking, const size_t before[static RUNS_KINDS])
{
	size_t json = taking->json_bytes + row_json(taking, before);
	size_t text = taking->text_bytes + buffer_len(&taking->row);

	if (taking->json_bytes > 0 &&
	    (json > JSON_MAX || text > LIMIT_SCREEN_BYTES))
		return false;
	taking->json_bytes = json;
	taking->text_bytes = text;
	return true;
}

/* Add one row; false: it does not fit any more, and nothing has changed. */
static bool
take_row(struct taking *taking, int64_t at)
{
	const struct row *row = line_row(taking->terminal, at, &taking->packed);
	bool is_cells = taking->ask->format == SCREEN_CELLS;
	enum runs_kind kind = is_cells ? RUNS_CELLS : RUNS_HIGHLIGHTS;
	bool goes_on =
	    taking->ask->join && line_goes_on(taking->terminal, row, at);
	size_t before[RUNS_KINDS];
	size_t i;

	for (i = 0; i < RUNS_KINDS; i++)
		before[i] = taking->runs[i].count;
	runs_add(&taking->runs[kind], kind, row, at);
	runs_add(&taking->runs[RUNS_HIDDEN], RUNS_HIDDEN, row, at);
	if (!is_cells)
		put_row(taking, row, goes_on);
	if (!fits(taking, before)) {
		for (i = 0; i < RUNS_KINDS; i++)
			runs_cut(&taking->runs[i], before[i]);
		return false;
	}
	(void)buffer_append(&taking->line, buffer_bytes(&taking->row),
	    buffer_len(&taking->row), NULL);
	if (!is_cells && !goes_on)
		push_line(taking);
	return true;
}

/* The rows from first on, as many as an answer holds. */
static void
take_rows(struct taking *taking, struct screen_answer *out)
{
	int64_t rows = taking->terminal->size.rows;
	int64_t at = out->first;

	if (taking->ask->format != SCREEN_CELLS)
		taking->lines =
		    memory_new((size_t)(rows - at) + 1, sizeof(*taking->lines));
	while (at < rows && take_row(taking, at))
		at++;
	if (buffer_len(&taking->line) > 0)
		push_line(taking);
	if (at < rows)
		out->next = at;
}

static void
give_runs(struct runs *runs, struct json_records *out)
{
	out->items = runs->items;
	out->count = runs->count;
}

static int64_t
first_row(const struct terminal *terminal, const struct screen_ask *ask)
{
	int64_t oldest = line_first(terminal);
	int64_t first = ask->first;

	if (first == SCREEN_FIRST)
		first = -ask->scrollback;
	if (first > terminal->size.rows)
		first = terminal->size.rows;
	return first < oldest ? oldest : first;
}

static const struct {
	enum mode mode;
	bool is_on; /* when the word is said */
	const char *word;
} modes[] = {
    {MODE_INSERT, true, "insert"},
    {MODE_NEW_LINE, true, "new_line"},
    {MODE_CURSOR_KEYS, true, "application_cursor"},
    {MODE_KEYPAD, true, "application_keypad"},
    {MODE_REVERSE_SCREEN, true, "reverse_screen"},
    {MODE_ORIGIN, true, "origin"},
    {MODE_AUTO_WRAP, false, "no_wrap"},
    {MODE_REVERSE_WRAP, true, "reverse_wrap"},
    {MODE_CURSOR_BLINK, true, "cursor_blink"},
    {MODE_FOCUS_EVENTS, true, "focus_events"},
    {MODE_ALTERNATE_SCROLL, true, "alternate_scroll"},
    {MODE_BRACKETED_PASTE, true, "bracketed_paste"},
    {MODE_SYNCHRONIZED, true, "synchronized"},
};

static const char *const mouse_words[] = {
    [MOUSE_OFF] = NULL,
    [MOUSE_PRESS] = "mouse_press",
    [MOUSE_BUTTON] = NULL, /* "mouse" says it */
    [MOUSE_DRAG] = "mouse_drag",
    [MOUSE_MOTION] = "mouse_motion",
};
static_assert(
    sizeof(mouse_words) / sizeof(*mouse_words) == MOUSE_TRACKINGS, "a word");

static const char *const encoding_words[] = {
    [MOUSE_PLAIN] = NULL,
    [MOUSE_UTF8] = "mouse_utf8",
    [MOUSE_SGR] = "mouse_sgr",
    [MOUSE_URXVT] = "mouse_urxvt",
    [MOUSE_PIXELS] = "mouse_pixels",
};
static_assert(
    sizeof(encoding_words) / sizeof(*encoding_words) == MOUSE_ENCODINGS,
    "a word");

static void
add_word(char **words, size_t *count, const char *word)
{
	if (word != NULL)
		words[(*count)++] = memory_string(word);
}

static char **
mode_words(const struct terminal *terminal)
{
	const struct keyboard *keyboard = &terminal->shown->keyboard;
	char **words = memory_new(WORDS_MAX + 1, sizeof(*words));
	size_t count = 0;
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (terminal->modes[modes[i].mode] == modes[i].is_on)
			add_word(words, &count, modes[i].word);
	}
	if (terminal->mouse != MOUSE_OFF)
		add_word(words, &count, "mouse");
	add_word(words, &count, mouse_words[terminal->mouse]);
	add_word(words, &count, encoding_words[terminal->mouse_encoding]);
	if (keyboard->flags[keyboard->depth] != 0)
		add_word(words, &count, "kitty_keyboard");
	if (terminal->modify_other_keys > 0)
		add_word(words, &count, "modify_other_keys");
	return words;
}

static void
set_cursor(const struct terminal *terminal, struct screen_cursor *cursor)
{
	unsigned shape = terminal->cursor_shape;

	cursor->present = true;
	cursor->row = terminal->cursor.row;
	cursor->col = terminal->cursor.col;
	cursor->visible = terminal->modes[MODE_CURSOR_VISIBLE];
	/* 0 to 2 a block, 3 and 4 an underline, 5 and 6 a bar */
	cursor->shape = (int)(shape == 0 ? CURSOR_BLOCK : (shape - 1) / 2);
}

void
snapshot_take(struct terminal *terminal, const struct screen_ask *ask,
    struct screen_answer *out)
{
	struct taking taking = {.terminal = terminal, .ask = ask};
	const char *title = terminal_title(terminal);

	json_absent(&screen_answer_shape, out);
	out->present = true;
	out->gen = terminal_observe(terminal);
	out->offset = (int64_t)terminal_ground(terminal);
	out->rows = terminal->size.rows;
	out->cols = terminal->size.cols;
	set_cursor(terminal, &out->cursor);
	out->alt = terminal->shown == &terminal->alternate;
	out->title = title[0] == '\0' ? NULL : memory_string(title);
	out->modes = mode_words(terminal);
	out->scrollback = -line_first(terminal);
	out->first = first_row(terminal, ask);
	buffer_init(&taking.line, TAKING_BYTES);
	buffer_init(&taking.row, TAKING_BYTES);
	buffer_init(&taking.json, TAKING_BYTES);
	take_rows(&taking, out);
	out->lines = taking.lines;
	give_runs(&taking.runs[RUNS_CELLS], &out->runs);
	give_runs(&taking.runs[RUNS_HIGHLIGHTS], &out->highlights);
	give_runs(&taking.runs[RUNS_HIDDEN], &out->hidden);
	buffer_clear(&taking.line);
	buffer_clear(&taking.row);
	buffer_clear(&taking.json);
	row_free(&taking.packed);
}
