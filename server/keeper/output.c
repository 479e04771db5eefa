/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/output.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/keeper/subscription.h"

#define HELD_BYTES 5u /* before a record that is held: u32 len, u8 stream */
_Static_assert(OUTPUT_RING_MIN / 2 >= WINDOW_OUTPUT, "a ring for a window");

/* One-byte records of the whole window. */
#define HELD_MAX ((size_t)WINDOW_OUTPUT * (HELD_BYTES + 1))

/* Smaller credits than this part of the window are saved up. */
#define GRANT_PART 4

static uint64_t
ring_of(const struct output *output)
{
	return output->spool.capacity - output->spool.begin.at;
}

/* What the owner has not been sent must stay, and a quarter of the ring behind
 * it; of a terminal only while the owner is there. */
static uint64_t
kept_from(const struct output *output)
{
	uint64_t quarter = ring_of(output) / 4;
	uint64_t tail = spool_tail(&output->spool);

	if (output->may_drop || (output->is_pty && output->owners == 0))
		return output->spool.head;
	return output->taken > tail + quarter ? output->taken - quarter : tail;
}

static size_t
window_of(const struct output *output)
{
	return output->is_pty ? WINDOW_PTY : WINDOW_OUTPUT;
}

static int
record(struct output *output, enum output_stream stream, const uint8_t *bytes,
    size_t len, struct error *err)
{
	struct spool *spool = &output->spool;
	uint64_t before = spool->head;
	struct spool_piece piece = {.stream = stream,
	    .from = spool->end[stream],
	    .to = spool->end[stream] + len,
	    .bytes = bytes};
	struct subscription *each = TAILQ_FIRST(&output->subscriptions);

	if (spool_append(spool, kept_from(output), stream, bytes, len, err) !=
	    0)
		return -1;
	output->waiting -= len;
	output->owed += len;
	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		subscription_offer(each, &piece, before);
	return 0;
}

static uint32_t
held_len(const uint8_t front[HELD_BYTES])
{
	uint32_t len;

	memcpy(&len, front, sizeof(len));
	return len;
}

static void
hold(struct output *output, enum output_stream stream, const uint8_t *bytes,
    size_t len)
{
	uint32_t length = (uint32_t)len;
	uint8_t front[HELD_BYTES];
	int rc;

	memcpy(front, &length, sizeof(length));
	front[4] = (uint8_t)stream;
	/* The credit bounds what can come here. */
	rc = buffer_append(&output->held, front, sizeof(front), NULL);
	assert(rc == 0);
	rc = buffer_append(&output->held, bytes, len, NULL);
	assert(rc == 0);
	(void)rc;
	output->held_bytes += len;
}

void
output_init(
    struct output *output, int dir, uint32_t number, uint64_t keep, bool is_pty)
{
	memset(output, 0, sizeof(*output));
	spool_init(&output->spool, dir, number,
	    keep < OUTPUT_RING_MIN ? OUTPUT_RING_MIN : keep);
	buffer_init(&output->held, HELD_MAX);
	output->is_pty = is_pty;
	output->credit = window_of(output);
	TAILQ_INIT(&output->subscriptions);
}

int
output_restore(struct output *output, const uint64_t until[OUTPUT_STREAMS],
    struct error *err)
{
	struct spool *spool = &output->spool;
	int i;

	if (spool_restore(spool, err) != 0)
		return -1;
	for (i = 0; i < OUTPUT_STREAMS && until != NULL; i++) {
		if (until[i] <= spool->end[i])
			continue;
		(void)error_set(err, ERROR_INVALID,
		    "%s is kept up to %" PRIu64 ", not to %" PRIu64,
		    output_stream_names[i], spool->end[i], until[i]);
		spool_forget(spool);
		return -1;
	}
	output->taken = spool_tail(spool);
	return 0;
}

void
output_bind(
    struct output *output, enum exec_overflow overflow, struct quota *quota)
{
	output->may_drop = overflow == OVERFLOW_DROP;
	spool_charge(&output->spool, quota);
}

void
output_clear(struct output *output)
{
	buffer_clear(&output->held);
	output->held_bytes = 0;
	spool_close(&output->spool);
}

/* Readers are told of what never got to the spool, too. */
static void
skip_held(struct output *output)
{
	while (buffer_len(&output->held) > 0) {
		const uint8_t *front = buffer_bytes(&output->held);
		uint32_t len = held_len(front);

		spool_skip(&output->spool, (enum output_stream)front[4], len);
		buffer_consume(&output->held, HELD_BYTES + len);
	}
	output->waiting -= output->held_bytes;
	output->held_bytes = 0;
	buffer_clear(&output->held);
}

void
output_discard(struct output *output)
{
	spool_discard(&output->spool);
	skip_held(output);
}

bool
output_has(const struct output *output, enum output_stream stream)
{
	return (stream == OUTPUT_PTY) == output->is_pty;
}

int
output_admit(struct output *output, enum output_stream stream, size_t len,
    struct error *err)
{
	const char *name = output_stream_names[stream];

	if (!output_has(output, stream))
		return error_set(err, ERROR_INVALID, "it has no %s", name);
	if (output->ended[stream])
		return error_set(err, ERROR_INVALID, "%s has ended", name);
	if (len > output->credit)
		return error_set(err, ERROR_INVALID,
		    "%zu bytes of %s with a credit of %zu", len, name,
		    output->credit);
	output->credit -= len;
	output->waiting += len;
	output->ended[stream] = len == 0;
	return 0;
}

void
output_put(struct output *output, enum output_stream stream,
    const uint8_t *bytes, size_t len)
{
	if (output->held_bytes > 0 ||
	    record(output, stream, bytes, len, NULL) != 0)
		hold(output, stream, bytes, len);
}

bool
output_is_over(const struct output *output)
{
	return output->is_pty ? output->ended[OUTPUT_PTY]
	                      : output->ended[OUTPUT_STDOUT] &&
	                            output->ended[OUTPUT_STDERR];
}

void
output_end(struct output *output)
{
	int stream;

	for (stream = 0; stream < OUTPUT_STREAMS; stream++)
		output->ended[stream] = true;
}

void
output_sent(struct output *output, uint64_t position)
{
	if (position > output->taken)
		output->taken = position;
}

int
output_settle(struct output *output, struct error *err)
{
	while (output->held_bytes > 0) {
		const uint8_t *front = buffer_bytes(&output->held);
		uint32_t len = held_len(front);

		if (record(output, (enum output_stream)front[4],
		        front + HELD_BYTES, len, err) != 0)
			return err->code == ERROR_LIMIT ? 0 : -1;
		buffer_consume(&output->held, HELD_BYTES + len);
		output->held_bytes -= len;
	}
	return 0;
}

uint32_t
output_grant(struct output *output)
{
	const struct spool *spool = &output->spool;
	/* Eviction is by whole segments, and records have headers. */
	uint64_t slack = 2 * ring_of(output) / SPOOL_SEGMENTS + FRAME_DATA_MAX +
	                 SPOOL_RECORD_BYTES;
	uint64_t used = spool->head - kept_from(output) + slack;
	uint64_t room = used < ring_of(output) ? ring_of(output) - used : 0;
	uint64_t coming = output->credit + output->waiting;
	uint64_t grant = output->owed;

	if (output->held_bytes > 0 || room <= coming)
		return 0;
	if (grant > room - coming)
		grant = room - coming;
	if (grant < window_of(output) / GRANT_PART)
		return 0;
	output->credit += grant;
	output->owed -= grant;
	return (uint32_t)grant;
}
