/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/title.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "protocol/utf8.h"
#include "server/terminal/state.h"

#define REPLACEMENT       "\xef\xbf\xbd"
#define REPLACEMENT_POINT 0xfffdu

/* C0, DEL and C1 */
static bool
is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

void
title_set(struct terminal *terminal, const char *text)
{
	size_t left = strlen(text);
	size_t out = 0;

	while (left > 0) {
		uint32_t point = REPLACEMENT_POINT;
		size_t len = utf8_decode(text, left, &point);
		const char *from = len > 0 ? text : REPLACEMENT;
		size_t added = len > 0 ? len : sizeof(REPLACEMENT) - 1;

		if (len == 0)
			len = 1;
		if (!is_control(point)) {
			if (out + added >= sizeof(terminal->title))
				break;
			memcpy(terminal->title + out, from, added);
			out += added;
		}
		text += len;
		left -= len;
	}
	terminal->title[out] = '\0';
}

void
title_push(struct terminal *terminal)
{
	if (terminal->title_count == TITLE_STACK) {
		free(terminal->titles[0]);
		memmove(terminal->titles, terminal->titles + 1,
		    (TITLE_STACK - 1) * sizeof(*terminal->titles));
		terminal->title_count--;
	}
	terminal->titles[terminal->title_count++] =
	    memory_string(terminal->title);
}

void
title_pop(struct terminal *terminal)
{
	char *title;

	if (terminal->title_count == 0)
		return;
	title = terminal->titles[--terminal->title_count];
	memcpy(terminal->title, title, strlen(title) + 1);
	free(title);
}

void
title_clear(struct terminal *terminal)
{
	while (terminal->title_count > 0)
		free(terminal->titles[--terminal->title_count]);
}
