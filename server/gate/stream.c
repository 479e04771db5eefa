/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/stream.h"

size_t
stream_write(struct stream *stream, enum stream_output output,
    const void *bytes, size_t len)
{
	return stream->methods->write(stream, output, bytes, len);
}

size_t
stream_ignore_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	(void)stream;
	(void)bytes;
	return len;
}

void
stream_ignore_eof(struct stream *stream)
{
	(void)stream;
}

void
stream_resume(struct stream *stream)
{
	stream->methods->resume(stream);
}

void
stream_finish(struct stream *stream, const struct stream_end *end)
{
	stream->methods->finish(stream, end);
}
