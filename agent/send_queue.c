/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/send_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/frame.h"

/*
 * A run is so much of one kind, in four bytes: for output that comes a byte at
 * a time, from two streams in turn, they are what costs. Nothing a peer does
 * makes more than the maximum: a window's bytes, what stdin's window can be
 * credited in, and the three looks at a terminal after each of these.
 */
#define RUN_BYTES  sizeof(uint32_t)
#define RUNS_BYTES (32u << 20)

struct run {
	enum send_kind kind;
	uint32_t value;
};

static uint32_t
pack(enum send_kind kind, uint32_t value)
{
	assert(value < SEND_VALUE_MAX);
	return (uint32_t)kind * SEND_VALUE_MAX + value;
}

static struct run
unpack(const uint8_t *at)
{
	uint32_t packed;

	memcpy(&packed, at, RUN_BYTES);
	return (struct run){.kind = (enum send_kind)(packed / SEND_VALUE_MAX),
	    .value = packed % SEND_VALUE_MAX};
}

static bool
is_output(enum send_kind kind)
{
	return kind < SEND_STREAMS;
}

/* Two changes of a terminal's modes are two. */
static void
push(struct buffer *runs, enum send_kind kind, uint32_t value)
{
	uint32_t packed = pack(kind, value);
	int ret;

	if (buffer_len(runs) > 0 && kind != SEND_TERMINAL) {
		uint8_t *last = runs->data + runs->end - RUN_BYTES;
		const struct run run = unpack(last);

		if (run.kind == kind) {
			packed = pack(kind, run.value + value);
			memcpy(last, &packed, RUN_BYTES);
			return;
		}
	}
	ret = buffer_append(runs, &packed, RUN_BYTES, NULL);
	/* as memory_new: only the machine can make this fail */
	assert(ret == 0);
	(void)ret;
}

static struct run
front_of(const struct buffer *runs)
{
	return unpack(buffer_bytes(runs));
}

/* Take so much off the first run. */
static void
cut(struct buffer *runs, uint32_t value)
{
	const struct run run = front_of(runs);
	uint32_t packed = pack(run.kind, run.value - value);

	if (value == run.value)
		buffer_consume(runs, RUN_BYTES);
	else
		memcpy(runs->data + runs->start, &packed, RUN_BYTES);
}

static struct run
take_run(struct buffer *runs)
{
	const struct run run = front_of(runs);

	buffer_consume(runs, RUN_BYTES);
	return run;
}

static uint32_t
least(uint64_t first, uint64_t second)
{
	return (uint32_t)(first < second ? first : second);
}

static size_t
place(const struct send_queue *queue, uint64_t position)
{
	return (size_t)position & (queue->window - 1);
}

/* Bytes from a position to the ring's edge. */
static size_t
to_edge(const struct send_queue *queue, uint64_t position)
{
	return queue->window - place(queue, position);
}

static void
begin_anew(struct send_queue *queue)
{
	queue->front = queue->sent = queue->end = 0;
}

void
send_queue_init(struct send_queue *queue, size_t window)
{
	memset(queue, 0, sizeof(*queue));
	queue->window = window;
	buffer_init(&queue->kept, RUNS_BYTES);
	buffer_init(&queue->unsent, RUNS_BYTES);
}

void
send_queue_clear(struct send_queue *queue)
{
	if (queue->ring != NULL)
		(void)munmap(queue->ring, queue->window);
	buffer_clear(&queue->kept);
	buffer_clear(&queue->unsent);
	send_queue_init(queue, queue->window);
}

size_t
send_queue_room(const struct send_queue *queue)
{
	return queue->window - (size_t)(queue->end - queue->front);
}

/* Pages as they are touched, never a huge one for the first byte. */
static void
make_ring(struct send_queue *queue)
{
	queue->ring = mmap(NULL, queue->window, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* as memory_new */
	if (queue->ring == MAP_FAILED)
		abort();
	(void)madvise(queue->ring, queue->window, MADV_NOHUGEPAGE);
	(void)madvise(queue->ring, queue->window, MADV_DONTFORK);
}

uint8_t *
send_queue_reserve(struct send_queue *queue, size_t *len)
{
	if (queue->ring == NULL)
		make_ring(queue);
	*len = least(*len, send_queue_room(queue));
	*len = least(*len, to_edge(queue, queue->end));
	return queue->ring + place(queue, queue->end);
}

void
send_queue_commit(struct send_queue *queue, enum send_kind stream, size_t len)
{
	push(&queue->unsent, stream, (uint32_t)len);
	queue->end += len;
	queue->turned += len;
	queue->streams[stream].read += len;
}

void
send_queue_put(struct send_queue *queue, enum send_kind kind, uint32_t value)
{
	assert(!is_output(kind));
	push(&queue->unsent, kind, value);
}

bool
send_queue_next(const struct send_queue *queue, struct send_item *item)
{
	struct run run;

	if (buffer_len(&queue->unsent) == 0)
		return false;
	run = front_of(&queue->unsent);
	*item = (struct send_item){.kind = run.kind, .value = run.value};
	if (is_output(run.kind)) {
		item->bytes = queue->ring + place(queue, queue->sent);
		item->len = least(run.value, to_edge(queue, queue->sent));
		item->len = least(item->len, FRAME_DATA_MAX);
	}
	return true;
}

void
send_queue_sent(
    struct send_queue *queue, const struct send_item *item, size_t len)
{
	if (!is_output(item->kind)) {
		(void)take_run(&queue->unsent);
		return;
	}
	cut(&queue->unsent, (uint32_t)len);
	push(&queue->kept, item->kind, (uint32_t)len);
	queue->sent += len;
	queue->streams[item->kind].sent += len;
	if (queue->streams[item->kind].high < queue->streams[item->kind].sent)
		queue->streams[item->kind].high =
		    queue->streams[item->kind].sent;
}

bool
send_queue_is_sent(const struct send_queue *queue, enum send_kind stream)
{
	return queue->streams[stream].sent == queue->streams[stream].read;
}

int
send_queue_acknowledge(
    struct send_queue *queue, uint32_t bytes, struct error *err)
{
	if (bytes > queue->sent - queue->front)
		return error_set(err, ERROR_LIMIT,
		    "%u bytes of credit for %llu that were sent", bytes,
		    (unsigned long long)(queue->sent - queue->front));
	queue->front += bytes;
	queue->turned += bytes;
	while (bytes > 0) {
		const struct run run = front_of(&queue->kept);
		uint32_t part = least(run.value, bytes);

		cut(&queue->kept, part);
		queue->streams[run.kind].from += part;
		bytes -= part;
	}
	if (queue->front == queue->end)
		begin_anew(queue);
	return 0;
}

void
send_queue_rewind(struct send_queue *queue)
{
	int i;

	while (buffer_len(&queue->unsent) > 0) {
		const struct run run = take_run(&queue->unsent);

		if (is_output(run.kind))
			push(&queue->kept, run.kind, run.value);
	}
	buffer_clear(&queue->unsent);
	queue->unsent = queue->kept;
	buffer_init(&queue->kept, RUNS_BYTES);
	queue->sent = queue->front;
	for (i = 0; i < SEND_STREAMS; i++)
		queue->streams[i].sent = queue->streams[i].from;
}

/* Forwards in the ring, to before where they are. */
static void
move(struct send_queue *queue, uint64_t to, uint64_t from, size_t len)
{
	while (len > 0 && to != from) {
		size_t part = least(to_edge(queue, to), to_edge(queue, from));

		part = least(part, len);
		memmove(queue->ring + place(queue, to),
		    queue->ring + place(queue, from), part);
		to += part;
		from += part;
		len -= part;
	}
}

/*
 * What the keeper has is usually what was sent first: then nothing moves. What
 * it has beyond that lies between what it has not, and is closed up.
 */
static void
drop_before(struct send_queue *queue, const uint64_t from[SEND_STREAMS])
{
	struct buffer runs = queue->unsent;
	uint64_t at = queue->front;
	uint64_t to = at;

	buffer_init(&queue->unsent, RUNS_BYTES);
	while (buffer_len(&runs) > 0) {
		const struct run run = take_run(&runs);
		uint32_t gone;

		if (!is_output(run.kind)) {
			push(&queue->unsent, run.kind, run.value);
			continue;
		}
		gone = least(
		    run.value, from[run.kind] - queue->streams[run.kind].from);
		queue->streams[run.kind].from += gone;
		if (to == queue->front)
			to = queue->front = at + gone;
		move(queue, to, at + gone, run.value - gone);
		if (run.value > gone)
			push(&queue->unsent, run.kind, run.value - gone);
		to += run.value - gone;
		at += run.value;
	}
	buffer_clear(&runs);
	queue->end = to;
}

int
send_queue_resume(struct send_queue *queue, const uint64_t from[SEND_STREAMS],
    struct error *err)
{
	int i;

	for (i = 0; i < SEND_STREAMS; i++) {
		if (from[i] < queue->streams[i].from ||
		    from[i] > queue->streams[i].high)
			return error_set(err, ERROR_INVALID,
			    "%s from byte %llu, which is not one of %llu to "
			    "%llu",
			    i == SEND_OUT ? "stdout" : "stderr",
			    (unsigned long long)from[i],
			    (unsigned long long)queue->streams[i].from,
			    (unsigned long long)queue->streams[i].high);
	}
	queue->turned += (size_t)(queue->end - queue->front);
	drop_before(queue, from);
	for (i = 0; i < SEND_STREAMS; i++)
		queue->streams[i].sent = queue->streams[i].from;
	queue->sent = queue->front;
	if (queue->front == queue->end)
		begin_anew(queue);
	return 0;
}

/* Only whole pages between two positions that are not in use. */
static void
give_back(struct send_queue *queue, uint64_t from, uint64_t until)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	from = (from + page - 1) / page * page;
	until = until / page * page;
	while (from < until) {
		size_t part = least(to_edge(queue, from), until - from);

		(void)madvise(
		    queue->ring + place(queue, from), part, MADV_DONTNEED);
		from += part;
	}
}

void
send_queue_trim(struct send_queue *queue)
{
	queue->turned = 0;
	if (queue->ring == NULL)
		return;
	if (queue->end > queue->front) {
		give_back(queue, queue->end, queue->front + queue->window);
		return;
	}
	(void)munmap(queue->ring, queue->window);
	queue->ring = NULL;
}
