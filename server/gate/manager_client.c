/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/manager_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/json.h"
#include "protocol/memory.h"
#include "server/common/log.h"

/* All questions that MANAGER_ASKS_MAX allows may wait in it at once. */
#define OUT_MAX ((size_t)64 << 20)

struct ask {
	struct ask *next;
	struct ask *before;
	struct manager_client *manager;
	const struct ask_events *events; /* NULL: cancelled */
	void *data;
	int64_t request;
	uint64_t deadline_ms;
	enum control_type type;
	bool sent;
	bool is_repeatable;   /* asking twice does it once */
	struct error refused; /* by ourselves: it is never sent */
	struct buffer json;   /* as it is sent */
};

static void schedule(struct manager_client *manager);

static bool
is_refused(const struct ask *ask)
{
	return ask->refused.code != ERROR_NONE;
}

/* Unlink and free. */
static void
ask_drop(struct ask *ask)
{
	struct manager_client *manager = ask->manager;

	if (ask->before != NULL)
		ask->before->next = ask->next;
	else
		manager->first = ask->next;
	if (ask->next != NULL)
		ask->next->before = ask->before;
	else
		manager->last = ask->before;
	manager->count--;
	if (is_refused(ask))
		manager->refused--;
	buffer_clear(&ask->json);
	free(ask);
}

/* Answer and drop; fd is taken. */
static void
ask_end(struct ask *ask, const struct error *err, const char *task, int fd)
{
	const struct ask_events *events = ask->events;
	void *data = ask->data;

	ask_drop(ask);
	if (events != NULL)
		events->on_answer(data, err, task, fd);
	else if (fd >= 0)
		(void)close(fd);
}

static void
ask_fail(struct ask *ask, enum error_code code, const char *text)
{
	struct error err = {0};

	(void)error_set(&err, code, "%s", text);
	ask_end(ask, &err, NULL, -1);
}

static void
ask_send(struct ask *ask)
{
	ask->sent = true;
	channel_send(&ask->manager->channel, FRAME_CONTROL, 0,
	    buffer_bytes(&ask->json), buffer_len(&ask->json));
}

static struct ask *
find(struct manager_client *manager, int64_t request)
{
	struct ask *ask;

	for (ask = manager->first; ask != NULL; ask = ask->next) {
		if (ask->request == request)
			return ask;
	}
	return NULL;
}

/* Whether its answer has a descriptor. */
static bool
has_attachment(const struct ask *ask)
{
	return ask->type == CONTROL_ATTACH || ask->type == CONTROL_REPLAY;
}

static void
on_answer(struct manager_client *manager, const struct control_answer *answer)
{
	struct ask *ask = find(manager, answer->request);
	struct error err = {0};
	int fd = -1;

	/* Descriptors arrive ahead of the frames that they belong to: another
	 * answer must not take an attachment's. Nobody waits for one without
	 * an ask any more, and it is closed. */
	if (answer->code == NULL && (ask == NULL || has_attachment(ask)))
		fd = channel_take_fd(&manager->channel);
	if (ask == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (answer->code != NULL) {
		(void)error_set(&err, error_code_named(answer->code), "%s",
		    answer->text == NULL ? answer->code : answer->text);
		ask_end(ask, &err, NULL, fd);
	} else if (has_attachment(ask) && fd < 0) {
		ask_fail(ask, ERROR_BUG, "the manager sent no attachment");
	} else {
		ask_end(ask, NULL, answer->task, fd);
	}
}

static void
on_task(struct manager_client *manager, const struct control_task *task)
{
	struct task_watch *watch;
	struct ask *ask;

	if (task->request != 0) {
		ask = find(manager, task->request);
		if (ask != NULL && ask->events != NULL &&
		    ask->events->on_task != NULL)
			ask->events->on_task(ask->data, task);
		return;
	}
	for (watch = manager->watches; watch != NULL;
	     watch = manager->next_watch) {
		manager->next_watch = watch->next;
		if (manager->events->may_see(
		        manager->data, watch->principal, task))
			watch->on_task(watch, task);
	}
}

static void
on_recording(
    struct manager_client *manager, const struct control_recording *recording)
{
	const struct ask *ask = find(manager, recording->request);

	if (ask != NULL && ask->events != NULL &&
	    ask->events->on_recording != NULL)
		ask->events->on_recording(ask->data, recording);
}

static void
dispatch(struct manager_client *manager, enum control_type type,
    const union control_body *body)
{
	int fd = -1;

	if (type == CONTROL_ANSWER) {
		on_answer(manager, &body->answer);
	} else if (type == CONTROL_TASK) {
		on_task(manager, &body->task);
	} else if (type == CONTROL_RECORDING) {
		on_recording(manager, &body->recording);
	} else {
		if (type == CONTROL_CONFIGURE)
			fd = channel_take_fd(&manager->channel);
		manager->events->on_message(manager->data, type, body, fd);
	}
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	union control_body body;
	int type = -1;
	int rc;

	if (frame->kind != FRAME_CONTROL || frame->stream != 0)
		return error_set(err, ERROR_INVALID,
		    "the manager sent a %s frame on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	rc = json_read_typed(&control_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (rc == 0)
		dispatch(channel->data, (enum control_type)type, &body);
	if (type >= 0)
		json_clear(control_shapes[type], &body);
	return rc;
}

/* What is safe to ask twice waits for the next manager. */
static void
on_channel_closed(struct channel *channel, const struct error *why)
{
	struct manager_client *manager = channel->data;
	struct ask *ask;
	struct ask *next;

	manager->connected = false;
	manager->away_ms = uv_now(manager->loop);
	if (manager->closing) {
		owner_close(&manager->owner);
		return;
	}
	log_warning("manager: connection ended%s%s",
	    why->code == ERROR_NONE ? "" : ": ",
	    why->code == ERROR_NONE ? "" : why->text);
	for (ask = manager->first; ask != NULL; ask = next) {
		next = ask->next;
		if (ask->sent && ask->events == NULL) {
			ask_drop(ask);
		} else if (ask->sent && !ask->is_repeatable) {
			ask_fail(ask, ERROR_STATE,
			    "the manager was replaced before it answered; "
			    "look whether the task is there");
			/* the callee may have dropped any ask but ours */
			next = manager->first;
		} else {
			ask->sent = false;
		}
	}
	schedule(manager);
}

static const struct channel_events channel_events = {
    .out_max = OUT_MAX, .on_frame = on_frame, .on_closed = on_channel_closed};

static void
say_ready(struct manager_client *manager)
{
	const struct control_ready ready = {.pid = getpid(),
	    .sessions = manager->events->on_ready(manager->data),
	    .draining = manager->draining};

	channel_send_json(&manager->channel, 0, control_shapes[CONTROL_READY],
	    control_types[CONTROL_READY], &ready);
}

static void
connect_again(struct manager_client *manager)
{
	struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = MANAGER_PATH};
	autoclose int fd = -1;
	struct error err = {0};
	struct ask *ask;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return;
	if (channel_open(&manager->channel, manager->loop, fd, &channel_events,
	        manager, &err) != 0) {
		log_error("manager: %s", err.text);
		return;
	}
	(void)take_fd(&fd);
	manager->connected = true;
	log_info("manager: connected again");
	say_ready(manager);
	for (ask = manager->first; ask != NULL; ask = ask->next) {
		if (!is_refused(ask))
			ask_send(ask);
	}
}

static struct manager_client *
of_owner(struct owner *owner)
{
	return (struct manager_client *)(void *)((char *)owner -
	                                         offsetof(struct manager_client,
	                                             owner));
}

static void
expire(struct manager_client *manager, uint64_t now_ms)
{
	struct ask *ask = manager->first;

	while (ask != NULL) {
		if (ask->deadline_ms > now_ms) {
			ask = ask->next;
			continue;
		}
		if (is_refused(ask))
			ask_fail(ask, ask->refused.code, ask->refused.text);
		else
			ask_fail(ask, ERROR_SYSTEM,
			    "the manager does not answer; try again");
		ask = manager->first;
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct manager_client *manager = of_owner(timer->data);
	uint64_t now_ms = uv_now(manager->loop);

	expire(manager, now_ms);
	if (!manager->connected &&
	    now_ms - manager->away_ms > MANAGER_GONE_MS) {
		manager->events->on_gone(manager->data);
		return;
	}
	if (!manager->connected)
		connect_again(manager);
	schedule(manager);
}

/* Asks have one life span, so but for refused ones the oldest ends first. */
static void
schedule(struct manager_client *manager)
{
	uint64_t now_ms = uv_now(manager->loop);
	uint64_t at_ms = UINT64_MAX;

	if (manager->closing)
		return;
	if (manager->first != NULL)
		at_ms = manager->first->deadline_ms;
	if (manager->refused > 0)
		at_ms = now_ms;
	if (!manager->connected && at_ms > now_ms + MANAGER_RETRY_MS)
		at_ms = now_ms + MANAGER_RETRY_MS;
	if (at_ms == UINT64_MAX)
		(void)uv_timer_stop(&manager->timer);
	else
		(void)uv_timer_start(&manager->timer, on_timer,
		    at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static void
on_gone(struct owner *owner)
{
	struct manager_client *manager = of_owner(owner);

	manager->events->on_closed(manager->data);
}

int
manager_open(struct manager_client *manager, uv_loop_t *loop, int fd,
    const struct manager_events *events, void *data, struct error *err)
{
	memset(manager, 0, sizeof(*manager));
	manager->loop = loop;
	manager->events = events;
	manager->data = data;
	if (channel_open(&manager->channel, loop, fd, &channel_events, manager,
	        err) != 0) {
		(void)close(fd);
		return -1;
	}
	manager->connected = true;
	owner_init(&manager->owner, on_gone);
	(void)uv_timer_init(loop, &manager->timer);
	owner_adopt(&manager->owner, (uv_handle_t *)&manager->timer);
	return 0;
}

void
manager_ready(struct manager_client *manager)
{
	if (manager->connected)
		say_ready(manager);
}

void
manager_tell(
    struct manager_client *manager, const struct control_session *session)
{
	if (manager->connected)
		channel_send_json(&manager->channel, 0,
		    control_shapes[CONTROL_SESSION],
		    control_types[CONTROL_SESSION], session);
}

void
manager_close(struct manager_client *manager)
{
	if (manager->closing)
		return;
	manager->closing = true;
	while (manager->first != NULL)
		ask_drop(manager->first);
	(void)uv_timer_stop(&manager->timer);
	if (manager->connected)
		channel_finish(&manager->channel);
	else
		owner_close(&manager->owner);
}

/* A copy of body with the ask's number in it. */
static void
encode(struct ask *ask, const union control_body *body)
{
	union control_body numbered = *body;

	numbered.ask.request = ask->request; /* each has it first */
	if (ask->type == CONTROL_TASK_CREATE)
		ask->is_repeatable = body->create.spec.token != NULL;
	buffer_init(&ask->json, FRAME_CONTROL_MAX);
	if (json_write(control_shapes[ask->type], control_types[ask->type],
	        &numbered, &ask->json, &ask->refused) != 0)
		return;
	if (ask->manager->count >= MANAGER_ASKS_MAX)
		(void)error_set(&ask->refused, ERROR_LIMIT,
		    "too many questions to the manager are open");
}

struct ask *
manager_ask(struct manager_client *manager, enum control_type type,
    const union control_body *body, const struct ask_events *events, void *data)
{
	struct ask *ask = memory_new(1, sizeof(*ask));

	ask->manager = manager;
	ask->events = events;
	ask->data = data;
	ask->type = type;
	ask->request = ++manager->last_request;
	ask->is_repeatable = true;
	encode(ask, body);
	if (is_refused(ask))
		manager->refused++;
	else
		ask->deadline_ms = uv_now(manager->loop) + MANAGER_ANSWER_MS;
	ask->before = manager->last;
	if (manager->last != NULL)
		manager->last->next = ask;
	else
		manager->first = ask;
	manager->last = ask;
	manager->count++;
	if (manager->connected && !is_refused(ask))
		ask_send(ask);
	schedule(manager);
	return ask;
}

void
ask_cancel(struct ask *ask)
{
	if (ask == NULL)
		return;
	ask->events = NULL;
	if (!ask->sent && !is_refused(ask))
		ask_drop(ask);
}

void
manager_watch(struct manager_client *manager, struct task_watch *watch)
{
	watch->next = manager->watches;
	watch->link = &manager->watches;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	manager->watches = watch;
}

void
manager_unwatch(struct manager_client *manager, struct task_watch *watch)
{
	if (watch->link == NULL)
		return;
	if (manager->next_watch == watch)
		manager->next_watch = watch->next;
	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
	watch->link = NULL;
	watch->next = NULL;
}
