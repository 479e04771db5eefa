/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame that every pair of Sallyport processes speaks:
 *   u32 length (big-endian, of what follows) . u8 kind . u32 stream . payload
 * docs/frames.md is the specification, tests/vectors/frames.json the bytes.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;

#define FRAME_HEADER_BYTES 9u           /* length, kind, stream */
#define FRAME_DATA_MAX     (64u << 10)  /* payload of a data frame */
#define FRAME_CONTROL_MAX  (256u << 10) /* payload of a CONTROL frame */

enum frame_kind {
	FRAME_CONTROL = 1, /* one JSON object */
	FRAME_STDIN,       /* raw bytes; an empty payload is the end of file */
	FRAME_STDOUT,
	FRAME_STDERR,
	FRAME_PTY,
	FRAME_WINDOW, /* u32 big-endian: bytes of credit granted */
	FRAME_KINDS
};

struct frame {
	enum frame_kind kind;
	uint32_t stream;        /* 0: the connection itself */
	const uint8_t *payload; /* borrowed */
	size_t len;
};

/*
 * Look at the frame at the front of bytes[0..len).
 *   out      filled on 1; payload borrowed from bytes
 *   used     bytes that the frame takes, on 1
 *   returns  1 a frame, 0 more bytes needed, -1 refused: ERROR_INVALID (kind,
 *            a WINDOW that is not 4 bytes), ERROR_LIMIT (too long). A refusal
 *            is seen as soon as the header is there.
 *   source   docs/frames.md
 */
int frame_parse(const uint8_t *bytes, size_t len, struct frame *out,
    size_t *used, struct error *err);

/* Write the 9 header bytes for a payload of len bytes. */
void frame_header(uint8_t header[FRAME_HEADER_BYTES], enum frame_kind kind,
    uint32_t stream, size_t len);

/*
 * Append a whole frame.
 * returns 0, or -1 and nothing is added: ERROR_LIMIT (longer than the kind may
 *         be, or the buffer's), ERROR_SYSTEM (no memory)
 */
int frame_append(struct buffer *out, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len, struct error *err);

/* The credit that a WINDOW frame grants. */
uint32_t frame_credit(const struct frame *frame);

/* "control", "stdin", ... for logs and JSON; never NULL. */
const char *frame_kind_name(enum frame_kind kind);

#endif
