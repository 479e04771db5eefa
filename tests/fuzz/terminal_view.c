/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watcher of a hostile program: every byte that it gets is of the grammar.
 * The first four bytes are the sizes of both; 0xff looks, and 0xfe looks at the
 * terminal in another size.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/buffer.h"
#include "server/terminal/state.h"
#include "server/terminal/view.h"
#include "tests/unit/terminal_grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct watcher {
	struct terminal *terminal;
	struct view *view;
	struct buffer out;
};

static void
expect_grammar(struct watcher *watcher)
{
	const char *text = (const char *)buffer_bytes(&watcher->out);
	size_t len = buffer_len(&watcher->out);

	if (len > 0 && grammar_fault(text, len) != len)
		abort();
	buffer_truncate(&watcher->out, 0);
}

/* The status line comes from the program too. */
static void
look(struct watcher *watcher)
{
	(void)view_frame(watcher->view, watcher->terminal,
	    terminal_title(watcher->terminal), &watcher->out);
	expect_grammar(watcher);
}

static void
feed(struct watcher *watcher, const uint8_t *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		struct terminal_size size = {bytes[i] % 41, bytes[len - i - 1]};

		if (bytes[i] < 0xfe)
			continue;
		terminal_feed(
		    watcher->terminal, from, (size_t)(bytes + i - from));
		from = bytes + i + 1;
		if (bytes[i] == 0xfe)
			terminal_resize(watcher->terminal, &size);
		look(watcher);
	}
	terminal_feed(watcher->terminal, from, (size_t)(bytes + len - from));
	look(watcher);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct terminal_options options = {0};
	struct terminal_size size;
	struct watcher watcher;

	if (len < 4)
		return 0;
	options.size.rows = 1 + bytes[0] % 30;
	options.size.cols = 1 + bytes[1] % 90;
	size.rows = 1 + bytes[2] % 30;
	size.cols = 1 + bytes[3] % 90;
	watcher.terminal = terminal_new(&options, NULL, NULL);
	watcher.view = view_new(VIEW_WATCH, &size);
	buffer_init(&watcher.out, 64u << 20);
	feed(&watcher, bytes + 4, len - 4);
	view_leave(watcher.view, &watcher.out);
	expect_grammar(&watcher);
	buffer_clear(&watcher.out);
	view_free(watcher.view);
	terminal_free(watcher.terminal);
	return 0;
}
