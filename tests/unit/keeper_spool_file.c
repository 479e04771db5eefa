/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/spool_file.h"

#include "tests/unit/spool_room.h"

static uint64_t
be64(const uint8_t *bytes)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Follow the records from one ring position to another. */
static void
follow(const uint8_t *file, uint64_t at, uint64_t until,
    uint64_t next[OUTPUT_STREAMS])
{
	uint64_t begin = be64(file + 16);

	while (at < until) {
		uint8_t record[SPOOL_RECORD_BYTES];
		uint64_t i, byte;
		uint32_t len;

		for (i = 0; i < sizeof(record); i++) {
			byte = at + i < begin ? at + i
			                      : begin + (at + i - begin) %
			                                    (CAPACITY - begin);
			record[i] = file[SPOOL_FILE_DATA + byte];
		}
		len = (uint32_t)(be64(record + 1) >> 32);
		assert_in_range(record[0], 0, OUTPUT_STREAMS - 1);
		assert_in_range(len, 1, FRAME_DATA_MAX);
		assert_int_equal(be64(record + 5), next[record[0]]);
		next[record[0]] += len;
		at += sizeof(record) + len;
	}
	assert_int_equal(at, until);
}

/* What the header promises to whoever reads the file without us. */
static void
the_file_describes_itself(void **state)
{
	struct room *room = *state;
	uint8_t bytes[SPOOL_FILE_DATA + CAPACITY];
	uint64_t begin, next[OUTPUT_STREAMS];
	unsigned i;

	for (i = 0; i < 500; i++)
		append(room, UINT64_MAX, (int)(i % 2), 300 + i * 7);
	assert_int_equal(
	    pread(room->spool.fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_memory_equal(bytes, "SPOOL\0\0\2", 8);
	assert_int_equal(be64(bytes + 8), CAPACITY);
	begin = be64(bytes + 16);
	assert_in_range(begin, CAPACITY / 8 - 10000, CAPACITY / 8);
	for (i = 0; i < OUTPUT_STREAMS; i++)
		next[i] = 0;
	follow(bytes, 0, begin, next);
	for (i = 0; i < OUTPUT_STREAMS; i++)
		assert_int_equal(next[i], be64(bytes + 24 + 8 * i));
	assert_in_range(be64(bytes + 80), SPOOL_SEGMENTS / 2, SPOOL_SEGMENTS);
	for (i = 0; i < OUTPUT_STREAMS; i++) {
		next[i] = be64(bytes + 96 + 8 * i);
		assert_int_equal(next[i], first_in_ring(room, i));
	}
	follow(bytes, be64(bytes + 88), be64(bytes + 48), next);
	for (i = 0; i < OUTPUT_STREAMS; i++)
		assert_int_equal(next[i], be64(bytes + 56 + 8 * i));
	assert_memory_equal(next, room->spool.end, sizeof(next));
}

/* As a keeper that replaces another finds it. */
static int
reopen(struct room *room, struct error *err)
{
	spool_close(&room->spool);
	room->view->of = NULL;
	spool_init(&room->spool, room->dir, 7, CAPACITY);
	return spool_restore(&room->spool, err);
}

static void
a_spool_goes_on_where_an_earlier_one_was_left(void **state)
{
	struct room *room = *state;
	unsigned round;

	srandom(7);
	for (round = 0; round < 600; round++) {
		size_t len = 1 + (size_t)random() %
		                     (round % 9 == 0 ? FRAME_DATA_MAX : 2500);
		struct spool was = room->spool;
		struct spool_cursor cursor;
		struct error err = {0};
		uint64_t gone = 0;
		int i;

		assert_int_equal(append(room, UINT64_MAX, round % 2, len), 0);
		if (round % 5 != 0)
			continue;
		was = room->spool;
		assert_int_equal(reopen(room, &err), 0);
		assert_int_equal(room->spool.head, was.head);
		assert_int_equal(room->spool.segment_count, was.segment_count);
		assert_memory_equal(room->spool.end, was.end, sizeof(was.end));
		for (i = 0; i < OUTPUT_STREAMS; i++)
			gone += first_in_ring(room, i) -
			        room->spool.begin.offset[i];
		spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
		assert_int_equal(read_all(room, &cursor), gone);
	}
	assert_true(room->spool.head > 5 * CAPACITY);
}

static void
nothing_written_is_restored_as_nothing(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	struct error err = {0};
	int fd;

	assert_int_equal(reopen(room, &err), 0);
	assert_int_equal(room->spool.fd, -1);
	/* killed between the file and its header */
	fd = openat(room->dir, "7", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(reopen(room, &err), 0);
	append(room, 0, OUTPUT_STDOUT, 100);
	assert_int_equal(reopen(room, &err), 0);
	spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
	assert_int_equal(read_all(room, &cursor), 0);
	assert_int_equal(room->spool.end[OUTPUT_STDOUT], 100);
}

/* What a writer that was killed in the middle of an append has left. */
static void
half_a_record_was_never_there(void **state)
{
	struct room *room = *state;
	uint8_t noise[4000];
	unsigned round;

	memset(noise, 0xa5, sizeof(noise));
	for (round = 0; round < 200; round++) {
		struct spool_cursor cursor;
		struct error err = {0};
		struct iovec part = {
		    .iov_base = noise, .iov_len = 1 + round * 19};

		append(room, UINT64_MAX, OUTPUT_STDOUT, 3000);
		/* an append to a full ring has evicted what it overwrites */
		if (room->spool.head > CAPACITY - 5000)
			append(room, UINT64_MAX, OUTPUT_STDERR, 4000);
		else
			assert_int_equal(spool_file_write(&room->spool,
			                     room->spool.head, &part, 1, &err),
			    0);
		assert_int_equal(reopen(room, &err), 0);
		spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
		(void)read_all(room, &cursor);
	}
}

/* The beginning and the newest of it, with what is between them marked. */
static void
the_first_bytes_stay_for_good(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	struct spool_piece piece;
	struct error err = {0};
	uint64_t stay = 10 * 3000;
	int i;

	for (i = 0; i < 1000; i++)
		append(room, UINT64_MAX, OUTPUT_STDOUT, 3000);
	assert_int_equal(room->spool.begin.offset[OUTPUT_STDOUT], stay);
	assert_int_equal(spool_first(&room->spool, OUTPUT_STDOUT, 0), 0);
	assert_int_equal(
	    spool_first(&room->spool, OUTPUT_STDOUT, stay - 1), stay - 1);
	assert_int_equal(spool_first(&room->spool, OUTPUT_STDOUT, stay),
	    first_in_ring(room, OUTPUT_STDOUT));
	for (i = 0; i < 2; i++) {
		spool_seek(&room->spool, &cursor, (uint64_t[]){5, 0, 0});
		assert_int_equal(read_all(room, &cursor),
		    first_in_ring(room, OUTPUT_STDOUT) - stay);
		assert_int_equal(reopen(room, &err), 0);
	}
	/* behind the beginning, nothing of it comes again */
	spool_seek(&room->spool, &cursor, (uint64_t[]){stay, 0, 0});
	assert_int_equal(
	    spool_read(&room->spool, &cursor, room->view, &piece, &err), 1);
	assert_null(piece.bytes);
	assert_int_equal(piece.from, stay);
	assert_int_equal(read_all(room, &cursor), 0);
}

/* Each byte of the header changed, and the file cut: refused, or harmless. */
static void
a_damaged_header_is_refused_or_does_no_harm(void **state)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	struct room *room = *state;
	uint8_t header[88];
	struct error err = {0};
	unsigned refused = 0;
	off_t at;
	size_t flip;
	int fd, i;

	for (i = 0; i < 100; i++)
		append(room, UINT64_MAX, i % 2, 7000);
	fd = dup(room->spool.fd);
	for (at = 0; at < 88 + 32 * 3; at++) {
		for (flip = 0; flip < sizeof(flips); flip++) {
			struct spool_piece piece;
			struct spool_cursor cursor;
			uint8_t was, now;
			int rounds = 0;

			assert_int_equal(pread(fd, &was, 1, at), 1);
			now = (uint8_t)(was ^ flips[flip]);
			assert_int_equal(pwrite(fd, &now, 1, at), 1);
			if (reopen(room, &err) != 0) {
				assert_int_equal(err.code, ERROR_INVALID);
				assert_int_equal(room->spool.fd, -1);
				refused++;
			} else {
				spool_seek(&room->spool, &cursor,
				    (uint64_t[]){0, 0, 0});
				while (spool_read(&room->spool, &cursor,
				           room->view, &piece, &err) != 0)
					assert_true(++rounds < 1000);
			}
			assert_int_equal(pwrite(fd, &was, 1, at), 1);
		}
	}
	assert_true(refused > 300);
	assert_int_equal(reopen(room, &err), 0);
	/* a beginning that leaves no room for the ring */
	assert_int_equal(pread(fd, header, sizeof(header), 0), 88);
	assert_int_equal(pwrite(fd, header + 48, 32, 16), 32);
	assert_int_equal(pwrite(fd, (uint8_t[8]){0}, 8, 80), 8);
	assert_int_equal(reopen(room, &err), -1);
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), 88);
	assert_int_equal(reopen(room, &err), 0);
	assert_int_equal(ftruncate(fd, (off_t)CAPACITY), 0);
	assert_int_equal(reopen(room, &err), -1);
	assert_int_equal(ftruncate(fd, 30), 0);
	assert_int_equal(reopen(room, &err), -1);
	close(fd);
	assert_int_equal(unlinkat(room->dir, "7", 0), 0);
	assert_int_equal(mkfifoat(room->dir, "7", 0600), 0);
	assert_int_equal(reopen(room, &err), -1);
	assert_int_equal(unlinkat(room->dir, "7", 0), 0);
	assert_int_equal(symlinkat("/dev/zero", room->dir, "7"), 0);
	assert_int_equal(reopen(room, &err), -1);
	assert_int_equal(unlinkat(room->dir, "7", 0), 0);
}

static void
an_emptied_spool_is_small_and_remembers_its_length(void **state)
{
	struct room *room = *state;
	struct spool_cursor cursor;
	struct error err = {0};
	struct stat file;
	int i;

	for (i = 0; i < 100; i++)
		append(room, UINT64_MAX, i % 2, 7000);
	assert_int_equal(spool_empty(&room->spool, &err), 0);
	spool_skip(&room->spool, OUTPUT_STDERR, 5);
	assert_int_equal(fstat(room->spool.fd, &file), 0);
	assert_in_range(file.st_blocks, 1, 8);
	assert_int_equal(reopen(room, &err), 0);
	spool_seek(&room->spool, &cursor, (uint64_t[]){0, 0, 0});
	assert_int_equal(read_all(room, &cursor), 700000);
	append(room, 0, OUTPUT_STDOUT, 10);
	assert_int_equal(reopen(room, &err), 0);
	assert_int_equal(read_all(room, &cursor), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_file_describes_itself),
	    TEST(a_spool_goes_on_where_an_earlier_one_was_left),
	    TEST(nothing_written_is_restored_as_nothing),
	    TEST(half_a_record_was_never_there),
	    TEST(the_first_bytes_stay_for_good),
	    TEST(a_damaged_header_is_refused_or_does_no_harm),
	    TEST(an_emptied_spool_is_small_and_remembers_its_length),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
