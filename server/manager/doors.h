/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where others come in: run/admin.sock for the local admin's command, and
 * run/gate/manager.sock for gates that an earlier manager left.
 */
#ifndef SERVER_MANAGER_DOORS_H
#define SERVER_MANAGER_DOORS_H

#include <uv.h>

#include "server/common/owner.h"

struct admin;
struct error;
struct manager;

#define DOORS_ADMIN  "run/admin.sock"
#define DOORS_ADMINS 64 /* connections of admins at once */

struct doors {
	struct manager *manager; /* borrowed */
	struct owner owner;
	uv_poll_t admin; /* adopted by owner */
	uv_poll_t gate;  /* adopted by owner */
	int admin_fd;    /* owned; -1: shut */
	int gate_fd;     /* owned; -1: shut */
	struct admin *admins;
	unsigned admin_count;
};

/* No socket yet. */
void doors_init(struct doors *doors, struct manager *manager);

/* Make both sockets and begin to accept. ERROR_SYSTEM. */
int doors_open(struct doors *doors, struct error *err);

/* Accept no more; connections stay. */
void doors_shut(struct doors *doors);

/* End the connections once what was said to them is sent; each is told with
 * manager_admin_gone. */
void doors_finish(struct doors *doors);

#endif
