/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_output.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/utf8.h"

void
brain_output_init(struct brain_output *output, enum output_stream stream,
    const char *exec, int64_t offset)
{
	int len;

	memset(output, 0, sizeof(*output));
	output->offset = offset;
	len = snprintf(output->head, sizeof(output->head),
	    "{\"type\":\"%s\",\"exec\":\"%s\",\"offset\":",
	    output_stream_names[stream], exec);
	assert(len > 0 && (size_t)len < sizeof(output->head));
	output->head_len = (size_t)len;
}

static int
put_head(struct brain_output *output, const char *member, struct buffer *out,
    struct error *err)
{
	char text[sizeof(output->head) + 40];
	int len;

	len = snprintf(text, sizeof(text),
	    "%s%" PRId64 ",\"%s\":", output->head, output->offset, member);
	return buffer_append(out, text, (size_t)len, err);
}

static int
put_text(struct brain_output *output, const char *bytes, size_t len,
    struct buffer *out, struct error *err)
{
	if (put_head(output, "data", out, err) != 0 ||
	    json_write_string(out, bytes, len, err) != 0 ||
	    buffer_append(out, "}\n", 2, err) != 0)
		return -1;
	output->offset += (int64_t)len;
	return 0;
}

static int
put_base64(struct brain_output *output, const char *bytes, size_t len,
    struct buffer *out, struct error *err)
{
	uint8_t *room;

	if (put_head(output, "base64", out, err) != 0 ||
	    buffer_reserve(out, BASE64_LEN(len) + 4, &room, err) != 0)
		return -1;
	room[0] = '"';
	base64_encode(bytes, len, (char *)room + 1);
	memcpy(room + 1 + BASE64_LEN(len), "\"}\n", 3);
	buffer_commit(out, BASE64_LEN(len) + 4);
	output->offset += (int64_t)len;
	return 0;
}

int
brain_output_flush(
    struct brain_output *output, struct buffer *out, struct error *err)
{
	size_t len = output->held_len;

	output->held_len = 0;
	if (len == 0)
		return 0;
	return put_base64(output, output->held, len, out, err);
}

/*
 * Complete the character held back with bytes from the front.
 *   used  bytes of it that are dealt with
 */
static int
continue_held(struct brain_output *output, const char *bytes, size_t len,
    size_t *used, struct buffer *out, struct error *err)
{
	size_t valid;
	size_t partial;

	for (*used = 0; *used < len; (*used)++) {
		output->held[output->held_len++] = bytes[*used];
		valid =
		    utf8_valid_prefix(output->held, output->held_len, &partial);
		if (valid > 0) {
			size_t whole = output->held_len;

			(*used)++;
			output->held_len = 0;
			return put_text(output, output->held, whole, out, err);
		}
		if (partial == 0) {
			/* the byte that breaks it may begin something valid */
			output->held_len--;
			return brain_output_flush(output, out, err);
		}
	}
	return 0;
}

/* How many bytes (0..3) at the end begin a character that is cut off. */
static size_t
cut_tail(const char *bytes, size_t len)
{
	size_t back;
	size_t partial;

	for (back = 1; back <= 3 && back <= len; back++) {
		(void)utf8_valid_prefix(bytes + len - back, back, &partial);
		if (partial == back)
			return back;
	}
	return 0;
}

int
brain_output_bytes(struct brain_output *output, const char *bytes, size_t len,
    struct buffer *out, struct error *err)
{
	size_t used = 0;
	size_t tail;
	size_t body;
	int put;

	if (output->held_len > 0 &&
	    continue_held(output, bytes, len, &used, out, err) != 0)
		return -1;
	bytes += used;
	len -= used;
	if (len == 0)
		return 0;
	tail = cut_tail(bytes, len);
	body = len - tail;
	memcpy(output->held, bytes + body, tail);
	output->held_len = tail;
	if (body == 0)
		return 0;
	put = utf8_is_valid(bytes, body)
	          ? put_text(output, bytes, body, out, err)
	          : put_base64(output, bytes, body, out, err);
	return put;
}
