/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/execs.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/exec_time.h"
#include "agent/link_io.h"
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

static struct exec *
refuse_another(struct execs *execs, uint32_t number)
{
	struct refused refused;

	(void)refused_set(
	    &refused, REFUSAL_LIMIT, "too many commands at once in this task");
	return exec_refuse(&execs->shared, number, &refused);
}

/* Execs that are alive, and those that have ended and are not forgotten. */
static void
count_all(const struct execs *execs, size_t *alive, size_t *ended)
{
	size_t i;

	*alive = *ended = 0;
	for (i = 0; i < execs->count; i++) {
		if (exec_is_alive(execs->items[i]))
			++*alive;
		else if (!execs->items[i]->outbox.is_forgotten)
			++*ended;
	}
}

int
execs_start(struct execs *execs, uint32_t number, const struct exec_spec *spec,
    struct error *err)
{
	size_t alive, ended;
	struct exec *exec;

	if (number <= execs->last)
		return error_set(err, ERROR_INVALID,
		    "exec %u after exec %u: numbers go up", number,
		    execs->last);
	count_all(execs, &alive, &ended);
	if (ended == LIMIT_EXECS_MAX || execs->count == EXECS_TABLE_MAX)
		return error_set(err, ERROR_LIMIT,
		    "exec %u, while %zu have ended and are not forgotten",
		    number, ended);
	execs->last = number;
	exec = alive < LIMIT_EXECS_MAX
	           ? exec_start(&execs->shared, number, spec)
	           : refuse_another(execs, number);
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
	pid_t subreapers[EXECS_TABLE_MAX];
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
release_some(struct execs *execs)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < execs->count; i++) {
		struct exec *exec = execs->items[i];

		if (exec->outbox.is_forgotten && !exec_is_alive(exec))
			exec_release(exec);
		else
			execs->items[kept++] = exec;
	}
	execs->count = kept;
}

void
execs_hold(struct execs *execs)
{
	char version[] = SALLYPORT_VERSION;
	struct link_hello hello = {
	    .protocol = LINK_PROTOCOL, .version = version};
	size_t i;

	for (i = 0; i < execs->count; i++)
		hello.execs += !execs->items[i]->outbox.is_forgotten;
	link_io_send_message(execs->shared.link, 0, LINK_HELLO, &hello);
	for (i = 0; i < execs->count; i++)
		exec_hold(execs->items[i]);
}

bool
execs_say(struct execs *execs)
{
	bool more = false;
	size_t i;

	execs->turn++;
	for (i = 0; i < execs->count; i++) {
		size_t at = (execs->turn + i) % execs->count;

		more |= outbox_say(&execs->items[at]->outbox);
	}
	return more;
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
		wait_ms = loop_sooner(wait_ms, exec_time_tick(execs->items[i],
		                                   execs->shared.loop->now_ms));
	release_some(execs);
	return wait_ms;
}
