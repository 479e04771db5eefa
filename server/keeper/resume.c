/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/resume.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/channel.h"
#include "server/common/log.h"
#include "server/keeper/history.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_checkpoint.h"

static struct resume *
of_timer(const uv_timer_t *timer)
{
	struct owner *owner = timer->data;

	return &keeper_of_owner(owner)->resume;
}

static void
on_late(uv_timer_t *timer)
{
	struct resume *resume = of_timer(timer);

	log_error("agent: says nothing on the new link");
	link_close(&resume->keeper->link);
}

static void
on_ties(uv_timer_t *timer)
{
	execs_untie(&of_timer(timer)->keeper->execs);
}

void
resume_init(struct resume *resume, struct keeper *keeper, struct owner *owner)
{
	resume->keeper = keeper;
	resume->state = RESUME_NONE;
	resume->agent_fd = -1;
	resume->reached = 0;
	earlier_init(&resume->earlier, keeper->loop);
	(void)uv_timer_init(keeper->loop, &resume->timer);
	owner_adopt(owner, (uv_handle_t *)&resume->timer);
}

void
resume_clear(struct resume *resume)
{
	earlier_close(&resume->earlier);
	if (resume->agent_fd >= 0)
		(void)close(resume->agent_fd);
	resume->agent_fd = -1;
}

int
resume_open(struct resume *resume, int fd, struct error *err)
{
	struct keeper *keeper = resume->keeper;
	struct history_exec *was;
	struct history history;
	int rc;

	resume->state = RESUME_WAITING;
	if (earlier_add(&resume->earlier, fd, err) != 0) {
		(void)close(fd);
		return -1;
	}
	history_init(&history, keeper->task);
	rc = journal_load(&keeper->execs.journal, &history, err);
	while (rc == 0 && (was = history_take(&history)) != NULL) {
		execs_restore(&keeper->execs, exec_restore(keeper, was));
		history_exec_free(was);
	}
	history_clear(&history);
	return rc;
}

void
resume_add_link(struct resume *resume, int fd)
{
	struct error err = {0};

	/* a manager that was replaced may know less than we do */
	if (resume->state != RESUME_WAITING) {
		(void)close(fd);
	} else if (earlier_add(&resume->earlier, fd, &err) != 0) {
		log_warning("manager: %s", err.text);
		(void)close(fd);
	}
}

/* A manager that does not know of the new link must not lose it with us. */
void
resume_told(struct resume *resume)
{
	if (resume->state != RESUME_MADE ||
	    !custody_is_told(&resume->keeper->custody))
		return;
	resume->state = RESUME_OFFERED;
	earlier_offer(&resume->earlier, resume->agent_fd);
	resume->agent_fd = -1;
	(void)uv_timer_start(&resume->timer, on_late, RESUME_HELLO_MS, 0);
}

static int
make_link(struct resume *resume, struct error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_sys(err, "make a link");
	channel_widen(ends[1]);
	if (link_open(&resume->keeper->link, ends[0], err) != 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return -1;
	}
	resume->agent_fd = ends[1];
	return 0;
}

void
resume_configured(struct resume *resume)
{
	struct keeper *keeper = resume->keeper;
	struct error err = {0};

	if (resume->state != RESUME_WAITING || keeper->link.state == LINK_DOWN)
		return;
	if (make_link(resume, &err) != 0) {
		log_error("cannot resume: %s", err.text);
		link_close(&keeper->link);
		return;
	}
	resume->state = RESUME_MADE;
	custody_tell_link(&keeper->custody);
	resume_told(resume);
}

int
resume_held(struct resume *resume, uint32_t number,
    const struct link_held *held, struct error *err)
{
	struct execs *execs = &resume->keeper->execs;
	struct exec *exec = execs_get(execs, number);

	if (resume->state != RESUME_OFFERED ||
	    number > (uint64_t)execs->journal.last ||
	    (exec != NULL && exec->state == EXEC_WAITING))
		return error_set(err, ERROR_STATE, "held for exec %u", number);
	if (number > resume->reached)
		resume->reached = number;
	/* dropped from the table, or ended, and was not told so yet */
	if (exec == NULL || exec->state == EXEC_ENDED) {
		link_send_forget(&resume->keeper->link, number);
		return 0;
	}
	if (exec->is_held)
		return error_set(err, ERROR_STATE, "%s is held", exec->id);
	exec->is_held = true;
	exec->held = *held;
	return 0;
}

/* Its terminal as it was, of which the output says how it got there. */
static void
restore_terminal(struct exec *exec)
{
	const struct exec_spec spec = {
	    .pty = exec->kept.pty, .name = exec->kept.name};
	struct error err = {0};

	if (!exec->kept.pty.present)
		return;
	exec->pty = pty_new(exec, &spec);
	if (pty_restore(exec->pty, &err) != 0)
		log_warning("%s: screen: %s", exec->id, err.text);
}

/* Its output as far as it was kept. What cannot be read is a gap. */
static void
restore_output(struct exec *exec, const uint64_t until[OUTPUT_STREAMS])
{
	struct output *output = &exec->output;
	struct error err = {0};
	int stream;

	if (output_restore(output, until, &err) == 0)
		return;
	log_error("%s: output is lost: %s", exec->id, err.text);
	for (stream = 0; stream < OUTPUT_STREAMS && until != NULL; stream++)
		spool_skip(&output->spool, (enum output_stream)stream,
		    (size_t)until[stream]);
}

/* What has ended, or never will be resumed. */
static void
restore_ended(struct execs *execs)
{
	struct exec *exec = TAILQ_FIRST(&execs->ended);

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		restore_output(exec, NULL);
		output_end(&exec->output);
		restore_terminal(exec);
		if (exec->pty != NULL)
			pty_ended(exec->pty);
	}
	execs_forget_screens(execs);
}

/* The agent goes on from what is kept here. */
static int
resume_exec(struct exec *exec, struct error *err)
{
	const struct link_held *held = &exec->held;
	const bool is_pty = exec->kept.pty.present;
	const enum output_stream first = is_pty ? OUTPUT_PTY : OUTPUT_STDOUT;
	const uint64_t until[OUTPUT_STREAMS] = {
	    [OUTPUT_STDOUT] = is_pty ? 0 : (uint64_t)held->out,
	    [OUTPUT_STDERR] = (uint64_t)held->err,
	    [OUTPUT_PTY] = is_pty ? (uint64_t)held->out : 0};
	const uint64_t *end = exec->output.spool.end;
	struct link_resume resume;

	restore_output(exec, until);
	restore_terminal(exec);
	if (input_resume(&exec->input, held, exec->asked.end, err) != 0)
		return error_wrap(err, "%s", exec->id);
	resume.out = (int64_t)end[first];
	resume.err = (int64_t)end[OUTPUT_STDERR];
	link_send_resume(&exec->keeper->link, exec->number, &resume);
	exec_remind(exec);
	if (exec->state == EXEC_RUNNING)
		input_start(&exec->input);
	return 0;
}

/*
 * The agent has had every number up to the highest that it holds or has ever
 * answered: what it does not hold of these, and has not ended, is lost. What is
 * above never got to it, and is sent again, in order.
 */
static void
resolve(struct resume *resume, struct exec *exec)
{
	struct execs *execs = &resume->keeper->execs;
	struct error err = {0};

	if (exec->is_held && resume_exec(exec, &err) == 0)
		return;
	if (err.code != ERROR_NONE) {
		log_warning("agent: %s", err.text);
		link_close(&resume->keeper->link);
	} else if (exec->state == EXEC_STARTING &&
	           exec->number > resume->reached &&
	           exec->kept.message != NULL) {
		restore_terminal(exec);
		execs_send_again(execs, exec);
	} else {
		/* there is nothing that it could forget */
		exec->is_told = true;
		restore_output(exec, NULL);
		restore_terminal(exec);
		exec_lost(exec);
	}
}

static void
find_reached(struct resume *resume)
{
	const struct execs *execs = &resume->keeper->execs;
	const struct exec_list *const lists[] = {
	    &execs->ended, &execs->running};
	const struct exec *exec;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		exec = TAILQ_FIRST(lists[i]);
		for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
			if (exec->pid != 0 && exec->number > resume->reached)
				resume->reached = exec->number;
		}
	}
}

/* From here on this keeper is like any other. */
static void
end(struct resume *resume)
{
	resume->state = RESUME_NONE;
	earlier_close(&resume->earlier);
	(void)uv_timer_stop(&resume->timer);
	keeper_is_whole(resume->keeper);
}

void
resume_finish(struct resume *resume)
{
	struct execs *execs = &resume->keeper->execs;
	struct exec *exec = TAILQ_FIRST(&execs->running);
	struct exec *next;

	if (resume->state == RESUME_NONE)
		return;
	find_reached(resume);
	restore_ended(execs);
	for (; exec != NULL; exec = next) {
		next = TAILQ_NEXT(exec, entry);
		resolve(resume, exec);
	}
	for (exec = TAILQ_FIRST(&execs->waiting); exec != NULL;
	     exec = TAILQ_NEXT(exec, entry)) {
		if (exec->pty == NULL)
			restore_terminal(exec);
	}
	execs_note_delivered(execs);
	execs_arm(execs);
	end(resume);
	(void)uv_timer_start(&resume->timer, on_ties, RESUME_TIES_MS, 0);
}

void
resume_lost(struct resume *resume)
{
	struct execs *execs = &resume->keeper->execs;
	struct exec *exec = TAILQ_FIRST(&execs->running);

	if (resume->state == RESUME_NONE)
		return;
	restore_ended(execs);
	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		restore_output(exec, NULL);
	end(resume);
}
