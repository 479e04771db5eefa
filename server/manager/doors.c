/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/doors.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/manager.h"
#include "server/manager/unix_socket.h"

struct admin {
	struct doors *doors;
	struct admin *next;
	struct asker asker;
};

static void
on_admin_gone(struct asker *asker, const struct error *why)
{
	struct admin *admin = container_of(asker, struct admin, asker);
	struct doors *doors = admin->doors;
	struct admin **link = &doors->admins;

	if (why->code != ERROR_NONE)
		log_warning("admin.sock: %s", why->text);
	while (*link != admin)
		link = &(*link)->next;
	*link = admin->next;
	doors->admin_count--;
	free(admin);
	manager_admin_gone(doors->manager);
}

static void
accept_admin(struct doors *doors, int fd)
{
	struct error err = {0};
	struct admin *admin;

	if (doors->admin_count >= DOORS_ADMINS) {
		log_warning("admin.sock: %d connections already", DOORS_ADMINS);
		(void)close(fd);
		return;
	}
	admin = memory_new(1, sizeof(*admin));
	admin->doors = doors;
	if (asker_open(&admin->asker, doors->manager, ASKER_ADMIN, fd,
	        on_admin_gone, &err) != 0) {
		log_error("admin.sock: %s", err.text);
		(void)close(fd);
		free(admin);
		return;
	}
	admin->next = doors->admins;
	doors->admins = admin;
	doors->admin_count++;
}

static void
on_admin(uv_poll_t *poll, int status, int events)
{
	struct doors *doors = container_of(poll, struct doors, admin);
	int fd =
	    accept4(doors->admin_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd >= 0)
		accept_admin(doors, fd);
}

static void
on_gate(uv_poll_t *poll, int status, int events)
{
	struct doors *doors = container_of(poll, struct doors, gate);
	int fd =
	    accept4(doors->gate_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status;
	(void)events;
	if (fd >= 0)
		gates_accept(&doors->manager->gates, fd);
}

static int
watch(struct doors *doors, uv_poll_t *poll, int fd, uv_poll_cb on_ready,
    struct error *err)
{
	struct manager *manager = doors->manager;
	int ret = uv_poll_init(&manager->loop, poll, fd);

	if (ret != 0)
		return error_set(
		    err, ERROR_SYSTEM, "poll: %s", uv_err_name(ret));
	owner_adopt(&doors->owner, (uv_handle_t *)poll);
	(void)uv_poll_start(poll, UV_READABLE, on_ready);
	return 0;
}

static void
on_gone(struct owner *owner)
{
	(void)owner; /* part of the manager, which outlives its loop */
}

void
doors_init(struct doors *doors, struct manager *manager)
{
	doors->manager = manager;
	doors->admin_fd = doors->gate_fd = -1;
	owner_init(&doors->owner, on_gone);
}

int
doors_open(struct doors *doors, struct error *err)
{
	uid_t gate_uid = (uid_t)doors->manager->config->uid_gate;

	if (unix_listen(DOORS_ADMIN, 0, &doors->admin_fd, err) != 0 ||
	    watch(doors, &doors->admin, doors->admin_fd, on_admin, err) != 0 ||
	    unix_listen(GATE_SOCKET, gate_uid, &doors->gate_fd, err) != 0 ||
	    watch(doors, &doors->gate, doors->gate_fd, on_gate, err) != 0)
		return -1;
	return 0;
}

void
doors_shut(struct doors *doors)
{
	if (doors->owner.count > 0)
		owner_close(&doors->owner);
	if (doors->admin_fd >= 0)
		(void)close(take_fd(&doors->admin_fd));
	if (doors->gate_fd >= 0)
		(void)close(take_fd(&doors->gate_fd));
}

void
doors_finish(struct doors *doors)
{
	struct admin *admin;

	for (admin = doors->admins; admin != NULL; admin = admin->next)
		channel_finish(&admin->asker.channel);
}
