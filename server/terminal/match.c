/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/match.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/utf8.h"
#include "server/terminal/line.h"
#include "server/terminal/pattern.h"
#include "server/terminal/scrollback.h"
#include "server/terminal/state.h"

#define HASH_BEGIN 0xcbf29ce484222325u /* FNV-1a, 64 bits */
#define HASH_PRIME 0x100000001b3u

/* One look for a pattern. */
struct search {
	const struct pattern *pattern;
	uint32_t since;
	struct line line;
	struct pattern_work work;
	struct pattern_place place; /* what was found, in line */
};

static bool
is_new(const struct search *search, size_t piece)
{
	return search->line.pieces[piece].stamp > search->since;
}

/*
 * A match may begin at a piece when it, or the first behind it that is not
 * blank, is new.
 *   returns  the first such piece from one on; the line's count: none is
 */
static size_t
next_new(const struct search *search, size_t piece)
{
	const struct line *line = &search->line;
	size_t begin = piece;

	for (; piece < line->count && line->pieces[piece].at < line->len;
	     piece++) {
		if (line->pieces[piece].is_blank)
			continue;
		if (is_new(search, piece))
			return begin;
		begin = piece + 1;
	}
	return line->count;
}

/* The piece that a byte of the line belongs to. */
static size_t
piece_at(const struct line *line, size_t at)
{
	size_t low = 0;
	size_t high = line->count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (line->pieces[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* In len bytes of the line: 1 found, 0 not, -1 too much work. */
static int
find_new(struct search *search, size_t len)
{
	const struct line *line = &search->line;
	size_t piece = next_new(search, 0);
	size_t found;
	int result;

	while (piece < line->count) {
		result = pattern_find(search->pattern, line->text, len,
		    line->pieces[piece].at, &search->work, &search->place);
		if (result <= 0)
			return result;
		found = piece_at(line, search->place.start);
		piece = next_new(search, found);
		if (piece == found)
			return 1;
	}
	return 0;
}

static int
find_in(struct search *search, size_t len)
{
	if (search->since > 0)
		return find_new(search, len);
	return pattern_find(search->pattern, search->line.text, len, 0,
	    &search->work, &search->place);
}

/* Blanks at the end do not count, so that "done$" is found behind them; but
 * before the cursor they may, so that "\$ $" is. */
static int
find_in_line(struct search *search)
{
	int result = find_in(search, search->line.len);

	if (result == 0 && search->line.typed > search->line.len)
		result = find_in(search, search->line.typed);
	return result;
}

/* The row of the scrollback that something new is in, or behind which it is,
 * as far up as MATCH_TAIL_BYTES reach. */
static int64_t
first_row(const struct terminal *terminal, struct search *search)
{
	uint32_t count = scrollback_count(&terminal->scrollback);
	uint32_t wanted = 0;
	size_t bytes = 0;
	uint32_t i;

	if (search->since == 0)
		return 0;
	for (i = 0; i < count; i++) {
		if (scrollback_stamp(&terminal->scrollback, i) > search->since)
			wanted = i + 1;
	}
	for (i = 0; i < wanted; i++) {
		/* a column is a byte at least; a few more do no harm */
		bytes +=
		    line_row(terminal, -1 - (int64_t)i, &search->line.packed)
		        ->used;
		if (bytes > MATCH_TAIL_BYTES)
			break;
	}
	return -(int64_t)i;
}

static void
set_match(const struct search *search, struct match *out)
{
	const struct line *line = &search->line;
	const struct pattern_place *place = &search->place;
	size_t len = place->end - place->start;
	size_t partial;

	if (len > LIMIT_TEXT_BYTES)
		len = utf8_valid_prefix(
		    line->text + place->start, LIMIT_TEXT_BYTES, &partial);
	out->text = memory_new(1, len + 1);
	memcpy(out->text, line->text + place->start, len);
	out->row = line->row;
	out->col = 0;
	if (line->count > 0) {
		size_t piece = piece_at(line, place->start);

		out->row = line->pieces[piece].row;
		out->col = line->pieces[piece].col;
	}
}

int
match_find(const struct terminal *terminal, const struct pattern *pattern,
    uint32_t since, struct match *out, struct error *err)
{
	struct search search = {.pattern = pattern, .since = since};
	int64_t row = first_row(terminal, &search);
	int result = 0;

	while (result == 0 && row < terminal->size.rows) {
		row = line_read(terminal, row, &search.line);
		result = find_in_line(&search);
	}
	if (result > 0)
		set_match(&search, out);
	line_clear(&search.line);
	if (result < 0)
		return error_set(err, ERROR_LIMIT,
		    "the expression takes too many steps on this screen");
	return result;
}

static uint64_t
hash(uint64_t state, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		state = (state ^ (unsigned char)bytes[i]) * HASH_PRIME;
	return (state ^ '\n') * HASH_PRIME;
}

uint64_t
match_digest(const struct terminal *terminal, const struct pattern *ignore)
{
	struct search search = {.pattern = ignore};
	uint64_t state = HASH_BEGIN;
	int64_t row = 0;

	while (row < terminal->size.rows) {
		row = line_read(terminal, row, &search.line);
		if (ignore != NULL && find_in_line(&search) > 0)
			search.line.len = 0;
		state = hash(state, search.line.text, search.line.len);
	}
	line_clear(&search.line);
	return state;
}
