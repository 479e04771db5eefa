/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/request.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"
#include "server/keeper/attachment.h"
#include "server/keeper/client.h"
#include "server/keeper/command.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/request_terminal.h"
#include "server/keeper/subscription.h"

/* Returns 0, or -1 and err is what the gate is told. */
typedef int (*request_fn)(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);

struct request {
	request_fn answer;
	bool opens; /* on a free stream; else on one in use */
	bool needs_write;
};

static int
check_streams(const struct attachment *attachment, struct error *err)
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

static struct exec *
find_id(struct keeper *keeper, const char *id, struct error *err)
{
	char task[LIMIT_NAME_BYTES + 1];
	struct exec *exec = NULL;
	uint32_t number;

	if (name_split_exec(id, task, &number, err) != 0)
		return NULL;
	if (strcmp(task, keeper->task) == 0)
		exec = execs_get(&keeper->execs, number);
	if (exec == NULL)
		(void)error_set(err, ERROR_NOT_FOUND, "no exec %s", id);
	return exec;
}

static int
check_offset(const struct spool *spool, enum output_stream stream,
    uint64_t want, struct error *err)
{
	if (want > spool->end[stream])
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is %" PRIu64 ", beyond its end at %" PRIu64,
		    output_stream_names[stream], want, spool->end[stream]);
	return 0;
}

/* Where an attach begins to read. */
static int
choose_offsets(const struct exec *exec, const struct attachment_attach *attach,
    uint64_t want[OUTPUT_STREAMS], struct error *err)
{
	const struct spool *spool = &exec->output.spool;
	bool is_pty = exec->output.is_pty;
	uint64_t first = (uint64_t)attach->offsets.out;
	int stream;

	memset(want, 0, OUTPUT_STREAMS * sizeof(*want));
	if (!attach->offsets.present) {
		if (attach->from == ATTACH_LIVE)
			memcpy(want, spool->end, sizeof(spool->end));
		return 0;
	}
	want[is_pty ? OUTPUT_PTY : OUTPUT_STDOUT] = first;
	want[OUTPUT_STDERR] = (uint64_t)attach->offsets.err;
	for (stream = 0; stream < OUTPUT_STREAMS; stream++) {
		if (check_offset(spool, (enum output_stream)stream,
		        want[stream], err) != 0)
			return -1;
	}
	return 0;
}

/* The first byte that will follow: what was wanted, or what is still kept. */
static int64_t
first_of(const struct spool *spool, const uint64_t want[OUTPUT_STREAMS],
    enum output_stream stream)
{
	uint64_t kept = spool_first(spool, stream);

	return (int64_t)(want[stream] > kept ? want[stream] : kept);
}

static int
check_view(const struct attachment *attachment,
    const struct attachment_view *view, struct error *err)
{
	if (view->present && attachment->right != RIGHT_WRITE &&
	    (view->kind != VIEW_NAME_WATCH || view->size >= 0))
		return error_set(err, ERROR_DENIED, "may only watch");
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

static int
start(const struct request_subject *subject, const union attachment_body *body,
    struct error *err)
{
	const struct attachment_start *start = &body->start;
	struct attachment *attachment = subject->attachment;
	struct keeper *keeper = attachment->keeper;
	struct exec_origin origin = {.number = keeper->execs.last + 1,
	    .principal = attachment->principal};
	struct subscription *subscription;
	struct buffer message;
	struct exec *exec;

	if (check_room(keeper, err) != 0 ||
	    check_streams(attachment, err) != 0 ||
	    check_name(keeper, &start->spec, err) != 0 ||
	    check_cells(keeper, start, err) != 0 ||
	    choose_timeout(attachment, &start->spec, &origin.timeout_ms, err) !=
	        0 ||
	    command_write(&keeper->config, &start->spec, &message, err) != 0)
		return -1;
	exec = execs_add(&keeper->execs, &origin, &start->spec, &message);
	subscription = subscription_new(attachment, exec, subject->stream);
	subscription->is_tied = start->tied;
	input_feed_by(&exec->input, subscription);
	if (start->view.present && exec->pty != NULL && start->tied)
		exec->pty->plain = subscription;
	else if (start->view.present && exec->pty != NULL)
		subscription_view(subscription, &start->view);
	execs_send(&keeper->execs);
	return 0;
}

/* What an attach is answered with, and then the stream begins. */
static void
open_attached(struct subscription *subscription, const uint64_t want[])
{
	struct exec *exec = subscription->exec;
	const struct spool *spool = &exec->output.spool;
	bool is_pty = exec->output.is_pty;
	const struct attachment_attached attached = {.exec = exec->id,
	    .out = first_of(spool, want, is_pty ? OUTPUT_PTY : OUTPUT_STDOUT),
	    .err = first_of(spool, want, OUTPUT_STDERR),
	    .pty = is_pty,
	    .running = exec->state != EXEC_ENDED};

	spool_seek(spool, &subscription->cursor, want);
	attachment_say(subscription->attachment, subscription->stream,
	    ATTACHMENT_ATTACHED, &attached);
	subscription_open(subscription);
}

/* A view begins with the screen, which is where the output has come to. */
static int
attach_view(const struct request_subject *subject, struct exec *exec,
    const struct attachment_view *view, struct error *err)
{
	struct subscription *subscription;

	size_t cells = (size_t)(view->rows * view->cols);

	if (exec_get_pty(exec, err) == NULL ||
	    keeper_check_cells(exec->keeper, cells, err) != 0)
		return -1;
	subscription =
	    subscription_new(subject->attachment, exec, subject->stream);
	subscription_view(subscription, view);
	open_attached(subscription, exec->output.spool.end);
	return 0;
}

static int
session(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	const struct attachment_start *start_or_attach = &body->start;
	struct keeper *keeper = subject->attachment->keeper;
	struct exec *exec =
	    execs_terminal(&keeper->execs, start_or_attach->spec.name);

	if (exec == NULL)
		return start(subject, body, err);
	if (check_streams(subject->attachment, err) != 0)
		return -1;
	if (!start_or_attach->view.present)
		return error_set(
		    err, ERROR_INVALID, "a session without \"view\"");
	return attach_view(subject, exec, &start_or_attach->view, err);
}

/* By id, by a session's name, or the terminal last in use. */
static struct exec *
find(struct keeper *keeper, const struct attachment_attach *which,
    struct error *err)
{
	struct exec *exec;

	if (which->exec != NULL)
		return find_id(keeper, which->exec, err);
	exec = execs_terminal(&keeper->execs, which->session);
	if (exec == NULL && which->session != NULL)
		(void)error_set(err, ERROR_NOT_FOUND,
		    "no terminal %s runs in %s", which->session, keeper->task);
	else if (exec == NULL)
		(void)error_set(err, ERROR_NOT_FOUND, "no terminal runs in %s",
		    keeper->task);
	return exec;
}

static int
attach(const struct request_subject *subject, const union attachment_body *body,
    struct error *err)
{
	struct attachment *attachment = subject->attachment;
	const struct attachment_attach *which = &body->attach;
	uint64_t want[OUTPUT_STREAMS];
	struct subscription *subscription;
	struct exec *exec = find(attachment->keeper, which, err);

	if (exec == NULL || check_streams(attachment, err) != 0 ||
	    check_view(attachment, &which->view, err) != 0)
		return -1;
	if (which->view.present)
		return attach_view(subject, exec, &which->view, err);
	if (choose_offsets(exec, which, want, err) != 0)
		return -1;
	subscription = subscription_new(attachment, exec, subject->stream);
	if (!which->offsets.present && which->from == ATTACH_NONE)
		subscription_hush(subscription);
	open_attached(subscription, want);
	return 0;
}

static int
resize(const struct request_subject *subject, const union attachment_body *body,
    struct error *err)
{
	struct subscription *subscription = subject->subscription;
	struct pty *pty = exec_get_pty(subscription->exec, err);
	const struct terminal_size size = {
	    (uint16_t)body->resize.rows, (uint16_t)body->resize.cols};

	if (pty == NULL)
		return -1;
	if (subscription->client == NULL &&
	    subject->attachment->right != RIGHT_WRITE)
		return error_set(err, ERROR_DENIED, "may only read");
	if (subscription->client == NULL)
		pty_resize(pty, &size);
	else if (client_resize(subscription->client, &size, err) != 0)
		return -1;
	attachment_say(
	    subject->attachment, subject->stream, ATTACHMENT_TAKEN, NULL);
	return 0;
}

static int
take_signal(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	if (exec_signal(subject->subscription->exec, &body->signal, err) != 0)
		return -1;
	attachment_say(
	    subject->attachment, subject->stream, ATTACHMENT_TAKEN, NULL);
	return 0;
}

static int
detach(const struct request_subject *subject, const union attachment_body *body,
    struct error *err)
{
	(void)body;
	(void)err;
	subscription_detach(subject->subscription);
	return 0;
}

/* All that a gate may say. */
static const struct request requests[ATTACHMENT_TYPES] = {
    [ATTACHMENT_START] = {start, .opens = true, .needs_write = true},
    [ATTACHMENT_SESSION] = {session, .opens = true, .needs_write = true},
    [ATTACHMENT_ATTACH] = {attach, .opens = true},
    [ATTACHMENT_SIGNAL] = {take_signal, .needs_write = true},
    [ATTACHMENT_RESIZE] = {resize},
    [ATTACHMENT_SCREEN] = {request_screen},
    [ATTACHMENT_KEYS] = {request_keys},
    [ATTACHMENT_WAIT] = {request_wait},
    [ATTACHMENT_CANCEL] = {request_cancel},
    [ATTACHMENT_TERMINALS] = {request_terminals, .opens = true},
    [ATTACHMENT_DETACH] = {detach},
};

static int
answer(const struct request_subject *subject, int type,
    const union attachment_body *body, struct error *err)
{
	const struct request *request = &requests[type];

	if (request->needs_write && subject->attachment->right != RIGHT_WRITE)
		return error_set(err, ERROR_DENIED, "may only read");
	return request->answer(subject, body, err);
}

int
request_take(struct attachment *attachment, struct subscription *subscription,
    const struct frame *frame, struct error *err)
{
	const struct request_subject subject = {
	    attachment, subscription, frame->stream};
	union attachment_body body;
	struct error why = {0};
	bool is_ignored = false;
	int type;
	int rc = json_read_typed(&attachment_messages,
	    (const char *)frame->payload, frame->len, &type, &body, &why);
	int fault = 0;

	if (type >= 0 && requests[type].answer == NULL)
		fault = error_set(err, ERROR_INVALID, "a gate does not say %s",
		    attachment_types[type]);
	else if (type >= 0 && requests[type].opens && subscription != NULL)
		fault = error_set(err, ERROR_STATE, "%s on stream %u in use",
		    attachment_types[type], frame->stream);
	else if (type >= 0 && !requests[type].opens && subscription == NULL)
		is_ignored = true;
	else if (rc == 0)
		rc = answer(&subject, type, &body, &why);
	if (fault == 0 && !is_ignored && rc != 0)
		attachment_refuse(attachment, frame->stream,
		    error_code_name(why.code), why.text);
	if (type >= 0)
		json_clear(attachment_shapes[type], &body);
	return fault;
}
