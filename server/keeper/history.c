/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/history.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "protocol/signal.h"

/* Returns 0, or -1 when this cannot follow what was read. */
typedef int (*line_fn)(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err);

static int
misplaced(struct error *err, const char *what)
{
	return error_set(err, ERROR_INVALID, "it %s", what);
}

static int
on_begin(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)exec;
	if (history->lines > 0)
		return misplaced(err, "began before");
	if (body->begin.version != JOURNAL_VERSION)
		return error_set(err, ERROR_INVALID,
		    "its version is %" PRId64 ", not %d", body->begin.version,
		    JOURNAL_VERSION);
	if (strcmp(body->begin.task, history->task) != 0)
		return error_set(err, ERROR_INVALID, "it is of the task %s",
		    body->begin.task);
	history->last = body->begin.last;
	return 0;
}

static int
on_exec(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	uint32_t number = (uint32_t)body->exec.number;
	struct history_exec *below;

	if (exec != NULL)
		return misplaced(err, "is there already");
	exec = memory_new(1, sizeof(*exec));
	exec->exec = body->exec;
	json_absent(journal_shapes[JOURNAL_EXEC], &body->exec);
	json_absent(journal_shapes[JOURNAL_ASKED], &exec->asked);
	map_put(&history->by_number, number, exec);
	below = TAILQ_LAST(&history->execs, history_execs);
	while (below != NULL && below->exec.number > number)
		below = TAILQ_PREV(below, history_execs, entry);
	if (below == NULL)
		TAILQ_INSERT_HEAD(&history->execs, exec, entry);
	else
		TAILQ_INSERT_AFTER(&history->execs, below, exec, entry);
	if (number > history->last)
		history->last = number;
	return 0;
}

static int
on_sent(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)history;
	if (exec->sent.number != 0)
		return misplaced(err, "was sent before");
	exec->sent = body->sent;
	return 0;
}

static int
on_started(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)history;
	if (exec->sent.number == 0 || exec->pid != 0)
		return misplaced(err, "was not sent, or was started before");
	exec->pid = body->started.pid;
	return 0;
}

static int
on_asked(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)history;
	if (exec->is_ended)
		return misplaced(err, "has ended");
	exec->asked = body->asked;
	return 0;
}

static int
on_signal(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)history;
	if (exec->is_ended)
		return misplaced(err, "has ended");
	signal_sets_add(&exec->signals, signal_number(body->signal.signal),
	    body->signal.tree);
	return 0;
}

static int
on_delivered(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)body;
	(void)err;
	exec = TAILQ_FIRST(&history->execs);
	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		exec->signals = (struct signal_sets){0};
	return 0;
}

static int
on_ended(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	if (exec->is_ended || exec->pid == 0)
		return misplaced(err, "did not run");
	exec->exit = body->ended.exit;
	json_absent(&attachment_exit_shape, &body->ended.exit);
	exec->is_ended = true;
	TAILQ_REMOVE(&history->execs, exec, entry);
	TAILQ_INSERT_TAIL(&history->ended, exec, entry);
	return 0;
}

static struct history_execs *
list_of(struct history *history, const struct history_exec *exec)
{
	return exec->is_ended ? &history->ended : &history->execs;
}

static int
on_dropped(struct history *history, struct history_exec *exec,
    union journal_body *body, struct error *err)
{
	(void)err;
	map_remove(&history->by_number, (uint32_t)body->dropped.number);
	TAILQ_REMOVE(list_of(history, exec), exec, entry);
	history_exec_free(exec);
	return 0;
}

/* of_exec: about an exec that must be there. */
static const struct {
	line_fn take;
	bool of_exec;
} kinds[JOURNAL_TYPES] = {
    [JOURNAL_BEGIN] = {on_begin, false},
    [JOURNAL_EXEC] = {on_exec, false},
    [JOURNAL_SENT] = {on_sent, true},
    [JOURNAL_STARTED] = {on_started, true},
    [JOURNAL_ASKED] = {on_asked, true},
    [JOURNAL_SIGNAL] = {on_signal, true},
    [JOURNAL_DELIVERED] = {on_delivered, false},
    [JOURNAL_ENDED] = {on_ended, true},
    [JOURNAL_DROPPED] = {on_dropped, true},
};

/* The exec that a line is about; all that name one begin with its number. */
static struct history_exec *
find(const struct history *history, int type, const union journal_body *body)
{
	if (type == JOURNAL_BEGIN || type == JOURNAL_DELIVERED)
		return NULL;
	return map_get(&history->by_number, (uint32_t)body->dropped.number);
}

static int
take(struct history *history, int type, union journal_body *body,
    struct error *err)
{
	struct history_exec *exec = find(history, type, body);

	if (history->lines == 0 && type != JOURNAL_BEGIN)
		return misplaced(err, "has no beginning");
	if (kinds[type].of_exec && exec == NULL)
		return misplaced(err, "is about an exec that is not there");
	return kinds[type].take(history, exec, body, err);
}

static int
read_line(
    struct history *history, const char *bytes, size_t len, struct error *err)
{
	union journal_body body;
	int type;
	int rc =
	    json_read_typed(&journal_messages, bytes, len, &type, &body, err);

	if (rc == 0)
		rc = take(history, type, &body, err);
	if (type >= 0)
		json_clear(journal_shapes[type], &body);
	history->lines++;
	return rc == 0 ? 0 : error_wrap(err, "line %zu", history->lines);
}

void
history_init(struct history *history, const char *task)
{
	memset(history, 0, sizeof(*history));
	history->task = task;
	TAILQ_INIT(&history->execs);
	TAILQ_INIT(&history->ended);
	map_init(&history->by_number);
	buffer_init(&history->line, JOURNAL_LINE_MAX);
}

void
history_clear(struct history *history)
{
	struct history_exec *exec;

	while ((exec = history_take(history)) != NULL)
		history_exec_free(exec);
	map_clear(&history->by_number);
	buffer_clear(&history->line);
}

int
history_read(struct history *history, const uint8_t *bytes, size_t len,
    struct error *err)
{
	const uint8_t *end;

	while (len > 0 && (end = memchr(bytes, '\n', len)) != NULL) {
		size_t part = (size_t)(end - bytes);

		if (buffer_append(&history->line, bytes, part, err) != 0)
			return error_wrap(err, "line %zu", history->lines + 1);
		if (read_line(history,
		        (const char *)buffer_bytes(&history->line),
		        buffer_len(&history->line), err) != 0)
			return -1;
		history->whole += buffer_len(&history->line) + 1;
		buffer_consume(&history->line, buffer_len(&history->line));
		bytes += part + 1;
		len -= part + 1;
	}
	if (buffer_append(&history->line, bytes, len, err) != 0)
		return error_wrap(err, "line %zu", history->lines + 1);
	return 0;
}

struct history_exec *
history_take(struct history *history)
{
	struct history_exec *exec = TAILQ_FIRST(&history->ended);

	if (exec == NULL)
		exec = TAILQ_FIRST(&history->execs);
	if (exec == NULL)
		return NULL;
	TAILQ_REMOVE(list_of(history, exec), exec, entry);
	map_remove(&history->by_number, (uint32_t)exec->exec.number);
	return exec;
}

void
history_exec_free(struct history_exec *exec)
{
	if (exec == NULL)
		return;
	json_clear(journal_shapes[JOURNAL_EXEC], &exec->exec);
	json_clear(&attachment_exit_shape, &exec->exit);
	free(exec);
}

void
signal_sets_add(struct signal_sets *sets, int number, bool tree)
{
	uint64_t *set = tree ? &sets->tree : &sets->group;

	assert(number > 0 && number <= HISTORY_SIGNALS);
	*set |= UINT64_C(1) << (number - 1);
}
