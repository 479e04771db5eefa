/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of a terminal's rows that have something in common, as a snapshot
 * gives them. */
#ifndef SERVER_TERMINAL_RUNS_H
#define SERVER_TERMINAL_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/screen.h"

struct row;

enum runs_kind {
	RUNS_CELLS = 0,  /* one style; blank cells of the default one are none,
	                    unless they stand between others */
	RUNS_HIGHLIGHTS, /* reverse; the text is trimmed at its end */
	RUNS_HIDDEN,     /* hidden.h */
	RUNS_KINDS
};

/* All zeroes at the beginning; runs_cut(runs, 0) and free of items free it. */
struct runs {
	struct screen_run *items; /* owned, and what they hold */
	size_t count;
	size_t room;
};

/* Add those of a row. */
void runs_add(
    struct runs *runs, enum runs_kind kind, const struct row *row, int64_t at);

/* Drop all but the first count. */
void runs_cut(struct runs *runs, size_t count);

#endif
