/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/asks.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <uv.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/owner.h"
#include "server/keeper/answer.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"
#include "server/keeper/wait.h"
#include "server/terminal/terminal.h"

struct ask {
	struct asks_from from;
	struct wait *wait; /* owned; NULL: keys */
	TAILQ_ENTRY(ask) entry;
};

TAILQ_HEAD(ask_list, ask);

struct asks {
	struct owner owner;
	uv_idle_t soon;   /* active: look at every wait in the next turn */
	uv_timer_t later; /* for the first wait that is due */
	struct pty *pty;
	struct wait_past past;
	struct ask_list waits; /* those looked at the longest ago first */
	struct ask_list keys;
	size_t wait_count;
	size_t key_count;
	bool has_rung; /* both: inside what is being fed */
	bool has_prompted;
	bool is_closed; /* the handles are */
	bool is_unused; /* and nobody else has this any more */
};

static struct asks *
of_owner(struct owner *owner)
{
	return (struct asks *)(void *)((char *)owner -
	                               offsetof(struct asks, owner));
}

static uint64_t
now_ms(const struct asks *asks)
{
	return uv_now(asks->pty->exec->keeper->loop);
}

static void
on_gone(struct owner *owner)
{
	struct asks *asks = of_owner(owner);

	asks->is_closed = true;
	if (asks->is_unused)
		free(asks);
}

static struct ask *
add(struct asks *asks, const struct asks_from *from, struct wait *wait)
{
	struct ask *ask = memory_new(1, sizeof(*ask));

	ask->from = *from;
	ask->wait = wait;
	TAILQ_INSERT_TAIL(
	    wait != NULL ? &asks->waits : &asks->keys, ask, entry);
	asks->wait_count += wait != NULL;
	asks->key_count += wait == NULL;
	return ask;
}

static void
drop(struct asks *asks, struct ask *ask)
{
	TAILQ_REMOVE(
	    ask->wait != NULL ? &asks->waits : &asks->keys, ask, entry);
	asks->wait_count -= ask->wait != NULL;
	asks->key_count -= ask->wait == NULL;
	wait_free(ask->wait);
	free(ask);
}

static struct ask *
find(const struct ask_list *list, const struct asks_from *from)
{
	struct ask *ask = TAILQ_FIRST(list);

	for (; ask != NULL; ask = TAILQ_NEXT(ask, entry)) {
		if (ask->from.stream == from->stream &&
		    ask->from.number == from->number)
			return ask;
	}
	return NULL;
}

static void
refuse(const struct ask *ask, const struct error *err)
{
	const struct subscription *stream = ask->from.stream;

	answer_refuse(
	    stream->attachment, stream->stream, ask->from.number, err);
}

/* Look at one wait; if it is over, it is answered and gone. */
static void
look(struct asks *asks, struct ask *ask)
{
	const struct subscription *stream = ask->from.stream;
	const struct screen_ask text = {
	    .format = SCREEN_TEXT, .first = SCREEN_FIRST};
	struct attachment_answer answer = {
	    .ask = ask->from.number, .wait = {.present = true}};
	struct error err = {0};
	int rc =
	    wait_look(ask->wait, &asks->past, now_ms(asks), &answer.wait, &err);

	if (rc == 0)
		return;
	if (rc < 0) {
		refuse(ask, &err);
	} else {
		answer_screen(asks->pty, &text, &answer.wait.screen);
		answer_send(stream->attachment, stream->stream, &answer);
	}
	json_clear(&wait_answer_shape, &answer.wait);
	drop(asks, ask);
}

/* Looks between two turns stay a part of all time, whoever asks how much. */
static bool
may_look(const struct asks *asks)
{
	return asks->pty->exec->keeper->looks_ns <
	       uv_hrtime() + 1000000ull * ASKS_ONCE_MS * ASKS_ONCE_PART;
}

static void
look_at_once(struct asks *asks, struct ask *ask)
{
	uint64_t *paid = &asks->pty->exec->keeper->looks_ns;
	uint64_t from = uv_hrtime();

	asks->past.is_hurried = !may_look(asks);
	look(asks, ask);
	asks->past.is_hurried = false;
	if (*paid < from)
		*paid = from;
	*paid += (uv_hrtime() - from) * ASKS_ONCE_PART;
}

/* Wake when the first of all waits is due. */
static void
arm(struct asks *asks, uv_timer_cb on_due)
{
	uint64_t first = UINT64_MAX;
	const struct ask *ask = TAILQ_FIRST(&asks->waits);

	for (; ask != NULL; ask = TAILQ_NEXT(ask, entry)) {
		if (wait_due_ms(ask->wait) < first)
			first = wait_due_ms(ask->wait);
	}
	if (first == UINT64_MAX)
		(void)uv_timer_stop(&asks->later);
	else
		(void)uv_timer_start(&asks->later, on_due,
		    first > now_ms(asks) ? first - now_ms(asks) : 0, 0);
}

/* Look at as many as there is time for, the next ones in the next turn. */
static void
look_at_some(struct asks *asks, uv_timer_cb on_due)
{
	uint64_t until = uv_hrtime() + ASKS_LOOK_MS * 1000000ull;
	size_t left = asks->wait_count;

	asks->past.echo = asks->pty->echo;
	for (; left > 0 && uv_hrtime() < until; left--) {
		struct ask *ask = TAILQ_FIRST(&asks->waits);

		TAILQ_REMOVE(&asks->waits, ask, entry);
		TAILQ_INSERT_TAIL(&asks->waits, ask, entry);
		look(asks, ask);
	}
	if (left > 0)
		return;
	(void)uv_idle_stop(&asks->soon);
	arm(asks, on_due);
}

static void on_later(uv_timer_t *timer);

static void
on_soon(uv_idle_t *idle)
{
	look_at_some(of_owner(idle->data), on_later);
}

static void
look_soon(struct asks *asks)
{
	if (!TAILQ_EMPTY(&asks->waits) && !asks->is_closed)
		(void)uv_idle_start(&asks->soon, on_soon);
}

static void
on_later(uv_timer_t *timer)
{
	look_soon(of_owner(timer->data));
}

/* Every wait is over now, and no key gets to the program any more. */
static void
end(struct asks *asks)
{
	struct ask *ask;
	struct error err = {0};

	asks->past.echo = asks->pty->echo;
	while ((ask = TAILQ_FIRST(&asks->waits)) != NULL)
		look_at_once(asks, ask);
	(void)error_set(&err, ERROR_STATE,
	    "the command has ended before it took these keys");
	while ((ask = TAILQ_FIRST(&asks->keys)) != NULL) {
		refuse(ask, &err);
		drop(asks, ask);
	}
	owner_close(&asks->owner);
}

static int
check_room(
    const struct asks *asks, const struct asks_from *from, struct error *err)
{
	const struct ask *ask = TAILQ_FIRST(&asks->waits);
	size_t count = 0;

	for (; ask != NULL; ask = TAILQ_NEXT(ask, entry))
		count += ask->from.stream == from->stream;
	if (count >= LIMIT_WAITS)
		return error_set(err, ERROR_LIMIT,
		    "%u waits are open, the most on one attached command",
		    LIMIT_WAITS);
	if (asks->wait_count >= ASKS_WAITS_MAX)
		return error_set(err, ERROR_LIMIT,
		    "%u waits are open, the most on one terminal",
		    ASKS_WAITS_MAX);
	return 0;
}

static struct ask *
add_wait(struct asks *asks, const struct asks_from *from,
    const struct wait_ask *of, bool is_typed, struct error *err)
{
	struct wait *wait;

	asks->past.echo = asks->pty->echo;
	if (check_room(asks, from, err) != 0)
		return NULL;
	wait = wait_new(&asks->past, of, is_typed, now_ms(asks), err);
	return wait == NULL ? NULL : add(asks, from, wait);
}

struct asks *
asks_new(struct pty *pty)
{
	struct asks *asks = memory_new(1, sizeof(*asks));
	uv_loop_t *loop = pty->exec->keeper->loop;

	asks->pty = pty;
	TAILQ_INIT(&asks->waits);
	TAILQ_INIT(&asks->keys);
	owner_init(&asks->owner, on_gone);
	(void)uv_idle_init(loop, &asks->soon);
	owner_adopt(&asks->owner, (uv_handle_t *)&asks->soon);
	(void)uv_timer_init(loop, &asks->later);
	owner_adopt(&asks->owner, (uv_handle_t *)&asks->later);
	asks->past.terminal = pty->terminal;
	asks->past.echo = pty->echo;
	asks->past.output_ms = now_ms(asks);
	asks->past.text_ms = asks->past.output_ms;
	return asks;
}

void
asks_free(struct asks *asks)
{
	struct ask *ask;

	if (asks == NULL)
		return;
	while ((ask = TAILQ_FIRST(&asks->waits)) != NULL)
		drop(asks, ask);
	while ((ask = TAILQ_FIRST(&asks->keys)) != NULL)
		drop(asks, ask);
	asks->is_unused = true;
	if (asks->is_closed)
		free(asks);
	else
		owner_close(&asks->owner);
}

void
asks_tell(struct asks *asks, enum asks_event event)
{
	struct wait_past *past = &asks->past;

	if (event == ASKS_BELL || event == ASKS_PROMPT) {
		asks->has_rung |= event == ASKS_BELL;
		asks->has_prompted |= event == ASKS_PROMPT;
		return;
	}
	if (asks->has_rung)
		past->bell = terminal_observe(past->terminal);
	if (asks->has_prompted)
		past->prompt = terminal_observe(past->terminal);
	asks->has_rung = false;
	asks->has_prompted = false;
	past->echoes += event == ASKS_ECHO;
	if (event == ASKS_OUTPUT)
		past->output_ms = now_ms(asks);
	if (event == ASKS_OUTPUT || event == ASKS_RESIZE) {
		past->text_ms = now_ms(asks);
		past->texts++;
	}
	past->is_over |= event == ASKS_EXIT;
	if (past->is_over)
		end(asks);
	else
		look_soon(asks);
}

int
asks_wait(struct asks *asks, const struct asks_from *from,
    const struct wait_ask *of, struct error *err)
{
	struct ask *ask = add_wait(asks, from, of, false, err);

	if (ask == NULL)
		return -1;
	if (asks->past.is_over || may_look(asks))
		look_at_once(asks, ask);
	look_soon(asks);
	return 0;
}

int
asks_type(struct asks *asks, const struct asks_from *from, const uint8_t *bytes,
    size_t len, const struct wait_ask *wait, struct error *err)
{
	bool has_wait = wait != NULL;
	struct ask *ask;

	if (!has_wait && asks->key_count >= ASKS_KEYS_MAX)
		return error_set(err, ERROR_LIMIT,
		    "%u requests wait for the program to take their keys",
		    ASKS_KEYS_MAX);
	ask = has_wait ? add_wait(asks, from, wait, true, err)
	               : add(asks, from, NULL);
	if (ask == NULL)
		return -1;
	if (pty_type(asks->pty, has_wait ? NULL : from->stream,
	        has_wait ? 0 : from->number, bytes, len, err) != 0) {
		drop(asks, ask);
		return -1;
	}
	look_soon(asks);
	return 0;
}

void
asks_cancel(struct asks *asks, const struct asks_from *from)
{
	struct ask *ask = find(&asks->waits, from);

	if (ask == NULL)
		return;
	answer_code(from->stream->attachment, from->stream->stream,
	    from->number, "canceled", "the wait was canceled");
	drop(asks, ask);
}

void
asks_typed(struct asks *asks, struct subscription *from, uint32_t number)
{
	const struct asks_from asker = {from, number};
	struct ask *ask = find(&asks->keys, &asker);

	if (ask == NULL)
		return;
	answer_done(from->attachment, from->stream, number);
	drop(asks, ask);
}

void
asks_forget(struct asks *asks, const struct subscription *subscription)
{
	struct ask_list *const lists[] = {&asks->waits, &asks->keys};
	struct ask *ask;
	struct ask *next;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		for (ask = TAILQ_FIRST(lists[i]); ask != NULL; ask = next) {
			next = TAILQ_NEXT(ask, entry);
			if (ask->from.stream == subscription)
				drop(asks, ask);
		}
	}
}
