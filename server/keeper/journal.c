/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/keeper/history.h"

#define NAME     "journal"
#define NEW_NAME "journal.new"

#define LINES_MAX  ((size_t)2 * JOURNAL_LINE_MAX)
#define READ_BYTES (64u << 10)

/* Lines of the whole table are written in parts of this size. */
#define PART_BYTES (1u << 20)

#define GROWTH 4u

/* An operator is told once, and when it is over. */
static void
tell(struct journal *journal, bool is_stalled)
{
	if (journal->is_stalled == is_stalled)
		return;
	journal->is_stalled = is_stalled;
	if (is_stalled)
		log_error(
		    "journal: cannot be written: %s", strerror(journal->sys));
	else
		log_info("journal: is written again");
}

/* What a short write leaves is cut off: a shorter line would not cover it. */
static int
flush(struct journal *journal, struct error *err)
{
	struct buffer *lines = &journal->lines;
	struct iovec part = {.iov_base = (void *)(uintptr_t)buffer_bytes(lines),
	    .iov_len = buffer_len(lines)};
	ssize_t did = pwritev(journal->fd, &part, 1, (off_t)journal->size);

	buffer_clear(lines);
	if (did >= 0 && (size_t)did == part.iov_len) {
		journal->size += part.iov_len;
		tell(journal, false);
		return 0;
	}
	journal->sys = did < 0 ? errno : ENOSPC;
	tell(journal, true);
	if (did > 0 && ftruncate(journal->fd, (off_t)journal->size) != 0)
		journal->is_behind = true;
	errno = journal->sys;
	return error_sys(err, "write the journal");
}

/* Into another file, which takes the place of the first when it is whole. */
static int
write_anew(struct journal *journal, struct error *err)
{
	struct journal fresh = *journal;
	const struct journal_begin begin = {
	    JOURNAL_VERSION, (char *)(uintptr_t)journal->task, journal->last};
	autoclose int fd = openat(journal->dir, NEW_NAME,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_sys(err, "make the journal");
	fresh.fd = fd;
	fresh.size = 0;
	fresh.in_parts = true;
	fresh.is_behind = false;
	buffer_init(&fresh.lines, LINES_MAX);
	journal_add(&fresh, JOURNAL_BEGIN, &begin);
	journal->describe(journal->data, &fresh);
	if (fresh.is_behind || flush(&fresh, err) != 0) {
		buffer_clear(&fresh.lines);
		(void)unlinkat(journal->dir, NEW_NAME, 0);
		errno = fresh.sys;
		return error_sys(err, "write the journal");
	}
	if (renameat(journal->dir, NEW_NAME, journal->dir, NAME) != 0)
		return error_sys(err, "replace the journal");
	if (journal->fd >= 0)
		(void)close(journal->fd);
	journal->fd = take_fd(&fd);
	journal->size = fresh.size;
	journal->begun = fresh.size;
	journal->is_behind = false;
	return 0;
}

static bool
is_long(const struct journal *journal)
{
	return journal->size > JOURNAL_LONG &&
	       journal->size > GROWTH * journal->begun;
}

/* One that cannot be written anew grows on. */
static void
shorten(struct journal *journal)
{
	struct error err = {0};

	if (is_long(journal) && write_anew(journal, &err) != 0)
		journal->begun = journal->size;
}

void
journal_init(struct journal *journal, int dir, const char *task,
    journal_describe_fn describe, void *data)
{
	memset(journal, 0, sizeof(*journal));
	journal->dir = dir;
	journal->fd = -1;
	journal->task = task;
	journal->describe = describe;
	journal->data = data;
	buffer_init(&journal->lines, LINES_MAX);
}

void
journal_clear(struct journal *journal)
{
	buffer_clear(&journal->lines);
	if (journal->fd >= 0)
		(void)close(journal->fd);
	journal->fd = -1;
}

static int
read_all(struct journal *journal, struct history *history, struct error *err)
{
	uint8_t bytes[READ_BYTES];
	uint64_t at = 0;
	ssize_t got;

	while (
	    (got = pread(journal->fd, bytes, sizeof(bytes), (off_t)at)) > 0) {
		at += (uint64_t)got;
		if (history_read(history, bytes, (size_t)got, err) != 0)
			return error_wrap(err, "journal");
	}
	return got == 0 ? 0 : error_sys(err, "read the journal");
}

int
journal_load(
    struct journal *journal, struct history *history, struct error *err)
{
	journal->fd =
	    openat(journal->dir, NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (journal->fd < 0 && errno == ENOENT)
		return 0;
	if (journal->fd < 0)
		return error_sys(err, "open the journal");
	if (read_all(journal, history, err) != 0)
		return -1;
	if (ftruncate(journal->fd, (off_t)history->whole) != 0)
		return error_sys(err, "cut the journal");
	journal->size = history->whole;
	journal->begun = history->whole;
	journal->last = history->last;
	if (history->lines == 0)
		journal->is_behind = true;
	return 0;
}

void
journal_add(struct journal *journal, enum journal_type type, const void *body)
{
	struct buffer *lines = &journal->lines;

	if (journal->in_parts && buffer_len(lines) > PART_BYTES &&
	    flush(journal, NULL) != 0)
		journal->is_behind = true;
	if (json_write(journal_shapes[type], journal_types[type], body, lines,
	        NULL) != 0 ||
	    buffer_append(lines, "\n", 1, NULL) != 0)
		journal->is_behind = true;
}

int
journal_commit(struct journal *journal, struct error *err)
{
	shorten(journal);
	if (!journal_catch_up(journal, err)) {
		buffer_clear(&journal->lines);
		return -1;
	}
	return flush(journal, err);
}

bool
journal_note(struct journal *journal, enum journal_type type, const void *body)
{
	struct error err = {0};

	if (journal->is_behind || journal->fd < 0)
		return journal_catch_up(journal, &err);
	journal_add(journal, type, body);
	if (flush(journal, &err) != 0) {
		journal->is_behind = true;
		return false;
	}
	shorten(journal);
	return true;
}

bool
journal_catch_up(struct journal *journal, struct error *err)
{
	if (!journal->is_behind && journal->fd >= 0)
		return true;
	return write_anew(journal, err) == 0;
}
