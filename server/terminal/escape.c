/* SPDX-License-Identifier: Apache-2.0 */
/* Control characters, and ESC with one character. */
#include <string.h>

#include "server/terminal/answer.h"
#include "server/terminal/control.h"
#include "server/terminal/erase.h"
#include "server/terminal/motion.h"
#include "server/terminal/screen.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"

static void
line_feed(struct terminal *terminal)
{
	motion_index(terminal);
	if (terminal->modes[MODE_NEW_LINE])
		motion_to_col(terminal, 0);
}

void
control_c0(struct terminal *terminal, uint8_t byte)
{
	terminal->last_glyph = 0;
	switch (byte) {
	case 0x05: /* ENQ */
		answer_nothing(terminal);
		break;
	case '\a':
		if (terminal->events->on_bell != NULL)
			terminal->events->on_bell(terminal->data);
		break;
	case '\b':
		motion_left(terminal, 1);
		break;
	case '\t':
		motion_tab(terminal, 1);
		break;
	case '\n':
	case '\v':
	case '\f':
		line_feed(terminal);
		break;
	case '\r':
		motion_to_col(terminal, 0);
		break;
	case 0x0e: /* SO */
	case 0x0f: /* SI */
		terminal->cursor.shift = byte == 0x0e;
		break;
	default:
		break;
	}
}

static enum charset
charset_of(char final)
{
	if (final == '0')
		return CHARSET_DRAWING;
	return final == 'A' ? CHARSET_UK : CHARSET_ASCII;
}

/* RIS: all but the scrollback and the title. */
static void
reset(struct terminal *terminal)
{
	state_reset(terminal);
	title_clear(terminal);
	if (terminal->alternate.rows != NULL) {
		screen_show(terminal, true);
		screen_erase(terminal, 0, terminal->size.rows);
	}
	screen_show(terminal, false);
	screen_erase(terminal, 0, terminal->size.rows);
}

/* ESC and a character below 0x40 or above 0x5f. */
static void
private_escape(struct terminal *terminal, char final)
{
	switch (final) {
	case '7':
		motion_save(terminal);
		break;
	case '8':
		motion_restore(terminal);
		break;
	case '=':
	case '>':
		terminal->modes[MODE_KEYPAD] = final == '=';
		break;
	case 'c':
		reset(terminal);
		break;
	case 'n': /* LS2 */
	case 'o': /* LS3 */
		terminal->cursor.shift = final == 'n' ? 2 : 3;
		break;
	default:
		break;
	}
}

static void
plain_escape(struct terminal *terminal, char final)
{
	switch (final) {
	case 'D': /* IND */
		motion_index(terminal);
		break;
	case 'E': /* NEL */
		motion_index(terminal);
		motion_to_col(terminal, 0);
		break;
	case 'H': /* HTS */
		terminal->tabs[terminal->cursor.col] = true;
		break;
	case 'M': /* RI */
		motion_reverse_index(terminal);
		break;
	case 'N': /* SS2 */
	case 'O': /* SS3 */
		terminal->single_shift = final == 'N' ? 2 : 3;
		break;
	case 'Z': /* DECID */
		answer_attributes(terminal);
		break;
	default:
		private_escape(terminal, final);
		break;
	}
}

void
control_escape(struct terminal *terminal, char final)
{
	static const char slots[] = "()*+";
	char intermediate = terminal->parser.intermediate;
	const char *slot;

	if (intermediate == '\0') {
		plain_escape(terminal, final);
		return;
	}
	slot = strchr(slots, intermediate);
	if (slot != NULL)
		terminal->cursor.charsets[slot - slots] =
		    (uint8_t)charset_of(final);
	else if (intermediate == '#' && final == '8')
		erase_align(terminal);
}
