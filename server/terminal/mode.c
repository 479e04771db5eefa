/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/mode.h"

#include <assert.h>

#include "server/terminal/motion.h"
#include "server/terminal/screen.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct {
	uint16_t number;
	bool is_private;
	bool is_on; /* at the beginning */
} modes[] = {
    [MODE_INSERT] = {4, false, false},
    [MODE_NEW_LINE] = {20, false, false},
    [MODE_CURSOR_KEYS] = {1, true, false},
    [MODE_REVERSE_SCREEN] = {5, true, false},
    [MODE_ORIGIN] = {6, true, false},
    [MODE_AUTO_WRAP] = {7, true, true},
    [MODE_CURSOR_BLINK] = {12, true, false},
    [MODE_CURSOR_VISIBLE] = {25, true, true},
    [MODE_REVERSE_WRAP] = {45, true, false},
    [MODE_KEYPAD] = {66, true, false},
    [MODE_FOCUS_EVENTS] = {1004, true, false},
    [MODE_ALTERNATE_SCROLL] = {1007, true, false},
    [MODE_BRACKETED_PASTE] = {2004, true, false},
    [MODE_SYNCHRONIZED] = {2026, true, false},
};
static_assert(COUNT(modes) == MODES, "one row a mode");

static const uint16_t trackings[] = {
    [MOUSE_OFF] = 0,
    [MOUSE_PRESS] = 9,
    [MOUSE_BUTTON] = 1000,
    [MOUSE_DRAG] = 1002,
    [MOUSE_MOTION] = 1003,
};
static_assert(COUNT(trackings) == MOUSE_TRACKINGS, "one number each");

static const uint16_t encodings[] = {
    [MOUSE_PLAIN] = 0,
    [MOUSE_UTF8] = 1005,
    [MOUSE_SGR] = 1006,
    [MOUSE_URXVT] = 1015,
    [MOUSE_PIXELS] = 1016,
};
static_assert(COUNT(encodings) == MOUSE_ENCODINGS, "one number each");

/* The modes that show a screen: the cursor is saved, the screen erased. */
#define SCREEN_47     47
#define SCREEN_1047   1047
#define SAVE_CURSOR   1048
#define SCREEN_CURSOR 1049

static bool
is_alternate(const struct terminal *terminal)
{
	return terminal->shown == &terminal->alternate;
}

static void
show_alternate(struct terminal *terminal, uint16_t number, bool is_on)
{
	bool was_on = is_alternate(terminal);

	if (is_on && number == SCREEN_CURSOR)
		motion_save(terminal);
	if (!is_on && was_on && number == SCREEN_1047)
		screen_erase(terminal, 0, terminal->size.rows);
	screen_show(terminal, is_on);
	if (is_on && number == SCREEN_CURSOR)
		screen_erase(terminal, 0, terminal->size.rows);
	if (!is_on && number == SCREEN_CURSOR)
		motion_restore(terminal);
}

static bool
set_screen(struct terminal *terminal, uint16_t number, bool is_on)
{
	if (number == SAVE_CURSOR) {
		if (is_on)
			motion_save(terminal);
		else
			motion_restore(terminal);
		return true;
	}
	if (number != SCREEN_47 && number != SCREEN_1047 &&
	    number != SCREEN_CURSOR)
		return false;
	show_alternate(terminal, number, is_on);
	return true;
}

static bool
set_mouse(struct terminal *terminal, uint16_t number, bool is_on)
{
	unsigned i;

	for (i = 1; i < MOUSE_TRACKINGS; i++) {
		if (trackings[i] != number)
			continue;
		terminal->mouse = is_on ? (enum mouse_tracking)i : MOUSE_OFF;
		return true;
	}
	for (i = 1; i < MOUSE_ENCODINGS; i++) {
		if (encodings[i] != number)
			continue;
		if (is_on)
			terminal->mouse_encoding = (enum mouse_encoding)i;
		else if (terminal->mouse_encoding == (enum mouse_encoding)i)
			terminal->mouse_encoding = MOUSE_PLAIN;
		return true;
	}
	return false;
}

void
mode_reset(struct terminal *terminal)
{
	unsigned i;

	for (i = 0; i < MODES; i++)
		terminal->modes[i] = modes[i].is_on;
	terminal->mouse = MOUSE_OFF;
	terminal->mouse_encoding = MOUSE_PLAIN;
}

void
mode_set(
    struct terminal *terminal, bool is_private, uint16_t number, bool is_on)
{
	unsigned i;

	for (i = 0; i < MODES; i++) {
		if (modes[i].number != number ||
		    modes[i].is_private != is_private)
			continue;
		terminal->modes[i] = is_on;
		if (i == MODE_ORIGIN)
			motion_to(terminal, 0, 0);
		return;
	}
	if (is_private && !set_screen(terminal, number, is_on))
		(void)set_mouse(terminal, number, is_on);
}

/* Whether number is one of the mouse's, and set. */
static bool
query_mouse(const struct terminal *terminal, uint16_t number, bool *is_on)
{
	unsigned i;

	for (i = 1; i < MOUSE_TRACKINGS; i++) {
		if (trackings[i] != number)
			continue;
		*is_on = terminal->mouse == (enum mouse_tracking)i;
		return true;
	}
	for (i = 1; i < MOUSE_ENCODINGS; i++) {
		if (encodings[i] != number)
			continue;
		*is_on = terminal->mouse_encoding == (enum mouse_encoding)i;
		return true;
	}
	return false;
}

static unsigned
query_private(const struct terminal *terminal, uint16_t number)
{
	bool is_on;

	if (number == SCREEN_47 || number == SCREEN_1047 ||
	    number == SCREEN_CURSOR)
		is_on = is_alternate(terminal);
	else if (number == SAVE_CURSOR)
		is_on = terminal->shown->has_saved;
	else if (!query_mouse(terminal, number, &is_on))
		return 0;
	return is_on ? 1 : 2;
}

unsigned
mode_query(const struct terminal *terminal, bool is_private, uint16_t number)
{
	unsigned i;

	for (i = 0; i < MODES; i++) {
		if (modes[i].number == number &&
		    modes[i].is_private == is_private)
			return terminal->modes[i] ? 1 : 2;
	}
	return is_private ? query_private(terminal, number) : 0;
}

uint16_t
mode_number(enum mode mode, bool *is_private)
{
	*is_private = modes[mode].is_private;
	return modes[mode].number;
}

uint16_t
mode_mouse_number(enum mouse_tracking tracking)
{
	return trackings[tracking];
}

uint16_t
mode_encoding_number(enum mouse_encoding encoding)
{
	return encodings[encoding];
}
