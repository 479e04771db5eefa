/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/provision.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/control.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/image.h"
#include "server/common/log.h"
#include "server/manager/clock.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/token.h"

static void
on_late(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, timer);
	struct error why;

	(void)error_set(&why, ERROR_SYSTEM,
	    task->is_driven ? "the sandbox was not made in %d ms"
	                    : "the agent did not say hello in %d ms",
	    task->is_driven ? PROVISION_MS : HELLO_MS);
	lifecycle_end(task, &why);
}

int
provision_cgroup(struct task *task, struct error *err)
{
	struct driver *driver = task->manager->driver;
	autofree char *path =
	    driver->verbs->oom_events(driver, task->record.id);
	int fd;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	keeper_cgroup(&task->keeper, fd);
	return 0;
}

static int
use_sandbox(struct task *task, const struct sandbox *sandbox, struct error *err)
{
	free(task->record.spec.runtime);
	task->record.spec.runtime = memory_string(sandbox->runtime);
	return provision_cgroup(task, err);
}

static void
on_created(
    void *data, const struct sandbox *sandbox, const struct error *failed)
{
	struct task *task = data;
	struct error why = {0};

	task->is_driven = false;
	if (task->record.state != TASK_PROVISIONING)
		return; /* its removal is under way, and knows better */
	if (failed != NULL) {
		lifecycle_end(task, failed);
		return;
	}
	task->has_sandbox = true;
	if (task->is_lost)
		(void)error_set(&why, ERROR_SYSTEM, "the sandbox is gone");
	else
		(void)use_sandbox(task, sandbox, &why);
	if (why.code != ERROR_NONE)
		lifecycle_end(task, &why);
	else if (task->has_hello)
		lifecycle_ready(task);
	else
		(void)uv_timer_start(&task->timer, on_late, HELLO_MS, 0);
}

static int
start_sandbox(struct task *task, int link_fd, struct error *err)
{
	const struct task_spec *spec = &task->record.spec;
	struct driver *driver = task->manager->driver;
	struct sandbox_spec sandbox = {
	    .id = task->record.id,
	    .slot = task->record.slot,
	    .hostname = spec->name,
	    .image = spec->image,
	    .runtime = spec->runtime,
	    .limits = spec->limits,
	    .link_fd = link_fd,
	};

	task->is_driven = true;
	if (driver->verbs->create(driver, &sandbox, on_created, task, err) !=
	    0) {
		task->is_driven = false;
		return -1;
	}
	(void)uv_timer_start(&task->timer, on_late, PROVISION_MS, 0);
	return 0;
}

int
provision_configure(struct task *task, struct error *err)
{
	struct custody_configure configure = {
	    .env = task->record.spec.env,
	    .execs = task->record.spec.limits.execs,
	    .output = task->record.spec.limits.output,
	    .spool = task->record.spec.limits.spool,
	};
	const struct profile *profile =
	    profiles_find(&task->manager->profiles, task->record.spec.profile);
	char cwd[] = IMAGE_CWD;
	struct image image;

	if (image_find(
	        task->manager->dir, task->record.spec.image, &image, err) != 0)
		return -1;
	if (profile != NULL)
		configure.recording = profile->recording;
	configure.user = image.user;
	configure.cwd = cwd;
	keeper_configure(&task->keeper, &configure);
	image_clear(&image);
	return 0;
}

uid_t
provision_keeper_uid(const struct task *task)
{
	return (uid_t)(task->manager->config->uid_keeper_base +
	               (int64_t)task->record.slot);
}

static int
start_keeper(struct task *task, int *link, struct error *err)
{
	char path[TASK_PATH_MAX];

	lifecycle_path(task, path);
	/* mapped users of the sandbox pass through it to the bundle's root */
	if (mkdir(path, 0711) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	task->keeper.events = &lifecycle_keeper_events;
	task->keeper.data = task;
	task->has_keeper = true;
	if (keeper_start(&task->keeper, &task->manager->loop, task->record.id,
	        provision_keeper_uid(task), link) != 0) {
		*err = task->keeper.why;
		return -1;
	}
	task->record.keeper = task->keeper.process.id;
	return provision_configure(task, err);
}

static void
start(struct task *task)
{
	autoclose int link_fd = -1;
	struct error err = {0};
	int ret;

	lifecycle_save(task);
	lifecycle_tell(task);
	ret = start_keeper(task, &link_fd, &err);
	if (ret == 0) {
		/* whoever comes after us must find the keeper */
		lifecycle_save(task);
		ret = start_sandbox(task, link_fd, &err);
	}
	if (ret != 0)
		lifecycle_end(task, &err);
}

static int
check_name(struct manager *manager, const char *name, struct error *err)
{
	if (name == NULL)
		return 0;
	if (name_check("name", name, err) != 0)
		return -1;
	if (registry_find(&manager->registry, name) != NULL)
		return error_set(err, ERROR_STATE, "name: %s is in use", name);
	return 0;
}

static int
check_image(struct manager *manager, const char *name, struct error *err)
{
	struct image image;

	if (image_find(manager->dir, name, &image, err) != 0)
		return -1;
	image_clear(&image);
	return 0;
}

static void
fill_record(struct manager *manager, struct task_record *record)
{
	do
		name_generate(record->id);
	while (registry_find(&manager->registry, record->id) != NULL);
	if (record->spec.name == NULL)
		record->spec.name = memory_string(record->id);
	record->state = TASK_PROVISIONING;
	record->created_ms = clock_wall_ms();
	record->provision_ms = -1;
	task_set_ttl(record, record->spec.ttl_ms, clock_boot_ms());
}

int
provision_task(struct manager *manager, struct asker *asker,
    struct control_create *create, struct error *err)
{
	struct task_record record = {0};
	struct waiter *creators = NULL;
	struct task *task;

	if (create->spec.token != NULL)
		record.asked = token_digest(&create->spec);

	if (manager->stopping)
		return error_set(err, ERROR_STATE, "the gateway is ending");
	if (manager->upgrade.is_wanted)
		return error_set(err, ERROR_STATE,
		    "the gateway is being upgraded: try again");
	if (check_name(manager, create->spec.name, err) != 0 ||
	    profiles_apply(&manager->profiles, &create->spec,
	        &record.exec_ms_max, err) != 0 ||
	    check_image(manager, create->spec.image, err) != 0 ||
	    registry_slot(&manager->registry, &record.slot, err) != 0 ||
	    waiters_add(&creators, asker, create->request, err) != 0)
		return -1;
	record.spec = create->spec;
	json_absent(&task_spec_shape, &create->spec);
	record.owner = memory_string(create->principal);
	fill_record(manager, &record);
	task = lifecycle_new(manager, &record);
	task->creators = creators;
	audit_note(&manager->audit, "task.create", create->principal, NULL,
	    task->record.id, task->record.spec.name);
	start(task);
	return 0;
}
