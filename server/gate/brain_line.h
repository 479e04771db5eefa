/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines out of a brain's bytes, however they are cut. A line over the limit is
 * reported once, as soon as that is known, and skipped to its end.
 */
#ifndef SERVER_GATE_BRAIN_LINE_H
#define SERVER_GATE_BRAIN_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/buffer.h"

enum line_result {
	LINE_NONE = 0, /* more bytes are needed */
	LINE_WHOLE,
	LINE_TOO_LONG, /* over LIMIT_LINE_BYTES without the newline */
	LINE_RESULTS
};

struct brain_line {
	struct buffer partial; /* the beginning of a line not yet ended */
	bool given;            /* partial was handed out and is spent */
	bool skipping;         /* up to the newline of a line too long */
};

void brain_line_init(struct brain_line *lines);
void brain_line_clear(struct brain_line *lines);

/*
 * Take bytes from the front of bytes[0..len) up to the end of one line.
 *   bytes    len >= 1 of them
 *   used     bytes taken, at least 1; call again with the rest
 *   line     on LINE_WHOLE, without its newline: borrowed until the next call
 *            or the end of bytes' life
 */
enum line_result brain_line_next(struct brain_line *lines, const char *bytes,
    size_t len, size_t *used, const char **line, size_t *line_len);

/*
 * After the last byte: LINE_WHOLE with what stood behind the last newline, or
 * LINE_NONE.
 */
enum line_result brain_line_last(
    struct brain_line *lines, const char **line, size_t *line_len);

#endif
