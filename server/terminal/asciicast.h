/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of a terminal: asciicast, versions 2 and 3, a line of JSON for
 * the header and one for each event. Times are milliseconds; the written ones
 * are exact.
 *   source  docs.asciinema.org/manual/asciicast/v2/, v3/
 */
#ifndef SERVER_TERMINAL_ASCIICAST_H
#define SERVER_TERMINAL_ASCIICAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/terminal/terminal.h"

struct buffer;
struct error;

enum asciicast_version { ASCIICAST_2 = 2, ASCIICAST_3 = 3 };

struct asciicast_header {
	enum asciicast_version version;
	struct terminal_size size;
	int64_t timestamp; /* seconds since 1970 */
	const char *term;  /* NULL; borrowed */
	const char *title; /* NULL; borrowed */
};

/* Writing. All zeroes at the beginning. */
struct asciicast {
	enum asciicast_version version;
	uint64_t written_ms;   /* the time up to the last event */
	uint8_t partial[2][3]; /* of a character that is not whole, of output
	                          and of input */
	uint8_t partial_len[2];
};

/* What does not fit into out any more is left out, a whole line of it. */
void asciicast_begin(struct asciicast *cast,
    const struct asciicast_header *header, struct buffer *out);

/* at_ms: since the beginning. Bytes that are no UTF-8 become U+FFFD; half a
 * character waits for its rest. */
void asciicast_output(struct asciicast *cast, uint64_t at_ms,
    const uint8_t *bytes, size_t len, struct buffer *out);
void asciicast_input(struct asciicast *cast, uint64_t at_ms,
    const uint8_t *bytes, size_t len, struct buffer *out);
void asciicast_resize(struct asciicast *cast, uint64_t at_ms,
    const struct terminal_size *size, struct buffer *out);
void asciicast_marker(struct asciicast *cast, uint64_t at_ms, const char *label,
    struct buffer *out);
/* Version 3 has an event for it; 2 gets nothing. */
void asciicast_exit(
    struct asciicast *cast, uint64_t at_ms, int status, struct buffer *out);

/* Bytes of output that wait for the rest of their character. */
size_t asciicast_half(const struct asciicast *cast);

enum asciicast_event_kind {
	ASCIICAST_OUTPUT = 0,
	ASCIICAST_RESIZE,
	ASCIICAST_OTHER, /* input, a marker, an exit, anything unknown; a
	                    comment of version 3 */
	ASCIICAST_EVENTS
};

struct asciicast_event {
	enum asciicast_event_kind kind;
	uint64_t at_ms; /* since the beginning */
	char *bytes;    /* of output; owned by the caller */
	size_t len;
	struct terminal_size size;
};

/*
 * Reading a line without its newline.
 *   header     term and title are not read: NULL
 *   before_ms  the time of the event before; version 3 counts from there
 *   returns    0, or -1 ERROR_INVALID, ERROR_LIMIT; nothing is set
 */
int asciicast_read_header(const char *line, size_t len,
    struct asciicast_header *header, struct error *err);
int asciicast_read_event(enum asciicast_version version, uint64_t before_ms,
    const char *line, size_t len, struct asciicast_event *event,
    struct error *err);

#endif
