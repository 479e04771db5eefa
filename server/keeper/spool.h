/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of one exec, kept in a ring file (spool_file.h): the first bytes
 * of its streams and the newest ones, in the order in which they came.
 *
 * The first records, up to an eighth of the capacity and SPOOL_FIRST_MAX, stay
 * for good; the ring turns behind them. There, records are evicted a segment at
 * a time, of which there are SPOOL_SEGMENTS at most; the segments' beginnings
 * are the index.
 *
 * A spool that belongs to a quota (quota.h) asks it before its file grows, and
 * turns at the size it has if it may not.
 */
#ifndef SERVER_KEEPER_SPOOL_H
#define SERVER_KEEPER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/frame.h"
#include "protocol/limits.h"

struct error;
struct quota;

#define SPOOL_RECORD_BYTES 13u
#define SPOOL_SEGMENTS     64u
#define SPOOL_CAPACITY_MIN (4ull * (FRAME_DATA_MAX + SPOOL_RECORD_BYTES))
#define SPOOL_CAPACITY_MAX ((uint64_t)LIMIT_OUTPUT_MAX)
#define SPOOL_FIRST_MAX    (256ull << 10) /* kept of the beginning */
#define SPOOL_SEGMENT_MIN  (4u << 10)
#define SPOOL_FREE_BYTES   (2ull << 20) /* a file's, whatever the quota says */

struct spool_place {
	uint64_t at;                     /* ring position */
	uint64_t offset[OUTPUT_STREAMS]; /* of each stream's next byte there */
};

struct spool {
	int dir;         /* borrowed */
	uint32_t number; /* the file's name */
	int fd;          /* owned; -1 until the first byte */
	uint64_t capacity;
	struct spool_place begin; /* where the ring begins to turn; the head
	                             until then */
	uint64_t head;            /* ring position behind the newest record */
	uint64_t end[OUTPUT_STREAMS]; /* bytes of each stream so far */
	struct spool_place *segments; /* owned; oldest first */
	size_t segment_count;
	size_t segment_room;
	uint64_t segment_bytes; /* the next one is not to be smaller */
	struct quota *quota;    /* borrowed; NULL: none */
	uint64_t charged;       /* bytes of it */
};

/*
 * An empty spool; makes no file yet.
 *   dir       borrowed for the spool's life; the file is dir/NUMBER
 *   capacity  bytes, at least SPOOL_CAPACITY_MIN (asserted)
 */
void spool_init(
    struct spool *spool, int dir, uint32_t number, uint64_t capacity);

/*
 * Take over the file as it was left by whoever had it before, killed or not:
 * all that was appended is there, and the capacity is the file's. Nothing may
 * have been appended here.
 *   returns  0, also when there is no file; or -1 and the spool is empty:
 *            ERROR_SYSTEM, ERROR_INVALID (the file is damaged)
 */
int spool_restore(struct spool *spool, struct error *err);

/* Be empty again, as if nothing was ever appended; the file stays. */
void spool_forget(struct spool *spool);

/* Count what the file takes, now and later, to a quota. */
void spool_charge(struct spool *spool, struct quota *quota);

/* Let go of the memory and of the file, which stays. */
void spool_close(struct spool *spool);

/* Forget every byte kept and remove the file; the streams' ends stay. */
void spool_discard(struct spool *spool);

/* Forget every byte kept; the file says how many there were. -1 ERROR_SYSTEM:
 * it may still have them. */
int spool_empty(struct spool *spool, struct error *err);

/* Count bytes that are gone, behind everything that was written. Nothing may be
 * kept. */
void spool_skip(struct spool *spool, enum output_stream stream, size_t len);

/*
 * Append one record.
 *   keep     ring position: what lies behind it may not be evicted
 *   len      1..FRAME_DATA_MAX
 *   returns  0, or -1 with nothing appended: ERROR_LIMIT (the ring is full of
 *            what must be kept), ERROR_SYSTEM (the disk)
 */
int spool_append(struct spool *spool, uint64_t keep, enum output_stream stream,
    const void *bytes, size_t len, struct error *err);

/* The most of the beginning that is kept in a ring of this capacity. */
uint64_t spool_first_max(uint64_t capacity);

/* The place behind the newest record. */
struct spool_place spool_head(const struct spool *spool);

/* The ring position of the oldest record of those that can be evicted. */
uint64_t spool_tail(const struct spool *spool);

/* The offset of each stream's next byte there; borrowed until it changes. */
const uint64_t *spool_tail_offsets(const struct spool *spool);

/* The first byte of a stream that is kept, from an offset on. */
uint64_t spool_first(
    const struct spool *spool, enum output_stream stream, uint64_t offset);

#endif
