/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_line.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"

void
brain_line_init(struct brain_line *lines)
{
	memset(lines, 0, sizeof(*lines));
	buffer_init(&lines->partial, LIMIT_LINE_BYTES);
}

void
brain_line_clear(struct brain_line *lines)
{
	buffer_clear(&lines->partial);
	lines->given = false;
	lines->skipping = false;
}

static void
forget_given(struct brain_line *lines)
{
	if (lines->given)
		buffer_consume(&lines->partial, buffer_len(&lines->partial));
	lines->given = false;
}

static enum line_result
too_long(struct brain_line *lines, bool ended)
{
	buffer_consume(&lines->partial, buffer_len(&lines->partial));
	lines->skipping = !ended;
	return LINE_TOO_LONG;
}

static void
keep(struct brain_line *lines, const char *bytes, size_t len)
{
	/* within the maximum, so only the machine's memory can be missing */
	if (buffer_append(&lines->partial, bytes, len, NULL) != 0)
		abort();
}

enum line_result
brain_line_next(struct brain_line *lines, const char *bytes, size_t len,
    size_t *used, const char **line, size_t *line_len)
{
	const char *newline = memchr(bytes, '\n', len);
	size_t piece = newline != NULL ? (size_t)(newline - bytes) : len;
	size_t had;

	forget_given(lines);
	had = buffer_len(&lines->partial);
	*used = newline != NULL ? piece + 1 : len;
	if (lines->skipping) {
		lines->skipping = newline == NULL;
		return LINE_NONE;
	}
	if (piece > LIMIT_LINE_BYTES - had)
		return too_long(lines, newline != NULL);
	if (newline == NULL) {
		keep(lines, bytes, piece);
		return LINE_NONE;
	}
	if (had == 0) {
		*line = bytes;
		*line_len = piece;
		return LINE_WHOLE;
	}
	keep(lines, bytes, piece);
	lines->given = true;
	*line = (const char *)buffer_bytes(&lines->partial);
	*line_len = buffer_len(&lines->partial);
	return LINE_WHOLE;
}

enum line_result
brain_line_last(struct brain_line *lines, const char **line, size_t *line_len)
{
	forget_given(lines);
	if (buffer_len(&lines->partial) == 0)
		return LINE_NONE;
	lines->given = true;
	*line = (const char *)buffer_bytes(&lines->partial);
	*line_len = buffer_len(&lines->partial);
	return LINE_WHOLE;
}
