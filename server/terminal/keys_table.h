/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that have names, and what is said of them. */
#ifndef SERVER_TERMINAL_KEYS_TABLE_H
#define SERVER_TERMINAL_KEYS_TABLE_H

#include <stdint.h>

enum key_kind {
	KEY_CONTROL = 0, /* byte; number is its code where it has modifiers */
	KEY_CURSOR,      /* CSI final, or SS3 final in MODE_CURSOR_KEYS */
	KEY_FUNCTION,    /* SS3 final, with modifiers CSI 1 ; m final */
	KEY_TILDE,       /* CSI number ~ */
	KEY_HIGH,        /* F13 to F24: as KEY_TILDE of byte, or KEY_FUNCTION,
	                    with shift; number is kitty's code */
	KEY_KEYPAD,      /* byte, or SS3 final in MODE_KEYPAD */
	KEY_KINDS
};

struct keys_row {
	const char *name;
	enum key_kind kind;
	uint16_t number;
	char final;
	uint8_t byte;
};

/* The key of a name, in any case; NULL: there is none. */
const struct keys_row *keys_find(const char *name);

#endif
