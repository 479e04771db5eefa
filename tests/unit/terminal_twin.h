/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a terminal and its twin, which was made by a repaint, are the same in
 * everything that a program or a person can ever see. */
#ifndef TESTS_UNIT_TERMINAL_TWIN_H
#define TESTS_UNIT_TERMINAL_TWIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/terminal/row.h"
#include "server/terminal/state.h"

#define TWIN_WHY_BYTES 256u

struct twin {
	const struct terminal *one;
	const struct terminal *two;
	char why[TWIN_WHY_BYTES]; /* the first difference */
};

static inline bool twin_differs(struct twin *twin, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool
twin_differs(struct twin *twin, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(twin->why, sizeof(twin->why), format, args);
	va_end(args);
	return false;
}

/* A number that both have. */
#define TWIN_NUMBER(twin, field)                        \
	((twin)->one->field == (twin)->two->field ||    \
	    twin_differs(twin, #field ": %ld, not %ld", \
	        (long)(twin)->two->field, (long)(twin)->one->field))

static inline bool
twin_style_is(struct twin *twin, const char *what, const struct style *one,
    const struct style *two)
{
	return style_equal(one, two) ||
	       twin_differs(twin,
	           "%s: style %x %x %x %x %u, not %x %x %x %x %u", what,
	           two->fg, two->bg, two->underline_color, two->attributes + 0u,
	           two->underline + 0u, one->fg, one->bg, one->underline_color,
	           one->attributes + 0u, one->underline + 0u);
}

static inline bool
twin_cell_is(struct twin *twin, const struct row *one, const struct row *two,
    uint16_t col)
{
	char text[GLYPH_BYTES];
	char text_two[GLYPH_BYTES];
	size_t len = cell_text(one, col, text);
	char what[64];

	if (state_cell(one, col)->glyph != state_cell(two, col)->glyph)
		return twin_differs(twin, "column %u: glyph %x, not %x",
		    col + 0u, state_cell(two, col)->glyph,
		    state_cell(one, col)->glyph);
	if (cell_text(two, col, text_two) != len ||
	    memcmp(text, text_two, len) != 0)
		return twin_differs(twin, "column %u: other marks", col + 0u);
	(void)snprintf(what, sizeof(what), "column %u", col + 0u);
	return twin_style_is(twin, what, &state_cell(one, col)->style,
	    &state_cell(two, col)->style);
}

static inline bool
twin_rows_are(struct twin *twin, const char *name, const struct row *one,
    const struct row *two)
{
	static const struct row blank;
	uint16_t i, col;

	for (i = 0; i < twin->one->size.rows; i++) {
		const struct row *a = one == NULL ? &blank : &one[i];
		const struct row *b = two == NULL ? &blank : &two[i];
		char why[TWIN_WHY_BYTES];
		bool is_same = true;

		for (col = 0; is_same && col < twin->one->size.cols; col++)
			is_same = twin_cell_is(twin, a, b, col);
		if (is_same && a->wrapped != b->wrapped)
			is_same = twin_differs(twin, "wrapped: %d, not %d",
			    b->wrapped, a->wrapped);
		if (is_same)
			continue;
		memcpy(why, twin->why, sizeof(why));
		return twin_differs(
		    twin, "%s row %u %.200s", name, i + 0u, why);
	}
	return true;
}

static inline bool
twin_cursor_is(struct twin *twin, const char *name, const struct cursor *one,
    const struct cursor *two)
{
	if (one->row != two->row || one->col != two->col ||
	    one->wrap_pending != two->wrap_pending ||
	    one->origin != two->origin)
		return twin_differs(twin,
		    "%s: %u,%u pending %d origin %d, not %u,%u %d %d", name,
		    two->row + 0u, two->col + 0u, two->wrap_pending,
		    two->origin, one->row + 0u, one->col + 0u,
		    one->wrap_pending, one->origin);
	if (memcmp(one->charsets, two->charsets, sizeof(one->charsets)) != 0 ||
	    one->shift != two->shift)
		return twin_differs(twin, "%s: charsets", name);
	return twin_style_is(twin, name, &one->pen, &two->pen);
}

/* What DECRC would bring. */
static inline const struct cursor *
twin_saved(const struct screen *screen)
{
	static const struct cursor home;

	return screen->has_saved ? &screen->saved : &home;
}

static inline bool
twin_screen_is(struct twin *twin, const char *name, const struct screen *one,
    const struct screen *two)
{
	char saved[64];

	(void)snprintf(saved, sizeof(saved), "%s saved cursor", name);
	if (one->keyboard.depth != two->keyboard.depth ||
	    memcmp(one->keyboard.flags, two->keyboard.flags,
	        one->keyboard.depth + 1u) != 0)
		return twin_differs(twin, "%s keyboard", name);
	return twin_rows_are(twin, name, one->rows, two->rows) &&
	       twin_cursor_is(twin, saved, twin_saved(one), twin_saved(two));
}

static inline bool
twin_modes_are(struct twin *twin)
{
	unsigned i;

	for (i = 0; i < MODES; i++) {
		if (i != MODE_SYNCHRONIZED && !TWIN_NUMBER(twin, modes[i]))
			return twin_differs(twin, "mode %u", i);
	}
	for (i = 0; i < twin->one->size.cols; i++) {
		if (twin->one->tabs[i] != twin->two->tabs[i])
			return twin_differs(twin, "tab stop %u", i);
	}
	return TWIN_NUMBER(twin, mouse) && TWIN_NUMBER(twin, mouse_encoding) &&
	       TWIN_NUMBER(twin, cursor_shape) &&
	       TWIN_NUMBER(twin, modify_other_keys) &&
	       TWIN_NUMBER(twin, single_shift) &&
	       TWIN_NUMBER(twin, last_glyph) && TWIN_NUMBER(twin, may_mark) &&
	       (!twin->one->may_mark || (TWIN_NUMBER(twin, mark_row) &&
	                                    TWIN_NUMBER(twin, mark_col)));
}

static inline bool
twin_titles_are(struct twin *twin)
{
	unsigned i;

	if (strcmp(twin->one->title, twin->two->title) != 0)
		return twin_differs(twin, "title \"%s\", not \"%s\"",
		    twin->two->title, twin->one->title);
	if (!TWIN_NUMBER(twin, title_count))
		return false;
	for (i = 0; i < twin->one->title_count; i++) {
		if (strcmp(twin->one->titles[i], twin->two->titles[i]) != 0)
			return twin_differs(twin, "title %u put aside", i);
	}
	return true;
}

/* why is set when they are not. */
static inline bool
twin_is_same(struct twin *twin)
{
	const struct terminal *one = twin->one;
	const struct terminal *two = twin->two;

	return TWIN_NUMBER(twin, size.rows) && TWIN_NUMBER(twin, size.cols) &&
	       (one->shown == &one->alternate) ==
	           (two->shown == &two->alternate) &&
	       twin_screen_is(twin, "primary", &one->primary, &two->primary) &&
	       twin_screen_is(
	           twin, "alternate", &one->alternate, &two->alternate) &&
	       twin_cursor_is(twin, "cursor", &one->cursor, &two->cursor) &&
	       TWIN_NUMBER(twin, top) && TWIN_NUMBER(twin, bottom) &&
	       twin_modes_are(twin) && twin_titles_are(twin);
}

/*
 * What repaint.h says does not come back is made the same in both, and the
 * reader's own title, which lies below the others, is taken from the twin.
 */
static inline void
twin_settle(struct terminal *one, struct terminal *two)
{
	const struct cursor *cursor = &one->cursor;
	const struct row *row = &one->shown->rows[cursor->row];
	uint16_t i;

	if (cursor->wrap_pending && state_cell(row, cursor->col)->glyph == 0 &&
	    state_cell(&two->shown->rows[cursor->row], cursor->col)->glyph ==
	        ' ')
		two->shown->rows[cursor->row].cells[cursor->col].glyph = 0;
	if (one->may_mark && !cursor->wrap_pending &&
	    one->mark_col + 1 +
	            ((state_cell(row, one->mark_col)->glyph & GLYPH_WIDE) !=
	                0) !=
	        cursor->col)
		one->may_mark = false;
	if (one->modes[MODE_INSERT] || !one->may_mark || one->size.cols == 1 ||
	    cursor->charsets[cursor->shift] != CHARSET_ASCII) {
		one->last_glyph = 0;
		two->last_glyph = 0;
	}
	for (i = 0; i < one->size.rows; i++) {
		if (one->size.rows > 1 && one->size.cols > 1)
			break;
		one->primary.rows[i].wrapped = two->primary.rows[i].wrapped;
		if (one->alternate.rows != NULL && two->alternate.rows != NULL)
			one->alternate.rows[i].wrapped =
			    two->alternate.rows[i].wrapped;
	}
	if (two->title_count > one->title_count) {
		free(two->titles[0]);
		two->title_count--;
		memmove(two->titles, two->titles + 1,
		    two->title_count * sizeof(*two->titles));
	}
}

#endif
