/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/input.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "server/keeper/link.h"

/* A whole window from each of several feeders that came and went. */
#define WAITING_MAX ((size_t)4 * WINDOW_STDIN)

_Static_assert(WAITING_MAX >= LIMIT_STDIN_BYTES, "given input does not fit");

static bool
may_send(const struct input *input)
{
	return input->is_started && input->credit > 0 &&
	       link_has_room(input->link);
}

static void
pass(struct input *input, const uint8_t *bytes, size_t len)
{
	link_send_stdin(input->link, input->number, bytes, len);
	input->credit -= len;
}

void
input_init(struct input *input, const struct exec_spec *spec, struct link *link,
    uint32_t number)
{
	memset(input, 0, sizeof(*input));
	input->link = link;
	input->number = number;
	buffer_init(&input->waiting, WAITING_MAX);
	input->credit = WINDOW_STDIN;
	input->is_open = spec->stdin_mode == EXEC_STDIN_OPEN;
	if (spec->input.bytes == NULL)
		return;
	/* Its size was checked when the command was read. */
	if (buffer_append(
	        &input->waiting, spec->input.bytes, spec->input.len, NULL) == 0)
		input->is_end_due = true;
}

void
input_start(struct input *input)
{
	input->is_started = true;
	input_flush(input);
}

void
input_clear(struct input *input)
{
	input->is_open = false;
	input->is_end_due = false;
	input->feeder = NULL;
	buffer_clear(&input->waiting);
}

void
input_feed_by(struct input *input, struct subscription *feeder)
{
	if (!input->is_open)
		return;
	input->feeder = feeder;
	input->feeder_credit = WINDOW_STDIN;
	input->foreign =
	    buffer_len(&input->waiting) + WINDOW_STDIN - input->credit;
}

int
input_write(struct input *input, struct subscription *from,
    const uint8_t *bytes, size_t len, struct error *err)
{
	if (!input->is_open)
		return error_set(err, ERROR_STATE, "its stdin is closed");
	if (input->feeder == NULL)
		input_feed_by(input, from);
	if (input->feeder != from)
		return error_set(
		    err, ERROR_STATE, "another attachment feeds its stdin");
	if (len == 0) {
		input_end(input);
		return 0;
	}
	if (len > input->feeder_credit)
		return error_set(err, ERROR_INVALID,
		    "%zu bytes of stdin with a credit of %zu", len,
		    input->feeder_credit);
	if (buffer_len(&input->waiting) == 0 && may_send(input) &&
	    len <= input->credit)
		pass(input, bytes, len);
	else if (buffer_append(&input->waiting, bytes, len, err) != 0)
		return error_set(err, ERROR_LIMIT,
		    "%zu bytes of stdin wait for the command", WAITING_MAX);
	input->feeder_credit -= len;
	return 0;
}

void
input_end(struct input *input)
{
	if (!input->is_open)
		return;
	input->is_open = false;
	input->is_end_due = true;
	input_flush(input);
}

bool
input_release(struct input *input, const struct subscription *feeder)
{
	if (input->feeder != feeder)
		return false;
	input->feeder = NULL;
	return true;
}

int
input_credit(
    struct input *input, size_t credit, size_t *back, struct error *err)
{
	size_t foreign = credit;

	if (credit == 0 || credit > WINDOW_STDIN - input->credit)
		return error_set(err, ERROR_INVALID,
		    "credit of %zu for stdin with %zu bytes under way", credit,
		    WINDOW_STDIN - input->credit);
	input->credit += credit;
	if (foreign > input->foreign)
		foreign = input->foreign;
	input->foreign -= foreign;
	*back = input->feeder == NULL ? 0 : credit - foreign;
	input->feeder_credit += *back;
	input_flush(input);
	return 0;
}

void
input_flush(struct input *input)
{
	while (may_send(input) && buffer_len(&input->waiting) > 0) {
		size_t len = buffer_len(&input->waiting);

		if (len > input->credit)
			len = input->credit;
		if (len > FRAME_DATA_MAX)
			len = FRAME_DATA_MAX;
		pass(input, buffer_bytes(&input->waiting), len);
		buffer_consume(&input->waiting, len);
	}
	if (!input->is_end_due || !input->is_started ||
	    buffer_len(&input->waiting) > 0)
		return;
	input->is_end_due = false;
	link_send_stdin(input->link, input->number, NULL, 0);
}
