/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/keeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/recordings.h"
#include "server/manager/unix_socket.h"

#define QUEUE_BYTES (4u << 20) /* towards a keeper: its configuration fits */

void
keeper_path(const char *task, char path[static KEEPER_PATH_MAX])
{
	(void)snprintf(path, KEEPER_PATH_MAX, "tasks/%s/keeper.sock", task);
}

static void
finish(struct keeper *keeper)
{
	if (!keeper->connected && !keeper->handles)
		keeper->events->on_gone(keeper, &keeper->why);
}

static void
on_handles_gone(struct owner *owner)
{
	struct keeper *keeper = container_of(owner, struct keeper, owner);

	keeper->handles = false;
	finish(keeper);
}

/* Once no process runs: what is left are handles. */
static void
close_handles(struct keeper *keeper)
{
	if (keeper->owner.closing)
		return;
	process_release(&keeper->process);
	owner_close(&keeper->owner);
}

static void
note(struct keeper *keeper, const char *what)
{
	if (!keeper->stopping && keeper->why.code == ERROR_NONE)
		(void)error_set(
		    &keeper->why, ERROR_SYSTEM, "keeper lost: %s", what);
}

static void
on_unread(uv_timer_t *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, timer);

	log_warning(
	    "keeper of %s: its connection outlives it: closed", keeper->task);
	channel_close(&keeper->channel);
}

/* What it said last is still on its way: the connection's end is waited for,
 * but not for long, for somebody else may hold it. */
static void
on_exit_seen(struct process *process)
{
	struct keeper *keeper = container_of(process, struct keeper, process);

	note(keeper, "its process ended");
	process_release(process);
	if (keeper->connected)
		(void)uv_timer_start(
		    &keeper->timer, on_unread, KEEPER_UNREAD_MS, 0);
	else
		close_handles(keeper);
}

static void
on_timer(uv_timer_t *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, timer);

	log_warning("keeper %lld does not stop: killed",
	    (long long)keeper->process.id.pid);
	process_signal(&keeper->process, SIGKILL);
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct keeper *keeper = channel->data;

	keeper->connected = false;
	note(keeper, why->code == ERROR_NONE ? "it hung up" : why->text);
	if (keeper->process.is_over)
		close_handles(keeper);
	else if (!keeper->stopping)
		/* one nobody holds is of no use: its end is seen by pidfd */
		process_signal(&keeper->process, SIGKILL);
	finish(keeper);
}

/* What it says of another task's commands would be written down as theirs. */
static int
check_exec(const struct keeper *keeper, const char *exec, struct error *err)
{
	char task[LIMIT_NAME_BYTES + 1];
	uint32_t number;

	if (name_split_exec(exec, task, &number, err) != 0)
		return -1;
	if (strcmp(task, keeper->task) != 0)
		return error_set(
		    err, ERROR_INVALID, "%s is no command of its task", exec);
	return 0;
}

/* It is handed on and never read, but what is no socket has no end to offer. */
static int
take_link(struct keeper *keeper, struct error *err)
{
	autoclose int fd = channel_take_fd(&keeper->channel);
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (fd < 0)
		return error_set(
		    err, ERROR_INVALID, "link without a descriptor");
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
	    domain != AF_UNIX)
		return error_set(err, ERROR_INVALID, "a link that is none");
	keeper->events->on_link(keeper, take_fd(&fd));
	return 0;
}

static int
dispatch(struct keeper *keeper, enum custody_type type,
    const union custody_body *body, struct error *err)
{
	const struct keeper_events *events = keeper->events;

	switch (type) {
	case CUSTODY_STATE:
		events->on_state(keeper, &body->state);
		return 0;
	case CUSTODY_LINK:
		return take_link(keeper, err);
	case CUSTODY_READY:
		events->on_ready(keeper);
		return 0;
	case CUSTODY_STARTED:
		if (check_exec(keeper, body->started.exec, err) != 0)
			return -1;
		events->on_started(keeper, &body->started);
		return 0;
	case CUSTODY_ENDED:
		if (check_exec(keeper, body->ended.exec, err) != 0)
			return -1;
		events->on_ended(keeper, &body->ended);
		return 0;
	case CUSTODY_ACTIVITY:
		events->on_activity(keeper, &body->activity);
		return 0;
	case CUSTODY_LOST:
		events->on_lost(keeper);
		return 0;
	case CUSTODY_STOPPED:
		return 0; /* what counts is that the process ends */
	case CUSTODY_TAKE:
	case CUSTODY_CONFIGURE:
	case CUSTODY_CGROUP:
	case CUSTODY_ENDING:
	case CUSTODY_STOP:
	case CUSTODY_TYPES:
		break;
	}
	return error_set(
	    err, ERROR_INVALID, "a keeper may not say %s", custody_types[type]);
}

static int
read_message(
    struct keeper *keeper, const struct frame *frame, struct error *err)
{
	union custody_body body;
	int type, ret;

	if (frame->kind != FRAME_CONTROL || frame->stream != 0)
		return error_set(err, ERROR_INVALID, "%s frame on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	ret = json_read_typed(&custody_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (ret == 0)
		ret = dispatch(keeper, (enum custody_type)type, &body, err);
	if (type >= 0)
		json_clear(custody_shapes[type], &body);
	return ret;
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct keeper *keeper = channel->data;
	int ret = read_message(keeper, frame, err);

	keeper->is_faulty = ret != 0;
	return ret;
}

static const struct channel_events channel_events = {
    .out_max = QUEUE_BYTES,
    .on_frame = on_frame,
    .on_closed = on_closed,
};

static void
say(struct keeper *keeper, enum custody_type type, const void *body)
{
	static const union custody_body nothing;

	if (keeper->connected)
		channel_send_json(&keeper->channel, 0, custody_shapes[type],
		    custody_types[type], body == NULL ? &nothing : body);
}

static int
take_custody(
    struct keeper *keeper, uv_loop_t *loop, const char *path, struct error *err)
{
	autoclose int fd = -1;

	if (unix_connect(path, &fd, err) != 0 ||
	    channel_open(
	        &keeper->channel, loop, fd, &channel_events, keeper, err) != 0)
		return -1;
	(void)take_fd(&fd);
	keeper->connected = true;
	say(keeper, CUSTODY_TAKE, NULL);
	return 0;
}

/* The timer comes first: with it every start ends in on_gone, from the loop. */
static void
begin(struct keeper *keeper, uv_loop_t *loop, const char *task)
{
	memset(&keeper->why, 0, sizeof(keeper->why));
	process_absent(&keeper->process);
	(void)snprintf(keeper->task, sizeof(keeper->task), "%s", task);
	keeper->connected = keeper->stopping = keeper->is_faulty = false;
	keeper->handles = true;
	owner_init(&keeper->owner, on_handles_gone);
	(void)uv_timer_init(loop, &keeper->timer);
	owner_adopt(&keeper->owner, (uv_handle_t *)&keeper->timer);
}

static int
give_up(struct keeper *keeper, const struct error *why)
{
	keeper->why = *why;
	if (keeper->process.is_over)
		close_handles(keeper);
	else
		process_signal(&keeper->process, SIGKILL);
	return -1;
}

static int
open_spool(const char *task, uid_t uid, int *out, struct error *err)
{
	char path[KEEPER_PATH_MAX];
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "tasks/%s/spool", task);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return error_sys(err, "%s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, uid, (gid_t)uid) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	*out = take_fd(&fd);
	return 0;
}

/* Start one that resumes, or begins when resume is NULL, on this link. */
static int
start_process(struct keeper *keeper, uv_loop_t *loop, uid_t uid, int link,
    const char *resume, struct error *err)
{
	char program[4096], path[KEEPER_PATH_MAX];
	autoclose int listener = -1, spool = -1, recordings = -1;
	struct process_command command = {
	    .path = program,
	    .arguments = {keeper->task, resume},
	    .fd_count = 4,
	};

	keeper_path(keeper->task, path);
	if (unix_listen(path, 0, &listener, err) != 0 ||
	    open_spool(keeper->task, uid, &spool, err) != 0 ||
	    (resume == NULL ? recordings_make : recordings_reopen)(
	        keeper->task, uid, &recordings, err) != 0 ||
	    process_program(KEEPER_PROGRAM, program, sizeof(program), err) != 0)
		return -1;
	command.fds[0] = listener;
	command.fds[1] = link;
	command.fds[2] = spool;
	command.fds[3] = recordings;
	if (process_start(
	        &keeper->process, loop, &command, on_exit_seen, err) != 0)
		return -1;
	owner_adopt(&keeper->owner, (uv_handle_t *)&keeper->process.poll);
	return take_custody(keeper, loop, path, err);
}

int
keeper_start(struct keeper *keeper, uv_loop_t *loop, const char *task,
    uid_t uid, int *link)
{
	autoclose int near = -1, far = -1;
	int pair[2];
	struct error err = {0};

	begin(keeper, loop, task);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		(void)error_sys(&err, "socketpair: %s", strerror(errno));
		return give_up(keeper, &err);
	}
	near = pair[0];
	far = pair[1];
	channel_widen(near);
	channel_widen(far);
	if (start_process(keeper, loop, uid, near, NULL, &err) != 0)
		return give_up(keeper, &err);
	*link = take_fd(&far);
	return 0;
}

static void
say_fd(struct keeper *keeper, enum custody_type type, int fd)
{
	static const union custody_body nothing;

	if (keeper->connected)
		channel_send_json_fd(&keeper->channel, 0, custody_shapes[type],
		    custody_types[type], &nothing, fd);
	else
		(void)close(fd);
}

int
keeper_resume(struct keeper *keeper, uv_loop_t *loop, const char *task,
    uid_t uid, const int *links, size_t count)
{
	struct error err = {0};
	size_t i;
	int fd;

	assert(count > 0);
	begin(keeper, loop, task);
	if (start_process(keeper, loop, uid, links[0], "resume", &err) != 0)
		return give_up(keeper, &err);
	for (i = 1; i < count; i++) {
		fd = fcntl(links[i], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			(void)error_sys(&err, "link: %s", strerror(errno));
			return give_up(keeper, &err);
		}
		say_fd(keeper, CUSTODY_LINK, fd);
	}
	return 0;
}

int
keeper_adopt(struct keeper *keeper, uv_loop_t *loop, const char *task,
    const struct process_id *id)
{
	char path[KEEPER_PATH_MAX];
	struct error err = {0};

	begin(keeper, loop, task);
	if (process_watch(&keeper->process, loop, id, on_exit_seen, &err) !=
	    0) {
		(void)error_wrap(&err, "keeper lost");
		return give_up(keeper, &err);
	}
	owner_adopt(&keeper->owner, (uv_handle_t *)&keeper->process.poll);
	keeper_path(task, path);
	if (take_custody(keeper, loop, path, &err) != 0)
		return give_up(keeper, &err);
	return 0;
}

void
keeper_dismiss(const char *task)
{
	static const enum custody_type words[] = {CUSTODY_TAKE, CUSTODY_STOP};
	char path[KEEPER_PATH_MAX], text[64];
	struct buffer frames;
	autoclose int fd = -1;
	size_t i;
	int len;

	keeper_path(task, path);
	if (unix_connect(path, &fd, NULL) != 0)
		return;
	buffer_init(&frames, 2 * (FRAME_HEADER_BYTES + sizeof(text)));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		len = snprintf(text, sizeof(text), "{\"type\":\"%s\"}",
		    custody_types[words[i]]);
		(void)frame_append(
		    &frames, FRAME_CONTROL, 0, text, (size_t)len, NULL);
	}
	(void)send(
	    fd, buffer_bytes(&frames), buffer_len(&frames), MSG_NOSIGNAL);
	buffer_clear(&frames);
}

void
keeper_configure(
    struct keeper *keeper, const struct custody_configure *configure)
{
	say(keeper, CUSTODY_CONFIGURE, configure);
}

void
keeper_cgroup(struct keeper *keeper, int fd)
{
	say_fd(keeper, CUSTODY_CGROUP, fd);
}

void
keeper_ending(struct keeper *keeper)
{
	say(keeper, CUSTODY_ENDING, NULL);
}

void
keeper_stop(struct keeper *keeper)
{
	if (keeper->stopping)
		return;
	keeper->stopping = true;
	say(keeper, CUSTODY_STOP, NULL);
	if (keeper->owner.closing || keeper->process.is_over)
		return;
	if (!keeper->connected)
		process_signal(&keeper->process, SIGKILL);
	(void)uv_timer_start(&keeper->timer, on_timer, KEEPER_STOP_MS, 0);
}

void
keeper_leave(struct keeper *keeper)
{
	keeper->stopping = true;
	close_handles(keeper);
	if (keeper->connected)
		channel_close(&keeper->channel);
}
