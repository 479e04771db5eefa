/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: any line is read or refused; any bytes, written in pieces of any
 * size, are read back as the same text.
 */
#include "server/terminal/asciicast.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_size(const struct terminal_size *size)
{
	if (size->rows < 1 || size->rows > LIMIT_PTY_ROWS || size->cols < 1 ||
	    size->cols > LIMIT_PTY_COLS)
		abort();
}

static void
read_line(enum asciicast_version version, const char *line, size_t len)
{
	struct asciicast_header header;
	struct asciicast_event event;
	struct error err = {0};

	if (asciicast_read_header(line, len, &header, &err) == 0)
		check_size(&header.size);
	else if (err.text[0] == '\0')
		abort();
	err.text[0] = '\0';
	if (asciicast_read_event(version, 7, line, len, &event, &err) != 0) {
		if (err.text[0] == '\0')
			abort();
		return;
	}
	if (event.kind == ASCIICAST_RESIZE)
		check_size(&event.size);
	if ((event.kind == ASCIICAST_OUTPUT) != (event.bytes != NULL) ||
	    (event.len > 0 && !utf8_is_valid(event.bytes, event.len)))
		abort();
	free(event.bytes);
}

/* The output of all events in cast, into text. */
static void
read_back(struct buffer *cast, struct buffer *text)
{
	while (buffer_len(cast) > 0) {
		const char *line = (const char *)buffer_bytes(cast);
		const char *end = memchr(line, '\n', buffer_len(cast));
		struct asciicast_event event;

		if (end == NULL ||
		    asciicast_read_event(ASCIICAST_2, 0, line,
		        (size_t)(end - line), &event, NULL) != 0 ||
		    event.kind != ASCIICAST_OUTPUT ||
		    buffer_append(text, event.bytes, event.len, NULL) != 0)
			abort();
		free(event.bytes);
		buffer_consume(cast, (size_t)(end - line) + 1);
	}
}

static void
write_in(size_t step, const uint8_t *bytes, size_t len, struct buffer *text)
{
	struct asciicast cast = {.version = ASCIICAST_2};
	struct buffer out;
	size_t at;

	buffer_init(&out, 64 * (len + 1));
	for (at = 0; at < len; at += step)
		asciicast_output(&cast, at, bytes + at,
		    len - at < step ? len - at : step, &out);
	buffer_init(text, 4 * len + 4);
	read_back(&out, text);
	buffer_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t steps[] = {1, 2, 5};
	struct buffer whole;
	struct buffer cut;
	size_t i;

	read_line(ASCIICAST_2, (const char *)bytes, len);
	read_line(ASCIICAST_3, (const char *)bytes, len);
	write_in(len + 1, bytes, len, &whole);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		write_in(steps[i], bytes, len, &cut);
		if (buffer_len(&cut) != buffer_len(&whole) ||
		    memcmp(buffer_bytes(&cut), buffer_bytes(&whole),
		        buffer_len(&cut)) != 0)
			abort();
		buffer_clear(&cut);
	}
	buffer_clear(&whole);
	return 0;
}
