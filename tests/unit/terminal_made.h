/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals that tests of what is read from them begin with. */
#ifndef TESTS_UNIT_TERMINAL_MADE_H
#define TESTS_UNIT_TERMINAL_MADE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/limits.h"
#include "server/terminal/terminal.h"

static inline void
feed(struct terminal *terminal, const char *text)
{
	terminal_feed(terminal, (const uint8_t *)text, strlen(text));
}

/* Owned; what text made of a terminal of this size. */
static inline struct terminal *
terminal_made(uint16_t rows, uint16_t cols, const char *text)
{
	static const struct terminal_events events;
	struct terminal_options options = {
	    .size = {rows, cols},
	    .scrollback_lines = LIMIT_SCROLLBACK,
	    .scrollback_bytes = LIMIT_SCROLLBACK_BYTES,
	};
	struct terminal *terminal = terminal_new(&options, &events, NULL);

	feed(terminal, text);
	return terminal;
}

#endif
