/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that remembers what it was asked, and its screen as text. */
#ifndef TESTS_UNIT_TERMINAL_STAND_H
#define TESTS_UNIT_TERMINAL_STAND_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/terminal/state.h"

#define STAND_ANSWER_BYTES 8192u
#define STAND_TEXT_BYTES   65536u

struct stand {
	struct terminal *terminal;
	char answers[STAND_ANSWER_BYTES]; /* one after the other */
	size_t answers_len;
	unsigned queries;
	uint64_t from; /* of the last query */
	uint64_t to;
	unsigned bells;
	char marks[64]; /* their kinds */
	int code;       /* of the last mark */
};

static inline void
stand_on_query(
    void *data, uint64_t from, uint64_t to, const char *answer, size_t len)
{
	struct stand *stand = data;

	stand->queries++;
	stand->from = from;
	stand->to = to;
	if (len > sizeof(stand->answers) - 1 - stand->answers_len)
		len = sizeof(stand->answers) - 1 - stand->answers_len;
	memcpy(stand->answers + stand->answers_len, answer, len);
	stand->answers_len += len;
	stand->answers[stand->answers_len] = '\0';
}

static inline void
stand_on_bell(void *data)
{
	((struct stand *)data)->bells++;
}

static inline void
stand_on_mark(void *data, char kind, int code)
{
	struct stand *stand = data;
	size_t len = strlen(stand->marks);

	if (len + 1 < sizeof(stand->marks))
		stand->marks[len] = kind;
	stand->code = code;
}

static inline void
stand_open(struct stand *stand, uint16_t rows, uint16_t cols)
{
	static const struct terminal_events events = {
	    .on_query = stand_on_query,
	    .on_bell = stand_on_bell,
	    .on_mark = stand_on_mark,
	};
	const struct terminal_options options = {
	    .size = {rows, cols},
	    .scrollback_lines = LIMIT_SCROLLBACK,
	    .scrollback_bytes = LIMIT_SCROLLBACK_BYTES,
	};

	memset(stand, 0, sizeof(*stand));
	stand->terminal = terminal_new(&options, &events, stand);
}

static inline void
stand_close(struct stand *stand)
{
	terminal_free(stand->terminal);
}

static inline void
stand_feed(struct stand *stand, const char *bytes, size_t len)
{
	terminal_feed(stand->terminal, (const uint8_t *)bytes, len);
}

static inline void
stand_say(struct stand *stand, const char *text)
{
	stand_feed(stand, text, strlen(text));
}

static inline void
stand_resize(struct stand *stand, uint16_t rows, uint16_t cols)
{
	const struct terminal_size size = {rows, cols};

	terminal_resize(stand->terminal, &size);
}

/*
 * A row's text; what was never written or is erased at its end is left out, and
 * is a dot elsewhere.
 *   returns  its length
 */
static inline size_t
stand_row_text(const struct row *row, char *out)
{
	size_t len = 0;
	size_t solid = 0;
	uint16_t col;

	for (col = 0; col < row->used; col++) {
		if ((row->cells[col].glyph & ~GLYPH_MARKED) == 0) {
			out[len++] = '.';
			continue;
		}
		len += cell_text(row, col, out + len);
		solid = len;
	}
	out[solid] = '\0';
	return solid;
}

/* All rows, each but the last with a newline; blank ones at the end are left
 * out. */
static inline const char *
stand_text(const struct stand *stand)
{
	static char text[STAND_TEXT_BYTES];
	size_t len = 0;
	size_t solid = 0;
	uint16_t i;

	for (i = 0; i < stand->terminal->size.rows; i++) {
		size_t added = stand_row_text(
		    &stand->terminal->shown->rows[i], text + len);

		if (added > 0)
			solid = len + added;
		len += added;
		text[len++] = '\n';
	}
	text[solid] = '\0';
	return text;
}

static inline const struct cell *
stand_cell(const struct stand *stand, uint16_t row, uint16_t col)
{
	return state_cell(&stand->terminal->shown->rows[row], col);
}

#endif
