/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who looks at a terminal by a view. */
#ifndef TESTS_UNIT_TERMINAL_READER_H
#define TESTS_UNIT_TERMINAL_READER_H

#include "protocol/buffer.h"
#include "server/terminal/view.h"
#include "tests/unit/terminal_stand.h"

#define FRAMES_MAX (64u << 20)

/* A view, and the terminal of who looks at it. */
struct reader {
	struct stand stand;
	struct view *view;
	struct buffer out;
};

static inline void
reader_open(
    struct reader *reader, enum view_kind kind, uint16_t rows, uint16_t cols)
{
	const struct terminal_size size = {rows, cols};

	stand_open(&reader->stand, rows, cols);
	reader->view = view_new(kind, &size);
	buffer_init(&reader->out, FRAMES_MAX);
}

static inline void
reader_close(struct reader *reader)
{
	stand_close(&reader->stand);
	view_free(reader->view);
	buffer_clear(&reader->out);
}

/* What was appended goes to the reader's terminal. */
static inline void
reader_take(struct reader *reader)
{
	stand_feed(&reader->stand, (const char *)buffer_bytes(&reader->out),
	    buffer_len(&reader->out));
	buffer_truncate(&reader->out, 0);
}

static inline void
reader_look(struct reader *reader, const struct stand *stand)
{
	(void)view_frame(reader->view, stand->terminal, "status", &reader->out);
	reader_take(reader);
}

#endif
