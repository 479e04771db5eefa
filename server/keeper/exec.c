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
#include "server/keeper/oom.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"

static int64_t
count_oom(const struct exec *exec)
{
	struct error err = {0};
	int64_t count = 0;

	if (oom_count(exec->keeper->oom_fd, &count, &err) != 0)
		log_warning("%s: %s", exec->id, err.text);
	return count;
}

/* Say to everybody that this exec never began, and let go of them. */
static void
refuse_all(struct exec *exec, const char *code, const char *text)
{
	struct subscription *each;

	while ((each = TAILQ_FIRST(&exec->output.subscriptions)) != NULL) {
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

	if (exec->is_timed_out && (is_killed || exit->code > 0))
		return REASON_TIMEOUT;
	if (!is_killed)
		return exit->signal == NULL ? REASON_EXITED : REASON_SIGNALED;
	if (exec->keeper->is_ending)
		return REASON_KILLED;
	if (!exec->is_kill_asked && exec->exit.oom_kills > 0)
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
	keeper_ended(exec->keeper, exec);
	if (exec->pty != NULL)
		pty_ended(exec->pty);
	wake_all(exec);
	execs_end(&exec->keeper->execs, exec);
}

struct exec *
exec_new(struct keeper *keeper, const struct exec_origin *origin,
    const struct exec_spec *spec, struct buffer *message)
{
	struct exec *exec = memory_new(1, sizeof(*exec));

	exec->keeper = keeper;
	exec->number = origin->number;
	(void)snprintf(
	    exec->id, sizeof(exec->id), "%s-%u", keeper->task, origin->number);
	exec_spec_describe(spec, exec->what, sizeof(exec->what));
	exec->principal = memory_string(origin->principal);
	exec->timeout_ms = origin->timeout_ms;
	exec->message = *message;
	buffer_init(message, message->max);
	output_init(&exec->output, keeper->spool_dir, origin->number,
	    (uint64_t)keeper->config.output, spec->pty.present);
	input_init(&exec->input, spec, exec);
	if (spec->pty.present)
		exec->pty = pty_new(exec, spec);
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
	buffer_clear(&exec->message);
	output_clear(&exec->output);
	input_clear(&exec->input);
	pty_free(exec->pty);
	free(exec->exit.signal);
	free(exec->principal);
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
	assert(exec->state == EXEC_WAITING);
	exec->state = EXEC_STARTING;
	exec->started_ms = uv_now(exec->keeper->loop);
	exec->oom_before = count_oom(exec);
	if (exec->timeout_ms > 0)
		exec->deadline_ms = exec->started_ms + exec->timeout_ms;
	link_send_exec(&exec->keeper->link, exec->number,
	    buffer_bytes(&exec->message), buffer_len(&exec->message));
	buffer_clear(&exec->message);
	if (exec->pty != NULL)
		pty_sent(exec->pty);
	if (exec->is_hung_up)
		link_send_hangup(&exec->keeper->link, exec->number);
}

int
exec_started(struct exec *exec, int64_t pid, struct error *err)
{
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);

	if (exec->state != EXEC_STARTING)
		return error_set(err, ERROR_STATE, "it was started before");
	exec->state = EXEC_RUNNING;
	exec->pid = pid;
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
	refuse_all(exec, code, text);
	execs_drop(&exec->keeper->execs, exec);
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
	exec->exit.oom_kills = count_oom(exec) - exec->oom_before;
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
		refuse_all(exec, error_code_name(ERROR_STATE),
		    is_ending ? "the task is ending"
		              : "the sandbox has gone away");
		execs_drop(&exec->keeper->execs, exec);
		return;
	}
	output_end(&exec->output);
	exec->exit.code = -1;
	exec->exit.signal = is_ending ? memory_string("KILL") : NULL;
	exec->exit.reason = is_ending ? REASON_KILLED : REASON_LOST;
	end(exec);
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
		exec->is_kill_asked = true;
	link_send_signal(&exec->keeper->link, exec->number, signal);
	return 0;
}

void
exec_hang_up(struct exec *exec)
{
	exec->is_hung_up = true;
	if (exec->state == EXEC_STARTING || exec->state == EXEC_RUNNING)
		link_send_hangup(&exec->keeper->link, exec->number);
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
	exec->is_timed_out = true;
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
	if (exec->state != EXEC_RUNNING)
		return;
	credit = output_grant(output);
	if (credit > 0)
		link_send_credit(&exec->keeper->link, exec->number, credit);
}
