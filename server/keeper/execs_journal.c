/* SPDX-License-Identifier: Apache-2.0 */
/* What of the table is in the journal, and what is not yet. */
#include "server/keeper/execs.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "protocol/signal.h"
#include "server/keeper/keeper.h"

void
execs_describe(void *data, struct journal *journal)
{
	const struct execs *execs = data;
	const struct exec_list *const lists[] = {
	    &execs->ended, &execs->running, &execs->waiting};
	const struct exec *exec;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		exec = TAILQ_FIRST(lists[i]);
		for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
			exec_describe(exec, journal);
	}
}

bool
execs_note(struct execs *execs, enum journal_type type, const void *body)
{
	if (journal_note(&execs->journal, type, body))
		return true;
	execs_retry(execs);
	return false;
}

void
execs_note_signal(
    struct execs *execs, struct exec *exec, const struct link_signal *signal)
{
	const struct journal_signal line = {
	    exec->number, signal->signal, signal->tree};

	signal_sets_add(
	    &exec->signals, signal_number(signal->signal), signal->tree);
	execs->has_signals = true;
	(void)execs_note(execs, JOURNAL_SIGNAL, &line);
}

void
execs_note_delivered(struct execs *execs)
{
	struct exec *exec = TAILQ_FIRST(&execs->running);

	if (!execs->has_signals)
		return;
	execs->has_signals = false;
	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		exec->signals = (struct signal_sets){0};
	(void)execs_note(execs, JOURNAL_DELIVERED, NULL);
}

int
execs_commit_sent(struct execs *execs, struct exec *exec)
{

	if (exec->started_ms != 0)
		return 0;
	exec_note_sent(exec);
	if (journal_commit(&execs->journal, NULL) == 0)
		return 0;
	exec->started_ms = 0;
	exec->deadline_ms = 0;
	execs_retry(execs);
	return -1;
}

void
execs_note_dropped(struct execs *execs, const struct exec *exec)
{
	const struct journal_number dropped = {exec->number};
	struct execs_debt *debt;

	if (execs_note(execs, JOURNAL_DROPPED, &dropped)) {
		if (!exec->is_told)
			link_send_forget(&execs->keeper->link, exec->number);
		return;
	}
	debt = memory_new(1, sizeof(*debt));
	debt->number = exec->number;
	TAILQ_INSERT_TAIL(&execs->debts, debt, entry);
}

void
execs_settle(struct execs *execs)
{
	struct exec *exec = TAILQ_FIRST(&execs->ended);
	struct execs_debt *debt;

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		exec_settle(exec);
	while ((debt = TAILQ_FIRST(&execs->debts)) != NULL) {
		link_send_forget(&execs->keeper->link, debt->number);
		TAILQ_REMOVE(&execs->debts, debt, entry);
		free(debt);
	}
}
