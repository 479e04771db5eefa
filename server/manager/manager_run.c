/* SPDX-License-Identifier: Apache-2.0 */
/* From a folder to a manager that serves in it, and back. */
#include "server/manager/manager.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "keys/authorized_keys.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/image.h"
#include "server/common/log.h"
#include "server/manager/adopt.h"
#include "server/manager/identity.h"
#include "server/manager/policy.h"
#include "server/manager/reload.h"
#include "server/manager/ssh_config.h"
#include "server/manager/ssh_port.h"

static const int signal_numbers[MANAGER_SIGNALS] = {
    [MANAGER_SIGTERM] = SIGTERM,
    [MANAGER_SIGINT] = SIGINT,
    [MANAGER_SIGHUP] = SIGHUP,
};

static void
on_signal(uv_signal_t *handle, int number)
{
	struct manager *manager = handle->loop->data;
	char note[RELOAD_NOTE_BYTES];
	struct error err;

	if (number != SIGHUP)
		manager_stop(manager);
	else if (reload_all(manager, note, sizeof(note), &err) != 0)
		log_error("everything stays as it was: %s", err.text);
}

static void
on_keys_event(
    uv_fs_event_t *handle, const char *filename, int events, int status)
{
	struct manager *manager = handle->loop->data;
	const char *path = manager->config->authorized_keys;
	const char *name = strrchr(path, '/');

	(void)events;
	name = name == NULL ? path : name + 1;
	if (status == 0 && filename != NULL && strcmp(filename, name) == 0)
		manager_reload_keys(manager);
}

/* The folder is watched: editors put a new file in the old one's place. */
void
manager_watch_keys(struct manager *manager)
{
	autofree char *path = memory_string(manager->config->authorized_keys);
	int ret;

	(void)uv_fs_event_stop(&manager->keys_event);
	ret = uv_fs_event_start(
	    &manager->keys_event, on_keys_event, dirname(path), 0);
	if (ret != 0)
		log_warning("%s is not watched (%s); send SIGHUP after changes",
		    manager->config->authorized_keys, uv_err_name(ret));
}

static void
on_owner_gone(struct owner *owner)
{
	(void)owner; /* part of the manager, which outlives its loop */
}

static void
open_handles(struct manager *manager)
{
	uv_loop_t *loop = &manager->loop;
	size_t i;

	owner_init(&manager->owner, on_owner_gone);
	for (i = 0; i < MANAGER_SIGNALS; i++) {
		(void)uv_signal_init(loop, &manager->signals[i]);
		owner_adopt(
		    &manager->owner, (uv_handle_t *)&manager->signals[i]);
		(void)uv_signal_start(
		    &manager->signals[i], on_signal, signal_numbers[i]);
	}
	(void)uv_timer_init(loop, &manager->leave);
	owner_adopt(&manager->owner, (uv_handle_t *)&manager->leave);
	(void)uv_fs_event_init(loop, &manager->keys_event);
	owner_adopt(&manager->owner, (uv_handle_t *)&manager->keys_event);
	audit_open(&manager->audit, loop, &manager->owner, manager->store);
	gates_open(&manager->gates, manager);
	doors_init(&manager->doors, manager);
	replays_open(&manager->replays, manager);
}

static int
open_driver(struct manager *manager, struct error *err)
{
	const struct config *config = manager->config;
	char programs[4096];
	const struct driver_setup setup = {
	    .loop = &manager->loop,
	    .dir = manager->dir,
	    .programs = programs,
	    .instance = manager->home.instance,
	    .cgroup_parent = config->cgroup_parent,
	    .runtime = config_runtime_names[config->runtime],
	    .uid_base = config->uid_sandbox_base,
	};

	if (process_folder(programs, sizeof(programs), err) != 0)
		return -1;
	return driver_oci_open(&setup, &manager->driver, err);
}

/* What serving and taking down both need. */
static int
open_base(struct manager *manager, struct settings *settings, const char *dir,
    int lock, struct error *err)
{
	int ret;

	manager->settings = settings;
	manager->config = &settings->config;
	manager->listener = -1;
	manager->doors.admin_fd = manager->doors.gate_fd = -1;
	if (home_open(&manager->home, dir, lock, err) != 0)
		return -1;
	manager->dir = manager->home.dir;
	if (store_open("store.db", &manager->store, err) != 0)
		return -1;
	ret = uv_loop_init(&manager->loop);
	if (ret != 0)
		return error_set(
		    err, ERROR_SYSTEM, "event loop: %s", uv_err_name(ret));
	manager->loop.data = manager;
	open_handles(manager);
	if (open_driver(manager, err) != 0)
		return -1;
	return adopt_tasks(manager, err);
}

/* The socket that is there already, and what waits on it: we were given it, or
 * a gate of an earlier manager has it. */
static int
find_port(struct manager *manager, int inherited)
{
	const char *address = manager->config->listen_address;
	struct error err = {0};

	manager->listener = inherited;
	if (inherited < 0 && gates_borrow_port(&manager->gates, &manager->port,
	                         &manager->listener) != 0)
		return -1;
	if (ssh_port_check(manager->listener, address, &manager->port, &err) ==
	    0)
		return 0;
	log_warning(
	    "the socket that was handed over is not used: %s", err.text);
	(void)close(take_fd(&manager->listener));
	return -1;
}

static int
bind_port(struct manager *manager, bool beside, struct error *err)
{
	const struct config *config = manager->config;
	const char *address = config->listen_address;
	struct error taken;

	if (ssh_port_open(address, &manager->port, beside, &manager->listener,
	        &taken) != 0) {
		/* the port of the last time matters only to who was told it */
		if (config->port != 0 || taken.code != ERROR_STATE) {
			*err = taken;
			return -1;
		}
		manager->port = 0;
		if (ssh_port_open(address, &manager->port, false,
		        &manager->listener, err) != 0)
			return -1;
	}
	return 0;
}

static int
open_port(
    struct manager *manager, bool beside, int inherited, struct error *err)
{
	const char *address = manager->config->listen_address;

	manager->port = (int)manager->config->port;
	if (manager->port == 0)
		manager->port = home_port();
	if (find_port(manager, inherited) != 0 &&
	    bind_port(manager, beside, err) != 0)
		return -1;
	if (strcmp(address, "0.0.0.0") == 0)
		address = "127.0.0.1";
	else if (strcmp(address, "::") == 0)
		address = "::1";
	if (home_save_port(manager->port, err) != 0 ||
	    ssh_config_write(manager->dir, address, manager->port, err) != 0)
		return -1;
	return ssh_config_write_tasks(&manager->registry, err);
}

unsigned
manager_wanted_gates(const struct manager *manager)
{
	const struct config *config = manager->config;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->gates > 0)
		return (unsigned)config->gates;
	return cores < 1 ? 1u : (unsigned)cores;
}

static int
open_service(struct manager *manager, int inherited, struct error *err)
{
	const char *keys = manager->config->authorized_keys;
	bool beside;

	if (identity_open(keys, &manager->host_key, err) != 0 ||
	    policy_read(keys, &manager->keys, err) != 0 ||
	    reload_profiles(manager->config, &manager->profiles, err) != 0 ||
	    image_make_default(manager->dir, err) != 0)
		return -1;
	/* all that took its time, which no timer of a gate may count */
	uv_update_time(&manager->loop);
	beside = gates_adopt(&manager->gates);
	if (manager->is_upgraded) {
		gates_renew(&manager->gates);
		replays_adopt(&manager->replays);
	}
	if (open_port(manager, beside, inherited, err) != 0 ||
	    doors_open(&manager->doors, err) != 0)
		return -1;
	manager_watch_keys(manager);
	retention_open(&manager->retention, manager);
	gates_start(&manager->gates, manager_wanted_gates(manager));
	return 0;
}

/* Free what is left once the loop has run empty. */
static void
close_all(struct manager *manager)
{
	if (manager->loop.data != NULL) {
		if (manager->driver != NULL)
			manager->driver->verbs->free(manager->driver);
		(void)uv_run(&manager->loop, UV_RUN_DEFAULT);
		audit_close(&manager->audit);
		assert(uv_loop_close(&manager->loop) == 0);
	}
	if (manager->listener >= 0)
		(void)close(manager->listener);
	profiles_clear(&manager->profiles);
	authorized_keys_free(manager->keys);
	secret_clear(&manager->host_key);
	store_close(manager->store);
	home_close(&manager->home);
	free(manager);
}

/*
 * Run until the end that was asked for has come.
 *   ret  what opening gave: a manager that failed to open ends the same way,
 *        tasks it has taken over stay
 */
static int
serve(struct manager *manager, int ret, struct error *err)
{
	if (manager->loop.data == NULL) {
		close_all(manager);
		return ret;
	}
	if (ret != 0) {
		manager->why = *err;
		manager_stop(manager);
	}
	(void)uv_run(&manager->loop, UV_RUN_DEFAULT);
	if (manager->why.code != ERROR_NONE) {
		*err = manager->why;
		ret = -1;
	}
	if (manager->leaving)
		close_all(manager);
	else
		audit_flush(&manager->audit); /* it took too long: just end */
	return ret;
}

int
manager_run(struct settings *settings, const char *dir, struct error *err)
{
	struct manager *manager = memory_new(1, sizeof(*manager));
	struct inheritance inheritance;
	int ret;

	upgrade_inherit(&inheritance);
	manager->is_upgraded = inheritance.is_upgrade;
	ret = open_base(manager, settings, dir, inheritance.lock, err);
	if (ret == 0)
		ret = open_service(manager, inheritance.listener, err);
	if (ret == 0)
		log_info("serving %s on port %d", manager->dir, manager->port);
	return serve(manager, ret, err);
}

int
manager_run_down(struct settings *settings, const char *dir, struct error *err)
{
	struct manager *manager = memory_new(1, sizeof(*manager));
	int ret = open_base(manager, settings, dir, -1, err);

	manager->only_down = true;
	if (ret == 0) {
		(void)gates_adopt(&manager->gates);
		manager_destroy_all(manager);
	}
	return serve(manager, ret, err);
}
