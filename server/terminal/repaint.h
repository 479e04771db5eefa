/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal's whole state as the bytes that bring any xterm-like terminal of
 * the same size into it: both screens, cursors, modes, tab stops, scroll
 * region, charsets, title, what is pending. Every mode is set expressly,
 * whatever the reader's were; nothing relies on a reset sequence.
 *
 * Four things do not come back, as no bytes can make them: a cell that was
 * erased behind a pending wrap is a space; no mark joins a glyph in the last
 * column that is not followed by a pending wrap; on a screen of one row or
 * column, which rows had wrapped. Nor does REP in insert mode repeat a glyph
 * from before.
 */
#ifndef SERVER_TERMINAL_REPAINT_H
#define SERVER_TERMINAL_REPAINT_H

#include <stdbool.h>
#include <stdint.h>

struct buffer;
struct terminal;

struct repaint_options {
	uint32_t
	    scrollback;    /* lines to write above the screen, newest; what
	                      the reader shows and then these lines scroll
	                      into its own scrollback. 0: it is painted over */
	bool synchronized; /* between ?2026h and l */
	bool blank;        /* the reader is a new terminal, which becomes the
	                      same: it has nothing to put aside or to scroll
	                      away */
	bool first;        /* the reader has not had a repaint before: its
	                      title is put aside until repaint_leave */
};

/*
 * Describes the terminal at terminal_ground(); bytes fed from there on follow.
 *   out  with room for all of it: some KiB for most screens, at worst 100
 *        bytes a cell
 */
void repaint_write(const struct terminal *terminal,
    const struct repaint_options *options, struct buffer *out);

/* Undo every mode that the terminal has set, and leave the cursor below what
 * was shown: for a reader that goes while the program lives on. */
void repaint_leave(const struct terminal *terminal, struct buffer *out);

#endif
