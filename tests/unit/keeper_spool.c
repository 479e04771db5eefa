/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool.h"

#include "tests/unit/spool_room.h"

static void
nothing_is_made_before_the_first_byte(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	struct stat file;

	spool_seek_end(&room->spool, &cursor);
	assert_int_equal(read_all(room, &cursor), 0);
	assert_int_equal(fstatat(room->dir, "7", &file, 0), -1);
	assert_int_equal(append(room, 0, OUTPUT_STDOUT, 1), 0);
	assert_int_equal(fstatat(room->dir, "7", &file, 0), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	spool_discard(&room->spool);
	assert_int_equal(fstatat(room->dir, "7", &file, 0), -1);
}

static void
records_keep_the_order_between_streams(void **state)
{
	static const int order[] = {0, 1, 1, 0, 2, 0, 1};
	struct room *room = *state;
	struct spool_cursor cursor;
	struct spool_piece piece;
	struct error err = {0};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(*order); i++)
		append(room, 0, order[i], 10 + i);
	spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		assert_int_equal(
		    spool_read(&room->spool, &cursor, room->view, &piece, &err),
		    1);
		assert_int_equal(piece.stream, order[i]);
		assert_int_equal(piece.to - piece.from, 10 + i);
	}
}

static void
records_wrap_at_every_byte_of_their_own(void **state)
{
	struct room *room = *state;
	size_t len;

	/* Records end 1 to 40 bytes before, at and behind the ring's end. */
	for (len = 1; len <= 40; len++) {
		struct spool_cursor cursor;
		uint64_t left = CAPACITY;

		spool_discard(&room->spool);
		spool_init(&room->spool, room->dir, 7, CAPACITY);
		room->view->of = NULL;
		while (left > FRAME_DATA_MAX + SPOOL_RECORD_BYTES + 40) {
			append(room, 0, OUTPUT_STDERR, FRAME_DATA_MAX / 2);
			left -= FRAME_DATA_MAX / 2 + SPOOL_RECORD_BYTES;
		}
		spool_seek_end(&room->spool, &cursor);
		append(room, UINT64_MAX, OUTPUT_STDOUT,
		    (size_t)left - SPOOL_RECORD_BYTES - 20 > FRAME_DATA_MAX
		        ? FRAME_DATA_MAX
		        : (size_t)left - SPOOL_RECORD_BYTES - 20);
		append(room, UINT64_MAX, OUTPUT_STDOUT, len);
		append(room, UINT64_MAX, OUTPUT_STDERR, 41 - len);
		append(room, UINT64_MAX, OUTPUT_STDOUT, 100);
		assert_int_equal(read_all(room, &cursor), 0);
	}
}

static void
what_must_be_kept_is_not_evicted(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	uint64_t head;

	while (append(room, 0, OUTPUT_STDOUT, 5000) == 0)
		continue;
	head = room->spool.head;
	assert_int_equal(room->spool.begin.at, 6 * 5013);
	assert_true(head <= CAPACITY && head > CAPACITY - 5013);
	spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
	assert_int_equal(read_all(room, &cursor), 0);
	/* The first segment may go, the second not. */
	assert_int_equal(
	    append(room, room->spool.segments[1].at, OUTPUT_STDOUT, 5000), 0);
	assert_int_equal(
	    append(room, room->spool.segments[0].at, OUTPUT_STDOUT, 5000), -1);
	assert_int_equal(room->spool.head, head + 5013);
}

static void
a_reader_that_was_overrun_gets_one_gap_a_stream(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	struct spool_piece piece;
	struct error err = {0};
	int i;

	append(room, 0, OUTPUT_STDOUT, 100);
	append(room, 0, OUTPUT_STDERR, 100);
	spool_seek(&room->spool, &cursor, (uint64_t[]){50, 0, 0});
	assert_int_equal(
	    spool_read(&room->spool, &cursor, room->view, &piece, &err), 1);
	assert_int_equal(piece.from, 50);
	append(room, 0, OUTPUT_STDOUT, 32000); /* the last of the first */
	for (i = 0; i < 60; i++)
		append(room, UINT64_MAX, i % 2, 20000);
	for (i = 0; i < 2; i++)
		assert_int_equal(
		    spool_read(&room->spool, &cursor, room->view, &piece, &err),
		    1);
	assert_non_null(piece.bytes);
	assert_int_equal(piece.to, 32100);
	assert_int_equal(
	    spool_read(&room->spool, &cursor, room->view, &piece, &err), 1);
	assert_null(piece.bytes);
	assert_int_equal(piece.stream, OUTPUT_STDOUT);
	assert_int_equal(piece.from, 32100);
	assert_int_equal(piece.to, first_in_ring(room, OUTPUT_STDOUT));
	assert_int_equal(
	    spool_read(&room->spool, &cursor, room->view, &piece, &err), 1);
	assert_null(piece.bytes);
	assert_int_equal(piece.stream, OUTPUT_STDERR);
	assert_int_equal(read_all(room, &cursor), 0);
}

static void
every_offset_that_is_kept_can_be_sought(void **state)
{
	struct room *room = *state;
	uint64_t first, end, at;
	int i;

	for (i = 0; i < 300; i++)
		append(room, UINT64_MAX, i % 3 == 0, 700 + (size_t)i * 13);
	first = first_in_ring(room, OUTPUT_STDOUT);
	end = room->spool.end[OUTPUT_STDOUT];
	for (at = first; at <= end; at += (at < first + 2000 ? 1 : 977)) {
		struct spool_cursor cursor;
		uint64_t want[OUTPUT_STREAMS] = {
		    at, first_in_ring(room, OUTPUT_STDERR), 0};

		spool_seek(&room->spool, &cursor, want);
		assert_int_equal(read_all(room, &cursor), 0);
	}
}

static void
a_discarded_spool_is_one_gap_and_can_go_on(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;

	append(room, 0, OUTPUT_STDOUT, 1000);
	append(room, 0, OUTPUT_STDERR, 500);
	spool_seek(&room->spool, &cursor, (uint64_t[]){1, 0, 0});
	spool_discard(&room->spool);
	assert_int_equal(read_all(room, &cursor), 1499);
	append(room, 0, OUTPUT_STDOUT, 10);
	assert_int_equal(read_all(room, &cursor), 0);
}

static void
a_disk_that_takes_nothing_corrupts_nothing(void **state)
{
	struct room *room = *state;
	struct rlimit was, small;
	struct spool_cursor cursor;
	struct error err = {0};
	uint8_t bytes[5000] = {0};

	append(room, 0, OUTPUT_STDOUT, 3000);
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = 5000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(spool_append(&room->spool, 0, OUTPUT_STDOUT, bytes,
	                     sizeof(bytes), &err),
	    -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(room->spool.end[OUTPUT_STDOUT], 3000);
	append(room, 0, OUTPUT_STDERR, 4000);
	append(room, 0, OUTPUT_STDOUT, 4000);
	spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
	assert_int_equal(read_all(room, &cursor), 0);
}

/* Bytes of the file changed behind our back, at each place of a record. */
static void
a_damaged_file_is_a_gap_and_no_more(void **state)
{
	struct room *room = *state;
	off_t at;

	append(room, 0, OUTPUT_STDOUT, 10);
	append(room, 0, OUTPUT_STDERR, 10);
	for (at = SPOOL_FILE_DATA; at < SPOOL_FILE_DATA + 46; at++) {
		struct spool_cursor cursor;
		struct spool_piece piece;
		struct error err = {0};
		uint8_t was, now;
		int rc, rounds;

		assert_int_equal(pread(room->spool.fd, &was, 1, at), 1);
		now = (uint8_t)(was ^ 0x81);
		assert_int_equal(pwrite(room->spool.fd, &now, 1, at), 1);
		room->view->of = NULL;
		spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
		for (rounds = 0; rounds < 9; rounds++) {
			rc = spool_read(
			    &room->spool, &cursor, room->view, &piece, &err);
			if (rc == 0)
				break;
		}
		assert_int_equal(rc, 0);
		assert_memory_equal(
		    cursor.want, room->spool.end, sizeof(cursor.want));
		assert_int_equal(pwrite(room->spool.fd, &was, 1, at), 1);
		room->view->of = NULL;
	}
	assert_int_equal(ftruncate(room->spool.fd, 40), 0);
}

/* Random appends, and readers that come, lag, and seek. */
static void
random_use_loses_and_swaps_nothing(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursors[4];
	unsigned round, i;

	srandom(42);
	for (i = 0; i < 4; i++)
		spool_seek_end(&room->spool, &cursors[i]);
	for (round = 0; round < 4000; round++) {
		long what = random() % 8;

		if (what < 6) {
			size_t len = 1 + (size_t)random() %
			                     (what == 0 ? FRAME_DATA_MAX : 900);

			append(room, UINT64_MAX, (int)(random() % 3), len);
			continue;
		}
		i = (unsigned)random() % 4;
		if (what == 6) {
			(void)read_all(room, &cursors[i]);
		} else {
			uint64_t want[OUTPUT_STREAMS];
			int s;

			for (s = 0; s < OUTPUT_STREAMS; s++)
				want[s] = (uint64_t)random() %
				          (room->spool.end[s] + 1);
			spool_seek(&room->spool, &cursors[i], want);
		}
		assert_true(room->spool.segment_count <= SPOOL_SEGMENTS + 1);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_made_before_the_first_byte),
	    TEST(records_keep_the_order_between_streams),
	    TEST(records_wrap_at_every_byte_of_their_own),
	    TEST(what_must_be_kept_is_not_evicted),
	    TEST(a_reader_that_was_overrun_gets_one_gap_a_stream),
	    TEST(every_offset_that_is_kept_can_be_sought),
	    TEST(a_discarded_spool_is_one_gap_and_can_go_on),
	    TEST(a_disk_that_takes_nothing_corrupts_nothing),
	    TEST(a_damaged_file_is_a_gap_and_no_more),
	    TEST(random_use_loses_and_swaps_nothing),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
