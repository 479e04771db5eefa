/* SPDX-License-Identifier: Apache-2.0 */
/* ESC [ ...: each sequence is a row of a table. */
#include <string.h>

#include "server/terminal/answer.h"
#include "server/terminal/control.h"
#include "server/terminal/erase.h"
#include "server/terminal/mode.h"
#include "server/terminal/motion.h"
#include "server/terminal/screen.h"
#include "server/terminal/sgr.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"
#include "server/terminal/write.h"

#define FINAL_FIRST    '@'
#define FINALS         0x3fu
#define SHAPE_MAX      6u
#define KEYBOARD_FLAGS 0x1fu

typedef void csi_handler(struct terminal *terminal);

/* The first parameter, where none or 0 says 1. */
static uint16_t
count_of(const struct terminal *terminal)
{
	return parser_param(&terminal->parser, 0, 1);
}

static void
up(struct terminal *terminal)
{
	motion_up(terminal, count_of(terminal));
}

static void
down(struct terminal *terminal)
{
	motion_down(terminal, count_of(terminal));
}

static void
right(struct terminal *terminal)
{
	motion_right(terminal, count_of(terminal));
}

static void
left(struct terminal *terminal)
{
	motion_left(terminal, count_of(terminal));
}

static void
next_line(struct terminal *terminal)
{
	motion_down(terminal, count_of(terminal));
	motion_to_col(terminal, 0);
}

static void
previous_line(struct terminal *terminal)
{
	motion_up(terminal, count_of(terminal));
	motion_to_col(terminal, 0);
}

static void
to_col(struct terminal *terminal)
{
	motion_to_col(terminal, (uint16_t)(count_of(terminal) - 1));
}

static void
to_row(struct terminal *terminal)
{
	motion_to_row(terminal, (uint16_t)(count_of(terminal) - 1));
}

/* VPR: as VPA, so margins do not stop it. */
static void
row_relative(struct terminal *terminal)
{
	unsigned row = (unsigned)terminal->cursor.row + count_of(terminal);

	if (terminal->modes[MODE_ORIGIN])
		row -= terminal->top;
	motion_to_row(
	    terminal, (uint16_t)(row < UINT16_MAX ? row : UINT16_MAX));
}

static void
to_place(struct terminal *terminal)
{
	motion_to(terminal, (uint16_t)(count_of(terminal) - 1),
	    (uint16_t)(parser_param(&terminal->parser, 1, 1) - 1));
}

static void
tab(struct terminal *terminal)
{
	motion_tab(terminal, count_of(terminal));
}

static void
back_tab(struct terminal *terminal)
{
	motion_back_tab(terminal, count_of(terminal));
}

static void
clear_tabs(struct terminal *terminal)
{
	uint16_t which = terminal->parser.params[0];

	if (which == 0)
		terminal->tabs[terminal->cursor.col] = false;
	else if (which == 3)
		memset(terminal->tabs, 0, sizeof(terminal->tabs));
}

/* DECST8C. */
static void
reset_tabs(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 5)
		state_reset_tabs(terminal);
}

static void
display(struct terminal *terminal)
{
	erase_display(terminal, terminal->parser.params[0]);
}

static void
line(struct terminal *terminal)
{
	erase_line(terminal, terminal->parser.params[0]);
}

static void
erase(struct terminal *terminal)
{
	erase_cells(terminal, count_of(terminal));
}

static void
insert_cells(struct terminal *terminal)
{
	erase_insert_cells(terminal, count_of(terminal));
}

static void
delete_cells(struct terminal *terminal)
{
	erase_delete_cells(terminal, count_of(terminal));
}

static void
insert_rows(struct terminal *terminal)
{
	erase_insert_rows(terminal, count_of(terminal));
}

static void
delete_rows(struct terminal *terminal)
{
	erase_delete_rows(terminal, count_of(terminal));
}

static void
scroll_up(struct terminal *terminal)
{
	screen_scroll_up(terminal, count_of(terminal));
}

static void
scroll_down(struct terminal *terminal)
{
	/* with more parameters it is about the mouse */
	if (terminal->parser.last == 0)
		screen_insert_rows(terminal, terminal->top, count_of(terminal));
}

static void
repeat(struct terminal *terminal)
{
	write_repeat(terminal, count_of(terminal));
}

static void
style(struct terminal *terminal)
{
	sgr_apply(&terminal->cursor.pen, &terminal->parser);
}

static void
region(struct terminal *terminal)
{
	uint16_t rows = terminal->size.rows;
	uint16_t top = count_of(terminal);
	uint16_t bottom = parser_param(&terminal->parser, 1, rows);

	if (bottom > rows)
		bottom = rows;
	if (top >= bottom)
		return;
	terminal->top = (uint16_t)(top - 1);
	terminal->bottom = (uint16_t)(bottom - 1);
	motion_to(terminal, 0, 0);
}

static void
set_modes(struct terminal *terminal, bool is_on)
{
	const struct parser *parser = &terminal->parser;
	unsigned i;

	for (i = 0; i <= parser->last; i++)
		mode_set(
		    terminal, parser->leader == '?', parser->params[i], is_on);
}

static void
set(struct terminal *terminal)
{
	set_modes(terminal, true);
}

static void
unset(struct terminal *terminal)
{
	set_modes(terminal, false);
}

static void
window(struct terminal *terminal)
{
	const uint16_t *params = terminal->parser.params;
	bool is_title = terminal->parser.last == 0 || params[1] != 1;

	if (params[0] == 22 && is_title)
		title_push(terminal);
	else if (params[0] == 23 && is_title)
		title_pop(terminal);
	else if (params[0] >= 11 && params[0] <= 21)
		answer_window(terminal);
}

static void
shape(struct terminal *terminal)
{
	uint16_t wanted = terminal->parser.params[0];

	if (wanted <= SHAPE_MAX)
		terminal->cursor_shape = (uint8_t)wanted;
}

/* Only the resource of key modifiers that editors use: 4, other keys. */
static void
modify_keys(struct terminal *terminal)
{
	const struct parser *parser = &terminal->parser;
	uint16_t value = parser_param(parser, 1, 0);

	if (parser->params[0] == 0)
		terminal->modify_other_keys = 0;
	else if (parser->params[0] == 4 && value <= 2)
		terminal->modify_other_keys = (uint8_t)value;
}

static void
unmodify_keys(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 4)
		terminal->modify_other_keys = 0;
}

static void
push_keyboard(struct terminal *terminal)
{
	struct keyboard *keyboard = &terminal->shown->keyboard;

	if (keyboard->depth + 1 == KEYBOARD_STACK)
		memmove(
		    keyboard->flags, keyboard->flags + 1, KEYBOARD_STACK - 1);
	else
		keyboard->depth++;
	keyboard->flags[keyboard->depth] =
	    (uint8_t)(terminal->parser.params[0] & KEYBOARD_FLAGS);
}

static void
pop_keyboard(struct terminal *terminal)
{
	struct keyboard *keyboard = &terminal->shown->keyboard;
	uint16_t count = count_of(terminal);

	if (count > keyboard->depth) {
		keyboard->depth = 0;
		keyboard->flags[0] = 0;
	} else {
		keyboard->depth = (uint8_t)(keyboard->depth - count);
	}
}

static void
set_keyboard(struct terminal *terminal)
{
	struct keyboard *keyboard = &terminal->shown->keyboard;
	uint8_t *flags = &keyboard->flags[keyboard->depth];
	uint8_t wanted = (uint8_t)(terminal->parser.params[0] & KEYBOARD_FLAGS);

	switch (parser_param(&terminal->parser, 1, 1)) {
	case 1:
		*flags = wanted;
		break;
	case 2:
		*flags |= wanted;
		break;
	case 3:
		*flags = (uint8_t)(*flags & ~wanted);
		break;
	default:
		break;
	}
}

/* CSI final */
static csi_handler *const plain[] = {
    ['@' - FINAL_FIRST] = insert_cells,
    ['A' - FINAL_FIRST] = up,
    ['B' - FINAL_FIRST] = down,
    ['C' - FINAL_FIRST] = right,
    ['D' - FINAL_FIRST] = left,
    ['E' - FINAL_FIRST] = next_line,
    ['F' - FINAL_FIRST] = previous_line,
    ['G' - FINAL_FIRST] = to_col,
    ['H' - FINAL_FIRST] = to_place,
    ['I' - FINAL_FIRST] = tab,
    ['J' - FINAL_FIRST] = display,
    ['K' - FINAL_FIRST] = line,
    ['L' - FINAL_FIRST] = insert_rows,
    ['M' - FINAL_FIRST] = delete_rows,
    ['P' - FINAL_FIRST] = delete_cells,
    ['S' - FINAL_FIRST] = scroll_up,
    ['T' - FINAL_FIRST] = scroll_down,
    ['X' - FINAL_FIRST] = erase,
    ['Z' - FINAL_FIRST] = back_tab,
    ['^' - FINAL_FIRST] = scroll_down,
    ['`' - FINAL_FIRST] = to_col,
    ['a' - FINAL_FIRST] = right,
    ['b' - FINAL_FIRST] = repeat,
    ['c' - FINAL_FIRST] = answer_attributes,
    ['d' - FINAL_FIRST] = to_row,
    ['e' - FINAL_FIRST] = row_relative,
    ['f' - FINAL_FIRST] = to_place,
    ['g' - FINAL_FIRST] = clear_tabs,
    ['h' - FINAL_FIRST] = set,
    ['l' - FINAL_FIRST] = unset,
    ['m' - FINAL_FIRST] = style,
    ['n' - FINAL_FIRST] = answer_status,
    ['r' - FINAL_FIRST] = region,
    ['s' - FINAL_FIRST] = motion_save,
    ['t' - FINAL_FIRST] = window,
    ['u' - FINAL_FIRST] = motion_restore,
    ['x' - FINAL_FIRST] = answer_nothing, /* DECREQTPARM */
    [FINALS - 1] = NULL,
};

/* CSI leader intermediate final */
static const struct {
	char leader;
	char intermediate;
	char final;
	csi_handler *handler;
} others[] = {
    {'?', '\0', 'h', set},
    {'?', '\0', 'l', unset},
    {'?', '\0', 'J', display}, /* selective: nothing is protected */
    {'?', '\0', 'K', line},
    {'?', '\0', 'S', answer_nothing}, /* XTSMGRAPHICS */
    {'?', '\0', 'W', reset_tabs},
    {'?', '\0', 'm', answer_modify_keys},
    {'?', '\0', 'n', answer_private_status},
    {'?', '\0', 'u', answer_keyboard},
    {'?', '$', 'p', answer_mode},
    {'\0', '$', 'p', answer_mode},
    {'\0', '$', 'u', answer_nothing}, /* DECRQTSR */
    {'\0', '$', 'w', answer_nothing}, /* DECRQPSR */
    {'\0', '*', 'y', answer_nothing}, /* DECRQCRA */
    {'\0', '&', 'u', answer_nothing}, /* DECRQUPSS */
    {'\0', '!', 'p', state_reset_soft},
    {'\0', ' ', 'q', shape},
    {'>', '\0', 'c', answer_secondary_attributes},
    {'>', '\0', 'm', modify_keys},
    {'>', '\0', 'n', unmodify_keys},
    {'>', '\0', 'q', answer_version},
    {'>', '\0', 'u', push_keyboard},
    {'<', '\0', 'u', pop_keyboard},
    {'=', '\0', 'c', answer_tertiary_attributes},
    {'=', '\0', 'u', set_keyboard},
};

static csi_handler *
find(const struct parser *parser, char final)
{
	size_t i;

	if (parser->leader == '\0' && parser->intermediate == '\0')
		return plain[final - FINAL_FIRST];
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (others[i].final == final &&
		    others[i].leader == parser->leader &&
		    others[i].intermediate == parser->intermediate)
			return others[i].handler;
	}
	return NULL;
}

void
control_csi(struct terminal *terminal, char final)
{
	csi_handler *handler = find(&terminal->parser, final);

	/* only styles have parameters of parameters */
	if (handler == NULL || (terminal->parser.subs != 0 && handler != style))
		return;
	handler(terminal);
}
