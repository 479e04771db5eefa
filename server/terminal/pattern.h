/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What match.h looks for, in one line of text. The work for one look at a
 * terminal is bounded, whatever the expression: PATTERN_WORK_US of this
 * process's time on a processor, and PCRE2's limits on steps and memory.
 */
#ifndef SERVER_TERMINAL_PATTERN_H
#define SERVER_TERMINAL_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct pattern;

#define PATTERN_WORK_US   10000
#define PATTERN_STEPS_MAX 1000000u
#define PATTERN_HEAP_KIB  4096u

/* What a look has used up. */
struct pattern_work {
	uint32_t ticks; /* until the clock is read */
	int64_t end_us; /* 0: not begun */
};

struct pattern_place {
	size_t start;
	size_t end;
};

/*
 * The first place in text[0..len) at or behind from.
 *   text     valid UTF-8, no line ends
 *   from     where a character begins
 *   work     all zeroes for the first line of a look
 *   returns  1 found, start and end are set; 0 not; -1: that was too much
 */
int pattern_find(const struct pattern *pattern, const char *text, size_t len,
    size_t from, struct pattern_work *work, struct pattern_place *out);

#endif
