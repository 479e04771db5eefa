/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/hidden.h"

#include <stdbool.h>
#include <stdio.h>

#include <utf8proc.h>

#include "server/terminal/row.h"

#define JOINER         0x200du
#define TEXT_SELECTOR  0xfe0eu /* shown as text, */
#define EMOJI_SELECTOR 0xfe0fu /* as an emoji */
#define ASCII_END      0x80u

struct range {
	uint32_t first;
	uint32_t last;
};

/* Drawn by nobody, though of another category than format characters. */
static const struct range ignorable[] = {
    {0x34f, 0x34f},     /* grapheme joiner */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian selectors */
    {0x2028, 0x2029},   /* line and paragraph separators */
    {0x3164, 0x3164},   /* Hangul fillers */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xffa0, 0xffa0},   /* Hangul filler, half width */
    {0xe0000, 0xe0fff}, /* tags, more selectors, what is reserved for such */
};

/* Format characters that are drawn. */
static const struct range drawn[] = {
    {0x600, 0x605},
    {0x6dd, 0x6dd},
    {0x70f, 0x70f},
    {0x890, 0x891},
    {0x8e2, 0x8e2},
    {0x110bd, 0x110bd},
    {0x110cd, 0x110cd},
};

static bool
is_in(const struct range *ranges, size_t count, uint32_t point)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	}
	return false;
}

/* Whether no glyph is drawn for it: joiners, tags, fillers, marks of direction,
 * variation selectors and other format characters. */
static bool
is_undrawn(uint32_t point)
{
	if (point < ASCII_END)
		return false;
	if (is_in(ignorable, sizeof(ignorable) / sizeof(*ignorable), point))
		return true;
	return utf8proc_category((utf8proc_int32_t)point) ==
	           UTF8PROC_CATEGORY_CF &&
	       !is_in(drawn, sizeof(drawn) / sizeof(*drawn), point);
}

/* Two colours that every reader sees as one. */
static bool
is_same(uint32_t one, uint32_t other)
{
	uint32_t a, b;

	if (color_is_palette(one) && color_is_palette(other))
		return (one & ~COLOR_KIND) == (other & ~COLOR_KIND);
	return color_is_fixed(one, &a) && color_is_fixed(other, &b) && a == b;
}

static bool
is_concealed(const struct style *style)
{
	return (style->attributes & ATTRIBUTE_CONCEAL) != 0 ||
	       is_same(style->fg, style->bg);
}

static size_t
put_point(uint32_t point, bool is_concealed, char *text, size_t size)
{
	int len;

	if (!is_undrawn(point))
		return is_concealed ? point_encode(point, text) : 0;
	len = snprintf(text, size, "<U+%04X>", point);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* Marks that belong to what is seen, where they stand. */
static bool
is_usual(uint32_t glyph, uint32_t mark, uint16_t i)
{
	if (mark == JOINER)
		return glyph >= ASCII_END;
	return i == 0 && (mark == TEXT_SELECTOR || mark == EMOJI_SELECTOR);
}

size_t
hidden_text(const struct row *row, uint16_t col, char text[static HIDDEN_BYTES])
{
	const struct cell *cell = &row->cells[col];
	uint32_t glyph = cell->glyph & GLYPH_POINT;
	const struct marks *marks = NULL;
	bool concealed;
	size_t len = 0;
	uint16_t i;

	if (glyph == 0 || (cell->glyph & GLYPH_TAIL) != 0)
		return 0;
	concealed = is_concealed(&cell->style);
	if ((cell->glyph & GLYPH_MARKED) != 0)
		marks = row_marks(row, col);
	if (glyph != ' ' || marks != NULL)
		len = put_point(glyph, concealed, text, HIDDEN_BYTES);
	for (i = 0; marks != NULL && i < marks->count; i++) {
		if (is_usual(glyph, marks->points[i], i) && !concealed)
			continue;
		len += put_point(marks->points[i], concealed, text + len,
		    HIDDEN_BYTES - len);
	}
	return len;
}
