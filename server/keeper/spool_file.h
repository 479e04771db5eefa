/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a spool. All integers are u64, big-endian, but where it says
 * otherwise; a place is a ring position and the offset of each stream's next
 * byte there.
 *
 *   0     "SPOOL\0\0\2"
 *   8     capacity
 *   16    begin: place at which the ring begins to turn
 *   48    head: place behind the newest record
 *   80    count of segments
 *   88    so many places: each segment's first record, oldest first
 *   4096  capacity bytes: records, one behind the other
 *         record: u8 stream (enum output_stream) . u32 len . u64 offset of its
 *         first byte in that stream . len bytes
 *
 * A ring position counts bytes since the first record. What is before begin
 * lies at its position and stays for good; what is behind it goes around in the
 * rest, so that position p lies at begin + (p - begin) % (capacity - begin).
 *
 * The header is written last: a record is there once head is behind it, and is
 * gone before its bytes are overwritten. It lies in one page and is written by
 * one call, so that a writer that is killed leaves the old one or the new one.
 */
#ifndef SERVER_KEEPER_SPOOL_FILE_H
#define SERVER_KEEPER_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct error;
struct spool;

#define SPOOL_FILE_DATA 4096u /* where the records begin */

/* Have the file, with a header and nothing in it. -1 ERROR_SYSTEM. */
int spool_file_make(struct spool *spool, struct error *err);

/*
 * Open a file as it was left, and take everything from its header.
 *   returns  0, also when there is none or nothing was written to it: the spool
 *            is then as it was; -1: ERROR_SYSTEM, ERROR_INVALID (it is no such
 *            file, or damaged)
 */
int spool_file_load(struct spool *spool, struct error *err);

/* Cut it to its header, which says that nothing is kept. -1 ERROR_SYSTEM. */
int spool_file_empty(struct spool *spool, struct error *err);

/* Remove the file. */
void spool_file_remove(const struct spool *spool);

/*
 * Write the header.
 *   index    with the segments; else they are as they were
 *   returns  0, or -1 ERROR_SYSTEM and the file is as it was
 */
int spool_file_commit(const struct spool *spool, bool index, struct error *err);

/* Write parts, one behind the other, from a ring position on. Parts are
 * changed. -1 ERROR_SYSTEM: the disk takes nothing, or not all. */
int spool_file_write(const struct spool *spool, uint64_t position,
    struct iovec *parts, int count, struct error *err);

/* Read len bytes from a ring position on. -1 ERROR_SYSTEM. */
int spool_file_read(const struct spool *spool, uint64_t position,
    uint8_t *bytes, size_t len, struct error *err);

#endif
