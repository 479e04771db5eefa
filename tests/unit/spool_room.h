/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with one spool, whose every byte is known. */
#ifndef TESTS_UNIT_SPOOL_ROOM_H
#define TESTS_UNIT_SPOOL_ROOM_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "server/keeper/spool_cursor.h"
#include "server/keeper/spool_file.h"

#define CAPACITY ((uint64_t)SPOOL_CAPACITY_MIN)

struct room {
	char path[64];
	int dir;
	struct spool spool;
	struct spool_view *view;
};

static inline int
set_up(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	strcpy(room->path, "/tmp/spool-test-XXXXXX");
	assert_non_null(mkdtemp(room->path));
	room->dir = open(room->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(room->dir >= 0);
	room->view = calloc(1, sizeof(*room->view));
	spool_init(&room->spool, room->dir, 7, CAPACITY);
	*state = room;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct room *room = *state;

	spool_discard(&room->spool);
	close(room->dir);
	assert_int_equal(rmdir(room->path), 0);
	free(room->view);
	free(room);
	return 0;
}

/* The byte of a stream at an offset. */
static inline uint8_t
byte_at(int stream, uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251 + (uint64_t)stream * 101);
}

static inline int
append(struct room *room, uint64_t keep, int stream, size_t len)
{
	static uint8_t bytes[FRAME_DATA_MAX];
	struct error err = {0};
	size_t i;
	int rc;

	for (i = 0; i < len; i++)
		bytes[i] = byte_at(stream, room->spool.end[stream] + i);
	rc = spool_append(
	    &room->spool, keep, (enum output_stream)stream, bytes, len, &err);
	if (rc != 0)
		assert_int_equal(err.code, ERROR_LIMIT);
	return rc;
}

/* Read everything; each byte must be right, and nothing may be left out.
 * Returns the bytes that came as gaps. */
static inline uint64_t
read_all(struct room *room, struct spool_cursor *cursor)
{
	struct spool_piece piece;
	struct error err = {0};
	uint64_t gaps = 0, i, at[OUTPUT_STREAMS];
	int rc;

	memcpy(at, cursor->want, sizeof(at));
	while ((rc = spool_read(
	            &room->spool, cursor, room->view, &piece, &err)) == 1) {
		assert_true(piece.from < piece.to);
		assert_int_equal(piece.from, at[piece.stream]);
		at[piece.stream] = piece.to;
		if (piece.bytes == NULL) {
			gaps += piece.to - piece.from;
			continue;
		}
		assert_true(piece.to - piece.from <= FRAME_DATA_MAX);
		for (i = piece.from; i < piece.to; i++)
			assert_int_equal(piece.bytes[i - piece.from],
			    byte_at((int)piece.stream, i));
	}
	assert_int_equal(rc, 0);
	assert_memory_equal(at, room->spool.end, sizeof(at));
	assert_memory_equal(cursor->want, at, sizeof(at));
	assert_true(cursor->at == room->spool.head);
	return gaps;
}

/* The first byte of a stream in the part of the ring that turns. */
static inline uint64_t
first_in_ring(const struct room *room, enum output_stream stream)
{
	return spool_first(
	    &room->spool, stream, room->spool.begin.offset[stream]);
}

#endif
