/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program writes, and sizes: 0xff and two bytes resize the terminal, to
 * 500 rows or 1000 columns at most; 0xfe observes it. What lies between them
 * is fed in one piece to one terminal, and byte by byte to another that must
 * not differ. After each step all that must hold is checked.
 */
#include <stdint.h>

#include "tests/fuzz/terminal_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define RESIZE  0xff
#define OBSERVE 0xfe

/* Few, so that they are reached. */
#define LINES 20u
#define BYTES 8192u

#define CELLS 16384u

struct pair {
	struct terminal *whole;
	struct terminal *split;
	struct row line;
	uint64_t queried; /* up to where */
};

static void
check_query(
    void *data, uint64_t from, uint64_t to, const char *answer, size_t len)
{
	struct pair *pair = data;

	hold(from < to && to - from <= TERMINAL_QUERY_BYTES);
	hold(from >= pair->queried && answer != NULL && len < 8192);
	pair->queried = to;
}

static void
same_rows(const struct terminal *a, const struct screen *one,
    const struct screen *other)
{
	uint16_t i, col;

	hold((one->rows == NULL) == (other->rows == NULL));
	for (i = 0; one->rows != NULL && i < a->size.rows; i++) {
		const struct row *x = &one->rows[i];
		const struct row *y = &other->rows[i];

		hold(x->used == y->used && x->wrapped == y->wrapped);
		for (col = 0; col < x->used; col++)
			hold(x->cells[col].glyph == y->cells[col].glyph &&
			     style_equal(
			         &x->cells[col].style, &y->cells[col].style));
	}
}

static void
same(const struct terminal *a, const struct terminal *b)
{
	same_rows(a, &a->primary, &b->primary);
	same_rows(a, &a->alternate, &b->alternate);
	hold(a->cursor.row == b->cursor.row && a->cursor.col == b->cursor.col);
	hold(a->cursor.wrap_pending == b->cursor.wrap_pending);
	hold(style_equal(&a->cursor.pen, &b->cursor.pen));
	hold(a->top == b->top && a->bottom == b->bottom);
	hold(memcmp(a->modes, b->modes, sizeof(a->modes)) == 0);
	hold(memcmp(a->tabs, b->tabs, sizeof(a->tabs)) == 0);
	hold(strcmp(a->title, b->title) == 0);
	hold(a->scrollback.count == b->scrollback.count);
	hold(a->last_glyph == b->last_glyph && a->may_mark == b->may_mark);
	hold(terminal_ground(a) == terminal_ground(b));
}

static void
feed(struct pair *pair, const uint8_t *bytes, size_t len)
{
	size_t i;

	terminal_feed(pair->whole, bytes, len);
	for (i = 0; i < len; i++)
		terminal_feed(pair->split, bytes + i, 1);
}

static void
resize(struct pair *pair, uint8_t rows, uint8_t cols)
{
	struct terminal_size size = {
	    .rows = (uint16_t)(rows < 128 ? rows % 40 : (rows - 128) * 4),
	    .cols = (uint16_t)(cols < 128 ? cols % 100 : (cols - 128) * 8),
	};

	/* every cell is looked at after every step */
	if ((unsigned)size.rows * size.cols > CELLS)
		size.rows = (uint16_t)(CELLS / size.cols);
	terminal_resize(pair->whole, &size);
	terminal_resize(pair->split, &size);
}

/* returns how many bytes were used */
static size_t
step(struct pair *pair, const uint8_t *bytes, size_t len)
{
	size_t run = 0;

	if (bytes[0] == RESIZE && len >= 3) {
		resize(pair, bytes[1], bytes[2]);
		return 3;
	}
	if (bytes[0] == OBSERVE) {
		hold(terminal_observe(pair->whole) >=
		     terminal_observe(pair->split) - 1);
		return 1;
	}
	do
		run++;
	while (run < len && bytes[run] != RESIZE && bytes[run] != OBSERVE);
	feed(pair, bytes, run);
	return run;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct terminal_events events = {.on_query = check_query};
	const struct terminal_options options = {
	    .size = {10, 30},
	    .scrollback_lines = LINES,
	    .scrollback_bytes = BYTES,
	};
	struct pair pair = {0};

	pair.whole = terminal_new(&options, &events, &pair);
	pair.split = terminal_new(&options, NULL, NULL);
	while (len > 0) {
		size_t used = step(&pair, bytes, len);

		hold_terminal(pair.whole, &pair.line);
		same(pair.whole, pair.split);
		bytes += used;
		len -= used;
	}
	hold(terminal_memory(pair.whole) > 0);
	terminal_free(pair.whole);
	terminal_free(pair.split);
	row_free(&pair.line);
	return 0;
}
