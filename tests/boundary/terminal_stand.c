/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal for tests/terminal: terminal_stand ROWS COLS CUT < output
 *   repaint  on standard output: where the program's output goes on behind
 *            CUT, a newline, and the repaint of what is before
 *   text     with a fourth argument: the cursor's row and column, and the
 *            screen's lines, instead
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "server/terminal/repaint.h"
#include "server/terminal/state.h"

#define BYTES_MAX (64u << 20)

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
read_all(struct buffer *out)
{
	uint8_t *room;
	ssize_t len;

	do {
		if (buffer_reserve(out, 65536, &room, NULL) != 0)
			fail("memory");
		len = read(STDIN_FILENO, room, 65536);
		if (len < 0)
			fail("read");
		buffer_commit(out, (size_t)len);
	} while (len > 0);
}

static void
print_text(const struct terminal *terminal)
{
	char text[GLYPH_BYTES];
	uint16_t i, col;

	(void)printf(
	    "%u %u\n", terminal->cursor.row + 0u, terminal->cursor.col + 0u);
	for (i = 0; i < terminal->size.rows; i++) {
		const struct row *row = &terminal->shown->rows[i];

		for (col = 0; col < terminal->size.cols; col++)
			(void)fwrite(
			    text, 1, cell_text(row, col, text), stdout);
		(void)printf("\n");
	}
}

static void
print_repaint(const struct terminal *terminal)
{
	static const struct repaint_options options = {.first = true};
	struct buffer out;

	buffer_init(&out, BYTES_MAX);
	repaint_write(terminal, &options, &out);
	(void)printf("%llu\n", (unsigned long long)terminal_ground(terminal));
	(void)fwrite(buffer_bytes(&out), 1, buffer_len(&out), stdout);
	buffer_clear(&out);
}

int
main(int argc, char **argv)
{
	struct terminal_options options = {0};
	struct terminal *terminal;
	struct buffer bytes;
	size_t cut;

	if (argc < 4)
		return 2;
	options.size.rows = (uint16_t)strtoul(argv[1], NULL, 10);
	options.size.cols = (uint16_t)strtoul(argv[2], NULL, 10);
	cut = strtoul(argv[3], NULL, 10);
	buffer_init(&bytes, BYTES_MAX);
	read_all(&bytes);
	terminal = terminal_new(&options, NULL, NULL);
	if (cut > buffer_len(&bytes))
		cut = buffer_len(&bytes);
	terminal_feed(terminal, buffer_bytes(&bytes), cut);
	if (argc > 4)
		print_text(terminal);
	else
		print_repaint(terminal);
	terminal_free(terminal);
	buffer_clear(&bytes);
	return ferror(stdout) != 0;
}
