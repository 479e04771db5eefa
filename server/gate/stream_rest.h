/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream has not taken yet, and the end that is told behind it. Whoever
 * writes through this writes in order, and need not wait to finish.
 */
#ifndef SERVER_GATE_STREAM_REST_H
#define SERVER_GATE_STREAM_REST_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/buffer.h"
#include "server/gate/stream.h"

#define STREAM_REST_SIGNAL_BYTES 32
#define STREAM_REST_TEXT_BYTES   96

struct stream_rest {
	struct stream *stream; /* borrowed; NULL: what is written is kept */
	struct buffer rest[STREAM_OUTPUTS];
	struct stream_end end; /* its strings are these: */
	char signal[STREAM_REST_SIGNAL_BYTES];
	char text[STREAM_REST_TEXT_BYTES];
	bool is_ending;
};

/* max: bytes of each output that may wait; more are dropped. */
void stream_rest_init(struct stream_rest *rest, size_t max);

/* Free what waits. */
void stream_rest_clear(struct stream_rest *rest);

/*
 * Send bytes behind those that wait.
 *   returns whether all is sent; else stop whatever makes them until
 *           stream_rest_flush says so
 */
bool stream_rest_write(struct stream_rest *rest, enum stream_output output,
    const void *bytes, size_t len);

void stream_rest_printf(struct stream_rest *rest, enum stream_output output,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* From on_writable: go on. Returns whether all is sent; then the end, if it is
 * known, was told. */
bool stream_rest_flush(struct stream_rest *rest);

/* End the stream once everything is sent. end and its strings are copied. */
void stream_rest_finish(struct stream_rest *rest, const struct stream_end *end);

#endif
