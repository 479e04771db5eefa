/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/reopen.h"

#include <string.h>

#include "protocol/limits.h"
#include "server/gate/attachment_state.h"
#include "server/gate/view_reset.h"

/* The client's terminal forgets what the keeper that is gone has painted. */
static void
reset_view(struct attachment_exec *exec)
{
	const struct attachment_view *view = &exec->kept.view;
	const char *text = view->kind == VIEW_NAME_WATCH ? VIEW_RESET_WATCH
	                                                 : VIEW_RESET_CLIENT;

	if (view->present && exec->open && exec->events->on_output != NULL)
		exec->events->on_output(
		    exec, OUTPUT_PTY, (const uint8_t *)text, strlen(text));
}

/* Who has said detach is let go: the keeper that is away has nothing to add. */
void
exec_end_leaving(struct attachment *attachment)
{
	struct attachment_exec *exec = attachment->execs;

	while (exec != NULL) {
		if (!exec->is_leaving || !exec->is_resuming) {
			exec = exec->next;
			continue;
		}
		reset_view(exec);
		attachment_exec_end(exec, EXEC_DETACHED, NULL);
		exec = attachment->execs;
	}
}

static struct kept_said *
find_unsayable(const struct attachment_exec *exec)
{
	struct kept_said *said = exec->kept.said;

	while (said != NULL && !said->is_canceled &&
	       (said->type != ATTACHMENT_KEYS || !said->is_sent))
		said = said->next;
	return said;
}

static void
answer_with(struct attachment_exec *exec, int64_t ask, const char *code,
    const char *text)
{
	/* read by whoever is told, who changes nothing */
	const struct attachment_answer answer = {.ask = ask,
	    .code = (char *)(uintptr_t)code,
	    .text = (char *)(uintptr_t)text};

	kept_answered(&exec->kept, ask);
	if (exec->events->on_answer != NULL)
		exec->events->on_answer(exec, &answer);
}

/* Keys are not pressed twice, and what was given up is not asked again. */
static void
answer_unsayable(struct attachment_exec *exec)
{
	const struct kept_said *said;

	while ((said = find_unsayable(exec)) != NULL) {
		if (said->is_canceled)
			answer_with(exec, said->ask, "canceled",
			    "the wait was canceled");
		else
			answer_with(exec, said->ask,
			    error_code_name(ERROR_SYSTEM),
			    "the keeper was replaced: it is not known "
			    "whether the keys were pressed");
	}
}

void
exec_suspend(struct attachment_exec *exec)
{
	bool is_typed =
	    exec->open && exec->kept.is_terminal && exec->credit < WINDOW_STDIN;

	exec->is_resuming = true;
	exec->credit = WINDOW_STDIN;
	if (is_typed && exec->events->on_typing_lost != NULL)
		exec->events->on_typing_lost(exec);
	answer_unsayable(exec);
}

static void
say_attach(struct attachment_exec *exec)
{
	struct attachment_attach where;

	kept_where(&exec->kept, &where);
	/* what it chose once, somebody else may have chosen anew */
	where.view.size = -1;
	exec->credit = WINDOW_STDIN;
	attachment_say(exec, ATTACHMENT_ATTACH, &where);
}

void
exec_reopen(struct attachment_exec *exec)
{
	exec->is_refused = false;
	if (buffer_len(&exec->kept.opening) > 0)
		attachment_say_opening(exec);
	else
		say_attach(exec);
}

/* Within the credit, which is whole again: so much was never kept. */
static void
send_input(struct attachment_exec *exec, int64_t taken)
{
	const struct kept *kept = &exec->kept;
	const uint8_t *bytes = buffer_bytes(&kept->input);
	size_t left = buffer_len(&kept->input);

	while (left > 0) {
		size_t part = left < FRAME_DATA_MAX ? left : FRAME_DATA_MAX;

		attachment_send_stdin(exec, bytes, part);
		bytes += part;
		left -= part;
	}
	/* a terminal's end is a key, and keys are pressed once */
	if (kept->is_input_ended && !kept->is_input_refused &&
	    (taken >= 0 || (kept->is_terminal && kept->is_tied)))
		attachment_send_stdin(exec, (const uint8_t *)"", 0);
}

void
exec_go_on(struct attachment_exec *exec)
{
	struct kept_said *said;

	if (!exec->is_resuming)
		return;
	exec->is_resuming = false;
	answer_unsayable(exec);
	for (said = exec->kept.said; said != NULL; said = said->next)
		attachment_say_noted(exec, said);
	if (exec->is_leaving)
		attachment_say(exec, ATTACHMENT_DETACH, NULL);
	if (exec->wants_credit && exec->credit > 0 &&
	    exec->events->on_credit != NULL) {
		exec->wants_credit = false;
		exec->events->on_credit(exec);
	}
}

static void
tell_input_refused(struct attachment_exec *exec)
{
	const char *code = error_code_name(ERROR_STATE);
	const char *text =
	    "the keeper was replaced, and somebody else feeds the command: it "
	    "is not known how much of this came through";
	const struct attachment_refused refused = {
	    (char *)(uintptr_t)code, (char *)(uintptr_t)text};

	if (exec->events->on_refused != NULL)
		exec->events->on_refused(exec, &refused);
}

int
exec_attached_again(struct attachment_exec *exec,
    const struct attachment_attached *attached, struct error *err)
{
	bool was_refused = exec->kept.is_input_refused;
	struct attachment_gap gaps[OUTPUT_STREAMS];
	int i;

	if (kept_resume(&exec->kept, attached, gaps, err) != 0)
		return -1;
	reset_view(exec);
	for (i = 0; i < OUTPUT_STREAMS; i++) {
		if (gaps[i].from < gaps[i].to && exec->events->on_gap != NULL)
			exec->events->on_gap(exec, &gaps[i]);
	}
	if (!was_refused && exec->kept.is_input_refused)
		tell_input_refused(exec);
	send_input(exec, attached->taken);
	exec_go_on(exec);
	return 0;
}

/* Its screen is not kept any more: how it ended still is. */
static void
ask_end(struct attachment_exec *exec)
{
	struct attachment_attach where = {.from = ATTACH_LIVE};
	char id[sizeof(exec->kept.exec)];
	struct error err = {0};

	memcpy(id, exec->kept.exec, sizeof(id));
	where.exec = id;
	reset_view(exec);
	kept_clear(&exec->kept);
	if (kept_open(&exec->kept, ATTACHMENT_ATTACH, &where, &err) == 0)
		attachment_say_opening(exec);
}

void
exec_refused_again(
    struct attachment_exec *exec, const struct attachment_refused *refused)
{
	enum error_code code = error_code_named(refused->code);
	struct error why = {0};

	if (exec->kept.view.present && code == ERROR_STATE) {
		ask_end(exec);
	} else if (code == ERROR_NOT_FOUND) {
		attachment_exec_end(exec, EXEC_LOST, NULL);
	} else if ((code == ERROR_INVALID || code == ERROR_STATE) &&
	           ++exec->refusals <= REOPEN_REFUSALS_MAX) {
		exec->is_refused = true;
		reattach_remind(exec->attachment,
		    (uint64_t)REATTACH_PAUSE_MS * exec->refusals);
	} else {
		(void)error_set(&why, code, "%s", refused->text);
		attachment_exec_end(exec, EXEC_CUT, &why);
	}
}
