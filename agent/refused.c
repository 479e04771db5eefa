/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/refused.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/utf8.h"

/* A path is any bytes; a message is UTF-8 without control characters. */
static void
scrub(char *text)
{
	while (*text != '\0') {
		size_t partial;
		size_t good = utf8_valid_prefix(text, strlen(text), &partial);
		size_t i;

		for (i = 0; i < good; i++) {
			if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
				text[i] = '?';
		}
		text += good;
		if (*text != '\0')
			*text++ = '?';
	}
}

static bool
is_limit(int sys)
{
	return sys == EAGAIN || sys == ENOMEM || sys == EMFILE ||
	       sys == ENFILE || sys == E2BIG || sys == ENOSPC || sys == EUSERS;
}

int
refused_set(
    struct refused *refused, enum refusal reason, const char *format, ...)
{
	va_list args;

	refused->reason = reason;
	va_start(args, format);
	(void)vsnprintf(refused->text, sizeof(refused->text), format, args);
	va_end(args);
	scrub(refused->text);
	return -1;
}

int
refused_sys(struct refused *refused, int sys, const char *format, ...)
{
	char what[REFUSED_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return refused_set(refused,
	    is_limit(sys) ? REFUSAL_LIMIT : REFUSAL_SYSTEM, "%.400s: %s", what,
	    strerrordesc_np(sys));
}
