/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a task: what its keeper knows and a replacement would not,
 * appended to a file before anybody is told. It must survive the process, not
 * the machine, whose end is that of every sandbox: so nothing is synced.
 *
 * What a disk takes nothing of makes the journal be behind: it is then written
 * anew, from the table as it is, as soon as that goes.
 */
#ifndef SERVER_KEEPER_JOURNAL_H
#define SERVER_KEEPER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/keeper/journal_line.h"

struct error;
struct history;
struct journal;

/* It is written anew when it is longer than this and four times what it was
 * when it was last. */
#define JOURNAL_LONG (256u << 10)

/* Add the lines of the whole table, but the first. */
typedef void (*journal_describe_fn)(void *data, struct journal *journal);

struct journal {
	int dir; /* borrowed */
	int fd;  /* owned; -1: there is no file yet */
	const char *task;
	journal_describe_fn describe;
	void *data;          /* for describe */
	int64_t last;        /* number given out: of the first line */
	uint64_t size;       /* of what was written */
	uint64_t begun;      /* ... when it was last written anew */
	struct buffer lines; /* added, not written */
	bool is_behind;      /* it lacks something that has happened */
	bool in_parts;       /* is being written anew */
	bool is_stalled;     /* the disk takes nothing; it was logged */
	int sys;             /* errno of the last write that failed */
};

/* No file is made before something is written. dir and task are borrowed. */
void journal_init(struct journal *journal, int dir, const char *task,
    journal_describe_fn describe, void *data);

/* Let go of the file, which stays. */
void journal_clear(struct journal *journal);

/*
 * Read what an earlier keeper wrote, and go on behind it.
 *   returns  0, also when it wrote nothing; -1 ERROR_SYSTEM, ERROR_INVALID,
 *            ERROR_LIMIT: the journal is of no use
 */
int journal_load(
    struct journal *journal, struct history *history, struct error *err);

/* Add a line, to be written with the next that is. */
void journal_add(
    struct journal *journal, enum journal_type type, const void *body);

/*
 * Write what was added, all or nothing.
 *   returns  0, or -1 ERROR_SYSTEM and the lines are dropped: what they say
 *            must not happen
 */
int journal_commit(struct journal *journal, struct error *err);

/*
 * Note what has happened whether the disk takes it or not: the table has it
 * already.
 *   returns  whether it is written
 */
bool journal_note(
    struct journal *journal, enum journal_type type, const void *body);

/* Write anew what is behind. Returns whether nothing is, now. */
bool journal_catch_up(struct journal *journal, struct error *err);

#endif
