/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool_cursor.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "protocol/big_endian.h"
#include "protocol/error.h"
#include "server/keeper/spool_file.h"

_Static_assert(SPOOL_VIEW_BYTES > FRAME_DATA_MAX + SPOOL_RECORD_BYTES,
    "a record does not fit the view");

/* Whether a place is before every byte that is wanted. */
static bool
is_before(const struct spool_place *place, const uint64_t want[OUTPUT_STREAMS])
{
	int stream;

	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		if (place->offset[stream] > want[stream])
			return false;
	}
	return true;
}

void
spool_seek(const struct spool *spool, struct spool_cursor *cursor,
    const uint64_t want[OUTPUT_STREAMS])
{
	size_t i, stream;

	memset(cursor, 0, sizeof(*cursor));
	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		assert(want[stream] <= spool->end[stream]);
		cursor->want[stream] = want[stream];
	}
	if (memcmp(want, spool->end, sizeof(spool->end)) == 0) {
		cursor->at = spool->head;
		return;
	}
	if (!is_before(&spool->begin, want))
		return;
	/* The last segment that begins before every byte wanted. */
	cursor->at = spool_tail(spool);
	for (i = 0; i < spool->segment_count; i++) {
		if (!is_before(&spool->segments[i], want))
			return;
		cursor->at = spool->segments[i].at;
	}
}

void
spool_seek_end(const struct spool *spool, struct spool_cursor *cursor)
{
	spool_seek(spool, cursor, spool->end);
}

/* The end of the records that lie one behind the other from a position on. */
static uint64_t
end_of_run(const struct spool *spool, uint64_t position)
{
	return position < spool->begin.at ? spool->begin.at : spool->head;
}

/* Have bytes of the ring from position on in the view, as many as fit. */
static int
fill(const struct spool *spool, uint64_t position, struct spool_view *view,
    struct error *err)
{
	uint64_t kept = end_of_run(spool, position) - position;
	size_t want =
	    kept < sizeof(view->bytes) ? (size_t)kept : sizeof(view->bytes);

	view->of = NULL;
	if (spool_file_read(spool, position, view->bytes, want, err) != 0)
		return -1;
	view->of = spool;
	view->at = position;
	view->len = want;
	return 0;
}

/* At least len bytes at a position; NULL when the file cannot be read. */
static const uint8_t *
look(const struct spool *spool, uint64_t position, size_t len,
    struct spool_view *view, struct error *err)
{
	if (view->of != spool || position < view->at ||
	    position + len > view->at + view->len) {
		if (fill(spool, position, view, err) != 0)
			return NULL;
	}
	return view->bytes + (position - view->at);
}

static int
damaged(const struct spool *spool, struct spool_view *view, struct error *err)
{
	view->of = NULL;
	return error_set(
	    err, ERROR_SYSTEM, "spool %u is damaged", spool->number);
}

static int
begin_record(const struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct error *err)
{
	uint64_t left = end_of_run(spool, cursor->at) - cursor->at;
	const uint8_t *header = NULL;
	uint32_t len;
	uint64_t skip, offset;

	if (left > SPOOL_RECORD_BYTES)
		header = look(spool, cursor->at, SPOOL_RECORD_BYTES, view, err);
	else
		(void)damaged(spool, view, err);
	if (header == NULL)
		return -1;
	memcpy(&len, header + 1, sizeof(len));
	len = be32toh(len);
	offset = get_u64(header + 5);
	/* The file is on a disk: believe it only as far as it is possible. */
	if (header[0] >= OUTPUT_STREAMS || len == 0 || len > FRAME_DATA_MAX ||
	    offset > cursor->want[header[0]] || len > left - SPOOL_RECORD_BYTES)
		return damaged(spool, view, err);
	skip = cursor->want[header[0]] - offset;
	if (skip > len)
		skip = len;
	cursor->stream = header[0];
	cursor->at += SPOOL_RECORD_BYTES + skip;
	cursor->left = len - (uint32_t)skip;
	return 0;
}

/* Bytes of the record begun. */
static int
take_piece(const struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err)
{
	const uint8_t *bytes = look(spool, cursor->at, 1, view, err);
	size_t len;

	if (bytes == NULL)
		return -1;
	len = view->len - (size_t)(cursor->at - view->at);
	if (len > cursor->left)
		len = cursor->left;
	piece->stream = (enum output_stream)cursor->stream;
	piece->from = cursor->want[cursor->stream];
	piece->to = piece->from + len;
	piece->bytes = bytes;
	cursor->want[cursor->stream] += len;
	cursor->at += len;
	cursor->left -= (uint32_t)len;
	return 1;
}

/* A gap from what the cursor wants to an offset that it does not reach. */
static int
take_gap(struct spool_cursor *cursor, const uint64_t until[OUTPUT_STREAMS],
    struct spool_piece *piece)
{
	int stream;

	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		if (cursor->want[stream] >= until[stream])
			continue;
		piece->stream = (enum output_stream)stream;
		piece->from = cursor->want[stream];
		piece->to = until[stream];
		piece->bytes = NULL;
		cursor->want[stream] = until[stream];
		return 1;
	}
	return 0;
}

/* One step of a reader; 0: at a record of which nothing is wanted. */
static int
step(const struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err)
{
	if (cursor->at >= spool->begin.at && cursor->at < spool_tail(spool)) {
		cursor->at = spool_tail(spool);
		cursor->left = 0;
	}
	if (cursor->at >= spool->begin.at &&
	    take_gap(cursor, spool_tail_offsets(spool), piece) == 1)
		return 1;
	if (cursor->at == spool->head)
		return take_gap(cursor, spool->end, piece);
	if (cursor->left > 0)
		return take_piece(spool, cursor, view, piece, err);
	return begin_record(spool, cursor, view, err);
}

int
spool_read(struct spool *spool, struct spool_cursor *cursor,
    struct spool_view *view, struct spool_piece *piece, struct error *err)
{
	int got;

	do
		got = step(spool, cursor, view, piece, err);
	while (got == 0 && cursor->at != spool->head);
	if (got < 0) {
		cursor->at = spool->head;
		cursor->left = 0;
	}
	return got;
}
