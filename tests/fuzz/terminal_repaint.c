/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's output, cut anywhere: the repaint of what is before makes a
 * terminal that stays the same as the first behind the rest. The first three
 * bytes are the rows, the columns, and where it is cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/buffer.h"
#include "server/terminal/repaint.h"
#include "server/terminal/state.h"
#include "tests/unit/terminal_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct repaint_options options = {
    .scrollback = 5,
    .synchronized = true,
    .first = true,
};

static void
expect_same(const struct terminal *one, const struct terminal *two)
{
	struct twin twin = {.one = one, .two = two};

	if (twin_is_same(&twin))
		return;
	(void)fprintf(stderr, "%s\n", twin.why);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct terminal_options options_one = {
	    .scrollback_lines = 10, .scrollback_bytes = 1u << 16};
	struct terminal *one, *two;
	struct buffer out;
	size_t cut, behind;

	if (len < 4)
		return 0;
	options_one.size.rows = 1 + bytes[0] % 30;
	options_one.size.cols = 1 + bytes[1] % 90;
	cut = 3 + (len - 3) * bytes[2] / 255;
	one = terminal_new(&options_one, NULL, NULL);
	two = terminal_new(&options_one, NULL, NULL);
	terminal_feed(one, bytes + 3, cut - 3);
	behind = (size_t)(terminal_fed(one) - terminal_ground(one));
	buffer_init(&out, 64u << 20);
	repaint_write(one, &options, &out);
	terminal_feed(two, buffer_bytes(&out), buffer_len(&out));
	buffer_clear(&out);
	twin_settle(one, two);
	expect_same(one, two);
	terminal_feed(one, bytes + cut, len - cut);
	terminal_feed(two, bytes + cut - behind, len - cut + behind);
	expect_same(one, two);
	buffer_init(&out, 64u << 20);
	repaint_leave(one, &out);
	buffer_clear(&out);
	terminal_free(one);
	terminal_free(two);
	return 0;
}
