/* SPDX-License-Identifier: Apache-2.0 */
/* create, list, get, update, destroy. */
#include "server/manager/control.h"

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/asker.h"
#include "server/manager/clock.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/policy.h"
#include "server/manager/provision.h"
#include "server/manager/teardown.h"

static void
say_task(struct asker *asker, int64_t request, struct task *task)
{
	struct control_task view;
	char created[32];

	lifecycle_view(task, created, &view);
	view.request = request;
	asker_say(asker, CONTROL_TASK, &view);
}

static void
answer_task(struct asker *asker, int64_t request, struct task *task)
{
	say_task(asker, request, task);
	asker_answer(asker, request, NULL, task->record.id);
}

/* The same token of the same principal is the same task. */
static int
create_again(
    struct asker *asker, int64_t request, struct task *task, struct error *err)
{
	switch (task->record.state) {
	case TASK_PROVISIONING:
		return waiters_add(&task->creators, asker, request, err);
	case TASK_READY:
		answer_task(asker, request, task);
		return 0;
	case TASK_STOPPING:
	case TASK_FAILED:
	case TASK_DESTROYED:
	case TASK_STATES:
		break;
	}
	return error_set(err, ERROR_STATE, "token: its task %s is %s",
	    task->record.id, task_state_names[task->record.state]);
}

int
control_create(struct asker *asker, union control_body *body, struct error *err)
{
	struct control_create *create = &body->create;
	struct manager *manager = asker->manager;
	struct task *task;

	if (!policy_may(asker, create->principal, NULL, ACTION_CREATE))
		return error_set(
		    err, ERROR_DENIED, "this key may not create tasks");
	if (create->spec.token != NULL) {
		task = registry_find_token(
		    &manager->registry, create->principal, create->spec.token);
		if (task != NULL)
			return create_again(asker, create->request, task, err);
	}
	return provision_task(manager, asker, create, err);
}

int
control_list(struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_ask *ask = &body->ask;
	struct task *task = NULL;

	(void)err;
	while (
	    (task = registry_next(&asker->manager->registry, task)) != NULL) {
		if (policy_may(asker, ask->principal, task, ACTION_SEE))
			say_task(asker, ask->request, task);
	}
	asker_answer(asker, ask->request, NULL, NULL);
	return 0;
}

static int
find(struct asker *asker, const struct control_ask *ask, enum action action,
    struct task **out, struct error *err)
{
	if (ask->task == NULL)
		return error_set(err, ERROR_INVALID, "\"task\" is missing");
	return policy_find(asker, ask->principal, ask->task, action, out, err);
}

int
control_get(struct asker *asker, union control_body *body, struct error *err)
{
	struct task *task;

	if (find(asker, &body->ask, ACTION_SEE, &task, err) != 0)
		return -1;
	answer_task(asker, body->ask.request, task);
	return 0;
}

int
control_update(struct asker *asker, union control_body *body, struct error *err)
{
	struct control_update *update = &body->update;
	struct task *task;

	if (policy_find(asker, update->principal, update->task, ACTION_UPDATE,
	        &task, err) != 0)
		return -1;
	if (!task_is_living(task->record.state))
		return error_set(err, ERROR_STATE, "task %s is %s",
		    update->task, task_state_names[task->record.state]);
	if (update->labels != NULL) {
		memory_vector_free(task->record.spec.labels);
		task->record.spec.labels = take(&update->labels);
	}
	if (update->ttl_ms >= 0) {
		task_set_ttl(&task->record, update->ttl_ms, clock_wall_ms());
		if (task->record.state == TASK_READY)
			lifecycle_arm(task);
	}
	lifecycle_save(task);
	lifecycle_tell(task);
	audit_note(&asker->manager->audit, "task.update", update->principal,
	    NULL, task->record.id, NULL);
	answer_task(asker, update->request, task);
	return 0;
}

int
control_destroy(
    struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_ask *ask = &body->ask;
	struct task *task;
	struct error why;

	if (find(asker, ask, ACTION_DESTROY, &task, err) != 0 ||
	    waiters_add(&task->destroyers, asker, ask->request, err) != 0)
		return -1;
	audit_note(&asker->manager->audit, "task.destroy", ask->principal, NULL,
	    task->record.id, NULL);
	if (task_is_living(task->record.state)) {
		(void)error_set(
		    &why, ERROR_STATE, "destroyed by %s", ask->principal);
		lifecycle_end(task, &why);
	} else {
		teardown_retry(task);
	}
	return 0;
}
