/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel's bytes as what runs behind it sees them: input with back-pressure,
 * output with back-pressure, and an end that carries how it ended. Made by the
 * SSH side (ssh_channel.c); used by request_*.c, remote_exec.c and brain.c,
 * which therefore hold no libssh.
 *
 * Callbacks come from the loop only, never inside one of the calls below, so a
 * user may call anything in them. on_closed comes exactly once, last, however
 * the stream ended; until then every call is safe, also when the client is
 * already gone (it does nothing).
 */
#ifndef SERVER_GATE_STREAM_H
#define SERVER_GATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

enum stream_output { STREAM_STDOUT = 0, STREAM_STDERR, STREAM_OUTPUTS };

/* How what ran behind a stream ended. */
struct stream_end {
	int code;           /* 0..255, or -1: no exit status is sent */
	const char *signal; /* "KILL"; NULL unless a signal ended it */
	bool core;
	const char *text; /* exit-signal's message for a person; NULL */
};

struct stream_events {
	/*
	 * Bytes from the client.
	 *   bytes    borrowed until the callback returns; len >= 1
	 *   returns  how many were taken; fewer than len stops the input until
	 *            stream_resume, and the rest comes again
	 */
	size_t (*on_input)(
	    struct stream *stream, const uint8_t *bytes, size_t len);
	/* The client sends no more; after the last on_input. */
	void (*on_eof)(struct stream *stream);
	/* stream_write took less than it was given, and takes bytes again. */
	void (*on_writable)(struct stream *stream);
	/* The client's terminal has another size, within limits. NULL: ignored.
	 */
	void (*on_resize)(struct stream *stream, int rows, int cols);
	/* A signal request; name without SIG. NULL: ignored. */
	void (*on_signal)(struct stream *stream, const char *name);
	/* Over; the user's memory is its own again. */
	void (*on_closed)(struct stream *stream);
};

/* The SSH side's half. */
struct stream_methods {
	size_t (*write)(struct stream *stream, enum stream_output output,
	    const void *bytes, size_t len);
	void (*resume)(struct stream *stream);
	void (*finish)(struct stream *stream, const struct stream_end *end);
};

struct stream {
	const struct stream_events *events; /* NULL until something opened it */
	void *data;                         /* the user's */
	const struct stream_methods *methods;
};

/*
 * Send bytes to the client.
 *   returns  how many were taken, 0..len. The rest is the caller's to keep;
 *            on_writable tells when to go on.
 */
size_t stream_write(struct stream *stream, enum stream_output output,
    const void *bytes, size_t len);

/* Rows for a user who reads nothing. */
size_t stream_ignore_input(
    struct stream *stream, const uint8_t *bytes, size_t len);
void stream_ignore_eof(struct stream *stream);

/* Take input again after on_input took less than it was given. */
void stream_resume(struct stream *stream);

/*
 * End: after what was written come the exit status, EOF and close. Neither
 * input nor on_writable comes any more; on_closed does, once the client has
 * closed too or is gone. end is borrowed for the call. A second call does
 * nothing.
 */
void stream_finish(struct stream *stream, const struct stream_end *end);

#endif
