/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/view_line.h"

#include <string.h>

#include "protocol/utf8.h"
#include "server/terminal/state.h"
#include "server/terminal/view_filter.h"
#include "server/terminal/width.h"

#define SUM_BASIS 0x811c9dc5u /* FNV-1a */
#define SUM_PRIME 0x01000193u

static uint32_t
sum_marks(const uint32_t *points, size_t count)
{
	uint32_t sum = SUM_BASIS;
	size_t i;

	if (count == 0)
		return 0;
	for (i = 0; i < count; i++)
		sum = (sum ^ points[i]) * SUM_PRIME;
	return sum | 1;
}

/* A cell on its own; that it may be cut off is the caller's matter. */
static void
show_cell(struct spot *spot, const struct row *row, uint16_t col)
{
	uint32_t glyph = state_cell(row, col)->glyph;
	uint32_t points[FILTER_POINTS];
	size_t count;

	spot->marks = 0;
	if (glyph < 0x7f) {
		spot->point = glyph == 0 ? ' ' : glyph;
		return;
	}
	count = filter_cell(row, col, points);
	spot->point = points[0];
	spot->marks = sum_marks(points + 1, count - 1);
	if ((glyph & GLYPH_WIDE) != 0 && points[0] != FILTER_REPLACEMENT)
		spot->point |= GLYPH_WIDE;
}

/* A wide glyph covers its tail, unless the line's end cuts it off. */
static void
join_tails(struct view_line *line, uint16_t count)
{
	uint16_t i;

	for (i = 0; i < count; i++) {
		struct spot *spot = &line->spots[i];

		if ((spot->point & GLYPH_WIDE) == 0)
			continue;
		if (i + 1 == count) {
			spot->point = ' ';
			spot->marks = 0;
		} else {
			spot[1].point = GLYPH_TAIL;
			spot[1].marks = 0;
			spot[1].style = spot->style;
		}
	}
}

static void
show_dots(struct view_line *line, uint16_t from)
{
	const struct spot dot = {
	    .point = '.',
	    .style.attributes = ATTRIBUTE_DIM,
	};

	for (; from < line->cols; from++)
		line->spots[from] = dot;
}

static void
reverse(struct style *style)
{
	style->attributes ^= ATTRIBUTE_REVERSE;
}

void
view_line_show(struct view_line *line, const struct terminal *terminal,
    uint32_t row, uint16_t left, bool is_safe)
{
	const struct style *last = NULL;
	struct style style = {0};
	uint16_t count = 0;
	uint16_t i;

	line->row = NULL;
	line->left = left;
	if (row < terminal->size.rows) {
		line->row = &terminal->shown->rows[row];
		count = (uint16_t)(terminal->size.cols - left);
		if (count > line->cols)
			count = line->cols;
	}
	for (i = 0; i < count; i++) {
		const struct cell *cell =
		    state_cell(line->row, (uint16_t)(left + i));

		show_cell(&line->spots[i], line->row, (uint16_t)(left + i));
		if (last == NULL || !style_equal(last, &cell->style)) {
			last = &cell->style;
			style = is_safe ? filter_style(last) : *last;
			if (terminal->modes[MODE_REVERSE_SCREEN])
				reverse(&style);
		}
		line->spots[i].style = style;
	}
	join_tails(line, count);
	show_dots(line, count);
}

void
view_line_tell(struct view_line *line, const char *text)
{
	struct spot spot = {.style.attributes = ATTRIBUTE_REVERSE};
	size_t left = strlen(text);
	uint16_t col = 0;

	line->row = NULL;
	while (left > 0 && col < line->cols) {
		uint32_t point;
		size_t len = utf8_decode(text, left, &point);

		spot.point = FILTER_REPLACEMENT;
		if (len > 0 && filter_is_visible(point) && width_of(point) > 0)
			spot.point = point;
		if (width_of(spot.point) == 2)
			spot.point |= GLYPH_WIDE;
		line->spots[col++] = spot;
		if ((spot.point & GLYPH_WIDE) != 0 && col < line->cols)
			line->spots[col++] = spot;
		text += len > 0 ? len : 1;
		left -= len > 0 ? len : 1;
	}
	spot.point = ' ';
	for (; col < line->cols; col++)
		line->spots[col] = spot;
	join_tails(line, line->cols);
}
