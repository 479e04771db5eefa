/* SPDX-License-Identifier: Apache-2.0 */
/* create, list, get, update, lease, destroy. */
#include "server/manager/control.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/asker.h"
#include "server/manager/expiry.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/policy.h"
#include "server/manager/provision.h"
#include "server/manager/teardown.h"
#include "server/manager/token.h"

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

int
control_create(struct asker *asker, union control_body *body, struct error *err)
{
	struct control_create *create = &body->create;

	if (!policy_may(asker, create->principal, NULL, ACTION_CREATE))
		return error_set(
		    err, ERROR_DENIED, "this key may not create tasks");
	if (create->spec.token != NULL)
		return token_create(asker, create, err);
	return provision_task(asker->manager, asker, create, err);
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
	const struct profiles *profiles = &asker->manager->profiles;
	struct task *task;

	if (policy_find(asker, update->principal, update->task, ACTION_UPDATE,
	        &task, err) != 0)
		return -1;
	if (!task_is_living(task->record.state))
		return error_set(err, ERROR_STATE, "task %s is %s",
		    update->task, task_state_names[task->record.state]);
	if (profiles_check_life(profiles, task->record.spec.profile,
	        update->ttl_ms, update->idle_ms, err) != 0)
		return -1;
	if (update->labels != NULL) {
		memory_vector_free(task->record.spec.labels);
		task->record.spec.labels = take(&update->labels);
	}
	expiry_update(task, update->ttl_ms, update->idle_ms);
	lifecycle_save(task);
	lifecycle_tell(task);
	audit_note(&asker->manager->audit, "task.update", update->principal,
	    NULL, task->record.id, NULL);
	answer_task(asker, update->request, task);
	return 0;
}

int
control_lease(struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_lease *lease = &body->lease;
	struct control_task view;
	char created[32], what[32];
	struct task *task;

	if (policy_find(asker, lease->principal, lease->task, ACTION_WRITE,
	        &task, err) != 0)
		return -1;
	if (!task_is_living(task->record.state))
		return error_set(err, ERROR_STATE, "task %s is %s", lease->task,
		    task_state_names[task->record.state]);
	if (expiry_lease(task, lease->principal, lease->ttl_ms, err) != 0)
		return -1;
	lifecycle_save(task);
	(void)snprintf(what, sizeof(what), "%" PRId64 " ms", lease->ttl_ms);
	audit_note(&asker->manager->audit, "lease", lease->principal, NULL,
	    task->record.id, what);
	lifecycle_view(task, created, &view);
	view.request = lease->request;
	/* its own, though another's may be longer */
	view.lease_ms = lease->ttl_ms;
	if (view.ttl_ms > 0 && view.lease_ms > view.ttl_ms)
		view.lease_ms = view.ttl_ms;
	asker_say(asker, CONTROL_TASK, &view);
	asker_answer(asker, lease->request, NULL, task->record.id);
	return 0;
}

/*
 * One that is not there any more, by its id, for who may destroy it: asked
 * again, as after a lost answer, it is done.
 */
static int
destroy_again(
    struct asker *asker, const struct control_ask *ask, struct error *err)
{
	struct task_record record;
	struct action_target target;
	bool may;

	if (ask->task == NULL || err->code != ERROR_NOT_FOUND ||
	    store_find_task(asker->manager->store, ask->task, &record, NULL) !=
	        0)
		return -1;
	target.owner = record.owner;
	target.id = record.id;
	target.name = record.spec.name;
	may = record.state == TASK_DESTROYED &&
	      policy_may_target(asker, ask->principal, &target, ACTION_DESTROY);
	if (may)
		asker_answer(asker, ask->request, NULL, record.id);
	task_record_clear(&record);
	return may ? 0 : -1;
}

int
control_destroy(
    struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_ask *ask = &body->ask;
	struct task *task;
	struct error why;

	if (find(asker, ask, ACTION_DESTROY, &task, err) != 0)
		return destroy_again(asker, ask, err);
	if (waiters_add(&task->destroyers, asker, ask->request, err) != 0)
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
