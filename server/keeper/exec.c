/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/exec.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"
#include "protocol/signal.h"
#include "server/common/log.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"

/* It never began: the table forgets it, and then everybody is told. The last of
 * them frees it. */
static void
drop(struct exec *exec, const char *code, const char *text)
{
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);
	struct subscription *next;

	execs_drop(&exec->keeper->execs, exec);
	if (each == NULL)
		exec_free(exec);
	for (; each != NULL; each = next) {
		next = TAILQ_NEXT(each, of_exec);
		subscription_refuse(each, code, text);
		subscription_free(each);
	}
}

static void
wake_all(struct exec *exec)
{
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);

	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		subscription_wake(each);
}

/*
 * The one cause behind how it ended. A parent that sees its child killed may
 * still exit by itself before our kill gets to it: its failure is our doing.
 * Success never is.
 */
static enum exit_reason
reason_of(const struct exec *exec, const struct link_exit *exit)
{
	bool is_killed =
	    exit->signal != NULL && strcmp(exit->signal, "KILL") == 0;

	if (exec->asked.timed_out && (is_killed || exit->code > 0))
		return REASON_TIMEOUT;
	if (!is_killed)
		return exit->signal == NULL ? REASON_EXITED : REASON_SIGNALED;
	if (exec->keeper->is_ending)
		return REASON_KILLED;
	if (exec->asked.kill == KILL_NOT_ASKED && exec->exit.oom_kills > 0)
		return REASON_OOM;
	return REASON_SIGNALED;
}

static void
end(struct exec *exec)
{
	exec->state = EXEC_ENDED;
	exec->exit.duration_ms =
	    (int64_t)(uv_now(exec->keeper->loop) - exec->started_ms);
	input_clear(&exec->input);
	exec_settle(exec);
	keeper_ended(exec->keeper, exec);
	if (exec->pty != NULL)
		pty_ended(exec->pty);
	wake_all(exec);
	execs_end(&exec->keeper->execs, exec);
}

struct exec *
exec_new(struct keeper *keeper, struct journal_exec *kept,
    const struct exec_spec *spec)
{
	struct exec *exec = memory_new(1, sizeof(*exec));

	exec->keeper = keeper;
	exec->number = (uint32_t)kept->number;
	(void)snprintf(
	    exec->id, sizeof(exec->id), "%s-%u", keeper->task, exec->number);
	exec->kept = *kept;
	json_absent(journal_shapes[JOURNAL_EXEC], kept);
	exec->principal = exec->kept.principal;
	exec->what = exec->kept.what;
	json_absent(journal_shapes[JOURNAL_ASKED], &exec->asked);
	output_init(&exec->output, keeper->spool_dir, exec->number,
	    (uint64_t)exec->kept.output, spec->pty.present);
	output_bind(&exec->output, (enum exec_overflow)exec->kept.overflow,
	    &keeper->execs.quota);
	input_init(&exec->input, spec, exec);
	return exec;
}

void
exec_free(struct exec *exec)
{
	if (exec == NULL)
		return;
	assert(TAILQ_EMPTY(&exec->output.subscriptions));
	if (exec->keeper->view.of == &exec->output.spool)
		exec->keeper->view.of = NULL;
	output_clear(&exec->output);
	input_clear(&exec->input);
	pty_free(exec->pty);
	free(exec->exit.signal);
	json_clear(journal_shapes[JOURNAL_EXEC], &exec->kept);
	free(exec);
}

void
exec_free_unused(struct exec *exec)
{
	if (!exec->is_listed && TAILQ_EMPTY(&exec->output.subscriptions))
		exec_free(exec);
}

struct pty *
exec_get_pty(const struct exec *exec, struct error *err)
{
	if (exec->pty == NULL)
		(void)error_set(err, ERROR_STATE, "%s %s", exec->id,
		    exec->output.is_pty ? "has ended, and its screen is no "
		                          "longer kept"
		                        : "has no terminal");
	return exec->pty;
}

void
exec_send(struct exec *exec)
{
	const struct journal_exec *kept = &exec->kept;

	assert(exec->state == EXEC_WAITING && exec->started_ms > 0);
	exec->state = EXEC_STARTING;
	link_send_exec(&exec->keeper->link, exec->number,
	    (const uint8_t *)kept->message, strlen(kept->message));
	if (exec->pty != NULL)
		pty_sent(exec->pty);
	if (exec->asked.hung_up)
		link_send_hangup(&exec->keeper->link, exec->number);
}

/* What the agent says again, because the link was resumed. */
static int
started_again(struct exec *exec, int64_t pid, struct error *err)
{
	if (!exec->is_resumed || pid != exec->pid)
		return error_set(err, ERROR_STATE, "it was started before");
	exec->is_resumed = false;
	return 0;
}

int
exec_started(struct exec *exec, int64_t pid, struct error *err)
{
	const struct journal_started started = {exec->number, pid};
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);

	if (exec->state == EXEC_RUNNING)
		return started_again(exec, pid, err);
	if (exec->state != EXEC_STARTING)
		return error_set(err, ERROR_STATE, "it has ended");
	exec->state = EXEC_RUNNING;
	exec->pid = pid;
	exec->is_resumed = false;
	(void)execs_note(&exec->keeper->execs, JOURNAL_STARTED, &started);
	free(exec->kept.message);
	exec->kept.message = NULL;
	keeper_started(exec->keeper, exec);
	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		subscription_started(each);
	input_start(&exec->input);
	return 0;
}

int
exec_refused(
    struct exec *exec, const char *code, const char *text, struct error *err)
{
	if (exec->state != EXEC_STARTING)
		return error_set(err, ERROR_STATE, "it was started before");
	drop(exec, code, text);
	return 0;
}

int
exec_output(struct exec *exec, enum output_stream stream,
    const struct frame *frame, struct error *err)
{
	struct batch *batch = &exec->keeper->batch;

	if (exec->state != EXEC_RUNNING)
		return error_set(err, ERROR_STATE, "it does not run");
	if (output_admit(&exec->output, stream, frame->len, err) != 0)
		return -1;
	if (frame->len > 0) {
		batch_add(batch, exec, stream, frame->payload, frame->len);
		return 0;
	}
	batch_flush(batch);
	wake_all(exec);
	return 0;
}

int
exec_credit(struct exec *exec, uint32_t credit, struct error *err)
{
	if (exec->state != EXEC_RUNNING)
		return error_set(err, ERROR_STATE, "it does not run");
	return input_credit(&exec->input, credit, err);
}

int
exec_terminal(
    struct exec *exec, const struct link_terminal *terminal, struct error *err)
{
	if (exec->state != EXEC_RUNNING || exec->pty == NULL)
		return error_set(err, ERROR_STATE, "it has no terminal");
	pty_modes(exec->pty, terminal->echo, terminal->canonical);
	return 0;
}

int
exec_exited(struct exec *exec, const struct link_exit *exit, struct error *err)
{
	if (exec->state != EXEC_RUNNING)
		return error_set(err, ERROR_STATE, "it does not run");
	if (!output_is_over(&exec->output))
		return error_set(
		    err, ERROR_STATE, "it exits before its output has ended");
	exec->exit.code = exit->code;
	exec->exit.signal = memory_string(exit->signal);
	exec->exit.core = exit->core;
	exec->exit.rusage = exit->rusage;
	exec->exit.oom_kills = exec_count_oom(exec) - exec->oom_before;
	if (exec->exit.oom_kills < 0)
		exec->exit.oom_kills = 0;
	exec->exit.reason = (int)reason_of(exec, exit);
	end(exec);
	return 0;
}

void
exec_lost(struct exec *exec)
{
	bool is_ending = exec->keeper->is_ending;

	if (exec->state != EXEC_RUNNING) {
		drop(exec, error_code_name(ERROR_STATE),
		    is_ending ? "the task is ending"
		              : "the sandbox has gone away");
		return;
	}
	output_end(&exec->output);
	exec->exit.code = -1;
	exec->exit.signal = is_ending ? memory_string("KILL") : NULL;
	exec->exit.reason = is_ending ? REASON_KILLED : REASON_LOST;
	end(exec);
}

static void
note_asked(struct exec *exec)
{
	exec->asked.number = exec->number;
	(void)execs_note(&exec->keeper->execs, JOURNAL_ASKED, &exec->asked);
}

static void
ask_kill(struct exec *exec, bool tree)
{
	if (tree)
		exec->asked.kill = KILL_TREE;
	else if (exec->asked.kill == KILL_NOT_ASKED)
		exec->asked.kill = KILL_GROUP;
	note_asked(exec);
}

int
exec_signal(
    struct exec *exec, const struct link_signal *signal, struct error *err)
{
	if (exec->state != EXEC_RUNNING)
		return error_set(err, ERROR_STATE, "%s %s", exec->id,
		    exec->state == EXEC_ENDED ? "has ended"
		                              : "has not started");
	if (signal_number(signal->signal) == SIGKILL)
		ask_kill(exec, signal->tree);
	link_send_signal(&exec->keeper->link, exec->number, signal);
	if (!link_is_clear(&exec->keeper->link))
		execs_note_signal(&exec->keeper->execs, exec, signal);
	return 0;
}

void
exec_hang_up(struct exec *exec)
{
	if (exec->state == EXEC_ENDED)
		return;
	exec->asked.hung_up = true;
	note_asked(exec);
	if (exec->state != EXEC_WAITING)
		link_send_hangup(&exec->keeper->link, exec->number);
}

void
exec_input_ended(struct exec *exec, uint64_t offset)
{
	exec->asked.end = (int64_t)offset;
	note_asked(exec);
}

void
exec_untie(struct exec *exec)
{
	if (exec->pty == NULL)
		input_end(&exec->input);
	else
		exec_hang_up(exec);
}

bool
exec_is_loose(const struct exec *exec)
{
	const struct subscription *each =
	    TAILQ_FIRST(&exec->output.subscriptions);

	if (!exec->kept.tied || exec->state == EXEC_ENDED ||
	    exec->asked.hung_up || !exec->input.is_open)
		return false;
	while (each != NULL && !each->is_tied)
		each = TAILQ_NEXT(each, of_exec);
	return each == NULL;
}

void
exec_wrote(struct exec *exec, enum output_stream stream, const uint8_t *bytes,
    size_t len)
{
	size_t held = exec->output.held_bytes;

	output_put(&exec->output, stream, bytes, len);
	execs_count_held(&exec->keeper->execs, held, exec->output.held_bytes);
	if (exec->pty != NULL)
		pty_wrote(exec->pty, bytes, len);
	exec_serve(exec);
}

void
exec_time_out(struct exec *exec)
{
	exec->deadline_ms = 0;
	exec->asked.timed_out = true;
	note_asked(exec);
	link_send_kill(&exec->keeper->link, exec->number);
}

void
exec_serve(struct exec *exec)
{
	struct output *output = &exec->output;
	size_t held = output->held_bytes;
	struct error err = {0};
	uint32_t credit;

	if (held > 0 && output_settle(output, &err) != 0) {
		if (!output->is_stalled)
			log_error("%s: slowed: %s", exec->id, err.text);
		output->is_stalled = true;
		execs_retry(&exec->keeper->execs);
	} else if (output->is_stalled) {
		log_info("%s: goes on", exec->id);
		output->is_stalled = false;
	}
	if (held > 0) {
		execs_count_held(
		    &exec->keeper->execs, held, output->held_bytes);
		wake_all(exec);
	}
	exec_settle(exec);
	if (exec->state != EXEC_RUNNING)
		return;
	credit = output_grant(output);
	if (credit > 0)
		link_send_credit(&exec->keeper->link, exec->number, credit);
}
