/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of somebody who only watches: single characters. Escape sequences (keys
 * like the arrows, a paste's brackets, a terminal's reports) and the strings
 * that terminals answer with are read over, so that a letter inside of one is
 * no key.
 */
#ifndef SERVER_GATE_TYPED_H
#define SERVER_GATE_TYPED_H

#include <stdint.h>

#define TYPED_INTERRUPT 0x03 /* C-c: a key wherever it stands */

enum typed_state {
	TYPED_GROUND = 0,
	TYPED_ESCAPE,
	TYPED_SEQUENCE, /* CSI */
	TYPED_ONE,      /* SS3: one more byte */
	TYPED_STRING,   /* OSC, DCS and so on, to BEL or ST */
	TYPED_STRING_ESCAPE,
	TYPED_STATES
};

/* All zeroes to begin with. */
struct typed {
	enum typed_state state;
};

/* The key that byte is: C-c or a printable character of ASCII; -1: none. */
int typed_key(struct typed *typed, uint8_t byte);

#endif
