/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/execs.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/notice.h"
#include "agent/refused.h"
#include "agent/tree.h"
#include "protocol/error.h"

/* Between two sweeps of the orphans. */
#define SWEEP_MS 5

/* The least index whose number is not below. */
static size_t
position(const struct execs *execs, uint32_t number)
{
	size_t low = 0;
	size_t high = execs->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (execs->items[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
refuse_another(struct execs *execs, uint32_t number)
{
	struct refused refused;

	(void)refused_set(
	    &refused, REFUSAL_LIMIT, "too many commands at once in this task");
	notice_refused(execs->shared.link, number, &refused);
}

int
execs_start(struct execs *execs, uint32_t number, const struct exec_spec *spec,
    struct error *err)
{
	struct exec *exec;

	if (number <= execs->last)
		return error_set(err, ERROR_INVALID,
		    "exec %u after exec %u: numbers go up", number,
		    execs->last);
	execs->last = number;
	if (execs->count == LIMIT_EXECS_MAX) {
		refuse_another(execs, number);
		return 0;
	}
	exec = exec_start(&execs->shared, number, spec);
	if (exec != NULL)
		execs->items[execs->count++] = exec;
	return 0;
}

int
execs_find(const struct execs *execs, uint32_t number, struct exec **out,
    struct error *err)
{
	size_t at = position(execs, number);

	if (number == 0 || number > execs->last)
		return error_set(
		    err, ERROR_INVALID, "there was never an exec %u", number);
	*out = at < execs->count && execs->items[at]->number == number
	           ? execs->items[at]
	           : NULL;
	return 0;
}

static void
on_reaped(struct execs *execs, pid_t pid, int status, const struct rusage *used)
{
	struct ending ending = {
	    .how = WIFEXITED(status)   ? CLD_EXITED
	           : WCOREDUMP(status) ? CLD_DUMPED
	                               : CLD_KILLED,
	    .status =
	        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
	    .used = *used,
	};
	size_t i;

	for (i = 0; i < execs->count; i++) {
		struct exec *exec = execs->items[i];

		if (exec->subreaper == pid) {
			exec_lost_subreaper(exec);
			if (!WIFEXITED(status))
				execs->orphans = true;
			return;
		}
	}
	/* an orphan may be a command whose subreaper died; what that had said
	 * of it may still be unread */
	for (i = 0; i < execs->count; i++) {
		struct exec *exec = execs->items[i];

		exec_hear(exec);
		if (exec->pid == pid && exec->state == EXEC_RUNNING)
			exec_ended(exec, &ending);
	}
}

void
execs_reap(struct execs *execs)
{
	struct rusage used;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		on_reaped(execs, pid, status, &used);
}

static void
kill_orphans(struct execs *execs)
{
	pid_t subreapers[LIMIT_EXECS_MAX];
	struct tree tree = {.proc_fd = execs->shared.proc_fd,
	    .root = getpid(),
	    .spared = subreapers};
	size_t i;

	for (i = 0; i < execs->count; i++) {
		if (execs->items[i]->subreaper > 0)
			subreapers[tree.spared_count++] =
			    execs->items[i]->subreaper;
	}
	execs->orphans = tree_kill(&tree) != 0;
}

static void
forget(struct execs *execs)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < execs->count; i++) {
		struct exec *exec = execs->items[i];

		if (exec->state == EXEC_FINISHED && exec->subreaper == 0)
			exec_release(exec);
		else
			execs->items[kept++] = exec;
	}
	execs->count = kept;
}

int
execs_tick(struct execs *execs)
{
	int wait_ms = -1;
	size_t i;

	if (execs->orphans)
		kill_orphans(execs);
	if (execs->orphans)
		wait_ms = SWEEP_MS;
	for (i = 0; i < execs->count; i++)
		wait_ms = loop_sooner(wait_ms,
		    exec_tick(execs->items[i], execs->shared.loop->now_ms));
	forget(execs);
	return wait_ms;
}
