/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brings a new terminal to where another one was: the bytes that paint it,
 * the offset from which the exec's output goes on behind them, and what has
 * changed since besides output. In the file NUMBER.screen beside the spool, all
 * integers big-endian:
 *
 *   0    "SCREEN\0\1"
 *   8    u64 bytes, offset, written_ms, wall_ms: struct checkpoint_mark
 *   40   state, 32 bytes: u64 offset . u16 rows, cols . u16 rows, cols as they
 *        were asked for . u8 policy . u8 1: echo, 2: canonical . zeroes
 *   72   u64 length of the paint
 *   80   the paint
 *        states, as they came, each in force from its offset on
 *
 * The file is made aside and renamed, then states are appended; so whoever is
 * killed leaves a whole one.
 */
#ifndef SERVER_KEEPER_CHECKPOINT_H
#define SERVER_KEEPER_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/exec_spec.h"
#include "server/terminal/terminal.h"

struct error;

#define CHECKPOINT_STATES_MAX                           \
	256u /* appended; then it is to be written anew \
	      */
#define CHECKPOINT_PAINT_MAX (128u << 20)

/* Of a terminal, besides what output makes. */
struct checkpoint_state {
	uint64_t offset; /* of the output: so much was fed before */
	struct terminal_size size;
	struct terminal_size asked;
	enum size_policy policy;
	bool echo;
	bool canonical;
};

/* How far the recording has come. */
struct checkpoint_mark {
	uint64_t bytes;      /* of the file; 0: it is not recorded */
	uint64_t offset;     /* of the output, that is not in them */
	uint64_t written_ms; /* of the recording's time, for the last event */
	uint64_t wall_ms;    /* since 1970, when that was */
};

/* The file, open for what comes. */
struct checkpoint {
	int dir; /* borrowed */
	uint32_t number;
	int fd;        /* owned; -1: there is none */
	uint64_t end;  /* bytes of the file that count */
	size_t states; /* appended */
	struct checkpoint_mark mark;
};

/* What a file says. */
struct checkpoint_content {
	struct buffer paint;             /* owned */
	struct checkpoint_state *states; /* owned; the first goes with paint */
	size_t count;
};

/* None yet. dir is borrowed for the checkpoint's life. */
void checkpoint_init(struct checkpoint *checkpoint, int dir, uint32_t number);

/* Let go of the file, which stays. */
void checkpoint_close(struct checkpoint *checkpoint);

/* Close it and remove the file. */
void checkpoint_remove(struct checkpoint *checkpoint);

/*
 * Replace the file.
 *   returns  0, or -1 ERROR_SYSTEM and the earlier one is still there
 */
int checkpoint_write(struct checkpoint *checkpoint,
    const struct checkpoint_state *state, const struct buffer *paint,
    struct error *err);

/*
 * Append a state.
 *   returns  0, or -1: ERROR_LIMIT (it is to be written anew), ERROR_SYSTEM
 */
int checkpoint_add(struct checkpoint *checkpoint,
    const struct checkpoint_state *state, struct error *err);

/* Say how far the recording has come. -1: ERROR_LIMIT as checkpoint_add,
 * ERROR_SYSTEM. It is in mark, and in the next file, anyway. */
int checkpoint_set_mark(struct checkpoint *checkpoint,
    const struct checkpoint_mark *mark, struct error *err);

/*
 * Read the file back and go on with it.
 *   content  all zeroes when there is no file
 *   returns  0, or -1: ERROR_SYSTEM, ERROR_INVALID (it is damaged)
 */
int checkpoint_load(struct checkpoint *checkpoint,
    struct checkpoint_content *content, struct error *err);

void checkpoint_content_clear(struct checkpoint_content *content);

#endif
