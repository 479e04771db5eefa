/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exec_time.h"

#include <signal.h>

#include "agent/exec.h"
#include "protocol/frame.h"
#include "protocol/limits.h"

/* When the drain is over, or when to look again. */
static int
tick_drain(struct exec *exec, int64_t now_ms)
{
	const struct output *outputs = exec->outputs;
	bool empty = output_pending(&outputs[SEND_OUT]) == 0 &&
	             output_pending(&outputs[SEND_ERR]) == 0;
	bool owes = outputs[SEND_OUT].owed > 0 || outputs[SEND_ERR].owed > 0;
	int64_t quiet_ms = exec->output_ms + LIMIT_DRAIN_QUIET_MS - now_ms;
	int64_t rest_ms = exec->died_ms + LIMIT_DRAIN_MS - now_ms;

	if ((empty && quiet_ms <= 0) || (!owes && rest_ms <= 0)) {
		exec_finish(exec);
		return -1;
	}
	/* what is owed comes when the keeper gives credit, not with time */
	if (owes && !empty)
		return -1;
	return (int)(empty ? quiet_ms : rest_ms);
}

static int
tick_life(struct exec *exec, int64_t now_ms)
{
	if (exec->state == EXEC_DRAINING)
		return tick_drain(exec, now_ms);
	if (exec->kill_ms == 0 || exec->state == EXEC_FINISHED)
		return -1;
	if (now_ms < exec->kill_ms)
		return (int)(exec->kill_ms - now_ms);
	if (exec->subreaper > 0)
		(void)kill(exec->subreaper, SIGKILL);
	exec->kill_ms = now_ms + EXEC_KILL_MS;
	return EXEC_KILL_MS;
}

/* An exec that is quiet takes no more memory than it must. */
static int
tick_memory(struct exec *exec, int64_t now_ms)
{
	struct send_queue *queue = &exec->outbox.queue;
	int64_t left_ms = exec->moved_ms + EXEC_TRIM_MS - now_ms;

	if (queue->turned < FRAME_DATA_MAX)
		return -1;
	if (left_ms > 0)
		return (int)left_ms;
	send_queue_trim(queue);
	return -1;
}

int
exec_time_tick(struct exec *exec, int64_t now_ms)
{
	int wait_ms = input_tick(&exec->input, now_ms);

	if (exec->pty.present)
		wait_ms = loop_sooner(wait_ms, pty_tick(&exec->pty));
	wait_ms = loop_sooner(wait_ms, tick_memory(exec, now_ms));
	return loop_sooner(wait_ms, tick_life(exec, now_ms));
}
