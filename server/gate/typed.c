/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/typed.h"

#include <string.h>

#define ESC 0x1b
#define BEL 0x07

static enum typed_state
after_escape(uint8_t byte)
{
	if (byte == '[')
		return TYPED_SEQUENCE;
	if (byte == 'O')
		return TYPED_ONE;
	if (byte == ESC)
		return TYPED_ESCAPE;
	if (byte != '\0' && strchr("]PX^_", byte) != NULL)
		return TYPED_STRING;
	return TYPED_GROUND;
}

static enum typed_state
next(enum typed_state state, uint8_t byte)
{
	switch (state) {
	case TYPED_ESCAPE:
		return after_escape(byte);
	case TYPED_SEQUENCE:
		if (byte == ESC)
			return TYPED_ESCAPE;
		return byte >= 0x40 && byte <= 0x7e ? TYPED_GROUND
		                                    : TYPED_SEQUENCE;
	case TYPED_STRING:
		if (byte == ESC)
			return TYPED_STRING_ESCAPE;
		return byte == BEL ? TYPED_GROUND : TYPED_STRING;
	case TYPED_STRING_ESCAPE:
		return byte == '\\' ? TYPED_GROUND : TYPED_STRING;
	case TYPED_GROUND:
		return byte == ESC ? TYPED_ESCAPE : TYPED_GROUND;
	case TYPED_ONE:
	case TYPED_STATES:
		break;
	}
	return TYPED_GROUND;
}

int
typed_key(struct typed *typed, uint8_t byte)
{
	enum typed_state state = typed->state;

	if (byte == TYPED_INTERRUPT) {
		typed->state = TYPED_GROUND;
		return byte;
	}
	typed->state = next(state, byte);
	return state == TYPED_GROUND && byte >= ' ' && byte <= '~' ? byte : -1;
}
