/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/keys_table.h"

#include <stddef.h>
#include <strings.h>

/* What tmux, ht, xterm and people call them. */
static const struct keys_row keys[] = {
    {"Enter", KEY_CONTROL, 13, 0, '\r'},
    {"Return", KEY_CONTROL, 13, 0, '\r'},
    {"Tab", KEY_CONTROL, 9, 0, '\t'},
    {"Escape", KEY_CONTROL, 27, 0, '\x1b'},
    {"Esc", KEY_CONTROL, 27, 0, '\x1b'},
    {"BSpace", KEY_CONTROL, 127, 0, '\x7f'},
    {"Backspace", KEY_CONTROL, 127, 0, '\x7f'},
    {"Up", KEY_CURSOR, 1, 'A', 0},
    {"Down", KEY_CURSOR, 1, 'B', 0},
    {"Right", KEY_CURSOR, 1, 'C', 0},
    {"Left", KEY_CURSOR, 1, 'D', 0},
    {"Home", KEY_CURSOR, 1, 'H', 0},
    {"End", KEY_CURSOR, 1, 'F', 0},
    {"Insert", KEY_TILDE, 2, '~', 0},
    {"Ins", KEY_TILDE, 2, '~', 0},
    {"IC", KEY_TILDE, 2, '~', 0},
    {"Delete", KEY_TILDE, 3, '~', 0},
    {"Del", KEY_TILDE, 3, '~', 0},
    {"DC", KEY_TILDE, 3, '~', 0},
    {"PageUp", KEY_TILDE, 5, '~', 0},
    {"PgUp", KEY_TILDE, 5, '~', 0},
    {"PPage", KEY_TILDE, 5, '~', 0},
    {"PageDown", KEY_TILDE, 6, '~', 0},
    {"PgDn", KEY_TILDE, 6, '~', 0},
    {"PgDown", KEY_TILDE, 6, '~', 0},
    {"NPage", KEY_TILDE, 6, '~', 0},
    {"F1", KEY_FUNCTION, 1, 'P', 0},
    {"F2", KEY_FUNCTION, 1, 'Q', 0},
    {"F3", KEY_FUNCTION, 1, 'R', 0},
    {"F4", KEY_FUNCTION, 1, 'S', 0},
    {"F5", KEY_TILDE, 15, '~', 0},
    {"F6", KEY_TILDE, 17, '~', 0},
    {"F7", KEY_TILDE, 18, '~', 0},
    {"F8", KEY_TILDE, 19, '~', 0},
    {"F9", KEY_TILDE, 20, '~', 0},
    {"F10", KEY_TILDE, 21, '~', 0},
    {"F11", KEY_TILDE, 23, '~', 0},
    {"F12", KEY_TILDE, 24, '~', 0},
    {"F13", KEY_HIGH, 57376, 'P', 1},
    {"F14", KEY_HIGH, 57377, 'Q', 1},
    {"F15", KEY_HIGH, 57378, 'R', 1},
    {"F16", KEY_HIGH, 57379, 'S', 1},
    {"F17", KEY_HIGH, 57380, '~', 15},
    {"F18", KEY_HIGH, 57381, '~', 17},
    {"F19", KEY_HIGH, 57382, '~', 18},
    {"F20", KEY_HIGH, 57383, '~', 19},
    {"F21", KEY_HIGH, 57384, '~', 20},
    {"F22", KEY_HIGH, 57385, '~', 21},
    {"F23", KEY_HIGH, 57386, '~', 23},
    {"F24", KEY_HIGH, 57387, '~', 24},
    {"KP0", KEY_KEYPAD, 0, 'p', '0'},
    {"KP1", KEY_KEYPAD, 0, 'q', '1'},
    {"KP2", KEY_KEYPAD, 0, 'r', '2'},
    {"KP3", KEY_KEYPAD, 0, 's', '3'},
    {"KP4", KEY_KEYPAD, 0, 't', '4'},
    {"KP5", KEY_KEYPAD, 0, 'u', '5'},
    {"KP6", KEY_KEYPAD, 0, 'v', '6'},
    {"KP7", KEY_KEYPAD, 0, 'w', '7'},
    {"KP8", KEY_KEYPAD, 0, 'x', '8'},
    {"KP9", KEY_KEYPAD, 0, 'y', '9'},
    {"KP.", KEY_KEYPAD, 0, 'n', '.'},
    {"KP/", KEY_KEYPAD, 0, 'o', '/'},
    {"KP*", KEY_KEYPAD, 0, 'j', '*'},
    {"KP-", KEY_KEYPAD, 0, 'm', '-'},
    {"KP+", KEY_KEYPAD, 0, 'k', '+'},
    {"KPEnter", KEY_KEYPAD, 0, 'M', '\r'},
};

const struct keys_row *
keys_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcasecmp(name, keys[i].name) == 0)
			return &keys[i];
	}
	return NULL;
}
