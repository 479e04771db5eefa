/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/attachment_client.h"
#include "server/gate/gate.h"
#include "server/gate/manager_client.h"
#include "server/gate/printable.h"
#include "server/gate/session.h"
#include "server/gate/stream_rest.h"

#define REST_MAX      ((size_t)4 << 20) /* a task's rows, several times over */
#define ROW_MAX       2048
#define STATUS_FAILED 1

/* Columns; what stands last has what is left of a line. */
#define WIDTH_TASK    16
#define WIDTH_NAME    16
#define WIDTH_EXEC    14
#define WIDTH_SIZE    8
#define WIDTH_CLIENTS 7
#define WIDTH_IDLE    5
#define WIDTH_COMMAND 200

struct sessions {
	struct session *session; /* NULL: its stream is gone */
	struct stream_rest rest;
	char **tasks; /* owned, NULL-terminated */
	size_t count; /* of tasks */
	size_t at;    /* the one that is asked, or comes next */
	bool is_all;
	bool is_waiting; /* for the client to take the rows */
	int status;
	struct ask *ask;
	struct attachment *attachment;
	struct attachment_list list;
};

static void ask_next(struct sessions *sessions);

static void
release(struct sessions *sessions)
{
	if (sessions->session != NULL || sessions->attachment != NULL)
		return;
	stream_rest_clear(&sessions->rest);
	memory_vector_free(sessions->tasks);
	free(sessions);
}

static void
print(struct sessions *sessions, struct buffer *row)
{
	const char *eol = sessions->session->pty.present ? "\r\n" : "\n";

	(void)buffer_append(row, eol, strlen(eol), NULL);
	(void)stream_rest_write(
	    &sessions->rest, STREAM_STDOUT, buffer_bytes(row), buffer_len(row));
	buffer_clear(row);
}

static void
print_row(struct sessions *sessions, const char *const fields[7])
{
	static const size_t widths[] = {WIDTH_TASK, WIDTH_NAME, WIDTH_EXEC,
	    WIDTH_SIZE, WIDTH_CLIENTS, WIDTH_IDLE, WIDTH_COMMAND};
	const size_t skipped = sessions->is_all ? 0 : 1; /* the task */
	struct buffer row;

	buffer_init(&row, ROW_MAX);
	printable_row(&row, fields + skipped, widths + skipped,
	    sizeof(widths) / sizeof(widths[0]) - skipped);
	print(sessions, &row);
}

static void
describe_time(char *text, size_t size, int64_t ms)
{
	const long long minute = 60;
	const long long hour = 60 * minute;
	const long long day = 24 * hour;
	long long seconds = (long long)(ms / 1000);

	if (seconds < 2 * minute)
		(void)snprintf(text, size, "%llds", seconds);
	else if (seconds < 2 * hour)
		(void)snprintf(text, size, "%lldm", seconds / minute);
	else if (seconds < 2 * day)
		(void)snprintf(text, size, "%lldh", seconds / hour);
	else
		(void)snprintf(text, size, "%lldd", seconds / day);
}

static void
on_terminal(struct attachment_list *list, const struct terminal_info *terminal)
{
	struct sessions *sessions = list->data;
	char size[24];
	char clients[24];
	char idle[24];

	if (sessions->session == NULL)
		return;
	(void)snprintf(size, sizeof(size), "%lldx%lld",
	    (long long)terminal->cols, (long long)terminal->rows);
	(void)snprintf(clients, sizeof(clients),
	    terminal->watchers > 0 ? "%lld+%lld" : "%lld",
	    (long long)terminal->clients, (long long)terminal->watchers);
	describe_time(idle, sizeof(idle), terminal->idle_ms);
	print_row(sessions,
	    (const char *const[]){sessions->tasks[sessions->at], terminal->name,
	        terminal->exec, size, clients, idle, terminal->what});
}

static void
complain(struct sessions *sessions, const struct error *err)
{
	if (sessions->is_all &&
	    (err->code == ERROR_NOT_FOUND || err->code == ERROR_STATE))
		return; /* the task has ended meanwhile */
	sessions->status = STATUS_FAILED;
	stream_rest_printf(&sessions->rest, STREAM_STDERR,
	    "sallyport: %s%s%s%s",
	    sessions->is_all ? sessions->tasks[sessions->at] : "",
	    sessions->is_all ? ": " : "", err->text,
	    sessions->session->pty.present ? "\r\n" : "\n");
}

static void
on_done(struct attachment_list *list, const struct error *err)
{
	struct sessions *sessions = list->data;

	if (sessions->session != NULL && err != NULL)
		complain(sessions, err);
	attachment_close(sessions->attachment);
}

static void
on_closed_attachment(
    struct attachment *attachment, void *data, const struct error *why)
{
	struct sessions *sessions = data;

	(void)attachment;
	if (why->code != ERROR_NONE)
		log_warning("attachment: %s", why->text);
	sessions->attachment = NULL;
	if (sessions->session != NULL) {
		sessions->at++;
		ask_next(sessions);
	}
	release(sessions);
}

static const struct attachment_events attachment_events = {
    .on_closed = on_closed_attachment};

static void
on_attachment(void *data, const struct error *err, const char *task, int fd)
{
	struct sessions *sessions = data;
	struct error failed = {0};

	(void)task;
	sessions->ask = NULL;
	if (err == NULL) {
		sessions->attachment =
		    attachment_open(sessions->session->gate->loop, fd, NULL,
		        &attachment_events, sessions, &failed);
		err = &failed;
	}
	if (sessions->attachment == NULL) {
		complain(sessions, err);
		sessions->at++;
		ask_next(sessions);
		return;
	}
	sessions->list.on_terminal = on_terminal;
	sessions->list.on_done = on_done;
	sessions->list.data = sessions;
	attachment_terminals(sessions->attachment, &sessions->list);
}

static const struct ask_events attach_events = {.on_answer = on_attachment};

static void
ask_attachment(struct sessions *sessions)
{
	const struct session *session = sessions->session;
	union control_body body;

	json_absent(control_shapes[CONTROL_ATTACH], &body.attach);
	autofree char *principal = memory_string(session->principal);
	autofree char *id = memory_string(session->id);
	body.attach.principal = principal;
	body.attach.session = id;
	body.attach.task = sessions->tasks[sessions->at];
	body.attach.right = RIGHT_READ;
	body.attach.person = true;
	sessions->ask = manager_ask(&session->gate->manager, CONTROL_ATTACH,
	    &body, &attach_events, sessions);
}

/* One task at a time, and none before the client has the rows of the last. */
static void
ask_next(struct sessions *sessions)
{
	sessions->is_waiting = false;
	if (sessions->at == sessions->count) {
		const struct stream_end end = {.code = sessions->status};

		stream_rest_finish(&sessions->rest, &end);
	} else if (stream_rest_flush(&sessions->rest)) {
		ask_attachment(sessions);
	} else {
		sessions->is_waiting = true;
	}
}

static void
add_task(struct sessions *sessions, const char *task)
{
	sessions->tasks = memory_resize(
	    sessions->tasks, (sessions->count + 2) * sizeof(*sessions->tasks));
	sessions->tasks[sessions->count++] = memory_string(task);
	sessions->tasks[sessions->count] = NULL;
}

static void
on_task(void *data, const struct control_task *task)
{
	if (task->state == TASK_READY)
		add_task(data, task->name);
}

static void
on_listed(void *data, const struct error *err, const char *task, int fd)
{
	struct sessions *sessions = data;

	(void)task;
	(void)fd;
	sessions->ask = NULL;
	if (err != NULL) {
		sessions->is_all = false;
		complain(sessions, err);
	}
	ask_next(sessions);
}

static const struct ask_events list_events = {
    .on_task = on_task, .on_answer = on_listed};

static void
ask_list(struct sessions *sessions)
{
	const struct session *session = sessions->session;
	union control_body body;

	json_absent(control_shapes[CONTROL_TASK_LIST], &body.ask);
	autofree char *principal = memory_string(session->principal);
	body.ask.principal = principal;
	sessions->ask = manager_ask(&session->gate->manager, CONTROL_TASK_LIST,
	    &body, &list_events, sessions);
}

static void
on_writable(struct stream *stream)
{
	struct sessions *sessions = stream->data;

	if (stream_rest_flush(&sessions->rest) && sessions->is_waiting)
		ask_next(sessions);
}

static void
on_closed(struct stream *stream)
{
	struct sessions *sessions = stream->data;

	ask_cancel(sessions->ask);
	sessions->session = NULL;
	sessions->rest.stream = NULL;
	attachment_close(sessions->attachment);
	release(sessions);
}

static const struct stream_events stream_events = {
    .on_input = stream_ignore_input,
    .on_eof = stream_ignore_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void
sessions_open(struct session *session, const char *task)
{
	struct sessions *sessions = memory_new(1, sizeof(*sessions));

	sessions->session = session;
	sessions->is_all = task == NULL;
	stream_rest_init(&sessions->rest, REST_MAX);
	sessions->rest.stream = &session->stream;
	session->stream.events = &stream_events;
	session->stream.data = sessions;
	print_row(sessions, (const char *const[]){"TASK", "NAME", "EXEC",
	                        "SIZE", "CLIENTS", "IDLE", "COMMAND"});
	if (sessions->is_all) {
		ask_list(sessions);
		return;
	}
	add_task(sessions, task);
	ask_attachment(sessions);
}
