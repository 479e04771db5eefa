/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/runs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/terminal/cell.h"
#include "server/terminal/hidden.h"

#define COLOR_BYTES 8u /* "#rrggbb" */
#define FIRST_ROOM  16u

static_assert(HIDDEN_BYTES >= (size_t)GLYPH_BYTES, "room for either");

static const struct style plain;

static const struct {
	uint8_t attribute;
	const char *word;
} words[] = {
    {ATTRIBUTE_BOLD, "bold"},
    {ATTRIBUTE_DIM, "dim"},
    {ATTRIBUTE_ITALIC, "italic"},
    {ATTRIBUTE_BLINK, "blink"},
    {ATTRIBUTE_REVERSE, "reverse"},
    {ATTRIBUTE_CONCEAL, "conceal"},
    {ATTRIBUTE_STRIKE, "strike"},
    {ATTRIBUTE_OVERLINE, "overline"},
};
#define WORDS (sizeof(words) / sizeof(*words))

static bool
is_tail(const struct row *row, uint16_t col)
{
	return (row->cells[col].glyph & GLYPH_TAIL) != 0;
}

static bool
is_blank(const struct row *row, uint16_t col)
{
	uint32_t glyph = row->cells[col].glyph;

	return glyph == 0 || glyph == ' ';
}

static bool
cells_begin(const struct row *row, uint16_t col)
{
	return !is_blank(row, col) ||
	       !style_equal(&row->cells[col].style, &plain);
}

static bool
cells_go_on(const struct row *row, uint16_t first, uint16_t col)
{
	return style_equal(&row->cells[first].style, &row->cells[col].style);
}

static size_t
cells_text(const struct row *row, uint16_t col, char *text)
{
	return cell_text(row, col, text);
}

static bool
is_highlight(const struct row *row, uint16_t col)
{
	return (row->cells[col].style.attributes & ATTRIBUTE_REVERSE) != 0;
}

static bool
highlights_go_on(const struct row *row, uint16_t first, uint16_t col)
{
	(void)first;
	return is_highlight(row, col);
}

static size_t
put_hidden(const struct row *row, uint16_t col, char *text)
{
	return hidden_text(row, col, text);
}

static bool
is_hidden(const struct row *row, uint16_t col)
{
	char text[HIDDEN_BYTES];

	return hidden_text(row, col, text) > 0;
}

static bool
hidden_go_on(const struct row *row, uint16_t first, uint16_t col)
{
	(void)first;
	return is_tail(row, col) || is_hidden(row, col);
}

static const struct {
	bool (*begins)(const struct row *row, uint16_t col);
	bool (*goes_on)(const struct row *row, uint16_t first, uint16_t col);
	size_t (*text)(const struct row *row, uint16_t col, char *text);
	bool has_style;
} kinds[] = {
    [RUNS_CELLS] = {cells_begin, cells_go_on, cells_text, true},
    [RUNS_HIGHLIGHTS] = {is_highlight, highlights_go_on, cells_text, false},
    [RUNS_HIDDEN] = {is_hidden, hidden_go_on, put_hidden, false},
};
static_assert(sizeof(kinds) / sizeof(*kinds) == RUNS_KINDS, "every kind");

static char *
color_name(uint32_t color)
{
	char text[COLOR_BYTES];

	if (color == COLOR_DEFAULT)
		return NULL;
	if (color_is_palette(color))
		(void)snprintf(text, sizeof(text), "%u", color & 0xff);
	else
		(void)snprintf(text, sizeof(text), "#%06x", color & 0xffffff);
	return memory_string(text);
}

static char **
style_words(const struct style *style)
{
	char **out;
	size_t count = 0;
	size_t i;

	if (style->attributes == 0 && style->underline == UNDERLINE_NONE)
		return NULL;
	out = memory_new(WORDS + 2, sizeof(*out));
	for (i = 0; i < WORDS; i++) {
		if ((style->attributes & words[i].attribute) != 0)
			out[count++] = memory_string(words[i].word);
	}
	if (style->underline != UNDERLINE_NONE)
		out[count] = memory_string("underline");
	return out;
}

static struct screen_run *
new_run(struct runs *runs)
{
	struct screen_run *run;

	if (runs->count == runs->room) {
		runs->room = runs->room == 0 ? FIRST_ROOM : runs->room * 2;
		runs->items = memory_resize(
		    runs->items, runs->room * sizeof(*runs->items));
	}
	run = &runs->items[runs->count++];
	json_absent(&screen_run_shape, run);
	return run;
}

/* The text of the columns from up to but without to. */
static char *
run_text(enum runs_kind kind, const struct row *row, uint16_t from, uint16_t to)
{
	char *text = memory_new((size_t)(to - from) + 1, HIDDEN_BYTES);
	size_t len = 0;
	uint16_t col;

	for (col = from; col < to; col++)
		len += kinds[kind].text(row, col, text + len);
	text[len] = '\0';
	return memory_resize(text, len + 1);
}

static void
add_run(struct runs *runs, enum runs_kind kind, const struct row *row,
    uint16_t from, uint16_t to)
{
	const struct style *style = &row->cells[from].style;
	bool is_plain = style_equal(style, &plain);
	uint16_t text_to = to;
	struct screen_run *run = new_run(runs);

	while (text_to > from && is_blank(row, (uint16_t)(text_to - 1)))
		text_to--;
	if (kinds[kind].has_style && !is_plain)
		text_to = to;
	run->col = from;
	run->cols = (kinds[kind].has_style && is_plain ? text_to : to) - from;
	run->text = run_text(kind, row, from, text_to);
	if (!kinds[kind].has_style)
		return;
	run->fg = color_name(style->fg);
	run->bg = color_name(style->bg);
	run->attributes = style_words(style);
}

void
runs_add(
    struct runs *runs, enum runs_kind kind, const struct row *row, int64_t at)
{
	uint16_t from = 0;
	uint16_t to;

	while (from < row->used) {
		if (!kinds[kind].begins(row, from)) {
			from++;
			continue;
		}
		for (to = (uint16_t)(from + 1); to < row->used; to++) {
			if (!kinds[kind].goes_on(row, from, to))
				break;
		}
		add_run(runs, kind, row, from, to);
		runs->items[runs->count - 1].row = at;
		from = to;
	}
}

void
runs_cut(struct runs *runs, size_t count)
{
	while (runs->count > count)
		json_clear(&screen_run_shape, &runs->items[--runs->count]);
}
