/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/execs.h"

#include <stdlib.h>
#include <string.h>

#include "server/common/owner.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"

/* Between two tries to write to a disk that took nothing. */
#define RETRY_MS 250u

/* The agent is not listened to while more output than this is in memory. */
#define HELD_MAX ((size_t)64 << 20)

static struct execs *
of_timer(const uv_timer_t *timer)
{
	struct owner *owner = timer->data;

	return &keeper_of_owner(owner)->execs;
}

static void on_deadline(uv_timer_t *timer);

void
execs_arm(struct execs *execs)
{
	uint64_t now_ms = uv_now(execs->keeper->loop);
	const struct exec *exec = TAILQ_FIRST(&execs->running);
	uint64_t first = 0;

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		if (exec->deadline_ms > 0 &&
		    (first == 0 || exec->deadline_ms < first))
			first = exec->deadline_ms;
	}
	if (first > 0)
		(void)uv_timer_start(&execs->deadline, on_deadline,
		    first > now_ms ? first - now_ms : 0, 0);
}

static void
on_deadline(uv_timer_t *timer)
{
	struct execs *execs = of_timer(timer);
	uint64_t now_ms = uv_now(execs->keeper->loop);
	struct exec *exec = TAILQ_FIRST(&execs->running);

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		if (exec->deadline_ms > 0 && exec->deadline_ms <= now_ms)
			exec_time_out(exec);
	}
	execs_arm(execs);
}

static void
serve_held(const struct exec_list *list)
{
	struct exec *exec = TAILQ_FIRST(list);

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		if (exec->output.held_bytes > 0)
			exec_serve(exec);
	}
}

static void
on_retry(uv_timer_t *timer)
{
	struct execs *execs = of_timer(timer);

	serve_held(&execs->running);
	serve_held(&execs->ended);
	if (execs->journal.is_behind &&
	    !journal_catch_up(&execs->journal, NULL)) {
		execs_retry(execs);
		return;
	}
	execs_settle(execs);
	execs_send(execs);
}

static void
unlist(struct execs *execs, struct exec_list *list, struct exec *exec)
{
	TAILQ_REMOVE(list, exec, entry);
	map_remove(&execs->by_number, exec->number);
	exec->is_listed = false;
}

/* Its output goes too: whoever still reads it gets a gap and its end. */
static void
forget(struct execs *execs, struct exec *exec)
{
	size_t held = exec->output.held_bytes;
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);

	unlist(execs, &execs->ended, exec);
	execs->kept--;
	execs_note_dropped(execs, exec);
	output_discard(&exec->output);
	execs_count_held(execs, held, 0);
	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		subscription_wake(each);
	exec_free_unused(exec);
}

void
execs_forget_screens(struct execs *execs)
{
	unsigned count = 0;
	struct exec *each = TAILQ_LAST(&execs->ended, exec_list);

	for (; each != NULL; each = TAILQ_PREV(each, exec_list, entry)) {
		if (each->pty == NULL || ++count <= PTY_ENDED_MAX ||
		    !TAILQ_EMPTY(&each->pty->clients))
			continue;
		pty_free(each->pty);
		each->pty = NULL;
	}
}

static void
free_all(struct execs *execs, struct exec_list *list)
{
	struct exec *exec;

	while ((exec = TAILQ_FIRST(list)) != NULL) {
		unlist(execs, list, exec);
		exec_free(exec);
	}
}

void
execs_init(struct execs *execs, struct keeper *keeper, struct owner *owner)
{
	memset(execs, 0, sizeof(*execs));
	execs->keeper = keeper;
	execs->quota.execs = execs;
	map_init(&execs->by_number);
	TAILQ_INIT(&execs->waiting);
	TAILQ_INIT(&execs->running);
	TAILQ_INIT(&execs->ended);
	(void)uv_timer_init(keeper->loop, &execs->deadline);
	owner_adopt(owner, (uv_handle_t *)&execs->deadline);
	(void)uv_timer_init(keeper->loop, &execs->retry);
	owner_adopt(owner, (uv_handle_t *)&execs->retry);
	TAILQ_INIT(&execs->debts);
	journal_init(&execs->journal, keeper->spool_dir, keeper->task,
	    execs_describe, execs);
}

void
execs_clear(struct execs *execs)
{
	struct execs_debt *debt;

	free_all(execs, &execs->waiting);
	free_all(execs, &execs->running);
	free_all(execs, &execs->ended);
	map_clear(&execs->by_number);
	while ((debt = TAILQ_FIRST(&execs->debts)) != NULL) {
		TAILQ_REMOVE(&execs->debts, debt, entry);
		free(debt);
	}
	journal_clear(&execs->journal);
}

struct exec *
execs_get(const struct execs *execs, uint32_t number)
{
	return map_get(&execs->by_number, number);
}

/* The terminal of a list that was used last, if that was after found's. */
static struct exec *
last_used(struct exec *found, const struct exec_list *list, const char *name)
{
	struct exec *each = TAILQ_FIRST(list);

	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		if (each->pty == NULL ||
		    (name != NULL && strcmp(each->pty->name, name) != 0))
			continue;
		if (found == NULL || each->pty->used_ms > found->pty->used_ms)
			found = each;
	}
	return found;
}

struct exec *
execs_terminal(const struct execs *execs, const char *name)
{
	struct exec *running = last_used(NULL, &execs->running, name);

	return last_used(running, &execs->waiting, name);
}

static struct exec *
find_token(
    const struct exec_list *list, const char *principal, const char *token)
{
	struct exec *each = TAILQ_FIRST(list);

	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		if (each->kept.token != NULL &&
		    strcmp(each->kept.token, token) == 0 &&
		    strcmp(each->principal, principal) == 0)
			return each;
	}
	return NULL;
}

struct exec *
execs_of_token(
    const struct execs *execs, const char *principal, const char *token)
{
	struct exec *exec = find_token(&execs->running, principal, token);

	if (exec == NULL)
		exec = find_token(&execs->waiting, principal, token);
	if (exec == NULL)
		exec = find_token(&execs->ended, principal, token);
	return exec;
}

static void
list(struct execs *execs, struct exec_list *where, struct exec *exec)
{
	map_put(&execs->by_number, exec->number, exec);
	TAILQ_INSERT_TAIL(where, exec, entry);
	exec->is_listed = true;
	if (where == &execs->ended)
		execs->kept++;
	else
		execs->live++;
	activity_look(&execs->keeper->activity);
}

struct exec *
execs_add(struct execs *execs, struct journal_exec *kept,
    const struct exec_spec *spec, struct error *err)
{
	struct exec *exec;

	kept->number = execs->journal.last + 1;
	exec = exec_new(execs->keeper, kept, spec);
	exec_describe(exec, &execs->journal);
	/* one line less to wait for, where it is sent at once */
	if (link_has_room(&execs->keeper->link) && TAILQ_EMPTY(&execs->waiting))
		exec_note_sent(exec);
	if (journal_commit(&execs->journal, err) != 0) {
		exec_free(exec);
		return NULL;
	}
	execs->journal.last = exec->number;
	if (spec->pty.present)
		exec->pty = pty_new(exec, spec);
	list(execs, &execs->waiting, exec);
	return exec;
}

void
execs_restore(struct execs *execs, struct exec *exec)
{
	switch (exec->state) {
	case EXEC_WAITING:
		list(execs, &execs->waiting, exec);
		break;
	case EXEC_STARTING:
	case EXEC_RUNNING:
		list(execs, &execs->running, exec);
		break;
	case EXEC_ENDED:
	case EXEC_STATES:
		list(execs, &execs->ended, exec);
		break;
	}
}

void
execs_send_again(struct execs *execs, struct exec *exec)
{
	struct exec *first = TAILQ_FIRST(&execs->waiting);

	TAILQ_REMOVE(&execs->running, exec, entry);
	exec->state = EXEC_WAITING;
	exec->is_resumed = false;
	while (first != NULL && first->number < exec->number)
		first = TAILQ_NEXT(first, entry);
	if (first == NULL)
		TAILQ_INSERT_TAIL(&execs->waiting, exec, entry);
	else
		TAILQ_INSERT_BEFORE(first, exec, entry);
}

void
execs_send(struct execs *execs)
{
	struct exec *exec;

	while (link_has_room(&execs->keeper->link) &&
	       (exec = TAILQ_FIRST(&execs->waiting)) != NULL &&
	       execs_commit_sent(execs, exec) == 0) {
		TAILQ_REMOVE(&execs->waiting, exec, entry);
		TAILQ_INSERT_TAIL(&execs->running, exec, entry);
		exec_send(exec);
		if (exec->deadline_ms == 0)
			continue;
		if (!uv_is_active((uv_handle_t *)&execs->deadline) ||
		    uv_timer_get_due_in(&execs->deadline) >
		        exec->deadline_ms - exec->started_ms)
			execs_arm(execs);
	}
}

void
execs_untie(struct execs *execs)
{
	struct exec *exec = TAILQ_FIRST(&execs->running);

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		if (exec_is_loose(exec))
			exec_untie(exec);
	}
}

void
execs_drained(struct execs *execs)
{
	struct exec *exec = TAILQ_FIRST(&execs->running);

	execs_note_delivered(execs);
	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		input_flush(&exec->input);
	execs_send(execs);
}

void
execs_end(struct execs *execs, struct exec *exec)
{
	TAILQ_REMOVE(&execs->running, exec, entry);
	TAILQ_INSERT_TAIL(&execs->ended, exec, entry);
	execs->live--;
	execs->kept++;
	execs_forget_screens(execs);
	activity_look(&execs->keeper->activity);
	if (execs->kept > LIMIT_EXECS_KEPT)
		forget(execs, TAILQ_FIRST(&execs->ended));
	quota_settle(&execs->quota);
}

void
execs_drop(struct execs *execs, struct exec *exec)
{
	unlist(execs,
	    exec->state == EXEC_WAITING ? &execs->waiting : &execs->running,
	    exec);
	execs->live--;
	execs_note_dropped(execs, exec);
	activity_look(&execs->keeper->activity);
}

void
execs_lose(struct execs *execs)
{
	struct exec *exec;

	while ((exec = TAILQ_FIRST(&execs->running)) != NULL)
		exec_lost(exec);
	while ((exec = TAILQ_FIRST(&execs->waiting)) != NULL)
		exec_lost(exec);
}

void
execs_retry(struct execs *execs)
{
	if (!uv_is_active((uv_handle_t *)&execs->retry))
		(void)uv_timer_start(&execs->retry, on_retry, RETRY_MS, 0);
}

void
execs_count_held(struct execs *execs, size_t before, size_t after)
{
	bool was_full = execs->held > HELD_MAX;
	bool is_full;

	execs->held = execs->held - before + after;
	is_full = execs->held > HELD_MAX;
	if (is_full != was_full)
		link_pause(&execs->keeper->link, is_full);
}
