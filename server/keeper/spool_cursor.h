/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of a spool: places in it, and what comes next there, which is bytes
 * or, where they are not kept, a gap.
 */
#ifndef SERVER_KEEPER_SPOOL_CURSOR_H
#define SERVER_KEEPER_SPOOL_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "server/keeper/spool.h"

struct error;

#define SPOOL_VIEW_BYTES (128u << 10)

/* A reader's place. Kept by the reader; plain data. */
struct spool_cursor {
	uint64_t want[OUTPUT_STREAMS]; /* the next byte of each stream */
	uint64_t at;    /* ring position of the next record, or inside of one */
	uint32_t left;  /* bytes of the record begun; 0: at a record */
	uint8_t stream; /* of the record begun */
};

/* Memory that records are read into; shared by all readers in turn. */
struct spool_view {
	uint8_t bytes[SPOOL_VIEW_BYTES];
	const struct spool *of; /* NULL: holds nothing */
	uint64_t at;
	size_t len;
};

struct spool_piece {
	enum output_stream stream;
	uint64_t from; /* bytes [from, to) of the stream */
	uint64_t to;
	const uint8_t *bytes; /* borrowed from the view; NULL: they are gone */
};

/*
 * Place a cursor so that it reads each stream from its offset in want on; what
 * is no longer kept comes as gaps.
 *   want  not beyond spool->end (asserted)
 */
void spool_seek(const struct spool *spool, struct spool_cursor *cursor,
    const uint64_t want[OUTPUT_STREAMS]);

/* Place a cursor behind the newest byte. */
void spool_seek_end(const struct spool *spool, struct spool_cursor *cursor);

/*
 * The next piece for a cursor, at most FRAME_DATA_MAX bytes or one gap.
 *   returns  1 and the cursor is behind the piece; 0 it has read everything;
 *            -1 the file cannot be read, and what the cursor has not had is
 *            given as gaps from now on
 */
int spool_read(struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err);

#endif
