/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/token.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/clock.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/provision.h"

struct token_waiter {
	struct token_waiter *next;
	struct asker *asker; /* borrowed; token_drop when it goes */
	struct control_create create;
};

/* FNV-1a of 64 bits: it tells a mistake, not a forgery, for the token is the
 * principal's own. */
static uint64_t
hash(uint64_t sum, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211u;
	return sum;
}

static int
compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The same strings, borrowed, in order. */
static char **
sorted(char **vector)
{
	size_t count = memory_vector_len(vector);
	char **copy;

	if (vector == NULL)
		return NULL;
	copy = memory_copy(vector, (count + 1) * sizeof(*vector));
	qsort(copy, count, sizeof(*copy), compare);
	return copy;
}

uint64_t
token_digest(const struct task_spec *spec)
{
	struct task_spec asked = *spec;
	autofree char **env = sorted(spec->env);
	autofree char **labels = sorted(spec->labels);
	struct buffer text;
	uint64_t sum = 14695981039346656037u;

	asked.env = env;
	asked.labels = labels;
	buffer_init(&text, FRAME_CONTROL_MAX);
	/* it came in a frame, and fits as it did */
	if (json_write(&task_spec_shape, NULL, &asked, &text, NULL) == 0)
		sum = hash(
		    sum, (const char *)buffer_bytes(&text), buffer_len(&text));
	buffer_clear(&text);
	return sum == 0 ? 1 : sum;
}

static int
wait_for_end(struct task *task, struct asker *asker,
    struct control_create *create, struct error *err)
{
	struct token_waiter **at = &task->recreators;
	struct token_waiter *waiter;

	if (asker->waiting >= ASKER_WAITING_MAX)
		return error_set(err, ERROR_LIMIT, "%d requests wait already",
		    ASKER_WAITING_MAX);
	while (*at != NULL)
		at = &(*at)->next;
	waiter = memory_new(1, sizeof(*waiter));
	waiter->asker = asker;
	waiter->create.request = create->request;
	waiter->create.principal = memory_string(create->principal);
	waiter->create.spec = create->spec;
	json_absent(&task_spec_shape, &create->spec);
	*at = waiter;
	asker->waiting++;
	return 0;
}

static int
check_asked(uint64_t before, uint64_t now, const char *task, struct error *err)
{
	if (before != 0 && before != now)
		return error_set(err, ERROR_INVALID,
		    "\"token\" is that of task %s, and something else was "
		    "asked for then",
		    task);
	return 0;
}

static int
join(struct task *task, struct asker *asker, struct control_create *create,
    struct error *err)
{
	const char *id = task->record.id;
	struct control_task view;
	char created[32];

	switch (task->record.state) {
	case TASK_PROVISIONING:
		return waiters_add(
		    &task->creators, asker, create->request, err);
	case TASK_READY:
		lifecycle_view(task, created, &view);
		view.request = create->request;
		asker_say(asker, CONTROL_TASK, &view);
		asker_answer(asker, create->request, NULL, id);
		return 0;
	case TASK_FAILED:
		return wait_for_end(task, asker, create, err);
	case TASK_STOPPING:
	case TASK_DESTROYED:
	case TASK_STATES:
		break;
	}
	return error_set(err, ERROR_STATE, "\"token\": its task %s is %s: %s",
	    id, task_state_names[task->record.state], task->record.reason);
}

/* Whether the token is that of a task that was destroyed not long ago. */
static int
check_ended(struct manager *manager, const struct control_create *create,
    uint64_t asked, struct error *err)
{
	struct store_token found;
	struct error why = {0};

	if (store_find_token(manager->store, create->principal,
	        create->spec.token, &found, &why) != 0) {
		if (why.code == ERROR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (clock_boot_ms() - found.ended_ms > TOKEN_KEPT_MS)
		return store_free_token(manager->store, found.task, err);
	if (check_asked(found.asked, asked, found.task, err) != 0)
		return -1;
	return error_set(err, ERROR_STATE,
	    "\"token\": its task %s is destroyed: %s", found.task,
	    found.reason);
}

int
token_create(
    struct asker *asker, struct control_create *create, struct error *err)
{
	struct manager *manager = asker->manager;
	uint64_t asked = token_digest(&create->spec);
	struct task *task = registry_find_token(
	    &manager->registry, create->principal, create->spec.token);

	if (task != NULL) {
		if (check_asked(
		        task->record.asked, asked, task->record.id, err) != 0)
			return -1;
		return join(task, asker, create, err);
	}
	if (check_ended(manager, create, asked, err) != 0)
		return -1;
	return provision_task(manager, asker, create, err);
}

static void
waiter_free(struct token_waiter *waiter)
{
	waiter->asker->waiting--;
	free(waiter->create.principal);
	json_clear(&task_spec_shape, &waiter->create.spec);
	free(waiter);
}

void
token_again(struct token_waiter *list)
{
	struct token_waiter *waiter;
	struct error err;

	while ((waiter = list) != NULL) {
		list = waiter->next;
		if (token_create(waiter->asker, &waiter->create, &err) != 0)
			asker_answer(
			    waiter->asker, waiter->create.request, &err, NULL);
		waiter_free(waiter);
	}
}

void
token_fail(struct token_waiter **list, const struct error *why)
{
	struct token_waiter *waiter;

	while ((waiter = *list) != NULL) {
		*list = waiter->next;
		asker_answer(waiter->asker, waiter->create.request, why, NULL);
		waiter_free(waiter);
	}
}

void
token_drop(struct token_waiter **list, const struct asker *asker)
{
	struct token_waiter *waiter;

	while ((waiter = *list) != NULL) {
		if (asker != NULL && waiter->asker != asker) {
			list = &waiter->next;
			continue;
		}
		*list = waiter->next;
		waiter_free(waiter);
	}
}

void
token_ended(struct task *task)
{
	struct error err;

	if (task->record.spec.token != NULL &&
	    store_trim_tokens(task->manager->store, task->record.owner,
	        TOKENS_KEPT, &err) != 0)
		log_error("task %s: tokens: %s", task->record.id, err.text);
}
