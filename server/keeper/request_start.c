/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/request_start.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/keeper/attachment.h"
#include "server/keeper/command.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"

int
request_check_streams(const struct attachment *attachment, struct error *err)
{
	if (attachment->streams.count >= LIMIT_ATTACHED_EXECS)
		return error_set(err, ERROR_LIMIT,
		    "%u commands are attached, the most on one connection",
		    LIMIT_ATTACHED_EXECS);
	return 0;
}

/* The time-out in force: the command's own, else the principal's. */
static int
choose_timeout(const struct attachment *attachment,
    const struct exec_spec *spec, uint64_t *timeout_ms, struct error *err)
{
	int64_t most = attachment->exec_ms_max;
	int64_t chosen =
	    spec->timeout_ms > 0 ? spec->timeout_ms : attachment->exec_ms;

	if (most > 0 && spec->timeout_ms > most)
		return error_set(err, ERROR_LIMIT,
		    "\"timeout_ms\" is %" PRId64 ", more than %" PRId64,
		    spec->timeout_ms, most);
	if (most > 0 && (chosen == 0 || chosen > most))
		chosen = most;
	*timeout_ms = (uint64_t)chosen;
	return 0;
}

static int
check_room(const struct keeper *keeper, struct error *err)
{
	if (keeper->is_ending || keeper->link.state == LINK_DOWN)
		return error_set(err, ERROR_STATE, "%s",
		    keeper->is_ending ? "the task is ending"
		                      : "the sandbox has gone away");
	if (!keeper->is_configured)
		return error_set(
		    err, ERROR_STATE, "the task is not configured yet");
	if (keeper->execs.live >= (size_t)keeper->config.execs)
		return error_set(err, ERROR_LIMIT,
		    "\"limits.execs\" is %" PRId64 ", and as many commands run",
		    keeper->config.execs);
	return 0;
}

/* A session's name is one running terminal's. */
static int
check_name(const struct keeper *keeper, const struct exec_spec *spec,
    struct error *err)
{
	const struct exec *exec = NULL;

	if (spec->pty.present && spec->name != NULL)
		exec = execs_terminal(&keeper->execs, spec->name);
	if (exec != NULL)
		return error_set(err, ERROR_STATE,
		    "\"name\" is that of a terminal that runs: %s", exec->id);
	return 0;
}

/* Of the terminal, and of what shows it. */
static int
check_cells(const struct keeper *keeper, const struct attachment_start *start,
    struct error *err)
{
	size_t cells = 0;

	if (start->spec.pty.present)
		cells += (size_t)(start->spec.pty.rows * start->spec.pty.cols);
	if (start->view.present)
		cells += (size_t)(start->view.rows * start->view.cols);
	return keeper_check_cells(keeper, cells, err);
}

/* What is kept of a command for whoever takes our place. */
static struct journal_exec
keep(const struct request_subject *subject,
    const struct attachment_start *start, uint64_t timeout_ms,
    const struct buffer *message)
{
	const struct exec_spec *spec = &start->spec;
	char what[JOURNAL_WHAT_BYTES + 1];
	char digest[COMMAND_DIGEST_BYTES + 1];
	struct journal_exec kept = {
	    .principal = memory_string(subject->attachment->principal),
	    .message = memory_new(buffer_len(message) + 1, 1),
	    .token = memory_string(spec->token),
	    .name = memory_string(spec->name),
	    .pty = spec->pty,
	    .timeout_ms = (int64_t)timeout_ms,
	    .output = subject->attachment->keeper->config.output,
	    .overflow = spec->overflow,
	    .tied = start->tied,
	    .plain = start->tied && start->view.present,
	    .open = spec->stdin_mode == EXEC_STDIN_OPEN};

	exec_spec_describe(spec, what, sizeof(what));
	kept.what = memory_string(what);
	memcpy(kept.message, buffer_bytes(message), buffer_len(message));
	kept.pty.term = memory_string(spec->pty.term);
	if (spec->token != NULL) {
		command_digest(spec, digest);
		kept.spec = memory_string(digest);
	}
	return kept;
}

/* Where a stream that starts a command shows it. */
static void
show(struct subscription *subscription, const struct attachment_start *start)
{
	struct pty *pty = subscription->exec->pty;

	if (start->tied)
		subscription_tie(subscription);
	else
		input_feed_by(&subscription->exec->input, subscription);
	if (start->view.present && pty != NULL && !start->tied)
		subscription_view(subscription, &start->view);
}

int
request_begin(const struct request_subject *subject,
    const struct attachment_start *start, struct error *err)
{
	struct attachment *attachment = subject->attachment;
	struct keeper *keeper = attachment->keeper;
	struct subscription *subscription;
	struct journal_exec kept;
	struct buffer message;
	uint64_t timeout_ms = 0;
	struct exec *exec;

	if (check_room(keeper, err) != 0 ||
	    request_check_streams(attachment, err) != 0 ||
	    check_name(keeper, &start->spec, err) != 0 ||
	    check_cells(keeper, start, err) != 0 ||
	    choose_timeout(attachment, &start->spec, &timeout_ms, err) != 0 ||
	    command_write(&keeper->config, &start->spec, &message, err) != 0)
		return -1;
	kept = keep(subject, start, timeout_ms, &message);
	buffer_clear(&message);
	exec = execs_add(&keeper->execs, &kept, &start->spec, err);
	if (exec == NULL)
		return -1;
	subscription = subscription_new(attachment, exec, subject->stream);
	show(subscription, start);
	execs_send(&keeper->execs);
	return 0;
}

/* A start that was not answered before its keeper or its connection went: the
 * answer is that of the first, and so is the output. */
static int
join(const struct request_subject *subject,
    const struct attachment_start *start, struct exec *exec, struct error *err)
{
	static const uint64_t all[OUTPUT_STREAMS];
	char digest[COMMAND_DIGEST_BYTES + 1];
	struct subscription *subscription;

	command_digest(&start->spec, digest);
	if (exec->kept.spec == NULL || strcmp(exec->kept.spec, digest) != 0)
		return error_set(err, ERROR_INVALID,
		    "\"token\" is that of %s, which is another command",
		    exec->id);
	if (request_check_streams(subject->attachment, err) != 0 ||
	    check_cells(subject->attachment->keeper, start, err) != 0)
		return -1;
	subscription =
	    subscription_new(subject->attachment, exec, subject->stream);
	subscription->is_repeated = true;
	subscription->skip = exec->input.accepted;
	show(subscription, start);
	if (exec->pid == 0)
		return 0;
	if (subscription->client == NULL)
		spool_seek(&exec->output.spool, &subscription->cursor, all);
	subscription_started(subscription);
	return 0;
}

int
request_start(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	const struct attachment_start *start = &body->start;
	struct exec *exec = NULL;

	if (start->spec.token != NULL)
		exec = execs_of_token(&subject->attachment->keeper->execs,
		    subject->attachment->principal, start->spec.token);
	return exec == NULL ? request_begin(subject, start, err)
	                    : join(subject, start, exec, err);
}
