/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal: what a program has written becomes a screen. It understands what
 * xterm does of ECMA-48 and its kin, as far as docs/terminal.md lists it; no
 * byte can harm it, and every count in it is bounded.
 *
 * Nothing here does I/O. Who feeds it decides what becomes of the answers that
 * a program has asked its terminal for.
 */
#ifndef SERVER_TERMINAL_TERMINAL_H
#define SERVER_TERMINAL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct terminal;

#define TERMINAL_TITLE_BYTES 256u
#define TERMINAL_QUERY_BYTES 256u /* longer sequences are not queries */

struct terminal_size {
	uint16_t rows; /* 1..LIMIT_PTY_ROWS */
	uint16_t cols; /* 1..LIMIT_PTY_COLS */
};

struct terminal_options {
	struct terminal_size size; /* clamped to its range */
	uint32_t scrollback_lines; /* kept at most */
	size_t scrollback_bytes;   /* of memory for them, at most */
};

/* All called inside terminal_feed; none may feed or resize it. NULL: not
 * wanted. */
struct terminal_events {
	/*
	 * The program asked its terminal something.
	 *   from, to  the question's place in all bytes fed so far
	 *   answer    what this terminal says; borrowed for the call; len 0:
	 *             nothing
	 */
	void (*on_query)(void *data, uint64_t from, uint64_t to,
	    const char *answer, size_t len);
	void (*on_bell)(void *data);
	/* OSC 133: kind is 'A' prompt, 'B' input, 'C' output, 'D' end; code is
	 * that of 'D', or -1. */
	void (*on_mark)(void *data, char kind, int code);
};

/* events are borrowed for the terminal's life. */
struct terminal *terminal_new(const struct terminal_options *options,
    const struct terminal_events *events, void *data);

/* NULL is accepted. */
void terminal_free(struct terminal *terminal);

/* What the program wrote, cut anywhere. */
void terminal_feed(struct terminal *terminal, const uint8_t *bytes, size_t len);

/*
 * Bytes fed up to the last place where no sequence and no character is half
 * read. The terminal's state is what the bytes before it made.
 */
uint64_t terminal_ground(const struct terminal *terminal);

/* Bytes fed. */
uint64_t terminal_fed(const struct terminal *terminal);

/* As xterm: the cursor's line stays on screen, margins are reset, nothing is
 * wrapped anew; lines that leave at the top go to the scrollback. */
void terminal_resize(
    struct terminal *terminal, const struct terminal_size *size);

struct terminal_size terminal_get_size(const struct terminal *terminal);

/* Rows times columns. */
size_t terminal_cells(const struct terminal *terminal);

/*
 * Generations tell what is new: a cell written after this call has a stamp
 * greater than what it returns. It costs nothing when nothing was written since
 * the last call.
 */
uint32_t terminal_observe(struct terminal *terminal);

/* Whether the program is in the middle of a picture (?2026): what the screen
 * shows now is not meant to be seen. */
bool terminal_is_synchronized(const struct terminal *terminal);

/* UTF-8 without control characters; "" when none was set. */
const char *terminal_title(const struct terminal *terminal);

/* Memory it holds, bytes, near enough. */
size_t terminal_memory(const struct terminal *terminal);

#endif
