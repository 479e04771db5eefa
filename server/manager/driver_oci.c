/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/cgroup.h"
#include "server/common/image.h"
#include "server/common/log.h"
#include "server/common/probe.h"
#include "server/manager/agent_layer.h"
#include "server/manager/bundle.h"
#include "server/manager/driver.h"
#include "server/manager/launch.h"
#include "server/manager/launcher.h"

#define RUNTIMES_MAX    4
#define CREATE_WAIT_MS  15000
#define DESTROY_WAIT_MS 120000 /* the writable layer may be large */

struct operation {
	struct operation *next;
	struct oci *oci;
	char *id;
	char *bundle;
	const char *runtime; /* of a create */
	char *group;         /* of a create */
	struct launcher *launcher;
	bool is_creating;
	struct error fault;           /* why the create failed */
	driver_created_fn on_created; /* NULL: not asked for, or told */
	void *created_data;
	driver_destroyed_fn on_destroyed; /* NULL: not asked for */
	void *destroyed_data;
};

struct oci {
	struct driver driver; /* first */
	uv_loop_t *loop;
	char *dir;
	char *launch;       /* program */
	char *agent;        /* layer */
	char *state;        /* of the runtimes */
	char *parent_group; /* "/sallyport" */
	char *group;        /* "/sallyport/INSTANCE" */
	struct probe_runtime runtimes[RUNTIMES_MAX];
	size_t runtime_count;
	const char *runtime; /* what "auto" is */
	int64_t uid_base;    /* of slot 0 */
	struct cgroup_mounts mounts;
	struct operation *operations;
};

static char *text_of(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static char *
text_of(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

static struct operation *
operation_new(struct oci *oci, const char *id)
{
	struct operation *operation = memory_new(1, sizeof(*operation));

	operation->oci = oci;
	operation->id = memory_string(id);
	operation->bundle = text_of("%s/tasks/%s/bundle", oci->dir, id);
	operation->next = oci->operations;
	oci->operations = operation;
	return operation;
}

static struct operation *
operation_find(struct oci *oci, const char *id)
{
	struct operation *operation = oci->operations;

	while (operation != NULL && strcmp(operation->id, id) != 0)
		operation = operation->next;
	return operation;
}

static void
operation_free(struct operation *operation)
{
	struct operation **at = &operation->oci->operations;

	while (*at != operation)
		at = &(*at)->next;
	*at = operation->next;
	free(operation->id);
	free(operation->bundle);
	free(operation->group);
	free(operation);
}

static void
start_launcher(struct operation *operation, const char *verb, int link_fd,
    launcher_done_fn on_done)
{
	struct launcher_call call = {
	    .program = operation->oci->launch,
	    .verb = verb,
	    .bundle = operation->bundle,
	    .link_fd = link_fd,
	    .wait_ms =
	        operation->is_creating ? CREATE_WAIT_MS : DESTROY_WAIT_MS,
	};

	/* where there is no bundle nothing was ever begun */
	if (access(operation->bundle, F_OK) != 0 && errno == ENOENT)
		call.program = NULL;
	operation->launcher =
	    launcher_start(operation->oci->loop, &call, on_done, operation);
}

static void
tell_created(struct operation *operation)
{
	driver_created_fn on_created = operation->on_created;
	struct sandbox sandbox = {.runtime = operation->runtime};

	operation->on_created = NULL;
	if (on_created == NULL)
		return;
	if (operation->fault.code != ERROR_NONE) {
		on_created(operation->created_data, NULL, &operation->fault);
		return;
	}
	on_created(operation->created_data, &sandbox, NULL);
}

static void
on_destroy_done(void *data, const struct error *err)
{
	struct operation *operation = data;
	struct error fault = {0};

	operation->launcher = NULL;
	if (err != NULL) {
		fault = *err;
	} else if (rmdir(operation->bundle) != 0 && errno != ENOENT) {
		(void)error_sys(&fault, "remove %s", operation->bundle);
		err = &fault;
	}
	tell_created(operation);
	if (operation->on_destroyed != NULL)
		operation->on_destroyed(
		    operation->destroyed_data, err == NULL ? NULL : &fault);
	else if (err != NULL)
		log_error(
		    "sandbox %s is not removed: %s", operation->id, fault.text);
	operation_free(operation);
}

static void
begin_destroy(struct operation *operation)
{
	operation->is_creating = false;
	start_launcher(operation, "destroy", -1, on_destroy_done);
}

static void
on_create_done(void *data, const struct error *err)
{
	struct operation *operation = data;

	operation->launcher = NULL;
	if (operation->on_destroyed != NULL)
		(void)error_set(&operation->fault, ERROR_STATE,
		    "destroyed while it was made");
	else if (err != NULL)
		operation->fault = *err;
	if (operation->fault.code != ERROR_NONE) {
		begin_destroy(operation);
		return;
	}
	tell_created(operation);
	operation_free(operation);
}

/* NULL: it does not run here. */
static const struct probe_runtime *
find_runtime(const struct oci *oci, const char *name, struct error *err)
{
	size_t i;

	if (name == NULL || strcmp(name, "auto") == 0)
		name = oci->runtime;
	for (i = 0; i < oci->runtime_count; i++) {
		if (strcmp(oci->runtimes[i].name, name) == 0)
			return &oci->runtimes[i];
	}
	(void)error_set(
	    err, ERROR_NOT_FOUND, "runtime %.32s does not run here", name);
	return NULL;
}

static int
fill_bundle(const struct operation *operation, const struct sandbox_spec *spec,
    const char *program, bool host_usr, struct error *err)
{
	struct oci *oci = operation->oci;
	autofree char *link = text_of("%s/" IMAGE_LINK, operation->bundle);
	autofree char *rootfs =
	    text_of("%s/images/%s/rootfs", oci->dir, spec->image);
	/* the job is read back into a struct that owns its strings */
	autofree char *hostname = memory_string(spec->hostname);
	autofree char *runtime = memory_string(program);
	const struct launch_job job = {
	    .id = operation->id,
	    .hostname = hostname,
	    .image = rootfs,
	    .host_usr = host_usr,
	    .agent = oci->agent,
	    .runtime = runtime,
	    .state = oci->state,
	    .cgroup = operation->group,
	    .uid_base = oci->uid_base + (int64_t)spec->slot * BUNDLE_IDS,
	    .cpu_milli = spec->limits.cpu_milli,
	    .memory = spec->limits.memory,
	    .pids = spec->limits.pids,
	    .execs = spec->limits.execs,
	};

	if (symlink(spec->image, link) != 0)
		return error_sys(err, "%s", link);
	return launch_job_write(operation->bundle, &job, err);
}

static int
oci_create(struct driver *driver, const struct sandbox_spec *spec,
    driver_created_fn on_created, void *data, struct error *err)
{
	struct oci *oci = (struct oci *)driver;
	const struct probe_runtime *runtime;
	struct operation *operation;
	struct image image;

	if (operation_find(oci, spec->id) != NULL)
		return error_set(
		    err, ERROR_STATE, "%s is being changed", spec->id);
	runtime = find_runtime(oci, spec->runtime, err);
	if (runtime == NULL ||
	    image_find(oci->dir, spec->image, &image, err) != 0)
		return -1;
	operation = operation_new(oci, spec->id);
	/* one that is there is another sandbox's, or its remains */
	if (mkdir(operation->bundle, 0700) != 0) {
		(void)error_sys(err, "sandbox of %s", spec->id);
		operation_free(operation);
		image_clear(&image);
		return -1;
	}
	operation->is_creating = true;
	operation->runtime = runtime->name;
	operation->group = text_of("%s/%s", oci->group, spec->id);
	operation->on_created = on_created;
	operation->created_data = data;
	if (fill_bundle(operation, spec, runtime->path, image.host_usr,
	        &operation->fault) != 0)
		begin_destroy(operation);
	else
		start_launcher(
		    operation, "create", spec->link_fd, on_create_done);
	image_clear(&image);
	return 0;
}

static void
oci_destroy(struct driver *driver, const char *id,
    driver_destroyed_fn on_destroyed, void *data)
{
	struct oci *oci = (struct oci *)driver;
	struct operation *operation = operation_find(oci, id);
	bool is_new = operation == NULL;

	if (is_new)
		operation = operation_new(oci, id);
	assert(operation->on_destroyed == NULL);
	operation->on_destroyed = on_destroyed;
	operation->destroyed_data = data;
	if (is_new)
		begin_destroy(operation);
	else if (operation->is_creating)
		launcher_kill(operation->launcher);
}

static char *
oci_oom_events(struct driver *driver, const char *id)
{
	const struct oci *oci = (struct oci *)driver;
	autofree char *group = text_of("%s/%s", oci->group, id);

	return cgroup_oom_events(&oci->mounts, group);
}

static void
oci_free(struct driver *driver)
{
	struct oci *oci = (struct oci *)driver;

	if (oci == NULL)
		return;
	assert(oci->operations == NULL);
	cgroup_remove_empty(&oci->mounts, oci->group);
	cgroup_remove_empty(&oci->mounts, oci->parent_group);
	cgroup_clear(&oci->mounts);
	free(oci->dir);
	free(oci->launch);
	free(oci->agent);
	free(oci->state);
	free(oci->parent_group);
	free(oci->group);
	free(oci);
}

static const struct driver_verbs oci_verbs = {
    .create = oci_create,
    .destroy = oci_destroy,
    .oom_events = oci_oom_events,
    .free = oci_free,
};

static int
find_runtimes(struct oci *oci, const char *wanted, struct error *err)
{
	const struct probe_runtime *first;
	size_t i;

	for (i = 0; probe_runtimes[i] != NULL; i++) {
		assert(oci->runtime_count < RUNTIMES_MAX);
		if (probe_find_runtime(probe_runtimes[i],
		        &oci->runtimes[oci->runtime_count], NULL) == 0)
			oci->runtime_count++;
	}
	if (oci->runtime_count == 0)
		return error_set(err, ERROR_NOT_FOUND,
		    "neither runc nor crun runs here: apt install runc");
	oci->runtime = oci->runtimes[0].name;
	first = find_runtime(oci, wanted, err);
	if (first == NULL)
		return -1;
	oci->runtime = first->name;
	return 0;
}

static int
prepare(struct oci *oci, const struct driver_setup *setup, struct error *err)
{
	autofree char *agent = text_of("%s/sallyport-agent", setup->programs);
	autofree char *run = text_of("%s/run", setup->dir);

	if ((mkdir(run, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(oci->state, 0700) != 0 && errno != EEXIST))
		return error_sys(err, "%s", oci->state);
	if (find_runtimes(oci, setup->runtime, err) != 0 ||
	    cgroup_read(&oci->mounts, err) != 0)
		return -1;
	return agent_layer_make(oci->agent, agent, err);
}

int
driver_oci_open(
    const struct driver_setup *setup, struct driver **out, struct error *err)
{
	struct oci *oci = memory_new(1, sizeof(*oci));

	oci->driver.name = "oci";
	oci->driver.verbs = &oci_verbs;
	oci->loop = setup->loop;
	oci->uid_base = setup->uid_base;
	oci->dir = memory_string(setup->dir);
	oci->launch = text_of("%s/sallyport-launch", setup->programs);
	oci->agent = text_of("%s/run/agent", setup->dir);
	oci->state = text_of("%s/run/runc", setup->dir);
	oci->parent_group = text_of("/%s", setup->cgroup_parent);
	oci->group = text_of("/%s/%s", setup->cgroup_parent, setup->instance);
	if (prepare(oci, setup, err) != 0) {
		oci_free(&oci->driver);
		return -1;
	}
	*out = &oci->driver;
	return 0;
}
