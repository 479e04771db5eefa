/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/terminal.h"

#include <stdlib.h>

#include "protocol/memory.h"
#include "server/terminal/screen.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"

/* So that terminal_observe never returns 0. */
#define STAMP_FIRST 2u

static const struct terminal_events no_events;

static uint16_t
clamp(uint16_t value, uint16_t max)
{
	if (value < 1)
		return 1;
	return value > max ? max : value;
}

static struct terminal_size
clamp_size(const struct terminal_size *size)
{
	struct terminal_size clamped = {
	    .rows = clamp(size->rows, LIMIT_PTY_ROWS),
	    .cols = clamp(size->cols, LIMIT_PTY_COLS),
	};

	return clamped;
}

struct terminal *
terminal_new(const struct terminal_options *options,
    const struct terminal_events *events, void *data)
{
	struct terminal *terminal = memory_new(1, sizeof(*terminal));

	terminal->size = clamp_size(&options->size);
	terminal->events = events == NULL ? &no_events : events;
	terminal->data = data;
	terminal->stamp = STAMP_FIRST;
	terminal->shown = &terminal->primary;
	screen_init(&terminal->primary, terminal->size.rows);
	scrollback_init(&terminal->scrollback, options->scrollback_lines,
	    options->scrollback_bytes);
	state_reset(terminal);
	return terminal;
}

void
terminal_free(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	screen_clear(&terminal->primary, terminal->size.rows);
	screen_clear(&terminal->alternate, terminal->size.rows);
	scrollback_clear(&terminal->scrollback);
	title_clear(terminal);
	free(terminal);
}

void
terminal_feed(struct terminal *terminal, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return;
	parser_feed(terminal, bytes, len);
	terminal->is_dirty = true;
}

uint64_t
terminal_ground(const struct terminal *terminal)
{
	const struct parser *parser = &terminal->parser;

	return parser->state == PARSER_GROUND ? parser->fed : parser->from;
}

uint64_t
terminal_fed(const struct terminal *terminal)
{
	return terminal->parser.fed;
}

void
terminal_resize(struct terminal *terminal, const struct terminal_size *size)
{
	struct terminal_size to = clamp_size(size);

	if (to.rows == terminal->size.rows && to.cols == terminal->size.cols)
		return;
	screen_resize(terminal, &to);
	terminal->is_dirty = true;
}

size_t
terminal_cells(const struct terminal *terminal)
{
	return (size_t)terminal->size.rows * terminal->size.cols;
}

struct terminal_size
terminal_get_size(const struct terminal *terminal)
{
	return terminal->size;
}

uint32_t
terminal_observe(struct terminal *terminal)
{
	if (terminal->is_dirty) {
		terminal->is_dirty = false;
		terminal->stamp++;
	}
	return terminal->stamp - 1;
}

bool
terminal_is_synchronized(const struct terminal *terminal)
{
	return terminal->modes[MODE_SYNCHRONIZED];
}

const char *
terminal_title(const struct terminal *terminal)
{
	return terminal->title;
}

static size_t
screen_memory(const struct terminal *terminal, const struct screen *screen)
{
	size_t bytes = 0;
	uint16_t i;

	for (i = 0; screen->rows != NULL && i < terminal->size.rows; i++) {
		const struct row *row = &screen->rows[i];

		/* the store has a place for each row, and a spare one */
		bytes += 2 * sizeof(*row);
		if (row->cells != NULL)
			bytes += terminal->size.cols * sizeof(*row->cells);
		bytes += row->mark_count * sizeof(*row->marks);
	}
	return bytes;
}

size_t
terminal_memory(const struct terminal *terminal)
{
	return sizeof(*terminal) + screen_memory(terminal, &terminal->primary) +
	       screen_memory(terminal, &terminal->alternate) +
	       scrollback_memory(&terminal->scrollback);
}
