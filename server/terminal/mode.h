/* SPDX-License-Identifier: Apache-2.0 */
/* Modes by number: what CSI h and l set, and CSI $ p asks for. */
#ifndef SERVER_TERMINAL_MODE_H
#define SERVER_TERMINAL_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/state.h"

/* Every mode, and the mouse, as at the beginning. */
void mode_reset(struct terminal *terminal);

/* Set or reset mode number, a private (DEC) one or not; an unknown one does
 * nothing. */
void mode_set(
    struct terminal *terminal, bool is_private, uint16_t number, bool is_on);

/* DECRQM's answer: 0 unknown, 1 set, 2 reset. */
unsigned mode_query(
    const struct terminal *terminal, bool is_private, uint16_t number);

/* The number of a mode, and whether it is a private one, for repaint.c. */
uint16_t mode_number(enum mode mode, bool *is_private);
uint16_t mode_mouse_number(enum mouse_tracking tracking);
uint16_t mode_encoding_number(enum mouse_encoding encoding);

#endif
