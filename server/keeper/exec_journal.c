/* SPDX-License-Identifier: Apache-2.0 */
/* What of an exec outlives its keeper. */
#include "server/keeper/exec.h"

#include <stdlib.h>

#include "protocol/error.h"
#include "protocol/signal.h"
#include "server/common/log.h"
#include "server/keeper/journal.h"
#include "server/keeper/keeper.h"
#include "server/keeper/oom.h"
#include "server/keeper/pty_size.h"

int64_t
exec_count_oom(const struct exec *exec)
{
	struct error err = {0};
	int64_t count = 0;

	if (oom_count(exec->keeper->oom_fd, &count, &err) != 0)
		log_warning("%s: %s", exec->id, err.text);
	return count;
}

static enum exec_state
state_of(const struct history_exec *was)
{
	if (was->is_ended)
		return EXEC_ENDED;
	if (was->pid != 0)
		return EXEC_RUNNING;
	return was->sent.number != 0 ? EXEC_STARTING : EXEC_WAITING;
}

struct exec *
exec_restore(struct keeper *keeper, struct history_exec *was)
{
	struct exec_spec spec = {.pty = was->exec.pty,
	    .stdin_mode = was->exec.open ? EXEC_STDIN_OPEN : EXEC_STDIN_CLOSED,
	    .input = was->exec.input};
	struct json_data input = was->exec.input;
	struct exec *exec;

	was->exec.input = (struct json_data){0};
	exec = exec_new(keeper, &was->exec, &spec);
	free(input.bytes);
	exec->input.from = (uint64_t)exec->kept.from;
	exec->state = state_of(was);
	exec->started_ms = (uint64_t)was->sent.at_ms;
	exec->deadline_ms = (uint64_t)was->sent.deadline_ms;
	exec->oom_before = was->sent.oom;
	exec->pid = was->pid;
	exec->asked = was->asked;
	exec->signals = was->signals;
	exec->is_resumed = true;
	if (!was->is_ended)
		return exec;
	exec->exit = was->exit;
	json_absent(&attachment_exit_shape, &was->exit);
	exec->is_noted = true;
	exec->is_told = true;
	input_clear(&exec->input);
	output_end(&exec->output);
	return exec;
}

static void
describe_signals(const struct exec *exec, bool tree, struct journal *journal)
{
	uint64_t set = tree ? exec->signals.tree : exec->signals.group;
	int number;

	for (number = 1; number <= HISTORY_SIGNALS; number++) {
		const struct journal_signal signal = {
		    exec->number, (char *)(uintptr_t)signal_name(number), tree};

		if ((set >> (number - 1) & 1) != 0)
			journal_add(journal, JOURNAL_SIGNAL, &signal);
	}
}

static void
describe_sent(const struct exec *exec, struct journal *journal)
{
	const struct journal_sent sent = {.number = exec->number,
	    .at_ms = (int64_t)exec->started_ms,
	    .deadline_ms = (int64_t)exec->deadline_ms,
	    .oom = exec->oom_before};
	const struct journal_started started = {exec->number, exec->pid};

	if (exec->started_ms == 0)
		return;
	journal_add(journal, JOURNAL_SENT, &sent);
	if (exec->pid != 0)
		journal_add(journal, JOURNAL_STARTED, &started);
}

void
exec_describe(const struct exec *exec, struct journal *journal)
{
	struct journal_exec kept = exec->kept;
	struct journal_asked asked = exec->asked;
	const struct journal_ended ended = {exec->number, exec->exit};

	input_describe(&exec->input, &kept.input, &kept.from);
	journal_add(journal, JOURNAL_EXEC, &kept);
	describe_sent(exec, journal);
	asked.number = exec->number;
	if (exec->asked.number != 0)
		journal_add(journal, JOURNAL_ASKED, &asked);
	describe_signals(exec, false, journal);
	describe_signals(exec, true, journal);
	if (exec->is_noted)
		journal_add(journal, JOURNAL_ENDED, &ended);
}

void
exec_note_sent(struct exec *exec)
{
	if (exec->started_ms != 0)
		return;
	exec->started_ms = uv_now(exec->keeper->loop);
	exec->oom_before = exec_count_oom(exec);
	if (exec->kept.timeout_ms > 0)
		exec->deadline_ms =
		    exec->started_ms + (uint64_t)exec->kept.timeout_ms;
	describe_sent(exec, &exec->keeper->execs.journal);
}

static void
remind_signals(const struct exec *exec, bool tree)
{
	uint64_t set = tree ? exec->signals.tree : exec->signals.group;
	int number;

	for (number = 1; number <= HISTORY_SIGNALS; number++) {
		const struct link_signal signal = {
		    (char *)(uintptr_t)signal_name(number), tree};

		if ((set >> (number - 1) & 1) != 0)
			link_send_signal(
			    &exec->keeper->link, exec->number, &signal);
	}
}

void
exec_remind(const struct exec *exec)
{
	const struct link_signal kill = {
	    (char *)(uintptr_t) "KILL", exec->asked.kill == KILL_TREE};
	struct link *link = &exec->keeper->link;

	if (exec->pty != NULL)
		pty_size_tell_again(exec->pty);
	remind_signals(exec, false);
	remind_signals(exec, true);
	if (exec->asked.kill != KILL_NOT_ASKED)
		link_send_signal(link, exec->number, &kill);
	if (exec->asked.timed_out)
		link_send_kill(link, exec->number);
	if (exec->asked.hung_up)
		link_send_hangup(link, exec->number);
}

void
exec_settle(struct exec *exec)
{
	struct execs *execs = &exec->keeper->execs;
	const struct journal_ended ended = {exec->number, exec->exit};

	if (exec->state != EXEC_ENDED || exec->is_told ||
	    exec->output.held_bytes > 0)
		return;
	if (!exec->is_noted || execs->journal.is_behind) {
		exec->is_noted = true;
		if (!execs_note(execs, JOURNAL_ENDED, &ended))
			return;
	}
	exec->is_told = true;
	link_send_forget(&exec->keeper->link, exec->number);
}
