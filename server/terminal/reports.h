/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What terminals say by themselves, taken out of what a person typed: answers
 * to queries (device attributes, cursor position, modes, colours, titles).
 * Only the one client that answers for the terminal may send those. Keys, mouse
 * and focus events are no reports, and what is pasted between brackets is text.
 *
 *   GROUND  typed bytes
 *   ESCAPE  behind ESC                              -> CSI, STRING, GROUND
 *   CSI     behind ESC [                            -> MOUSE, GROUND
 *   MOUSE   behind ESC [ M: three more bytes        -> GROUND
 *   STRING  behind what begins OSC, DCS and APC reports -> LONG, GROUND
 *   LONG    in a string that is longer than what is kept: dropped -> GROUND
 */
#ifndef SERVER_TERMINAL_REPORTS_H
#define SERVER_TERMINAL_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

#define REPORT_BYTES        512u /* a longer CSI sequence is let through */
#define REPORT_STRING_BYTES (1u << 20) /* dropped of a string that goes on */

enum reports_state {
	REPORTS_GROUND = 0,
	REPORTS_ESCAPE,
	REPORTS_CSI,
	REPORTS_MOUSE,
	REPORTS_STRING,
	REPORTS_LONG,
	REPORTS_STATES
};

/* Plain data; all zeroes at the beginning. */
struct reports {
	uint8_t pending[REPORT_BYTES]; /* of a sequence that is not whole yet */
	size_t len;
	enum reports_state state;
	size_t dropped;  /* in REPORTS_LONG */
	bool is_ending;  /* there, ESC came last */
	bool is_pasting; /* between the brackets of a paste */
	bool is_typing;  /* what the last call passed on was not only focus
	                    events and mouse moves */
};

/*
 * Pass on what is no report. A sequence that is not whole is kept for the next
 * call, or until reports_flush: a lone Escape is a key. out has room for
 * REPORT_BYTES more than len.
 */
void reports_filter(struct reports *reports, const uint8_t *bytes, size_t len,
    struct buffer *out);

/* Nothing came for a while: what is kept was typed. */
void reports_flush(struct reports *reports, struct buffer *out);

#endif
