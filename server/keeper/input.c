/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/memory.h"
#include "server/keeper/asks.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/link.h"
#include "server/keeper/pty.h"
#include "server/keeper/recorder.h"
#include "server/keeper/subscription.h"

/* A whole window from each of several feeders that came and went. */
#define WAITING_MAX ((size_t)4 * WINDOW_STDIN)

_Static_assert(WAITING_MAX >= LIMIT_STDIN_BYTES, "given input does not fit");

static struct link *
link_of(const struct input *input)
{
	return &input->exec->keeper->link;
}

static bool
may_send(const struct input *input)
{
	return input->is_started && input->credit > 0 &&
	       link_has_room(link_of(input));
}

/* Of what waits, not sent. */
static size_t
unsent(const struct input *input)
{
	return buffer_len(&input->waiting) - input->sent;
}

static void
pass(struct input *input, const uint8_t *bytes, size_t len)
{
	link_send_stdin(link_of(input), input->exec->number, bytes, len);
	input->credit -= len;
	if (input->exec->pty != NULL)
		recorder_typed(input->exec->pty->recorder, bytes, len);
}

/* Note whose the next bytes are: small writes of one go together. */
static void
share_out(struct input *input, const struct input_share *of)
{
	struct input_share *last = TAILQ_LAST(&input->shares, input_shares);

	if (last == NULL || last->from != of->from || last->ask != of->ask) {
		last = memory_new(1, sizeof(*last));
		last->from = of->from;
		last->ask = of->ask;
		TAILQ_INSERT_TAIL(&input->shares, last, next);
	}
	last->len += of->len;
}

/* Send, or let it wait behind what waits already. */
static int
put(struct input *input, const struct input_share *of, const uint8_t *bytes,
    struct error *err)
{
	if (buffer_len(&input->waiting) == 0 && may_send(input) &&
	    of->len <= input->credit && of->len <= FRAME_DATA_MAX)
		pass(input, bytes, of->len);
	else if (buffer_append(&input->waiting, bytes, of->len, err) != 0)
		return error_set(err, ERROR_LIMIT,
		    "%zu bytes of input wait for the command", WAITING_MAX);
	share_out(input, of);
	input->accepted += of->len;
	/* a pasted text with its brackets is longer than a frame */
	input_flush(input);
	return 0;
}

/*
 * Keys are few: their credit is told once it is a good part of the window, not
 * in a message for each key. A brain waits for its own (docs/stream-json.md).
 */
static void
give_back(struct subscription *to, size_t len)
{
	bool is_typed = to->client != NULL || to->is_tied;

	to->credit += len;
	to->owed += len;
	if (to->exec->pty != NULL && is_typed && to->owed < WINDOW_STDIN / 4)
		return;
	subscription_return_credit(to, (uint32_t)to->owed);
	to->owed = 0;
}

void
input_init(struct input *input, const struct exec_spec *spec, struct exec *exec)
{
	struct input_share given = {.len = spec->input.len};

	memset(input, 0, sizeof(*input));
	input->exec = exec;
	TAILQ_INIT(&input->shares);
	buffer_init(&input->waiting, WAITING_MAX);
	input->credit = WINDOW_STDIN;
	input->is_shared = spec->pty.present;
	input->is_open =
	    input->is_shared || spec->stdin_mode == EXEC_STDIN_OPEN;
	if (spec->input.bytes == NULL)
		return;
	/* Its size was checked when the command was read. */
	input->is_given = true;
	if (put(input, &given, (const uint8_t *)spec->input.bytes, NULL) == 0)
		input->is_end_due = true;
}

static int
resume_given(
    struct input *input, uint64_t taken, size_t under_way, struct error *err)
{
	size_t len = buffer_len(&input->waiting);

	if (taken < input->from + under_way || taken > input->from + len)
		return error_set(err, ERROR_INVALID,
		    "it has %" PRIu64 " bytes of its stdin", taken);
	buffer_consume(
	    &input->waiting, (size_t)(taken - under_way - input->from));
	input->accepted = input->from + len;
	input->from = taken - under_way;
	input->sent = under_way;
	return 0;
}

static void
forget_shares(struct input *input)
{
	struct input_share *share;

	while ((share = TAILQ_FIRST(&input->shares)) != NULL) {
		TAILQ_REMOVE(&input->shares, share, next);
		free(share);
	}
}

int
input_resume(struct input *input, const struct link_held *held, int64_t end,
    struct error *err)
{
	struct input_share rest = {0};

	input->credit = (size_t)held->credit;
	rest.len = WINDOW_STDIN - input->credit;
	if (rest.len > (uint64_t)held->taken)
		return error_set(err, ERROR_INVALID,
		    "it has not taken %zu bytes of %" PRId64, rest.len,
		    held->taken);
	forget_shares(input);
	if (input->is_given &&
	    resume_given(input, (uint64_t)held->taken, rest.len, err) != 0)
		return -1;
	if (input->is_given)
		rest.len = buffer_len(&input->waiting);
	else
		input->accepted = (uint64_t)held->taken;
	if (rest.len > 0)
		share_out(input, &rest);
	if (!input->is_given && end >= 0 && held->taken >= end) {
		input->is_open = false;
		input->is_end_due = true;
	}
	return 0;
}

void
input_describe(
    const struct input *input, struct json_data *given, int64_t *from)
{
	*given = (struct json_data){0};
	*from = 0;
	if (!input->is_given)
		return;
	/* not NULL, also where the agent has taken all of it */
	given->bytes = (char *)(uintptr_t)buffer_bytes(&input->waiting);
	if (given->bytes == NULL)
		given->bytes = (char *)(uintptr_t) "";
	given->len = buffer_len(&input->waiting);
	*from = (int64_t)input->from;
}

int64_t
input_next(const struct input *input)
{
	return input->is_open && !input->is_shared ? (int64_t)input->accepted
	                                           : -1;
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
	input->is_given = false;
	input->sent = 0;
	input->feeder = NULL;
	buffer_clear(&input->waiting);
	forget_shares(input);
}

void
input_feed_by(struct input *input, struct subscription *feeder)
{
	if (input->is_open && !input->is_shared)
		input->feeder = feeder;
}

static int
end_by(struct input *input, const struct subscription *from, struct error *err)
{
	if (input->is_shared && !from->is_tied)
		return error_set(err, ERROR_STATE,
		    "a terminal's input has no end: send C-d");
	input_end(input);
	return 0;
}

static int
check_credit(const struct subscription *from, size_t len, struct error *err)
{
	if (len > from->credit)
		return error_set(err, ERROR_INVALID,
		    "%zu bytes of stdin with a credit of %zu", len,
		    from->credit);
	return 0;
}

/* Whether all of it was in what the command had from an earlier stream of the
 * same start; bytes and len are what is left. */
static bool
was_had(struct subscription *from, const uint8_t **bytes, size_t *len)
{
	size_t part = from->skip < *len ? (size_t)from->skip : *len;

	if (part > 0)
		subscription_return_credit(from, (uint32_t)part);
	from->skip -= part;
	*bytes += part;
	*len -= part;
	return *len == 0;
}

int
input_write(struct input *input, struct subscription *from,
    const uint8_t *bytes, size_t len, struct error *err)
{
	struct input_share share = {.from = from};

	if (from->is_repeated && check_credit(from, len, err) != 0)
		return -1;
	if (from->is_repeated && (len > 0 || !input->is_open) &&
	    was_had(from, &bytes, &len))
		return 0;
	if (!input->is_open)
		return error_set(err, ERROR_STATE, "its stdin is closed");
	if (input->feeder == NULL)
		input_feed_by(input, from);
	if (!input->is_shared && input->feeder != from)
		return error_set(
		    err, ERROR_STATE, "another attachment feeds its stdin");
	if (len == 0)
		return end_by(input, from, err);
	share.len = len;
	if (check_credit(from, len, err) != 0 ||
	    put(input, &share, bytes, err) != 0)
		return -1;
	from->credit -= len;
	return 0;
}

int
input_type(struct input *input, const struct input_share *share,
    const uint8_t *bytes, struct error *err)
{
	if (!input->is_open)
		return error_set(err, ERROR_STATE, "its input is closed");
	return put(input, share, bytes, err);
}

void
input_return(struct input *input, struct subscription *from, size_t len)
{
	if (input->is_open && len > 0)
		subscription_return_credit(from, (uint32_t)len);
}

void
input_end(struct input *input)
{
	if (!input->is_open)
		return;
	input->is_open = false;
	input->is_end_due = true;
	exec_input_ended(input->exec, input->accepted);
	input_flush(input);
}

bool
input_release(struct input *input, const struct subscription *feeder)
{
	struct input_share *share = TAILQ_FIRST(&input->shares);

	for (; share != NULL; share = TAILQ_NEXT(share, next)) {
		if (share->from == feeder)
			share->from = NULL;
	}
	if (input->feeder != feeder)
		return false;
	input->feeder = NULL;
	return true;
}

/* The agent has the first bytes of the first share. Returns how many. */
static size_t
settle_first(struct input *input, size_t most)
{
	struct input_share *share = TAILQ_FIRST(&input->shares);
	struct pty *pty = input->exec->pty;
	size_t len = share->len < most ? share->len : most;

	share->len -= len;
	if (share->ask == 0 && share->from != NULL)
		give_back(share->from, len);
	if (share->len > 0)
		return len;
	TAILQ_REMOVE(&input->shares, share, next);
	if (share->ask != 0 && share->from != NULL && pty != NULL)
		asks_typed(pty->asks, share->from, share->ask);
	free(share);
	return len;
}

int
input_credit(struct input *input, size_t credit, struct error *err)
{
	size_t left = credit;

	if (credit == 0 || credit > WINDOW_STDIN - input->credit)
		return error_set(err, ERROR_INVALID,
		    "credit of %zu for stdin with %zu bytes under way", credit,
		    WINDOW_STDIN - input->credit);
	input->credit += credit;
	if (input->exec->pty != NULL)
		recorder_taken(
		    input->exec->pty->recorder, credit, input->exec->pty->echo);
	while (left > 0)
		left -= settle_first(input, left);
	if (input->is_given) {
		buffer_consume(&input->waiting, credit);
		input->sent -= credit;
		input->from += credit;
	}
	input_flush(input);
	return 0;
}

void
input_flush(struct input *input)
{
	while (may_send(input) && unsent(input) > 0) {
		size_t len = unsent(input);

		if (len > input->credit)
			len = input->credit;
		if (len > FRAME_DATA_MAX)
			len = FRAME_DATA_MAX;
		pass(input, buffer_bytes(&input->waiting) + input->sent, len);
		if (input->is_given)
			input->sent += len;
		else
			buffer_consume(&input->waiting, len);
	}
	if (!input->is_end_due || !input->is_started || unsent(input) > 0)
		return;
	input->is_end_due = false;
	link_send_stdin(link_of(input), input->exec->number, NULL, 0);
}
