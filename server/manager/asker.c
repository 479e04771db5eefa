/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/control.h"
#include "server/manager/manager.h"

/* A list of every task fits; reading stops long before. */
#define QUEUE_BYTES (64u << 20)
#define PAUSE_BYTES (256u << 10)

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct asker *asker = channel->data;

	if (control_dispatch(asker, frame, err) != 0)
		return -1;
	/* who does not read its answers may not ask for more */
	if (!channel->closing && channel_pending(channel) > PAUSE_BYTES)
		channel_pause(channel);
	return 0;
}

static void
on_drained(struct channel *channel)
{
	channel_resume(channel);
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct asker *asker = channel->data;

	manager_forget_asker(asker->manager, asker);
	asker->on_gone(asker, why);
}

static const struct channel_events events = {
    .out_max = QUEUE_BYTES,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

int
asker_open(struct asker *asker, struct manager *manager, enum asker_kind kind,
    int fd, void (*on_gone)(struct asker *asker, const struct error *why),
    struct error *err)
{
	asker->manager = manager;
	asker->kind = kind;
	asker->waiting = 0;
	asker->on_gone = on_gone;
	return channel_open(
	    &asker->channel, &manager->loop, fd, &events, asker, err);
}

void
asker_say(struct asker *asker, enum control_type type, const void *body)
{
	channel_send_json(&asker->channel, 0, control_shapes[type],
	    control_types[type], body);
}

void
asker_say_fd(
    struct asker *asker, enum control_type type, const void *body, int fd)
{
	channel_send_json_fd(&asker->channel, 0, control_shapes[type],
	    control_types[type], body, fd);
}

void
asker_answer(struct asker *asker, int64_t request, const struct error *why,
    const char *task)
{
	struct control_answer answer = {.request = request};
	char id[NAME_ID_BYTES] = "";
	char code[32];
	char text[sizeof(why->text)];

	if (why != NULL) {
		(void)snprintf(
		    code, sizeof(code), "%s", error_code_name(why->code));
		memcpy(text, why->text, sizeof(text));
		answer.code = code;
		answer.text = text;
	}
	if (task != NULL) {
		(void)snprintf(id, sizeof(id), "%s", task);
		answer.task = id;
	}
	asker_say(asker, CONTROL_ANSWER, &answer);
}

int
waiters_add(struct waiter **list, struct asker *asker, int64_t request,
    struct error *err)
{
	struct waiter *waiter;

	if (asker->waiting >= ASKER_WAITING_MAX)
		return error_set(err, ERROR_LIMIT, "%d requests wait already",
		    ASKER_WAITING_MAX);
	waiter = memory_new(1, sizeof(*waiter));
	waiter->asker = asker;
	waiter->request = request;
	waiter->next = *list;
	*list = waiter;
	asker->waiting++;
	return 0;
}

void
waiters_answer(struct waiter **list, const struct error *why, const char *task)
{
	struct waiter *waiter;

	while ((waiter = *list) != NULL) {
		*list = waiter->next;
		waiter->asker->waiting--;
		asker_answer(waiter->asker, waiter->request, why, task);
		free(waiter);
	}
}

void
waiters_say_task(struct waiter *list, struct control_task *view)
{
	for (; list != NULL; list = list->next) {
		view->request = list->request;
		asker_say(list->asker, CONTROL_TASK, view);
	}
}

void
waiters_drop(struct waiter **list, const struct asker *asker)
{
	struct waiter *waiter;

	while ((waiter = *list) != NULL) {
		if (asker != NULL && waiter->asker != asker) {
			list = &waiter->next;
			continue;
		}
		*list = waiter->next;
		waiter->asker->waiting--;
		free(waiter);
	}
}
