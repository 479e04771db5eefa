/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of one exec, kept in a ring file: the newest bytes of its
 * streams, in the order in which they came.
 *
 * The file, all integers big-endian:
 *   header, 32 bytes: "SPOOL\0\0\1" . u64 capacity . u64 tail . u64 0
 *   ring, capacity bytes: records, one behind the other, around the end
 *   record: u8 stream (enum output_stream) . u32 len . u64 offset of its first
 *           byte in that stream . len bytes
 * A ring position counts bytes since the first record; it lies at position
 * modulo capacity behind the header. tail is that of the oldest record that is
 * whole; it is written before what is older gets overwritten. Following the
 * records from there, the ring ends where the stream, the len or the offset
 * (which never has holes) is not what must follow.
 *
 * Records are evicted a segment (capacity / SPOOL_SEGMENTS) at a time; the
 * segments' beginnings are the index in memory.
 */
#ifndef SERVER_KEEPER_SPOOL_H
#define SERVER_KEEPER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/frame.h"

struct error;

#define SPOOL_HEADER_BYTES 32u
#define SPOOL_RECORD_BYTES 13u
#define SPOOL_SEGMENTS     64u
#define SPOOL_CAPACITY_MIN (4ull * (FRAME_DATA_MAX + SPOOL_RECORD_BYTES))
#define SPOOL_VIEW_BYTES   (128u << 10)

struct spool_segment {
	uint64_t at;                     /* ring position of its first record */
	uint64_t offset[OUTPUT_STREAMS]; /* of each stream's next byte there */
};

struct spool {
	int dir;         /* borrowed */
	uint32_t number; /* the file's name */
	int fd;          /* owned; -1 until the first byte */
	uint64_t capacity;
	uint64_t head; /* ring position behind the newest record */
	uint64_t end[OUTPUT_STREAMS];   /* bytes of each stream so far */
	struct spool_segment *segments; /* owned; oldest first */
	size_t segment_count;
	size_t segment_room;
};

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
 * An empty spool; makes no file yet.
 *   dir       borrowed for the spool's life; the file is dir/NUMBER
 *   capacity  bytes, at least SPOOL_CAPACITY_MIN (asserted)
 */
void spool_init(
    struct spool *spool, int dir, uint32_t number, uint64_t capacity);

/* Let go of the memory and of the file, which stays. */
void spool_close(struct spool *spool);

/* Forget every byte kept and remove the file; the streams' ends stay. */
void spool_discard(struct spool *spool);

/*
 * Append one record.
 *   keep     ring position: what lies behind it may not be evicted
 *   len      1..FRAME_DATA_MAX
 *   returns  0, or -1 with nothing appended: ERROR_LIMIT (the ring is full of
 *            what must be kept), ERROR_SYSTEM (the disk)
 */
int spool_append(struct spool *spool, uint64_t keep, enum output_stream stream,
    const void *bytes, size_t len, struct error *err);

/* The ring position of the oldest record, and the first byte of a stream that
 * is kept. */
uint64_t spool_tail(const struct spool *spool);
uint64_t spool_first(const struct spool *spool, enum output_stream stream);

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
