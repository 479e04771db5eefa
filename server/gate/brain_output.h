/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One output stream of an exec as stream-json events. Bytes that are UTF-8 go
 * out as "data", others as "base64"; a character is never split between two
 * text events: its beginning is held back until the rest has come, or the
 * stream has ended. Events are written straight into the connection's queue.
 */
#ifndef SERVER_GATE_BRAIN_OUTPUT_H
#define SERVER_GATE_BRAIN_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/limits.h"

struct buffer;
struct error;

struct brain_output {
	int64_t offset; /* of the next byte not yet written as an event */
	char held[4];   /* the beginning of a character */
	size_t held_len;
	/* {"type":"stdout","exec":"TASK-N","offset": */
	char head[LIMIT_EXEC_ID_BYTES + 48];
	size_t head_len;
};

/* Begin at offset; exec is a valid exec id, at most LIMIT_EXEC_ID_BYTES. */
void brain_output_init(struct brain_output *output, enum output_stream stream,
    const char *exec, int64_t offset);

/*
 * Write the events of the stream's next bytes. A call adds at most
 * 6 * len + 1024 bytes to out.
 *   returns 0, or -1 (the buffer's errors)
 */
int brain_output_bytes(struct brain_output *output, const char *bytes,
    size_t len, struct buffer *out, struct error *err);

/*
 * No byte follows at this offset (the end, or a gap): write what is held back.
 */
int brain_output_flush(
    struct brain_output *output, struct buffer *out, struct error *err);

#endif
