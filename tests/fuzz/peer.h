/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a socket of a program under test, for targets that run whole
 * state machines: honest peers say what they mean, liars what the input says.
 */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/frame.h"

#define PEER_MAX ((size_t)64 << 20)

/* The input, read from its front; behind its end everything is 0. */
struct script {
	const uint8_t *bytes;
	size_t len;
};

static inline uint8_t
script_byte(struct script *script)
{
	if (script->len == 0)
		return 0;
	script->len--;
	return *script->bytes++;
}

static inline uint16_t
script_word(struct script *script)
{
	uint8_t high = script_byte(script);

	return (uint16_t)(high << 8 | script_byte(script));
}

struct peer {
	int fd; /* owned; -1: it is closed */
	struct buffer in;
	struct buffer out;
	size_t hold; /* of out, so much is sent only when more is */
};

static inline void
peer_open(struct peer *peer, int fd)
{
	peer->fd = fd;
	peer->hold = 0;
	buffer_init(&peer->in, PEER_MAX);
	buffer_init(&peer->out, PEER_MAX);
}

static inline void
peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
	buffer_clear(&peer->in);
	buffer_clear(&peer->out);
}

static inline void
peer_bytes(struct peer *peer, const void *bytes, size_t len)
{
	if (peer->fd >= 0 && buffer_append(&peer->out, bytes, len, NULL) != 0)
		abort();
}

static inline void
peer_frame(struct peer *peer, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_header(header, kind, stream, len);
	peer_bytes(peer, header, sizeof(header));
	peer_bytes(peer, payload, len);
}

static inline void
peer_say(struct peer *peer, uint32_t stream, const char *json)
{
	peer_frame(peer, FRAME_CONTROL, stream, json, strlen(json));
}

static inline void
peer_credit(struct peer *peer, uint32_t stream, uint32_t credit)
{
	uint8_t payload[4] = {(uint8_t)(credit >> 24), (uint8_t)(credit >> 16),
	    (uint8_t)(credit >> 8), (uint8_t)credit};

	peer_frame(peer, FRAME_WINDOW, stream, payload, sizeof(payload));
}

/* Send and receive as far as the socket goes; whether anything moved. */
static inline bool
peer_move(struct peer *peer)
{
	bool moved = false;
	ssize_t n;

	while (peer->fd >= 0 && buffer_len(&peer->out) > peer->hold) {
		n = send(peer->fd, buffer_bytes(&peer->out),
		    buffer_len(&peer->out) - peer->hold,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break;
		buffer_consume(&peer->out, (size_t)n);
		moved = true;
	}
	while (peer->fd >= 0) {
		uint8_t *room;

		if (buffer_reserve(&peer->in, 1 << 16, &room, NULL) != 0)
			abort();
		n = recv(peer->fd, room, 1 << 16, MSG_DONTWAIT);
		if (n <= 0)
			break;
		buffer_commit(&peer->in, (size_t)n);
		moved = true;
	}
	return moved;
}

/* The frame at the front of what has come; gone with the next peer_next. A
 * program that is tested never breaks the format. */
static inline bool
peer_look(struct peer *peer, struct frame *frame, size_t *used)
{
	int got = frame_parse(
	    buffer_bytes(&peer->in), buffer_len(&peer->in), frame, used, NULL);

	if (got < 0)
		abort();
	return got > 0;
}

/* Whether a control frame is of that type. */
static inline bool
frame_is(const struct frame *frame, const char *type)
{
	char start[64];
	int len = snprintf(start, sizeof(start), "{\"type\":\"%s\"", type);

	return frame->kind == FRAME_CONTROL && frame->len > (size_t)len &&
	       memcmp(frame->payload, start, (size_t)len) == 0;
}

/*
 * What a liar says next, by the input: a message of the list with two numbers
 * of the input in the place of its %u, data, credit, raw bytes, or half of
 * something.
 */
static inline void
peer_lie(struct peer *peer, struct script *script, const char *const *messages,
    size_t count)
{
	static const uint8_t data[FRAME_DATA_MAX];
	uint8_t what = script_byte(script);
	uint32_t stream = script_byte(script) % 5;
	char text[1024];
	size_t len;

	peer->hold = 0;
	if (what < 160) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		unsigned one = script_byte(script), two = script_word(script);

		(void)snprintf(
		    text, sizeof(text), messages[what % count], one, two, one);
#pragma GCC diagnostic pop
		peer_say(peer, stream, text);
	} else if (what < 210) {
		len = what % 3 == 0 ? script_word(script) : script_byte(script);
		peer_frame(peer, (enum frame_kind)(FRAME_STDIN + what % 4),
		    stream, data, len);
	} else if (what < 230) {
		peer_credit(
		    peer, stream, (uint32_t)script_word(script) << (what % 17));
	} else if (what < 240) {
		len = script_byte(script) % 64;
		for (; len > 0; len--)
			peer_bytes(peer, (uint8_t[]){script_byte(script)}, 1);
	} else {
		peer->hold = script_byte(script) % 32;
	}
	if (peer->hold > buffer_len(&peer->out))
		peer->hold = buffer_len(&peer->out);
}

#endif
