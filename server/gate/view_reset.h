/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a person's terminal forget a view whose painter has gone without a
 * word. A sequence or a string that was cut off is ended first.
 */
#ifndef SERVER_GATE_VIEW_RESET_H
#define SERVER_GATE_VIEW_RESET_H

/* A watching view: all that server/terminal/view.h lets it set. */
#define VIEW_RESET_WATCH "\x18\x1b[?2026l\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"

/* A client's: also what the program itself, and a repaint, may have set. The
 * title that a repaint put aside comes back. */
#define VIEW_RESET_CLIENT                                                \
	"\x18\x1b[?2026l\x1b[<99u\x1b[?1049l\x1b[<99u\x1b[r\x1b[?6l"     \
	"\x1b[m\x1b(B\x1b)B\x0f\x1b[4l\x1b[20l\x1b[?1l\x1b[?5l\x1b[?7h"  \
	"\x1b[?45l\x1b[?25h\x1b[?1004l\x1b[?2004l\x1b>\x1b[0 q"          \
	"\x1b[>4;0m\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l" \
	"\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1007l"        \
	"\x1b[23;2t"

#endif
