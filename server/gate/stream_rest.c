/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/stream_rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 1024

void
stream_rest_init(struct stream_rest *rest, size_t max)
{
	memset(rest, 0, sizeof(*rest));
	buffer_init(&rest->rest[STREAM_STDOUT], max);
	buffer_init(&rest->rest[STREAM_STDERR], max);
}

void
stream_rest_clear(struct stream_rest *rest)
{
	buffer_clear(&rest->rest[STREAM_STDOUT]);
	buffer_clear(&rest->rest[STREAM_STDERR]);
}

bool
stream_rest_write(struct stream_rest *rest, enum stream_output output,
    const void *bytes, size_t len)
{
	size_t taken = 0;

	if (rest->stream != NULL && buffer_len(&rest->rest[output]) == 0)
		taken = stream_write(rest->stream, output, bytes, len);
	if (taken == len)
		return true;
	(void)buffer_append(&rest->rest[output], (const char *)bytes + taken,
	    len - taken, NULL);
	return false;
}

void
stream_rest_printf(struct stream_rest *rest, enum stream_output output,
    const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (len > 0)
		(void)stream_rest_write(rest, output, line, (size_t)len);
}

bool
stream_rest_flush(struct stream_rest *rest)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		struct buffer *left = &rest->rest[i];
		size_t len = buffer_len(left);

		if (len > 0)
			buffer_consume(left,
			    stream_write(rest->stream, (enum stream_output)i,
			        buffer_bytes(left), len));
		if (buffer_len(left) > 0)
			return false;
	}
	if (rest->is_ending)
		stream_finish(rest->stream, &rest->end);
	return true;
}

void
stream_rest_finish(struct stream_rest *rest, const struct stream_end *end)
{
	rest->end = *end;
	rest->is_ending = true;
	if (end->signal != NULL) {
		(void)snprintf(
		    rest->signal, sizeof(rest->signal), "%s", end->signal);
		rest->end.signal = rest->signal;
	}
	if (end->text != NULL) {
		(void)snprintf(rest->text, sizeof(rest->text), "%s", end->text);
		rest->end.text = rest->text;
	}
	(void)stream_rest_flush(rest);
}
