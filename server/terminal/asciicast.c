/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/asciicast.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/json.h"
#include "protocol/memory.h"
#include "protocol/utf8.h"

#define DATA_BYTES 24u /* "1000x500", a status */

/* Which half characters wait where. */
enum way { OUTPUT = 0, INPUT, WAYS };

static_assert(sizeof(((struct asciicast *)0)->partial_len) == WAYS, "one each");

static void
put(struct buffer *out, const char *text)
{
	(void)buffer_append(out, text, strlen(text), NULL);
}

static void
put_string(struct buffer *out, const char *text)
{
	(void)json_write_string(out, text, strlen(text), NULL);
}

static void
put_member(struct buffer *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put(out, name);
	put_string(out, value);
}

void
asciicast_begin(struct asciicast *cast, const struct asciicast_header *header,
    struct buffer *out)
{
	bool is_old = header->version == ASCIICAST_2;

	cast->version = header->version;
	(void)buffer_printf(out, NULL,
	    is_old ? "{\"version\": 2, \"width\": %u, \"height\": %u"
	           : "{\"version\": 3, \"term\": {\"cols\": %u, \"rows\": %u",
	    header->size.cols, header->size.rows);
	if (!is_old) {
		put_member(out, ", \"type\": ", header->term);
		put(out, "}");
	}
	(void)buffer_printf(
	    out, NULL, ", \"timestamp\": %" PRId64, header->timestamp);
	put_member(out, ", \"title\": ", header->title);
	if (is_old && header->term != NULL) {
		put_member(out, ", \"env\": {\"TERM\": ", header->term);
		put(out, "}");
	}
	put(out, "}\n");
}

/* One line, or nothing when out has no room for it. */
static void
put_event(struct asciicast *cast, uint64_t at_ms, char kind, const char *bytes,
    size_t len, struct buffer *out)
{
	size_t before = buffer_len(out);
	uint64_t at = at_ms > cast->written_ms ? at_ms : cast->written_ms;
	uint64_t time =
	    cast->version == ASCIICAST_2 ? at : at - cast->written_ms;

	if (buffer_printf(out, NULL, "[%" PRIu64 ".%03u, \"%c\", ", time / 1000,
	        (unsigned)(time % 1000), kind) != 0 ||
	    json_write_string(out, bytes, len, NULL) != 0 ||
	    buffer_append(out, "]\n", 2, NULL) != 0) {
		buffer_truncate(out, before);
		return;
	}
	cast->written_ms = at;
}

/* Bytes at the end that begin a character and want more. */
static size_t
half_character(const char *bytes, size_t len)
{
	size_t partial;
	size_t n;

	for (n = 1; n <= 3 && n <= len; n++) {
		(void)utf8_valid_prefix(bytes + len - n, n, &partial);
		if (partial == n)
			return n;
	}
	return 0;
}

static void
put_bytes(struct asciicast *cast, uint64_t at_ms, enum way way,
    const uint8_t *bytes, size_t len, struct buffer *out)
{
	size_t held = cast->partial_len[way];
	const char *text = (const char *)bytes;
	char *joined = NULL;
	size_t half;

	if (held > 0) {
		joined = memory_new(held + len, 1);
		memcpy(joined, cast->partial[way], held);
		memcpy(joined + held, bytes, len);
		text = joined;
		len += held;
	}
	half = half_character(text, len);
	memcpy(cast->partial[way], text + len - half, half);
	cast->partial_len[way] = (uint8_t)half;
	if (len > half)
		put_event(cast, at_ms, way == OUTPUT ? 'o' : 'i', text,
		    len - half, out);
	free(joined);
}

void
asciicast_output(struct asciicast *cast, uint64_t at_ms, const uint8_t *bytes,
    size_t len, struct buffer *out)
{
	put_bytes(cast, at_ms, OUTPUT, bytes, len, out);
}

void
asciicast_input(struct asciicast *cast, uint64_t at_ms, const uint8_t *bytes,
    size_t len, struct buffer *out)
{
	put_bytes(cast, at_ms, INPUT, bytes, len, out);
}

void
asciicast_resize(struct asciicast *cast, uint64_t at_ms,
    const struct terminal_size *size, struct buffer *out)
{
	char text[DATA_BYTES];

	(void)snprintf(text, sizeof(text), "%ux%u", size->cols, size->rows);
	put_event(cast, at_ms, 'r', text, strlen(text), out);
}

void
asciicast_marker(struct asciicast *cast, uint64_t at_ms, const char *label,
    struct buffer *out)
{
	put_event(cast, at_ms, 'm', label, strlen(label), out);
}

void
asciicast_exit(
    struct asciicast *cast, uint64_t at_ms, int status, struct buffer *out)
{
	char text[DATA_BYTES];

	if (cast->version != ASCIICAST_3)
		return;
	(void)snprintf(text, sizeof(text), "%d", status);
	put_event(cast, at_ms, 'x', text, strlen(text), out);
}

size_t
asciicast_half(const struct asciicast *cast)
{
	return cast->partial_len[OUTPUT];
}
