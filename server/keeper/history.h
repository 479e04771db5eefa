/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal tells: the exec table as the keeper that wrote it had it.
 *
 *   line                       of an exec that
 *   exec                       has a number above all before
 *   sent                       waits
 *   started                    was sent
 *   asked, signal              has not ended
 *   ended                      was started
 *   dropped                    is there; it is no more
 *
 * Any other line, or one that is no message, is damage. A last line without its
 * end was being written when its keeper was killed: nobody was told of it, and
 * it counts as not written.
 */
#ifndef SERVER_KEEPER_HISTORY_H
#define SERVER_KEEPER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/buffer.h"
#include "server/keeper/journal_line.h"
#include "server/keeper/map.h"

struct error;

#define HISTORY_SIGNALS 64

/* Signals, bit 0 for number 1: to the exec's process group, and to its tree. */
struct signal_sets {
	uint64_t group;
	uint64_t tree;
};

struct history_exec {
	struct journal_exec exec; /* owned */
	struct journal_sent sent; /* number 0: it was not */
	int64_t pid;              /* 0: it was not started */
	struct journal_asked asked;
	struct signal_sets signals; /* not delivered */
	bool is_ended;
	struct attachment_exit exit; /* owned; once ended */
	TAILQ_ENTRY(history_exec) entry;
};

TAILQ_HEAD(history_execs, history_exec);

struct history {
	const char *task;           /* borrowed */
	int64_t last;               /* number given out */
	struct history_execs execs; /* by number */
	struct history_execs ended; /* the one that ended first is first */
	struct map by_number;
	struct buffer line; /* begun */
	uint64_t whole;     /* bytes of the lines that were read */
	size_t lines;
};

/* Nothing was read yet. task is borrowed. */
void history_init(struct history *history, const char *task);

/* Free what is left. */
void history_clear(struct history *history);

/*
 * Read on: the journal's bytes, in parts of any size.
 *   returns  0, or -1 ERROR_INVALID, ERROR_LIMIT: it is damaged, and err names
 *            the line
 */
int history_read(struct history *history, const uint8_t *bytes, size_t len,
    struct error *err);

/* Take the next exec, of those that ended first and then by number; NULL: that
 * was all. The caller frees it. */
struct history_exec *history_take(struct history *history);

/* NULL is accepted. */
void history_exec_free(struct history_exec *exec);

/* Note a signal, 1 to HISTORY_SIGNALS (asserted). */
void signal_sets_add(struct signal_sets *sets, int number, bool tree);

#endif
