/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/scrollback.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/terminal/row.h"

#define LINES_FIRST 64u
#define BYTES_FIRST 4096u

/* What a packed line is made of, besides UTF-8: a byte for its end first. */
#define LINE_ENDS   0x00u
#define LINE_WRAPS  0x01u
#define CODE_ERASED 0x00u
#define CODE_TAIL   0x01u
#define CODE_MARK   0x02u /* and a mark in UTF-8 */
#define CODE_STYLE  0x03u /* and a byte of FIELD_, and those fields */

#define FIELD_FG         0x01u
#define FIELD_BG         0x02u
#define FIELD_UNDERLINED 0x04u
#define FIELD_ATTRIBUTES 0x08u
#define FIELD_UNDERLINE  0x10u

/* The most bytes for a cell (a style and a character) and for its marks. */
#define CELL_BYTES  ((size_t)2 + 14 + 4)
#define MARKS_BYTES ((size_t)MARKS_MAX * 5)

struct scrollback_line {
	uint32_t offset; /* into bytes */
	uint32_t len;    /* at least 1 */
	uint32_t stamp;
	uint16_t used; /* cells */
};

void
scrollback_init(
    struct scrollback *scrollback, uint32_t lines_max, size_t bytes_max)
{
	size_t fits = bytes_max / 2 / sizeof(struct scrollback_line);

	memset(scrollback, 0, sizeof(*scrollback));
	scrollback->lines_max = lines_max < fits ? lines_max : (uint32_t)fits;
	scrollback->bytes_max = bytes_max;
}

void
scrollback_clear(struct scrollback *scrollback)
{
	free(scrollback->lines);
	free(scrollback->bytes);
	free(scrollback->packing);
	scrollback_init(
	    scrollback, scrollback->lines_max, scrollback->bytes_max);
}

static uint8_t *
put_color(uint8_t *out, uint32_t color)
{
	memcpy(out, &color, sizeof(color));
	return out + sizeof(color);
}

static uint8_t *
put_style(uint8_t *out, const struct style *style)
{
	uint8_t *fields = out + 1;

	*out = CODE_STYLE;
	*fields = 0;
	out += 2;
	if (style->fg != COLOR_DEFAULT) {
		*fields |= FIELD_FG;
		out = put_color(out, style->fg);
	}
	if (style->bg != COLOR_DEFAULT) {
		*fields |= FIELD_BG;
		out = put_color(out, style->bg);
	}
	if (style->underline_color != COLOR_DEFAULT) {
		*fields |= FIELD_UNDERLINED;
		out = put_color(out, style->underline_color);
	}
	if (style->attributes != 0) {
		*fields |= FIELD_ATTRIBUTES;
		*out++ = style->attributes;
	}
	if (style->underline != UNDERLINE_NONE) {
		*fields |= FIELD_UNDERLINE;
		*out++ = style->underline;
	}
	return out;
}

static uint8_t *
put_point(uint8_t *out, uint32_t point)
{
	char text[4];
	size_t len = point_encode(point, text);

	memcpy(out, text, len);
	return out + len;
}

static uint8_t *
put_glyph(uint8_t *out, const struct row *row, uint16_t col)
{
	uint32_t glyph = row->cells[col].glyph;
	const struct marks *marks;
	uint16_t i;

	if ((glyph & GLYPH_TAIL) != 0) {
		*out++ = CODE_TAIL;
		return out;
	}
	out = put_point(out, glyph & GLYPH_POINT);
	if ((glyph & GLYPH_MARKED) == 0)
		return out;
	marks = row_marks(row, col);
	for (i = 0; marks != NULL && i < marks->count; i++) {
		*out++ = CODE_MARK;
		out = put_point(out, marks->points[i]);
	}
	return out;
}

/* Cells without what is blank at the end. */
static uint16_t
trimmed(const struct row *row)
{
	static const struct style plain;
	uint16_t used = row->used;

	while (used > 0 && row->cells[used - 1].glyph == 0 &&
	       style_equal(&row->cells[used - 1].style, &plain))
		used--;
	return used;
}

/* Into packing; all of the line but its offset is set. */
static void
pack(struct scrollback *scrollback, const struct row *row,
    struct scrollback_line *line)
{
	struct style style = {0};
	size_t most;
	uint8_t *out;
	uint16_t col;

	line->used = trimmed(row);
	line->stamp = 0;
	most = 1 + line->used * CELL_BYTES + row->mark_count * MARKS_BYTES;
	if (most > scrollback->packing_size) {
		scrollback->packing = memory_resize(scrollback->packing, most);
		scrollback->packing_size = most;
	}
	out = scrollback->packing;
	*out++ = row->wrapped ? LINE_WRAPS : LINE_ENDS;
	for (col = 0; col < line->used; col++) {
		const struct cell *cell = &row->cells[col];

		if (!style_equal(&cell->style, &style)) {
			style = cell->style;
			out = put_style(out, &style);
		}
		if (cell->glyph < 0x80)
			*out++ = (uint8_t)cell->glyph;
		else
			out = put_glyph(out, row, col);
		if (cell->stamp > line->stamp)
			line->stamp = cell->stamp;
	}
	line->len = (uint32_t)(out - scrollback->packing);
}

static struct scrollback_line *
line_at(const struct scrollback *scrollback, uint32_t nth)
{
	uint32_t i = scrollback->oldest + nth;

	if (i >= scrollback->lines_size)
		i -= scrollback->lines_size;
	return &scrollback->lines[i];
}

static void
drop_oldest(struct scrollback *scrollback)
{
	scrollback->oldest++;
	if (scrollback->oldest == scrollback->lines_size)
		scrollback->oldest = 0;
	scrollback->count--;
	if (scrollback->count == 0)
		scrollback->end = 0;
}

static void
grow_lines(struct scrollback *scrollback)
{
	uint32_t size = scrollback->lines_size == 0
	                    ? LINES_FIRST
	                    : scrollback->lines_size * 2;
	struct scrollback_line *lines;
	uint32_t i;

	if (size > scrollback->lines_max)
		size = scrollback->lines_max;
	lines = memory_new(size, sizeof(*lines));
	for (i = 0; i < scrollback->count; i++)
		lines[i] = *line_at(scrollback, i);
	free(scrollback->lines);
	scrollback->lines = lines;
	scrollback->lines_size = size;
	scrollback->oldest = 0;
}

static size_t
bytes_limit(const struct scrollback *scrollback)
{
	return scrollback->bytes_max -
	       scrollback->lines_max * sizeof(*scrollback->lines);
}

/* All lines' bytes into a larger array, one behind the other. */
static void
grow_bytes(struct scrollback *scrollback, size_t wanted)
{
	size_t limit = bytes_limit(scrollback);
	size_t size = scrollback->bytes_size * 2;
	size_t end = 0;
	uint8_t *bytes;
	uint32_t i;

	if (size < scrollback->bytes_size + wanted)
		size = scrollback->bytes_size + wanted;
	if (size < BYTES_FIRST)
		size = BYTES_FIRST;
	if (size > limit)
		size = limit;
	bytes = memory_new(1, size);
	for (i = 0; i < scrollback->count; i++) {
		struct scrollback_line *line = line_at(scrollback, i);

		memcpy(
		    bytes + end, scrollback->bytes + line->offset, line->len);
		line->offset = (uint32_t)end;
		end += line->len;
	}
	free(scrollback->bytes);
	scrollback->bytes = bytes;
	scrollback->bytes_size = size;
	scrollback->end = end;
}

/* Whether len bytes are free in one piece; end moves to it. */
static bool
has_room(struct scrollback *scrollback, size_t len)
{
	size_t start = scrollback->count == 0 ? scrollback->bytes_size
	                                      : line_at(scrollback, 0)->offset;

	if (scrollback->count == 0 || scrollback->end <= start)
		return len <= start - scrollback->end;
	if (len <= scrollback->bytes_size - scrollback->end)
		return true;
	if (len > start)
		return false;
	scrollback->end = 0;
	return true;
}

void
scrollback_push(struct scrollback *scrollback, const struct row *row)
{
	struct scrollback_line line;

	if (scrollback->lines_max == 0)
		return;
	pack(scrollback, row, &line);
	if (line.len > bytes_limit(scrollback))
		return;
	if (scrollback->count == scrollback->lines_max)
		drop_oldest(scrollback);
	if (scrollback->count == scrollback->lines_size)
		grow_lines(scrollback);
	while (!has_room(scrollback, line.len)) {
		if (scrollback->bytes_size < bytes_limit(scrollback))
			grow_bytes(scrollback, line.len);
		else
			drop_oldest(scrollback);
	}
	line.offset = (uint32_t)scrollback->end;
	memcpy(scrollback->bytes + line.offset, scrollback->packing, line.len);
	scrollback->end += line.len;
	scrollback->count++;
	*line_at(scrollback, scrollback->count - 1) = line;
}

uint32_t
scrollback_count(const struct scrollback *scrollback)
{
	return scrollback->count;
}

static const uint8_t *
get_color(const uint8_t *at, uint32_t *color)
{
	memcpy(color, at, sizeof(*color));
	return at + sizeof(*color);
}

static const uint8_t *
get_style(const uint8_t *at, struct style *style)
{
	unsigned fields = *at++;

	memset(style, 0, sizeof(*style));
	if ((fields & FIELD_FG) != 0)
		at = get_color(at, &style->fg);
	if ((fields & FIELD_BG) != 0)
		at = get_color(at, &style->bg);
	if ((fields & FIELD_UNDERLINED) != 0)
		at = get_color(at, &style->underline_color);
	if ((fields & FIELD_ATTRIBUTES) != 0)
		style->attributes = *at++;
	if ((fields & FIELD_UNDERLINE) != 0)
		style->underline = *at++;
	return at;
}

/* A character that was packed here, so it is whole and valid. */
static const uint8_t *
get_point(const uint8_t *at, uint32_t *point)
{
	uint32_t first = *at++;
	unsigned more = first < 0x80   ? 0
	                : first < 0xe0 ? 1
	                : first < 0xf0 ? 2
	                               : 3;

	*point = more == 0 ? first : first & (0x3fu >> more);
	for (; more > 0; more--)
		*point = *point << 6 | (*at++ & 0x3f);
	return at;
}

/* The next cell of a line that ends at end. */
static const uint8_t *
get_cell(const uint8_t *at, const uint8_t *end, struct row *out,
    struct style *style, uint32_t stamp)
{
	struct cell *cell = &out->cells[out->used];
	uint32_t point;

	if (*at == CODE_STYLE)
		at = get_style(at + 1, style);
	cell->style = *style;
	cell->stamp = stamp;
	if (*at == CODE_TAIL) {
		cell->glyph = GLYPH_TAIL;
		cell[-1].glyph |= GLYPH_WIDE;
		at++;
	} else {
		at = get_point(at, &cell->glyph);
	}
	while (at < end && *at == CODE_MARK) {
		at = get_point(at + 1, &point);
		row_mark(out, out->used, point);
	}
	out->used++;
	return at;
}

void
scrollback_unpack(
    const struct scrollback *scrollback, uint32_t index, struct row *out)
{
	const struct scrollback_line *line =
	    line_at(scrollback, scrollback->count - 1 - index);
	const uint8_t *at = scrollback->bytes + line->offset;
	const uint8_t *end = at + line->len;
	struct style style = {0};

	row_reset(out);
	if (out->cells == NULL)
		out->cells = memory_new(LIMIT_PTY_COLS, sizeof(*out->cells));
	out->wrapped = *at++ == LINE_WRAPS;
	while (out->used < line->used)
		at = get_cell(at, end, out, &style, line->stamp);
}

uint32_t
scrollback_stamp(const struct scrollback *scrollback, uint32_t index)
{
	return line_at(scrollback, scrollback->count - 1 - index)->stamp;
}

size_t
scrollback_memory(const struct scrollback *scrollback)
{
	return scrollback->lines_size * sizeof(*scrollback->lines) +
	       scrollback->bytes_size + scrollback->packing_size;
}
