/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/view_filter.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "server/terminal/row.h"
#include "server/terminal/state.h"

#define ZERO_WIDTH_JOINER 0x200du
#define TEXT_PICTURE      0xfe0eu
#define EMOJI_PICTURE     0xfe0fu
#define JAMO_FIRST        0x1161u /* vowels and final consonants, which are */
#define JAMO_LAST         0x11ffu /* no marks but joined as if */

#define ALIKE 24 /* in each of red, green and blue */

bool
filter_is_visible(uint32_t point)
{
	const utf8proc_property_t *property;

	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return false;
	if (point < 0x7f)
		return true;
	property = utf8proc_get_property((utf8proc_int32_t)point);
	switch (property->category) {
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return false;
	default:
		return !property->ignorable;
	}
}

static bool
is_mark(uint32_t point)
{
	utf8proc_category_t category =
	    utf8proc_category((utf8proc_int32_t)point);

	return category == UTF8PROC_CATEGORY_MN ||
	       category == UTF8PROC_CATEGORY_ME ||
	       (point >= JAMO_FIRST && point <= JAMO_LAST);
}

static bool
is_picture(uint32_t point)
{
	return point == ZERO_WIDTH_JOINER || point == TEXT_PICTURE ||
	       point == EMOJI_PICTURE;
}

/* Behind the glyph at points[0], which is visible. */
static size_t
add_marks(const struct marks *marks, uint32_t points[static FILTER_POINTS])
{
	size_t count = 1;
	uint16_t i;

	for (i = 0; marks != NULL && i < marks->count; i++) {
		uint32_t point = marks->points[i];

		if (is_picture(point))
			continue;
		if (!filter_is_visible(point) || !is_mark(point)) {
			points[0] = FILTER_REPLACEMENT;
			return 1;
		}
		points[count++] = point;
	}
	return count;
}

size_t
filter_cell(
    const struct row *row, uint16_t col, uint32_t points[static FILTER_POINTS])
{
	uint32_t glyph = state_cell(row, col)->glyph;

	points[0] = glyph & GLYPH_POINT;
	if (points[0] == 0) {
		points[0] = ' ';
		return 1;
	}
	if (!filter_is_visible(points[0])) {
		points[0] = FILTER_REPLACEMENT;
		return 1;
	}
	if ((glyph & GLYPH_MARKED) == 0)
		return 1;
	return add_marks(row_marks(row, col), points);
}

static bool
is_near(uint32_t one, uint32_t other, unsigned shift)
{
	int a = (int)(one >> shift & 255);
	int b = (int)(other >> shift & 255);

	return abs(a - b) <= ALIKE;
}

static bool
is_alike(uint32_t one, uint32_t two)
{
	uint32_t a, b;

	if (one == two)
		return one != COLOR_DEFAULT;
	if (color_is_palette(one) && color_is_palette(two) &&
	    (one & ~COLOR_KIND) == (two & ~COLOR_KIND))
		return true;
	return color_is_fixed(one, &a) && color_is_fixed(two, &b) &&
	       is_near(a, b, 16) && is_near(a, b, 8) && is_near(a, b, 0);
}

struct style
filter_style(const struct style *style)
{
	const unsigned shown = ATTRIBUTE_BOLD | ATTRIBUTE_DIM |
	                       ATTRIBUTE_ITALIC | ATTRIBUTE_REVERSE |
	                       ATTRIBUTE_STRIKE | ATTRIBUTE_OVERLINE;
	struct style safe = {
	    .fg = style->fg,
	    .bg = style->bg,
	    .attributes = (uint8_t)(style->attributes & shown),
	    .underline = style->underline != UNDERLINE_NONE ? UNDERLINE_SINGLE
	                                                    : UNDERLINE_NONE,
	};

	if ((style->attributes & ATTRIBUTE_CONCEAL) != 0)
		safe.attributes |= ATTRIBUTE_DIM;
	if (is_alike(style->fg, style->bg)) {
		safe.fg = COLOR_DEFAULT;
		safe.bg = COLOR_DEFAULT;
		safe.attributes |= ATTRIBUTE_DIM;
	}
	return safe;
}
