/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/request.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"
#include "server/keeper/attachment.h"
#include "server/keeper/client.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_size.h"
#include "server/keeper/request_start.h"
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
	return (int64_t)spool_first(spool, stream, want[stream]);
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
	    .running = exec->state != EXEC_ENDED,
	    .taken = input_next(&exec->input)};

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

/* A session is told apart by its name, not by a token. */
static int
begin_session(const struct request_subject *subject,
    const struct attachment_start *start, struct error *err)
{
	struct attachment_start named = *start;

	named.spec.token = NULL;
	return request_begin(subject, &named, err);
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
		return begin_session(subject, start_or_attach, err);
	if (request_check_streams(subject->attachment, err) != 0)
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

/* Whoever takes the place of what a command was tied to is its principal. */
static int
check_tie(const struct attachment *attachment, const struct exec *exec,
    struct error *err)
{
	if (attachment->right != RIGHT_WRITE ||
	    strcmp(attachment->principal, exec->principal) != 0)
		return error_set(
		    err, ERROR_DENIED, "\"tied\": %s is not yours", exec->id);
	if (!exec->kept.tied)
		return error_set(err, ERROR_STATE,
		    "\"tied\": %s was started without", exec->id);
	return 0;
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

	if (exec == NULL || request_check_streams(attachment, err) != 0 ||
	    check_view(attachment, &which->view, err) != 0)
		return -1;
	if (which->view.present)
		return attach_view(subject, exec, &which->view, err);
	if (choose_offsets(exec, which, want, err) != 0)
		return -1;
	if (which->tied && check_tie(attachment, exec, err) != 0)
		return -1;
	subscription = subscription_new(attachment, exec, subject->stream);
	if (!which->offsets.present && which->from == ATTACH_NONE)
		subscription_hush(subscription);
	if (which->tied)
		subscription_tie(subscription);
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
		pty_size_ask(pty, &size);
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
    [ATTACHMENT_START] = {request_start, .opens = true, .needs_write = true},
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
