/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/send_queue.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"

#define STREAM_BYTES (64u << 20)

/* Both streams as they were written, and how far a keeper has each. */
struct stand {
	struct send_queue queue;
	uint64_t noise;
	uint8_t *written[SEND_STREAMS];
	uint64_t had[SEND_STREAMS];
	uint64_t unacknowledged;
};

static int
set_up(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));
	int i;

	assert_non_null(stand);
	stand->noise = 88172645463325252ull;
	for (i = 0; i < SEND_STREAMS; i++) {
		stand->written[i] =
		    mmap(NULL, STREAM_BYTES, PROT_READ | PROT_WRITE,
		        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_true(stand->written[i] != MAP_FAILED);
	}
	send_queue_init(&stand->queue, WINDOW_PTY);
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;
	int i;

	send_queue_clear(&stand->queue);
	for (i = 0; i < SEND_STREAMS; i++)
		(void)munmap(stand->written[i], STREAM_BYTES);
	free(stand);
	return 0;
}

static size_t
noise(struct stand *stand, size_t below)
{
	stand->noise ^= stand->noise << 13;
	stand->noise ^= stand->noise >> 7;
	stand->noise ^= stand->noise << 17;
	return (size_t)(stand->noise % below);
}

/* Read so much, or as much as there is room for; returns how much. */
static size_t
write_some(struct stand *stand, enum send_kind stream, size_t want)
{
	size_t all = 0;

	while (all < want && send_queue_room(&stand->queue) > 0) {
		size_t len = want - all;
		uint8_t *room = send_queue_reserve(&stand->queue, &len);
		uint64_t at = stand->queue.streams[stream].read;
		size_t i;

		assert_true(len > 0 && at + len <= STREAM_BYTES);
		for (i = 0; i < len; i++) {
			room[i] = (uint8_t)noise(stand, 256);
			stand->written[stream][at + i] = room[i];
		}
		send_queue_commit(&stand->queue, stream, len);
		all += len;
	}
	return all;
}

/* Send at most so much of the next item, and be the keeper that gets it. */
static bool
send_some(struct stand *stand, size_t want, struct send_item *item)
{
	if (!send_queue_next(&stand->queue, item))
		return false;
	if (item->bytes != NULL) {
		uint64_t *had = &stand->had[item->kind];

		assert_in_range(item->len, 1, FRAME_DATA_MAX);
		item->len = item->len < want ? item->len : want;
		assert_memory_equal(
		    item->bytes, stand->written[item->kind] + *had, item->len);
		*had += item->len;
		stand->unacknowledged += item->len;
	}
	send_queue_sent(&stand->queue, item, item->len);
	return true;
}

static void
send_all(struct stand *stand)
{
	struct send_item item;

	while (send_some(stand, FRAME_DATA_MAX, &item))
		continue;
}

static void
acknowledge(struct stand *stand, uint64_t bytes)
{
	struct error err;

	assert_int_equal(
	    send_queue_acknowledge(&stand->queue, (uint32_t)bytes, &err), 0);
	stand->unacknowledged -= bytes;
}

static void
resume(struct stand *stand, uint64_t out, uint64_t err_from)
{
	const uint64_t from[] = {out, err_from};
	struct error err = {0};

	if (send_queue_resume(&stand->queue, from, &err) != 0)
		fail_msg("%s", err.text);
	memcpy(stand->had, from, sizeof(from));
	stand->unacknowledged = 0;
}

static void
it_keeps_a_window_and_no_more(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(
	    write_some(stand, SEND_OUT, 2 * WINDOW_PTY), WINDOW_PTY);
	assert_int_equal(send_queue_room(&stand->queue), 0);
	send_all(stand);
	assert_int_equal(send_queue_room(&stand->queue), 0);
	acknowledge(stand, 5);
	assert_int_equal(send_queue_room(&stand->queue), 5);
	assert_int_equal(write_some(stand, SEND_ERR, 100), 5);
	send_all(stand);
	assert_int_equal(stand->had[SEND_ERR], 5);
}

static void
only_what_was_sent_is_acknowledged(void **state)
{
	struct stand *stand = *state;
	struct send_item item;
	struct error err = {0};

	(void)write_some(stand, SEND_OUT, 100);
	assert_int_equal(send_queue_acknowledge(&stand->queue, 1, &err), -1);
	assert_true(send_some(stand, 10, &item));
	assert_int_equal(send_queue_acknowledge(&stand->queue, 11, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	acknowledge(stand, 10);
	assert_int_equal(send_queue_acknowledge(&stand->queue, 1, &err), -1);
	assert_int_equal(
	    send_queue_acknowledge(&stand->queue, UINT32_MAX, &err), -1);
	assert_false(send_queue_is_sent(&stand->queue, SEND_OUT));
	send_all(stand);
	assert_true(send_queue_is_sent(&stand->queue, SEND_OUT));
}

static void
what_stands_between_keeps_its_place(void **state)
{
	struct stand *stand = *state;
	const struct {
		enum send_kind kind;
		uint32_t value;
	} wanted[] = {{SEND_OUT, 0}, {SEND_TERMINAL, 1}, {SEND_TERMINAL, 3},
	    {SEND_CREDIT, 12}, {SEND_OUT, 0}, {SEND_CREDIT, 1}};
	struct send_item item;
	size_t i;

	(void)write_some(stand, SEND_OUT, 3);
	(void)write_some(stand, SEND_OUT, 4);
	send_queue_put(&stand->queue, SEND_TERMINAL, 1);
	send_queue_put(&stand->queue, SEND_TERMINAL, 3);
	send_queue_put(&stand->queue, SEND_CREDIT, 5);
	send_queue_put(&stand->queue, SEND_CREDIT, 7);
	(void)write_some(stand, SEND_OUT, 2);
	send_queue_put(&stand->queue, SEND_CREDIT, 1);
	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		assert_true(send_some(stand, FRAME_DATA_MAX, &item));
		assert_int_equal(item.kind, wanted[i].kind);
		assert_int_equal(
		    item.value * (item.bytes == NULL), wanted[i].value);
	}
	assert_false(send_some(stand, 1, &item));
	/* it is not kept: another keeper is told it in other words */
	send_queue_rewind(&stand->queue);
	resume(stand, 1, 0);
	assert_true(send_some(stand, FRAME_DATA_MAX, &item));
	assert_int_equal(item.len, 8);
	assert_false(send_some(stand, 1, &item));
}

static void
a_keeper_resumes_only_where_it_can(void **state)
{
	struct stand *stand = *state;
	static const uint64_t wrong[][SEND_STREAMS] = {
	    {39, 0}, {101, 0}, {40, 61}, {1000, 0}, {0, 0}, {40, UINT64_MAX}};
	struct error err;
	size_t i;

	(void)write_some(stand, SEND_OUT, 100);
	(void)write_some(stand, SEND_ERR, 60);
	send_all(stand);
	(void)write_some(stand, SEND_OUT, 100);
	acknowledge(stand, 40);
	send_queue_rewind(&stand->queue);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(
		    send_queue_resume(&stand->queue, wrong[i], &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
	resume(stand, 100, 60);
	send_all(stand);
	assert_int_equal(stand->had[SEND_OUT], 200);
	assert_int_equal(stand->had[SEND_ERR], 60);
}

/* Not what was sent first: one stream whole, of the other nothing. */
static void
a_keeper_may_lack_the_middle(void **state)
{
	struct stand *stand = *state;
	int turn;

	for (turn = 0; turn < 300; turn++) {
		(void)write_some(stand, SEND_OUT, 1 + noise(stand, 300));
		(void)write_some(stand, SEND_ERR, 1 + noise(stand, 300));
	}
	send_all(stand);
	acknowledge(stand, 1000);
	send_queue_rewind(&stand->queue);
	resume(stand, stand->queue.streams[SEND_OUT].from,
	    stand->queue.streams[SEND_ERR].high);
	assert_int_equal(send_queue_room(&stand->queue),
	    WINDOW_PTY - (stand->queue.streams[SEND_OUT].read -
	                     stand->queue.streams[SEND_OUT].from));
	(void)write_some(stand, SEND_ERR, WINDOW_PTY);
	send_all(stand);
	assert_int_equal(
	    stand->had[SEND_OUT], stand->queue.streams[SEND_OUT].read);
	assert_int_equal(stand->unacknowledged, WINDOW_PTY);
}

/* What a keeper that dies anywhere has kept. */
static void
replace(struct stand *stand)
{
	uint64_t from[SEND_STREAMS];
	int i;

	send_queue_rewind(&stand->queue);
	for (i = 0; i < SEND_STREAMS; i++) {
		uint64_t first = stand->queue.streams[i].from;

		from[i] =
		    first + noise(stand, (size_t)(stand->had[i] - first) + 1);
	}
	resume(stand, from[SEND_OUT], from[SEND_ERR]);
}

static void
every_byte_comes_whatever_happens(void **state)
{
	struct stand *stand = *state;
	struct send_item item;
	int turn;

	for (turn = 0; turn < 40000; turn++) {
		size_t size = noise(stand, 8) == 0 ? WINDOW_PTY : 700;

		switch (noise(stand, 8)) {
		case 0:
		case 1:
			(void)write_some(
			    stand, SEND_OUT, noise(stand, size) + 1);
			break;
		case 2:
			(void)write_some(
			    stand, SEND_ERR, noise(stand, size) + 1);
			break;
		case 3:
			acknowledge(stand,
			    noise(stand, (size_t)stand->unacknowledged + 1));
			break;
		case 4:
			if (noise(stand, 10) == 0)
				replace(stand);
			if (noise(stand, 10) == 0)
				send_queue_trim(&stand->queue);
			break;
		default:
			(void)send_some(
			    stand, noise(stand, FRAME_DATA_MAX) + 1, &item);
			break;
		}
	}
	assert_true(stand->queue.streams[SEND_OUT].read > 8 * WINDOW_PTY);
	send_all(stand);
	assert_int_equal(
	    stand->had[SEND_OUT], stand->queue.streams[SEND_OUT].read);
	assert_int_equal(
	    stand->had[SEND_ERR], stand->queue.streams[SEND_ERR].read);
}

static size_t
resident(const struct send_queue *queue)
{
	unsigned char pages[WINDOW_PTY / 1024];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t count = queue->window / page;
	size_t sum = 0;
	size_t i;

	if (queue->ring == NULL)
		return 0;
	assert_int_equal(mincore(queue->ring, queue->window, pages), 0);
	for (i = 0; i < count; i++)
		sum += page * (pages[i] & 1);
	return sum;
}

static void
its_memory_follows_its_use(void **state)
{
	struct stand *stand = *state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(resident(&stand->queue), 0);
	(void)write_some(stand, SEND_OUT, 10);
	assert_int_equal(resident(&stand->queue), page);
	(void)write_some(stand, SEND_OUT, WINDOW_PTY);
	assert_int_equal(resident(&stand->queue), WINDOW_PTY);
	send_all(stand);
	acknowledge(stand, WINDOW_PTY - 10);
	send_queue_trim(&stand->queue);
	assert_int_equal(resident(&stand->queue), page);
	(void)write_some(stand, SEND_OUT, 2 * page);
	send_queue_rewind(&stand->queue);
	resume(stand, WINDOW_PTY - 10, 0);
	send_all(stand);
	acknowledge(stand, stand->unacknowledged);
	send_queue_trim(&stand->queue);
	assert_int_equal(resident(&stand->queue), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_STAND(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    ON_STAND(it_keeps_a_window_and_no_more),
	    ON_STAND(only_what_was_sent_is_acknowledged),
	    ON_STAND(what_stands_between_keeps_its_place),
	    ON_STAND(a_keeper_resumes_only_where_it_can),
	    ON_STAND(a_keeper_may_lack_the_middle),
	    ON_STAND(every_byte_comes_whatever_happens),
	    ON_STAND(its_memory_follows_its_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
