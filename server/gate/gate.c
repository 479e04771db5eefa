/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/gate.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/memory.h"
#include "server/common/confine.h"
#include "server/common/log.h"
#include "server/gate/listener.h"
#include "server/gate/ssh_host.h"

#define CROWD_MIN 256u /* connections whose memory is worth giving back */

/* Besides the base list: TCP. */
static const char *const syscalls[] = {"accept4", "connect", "getpeername",
    "getsockname", "getsockopt", "poll", "recvfrom", "sendto", "setsockopt",
    "shutdown", "socket", NULL};

/* The manager gave its socket to the user that gates are to be. */
static uid_t
gate_user(void)
{
	struct stat door;

	if (stat(GATE_ROOT MANAGER_PATH, &door) == 0 && door.st_uid != 0)
		return door.st_uid;
	return GATE_UID;
}

static int
confine_gate(struct error *err)
{
	uid_t user = gate_user();
	const struct confine cage = {
	    .uid = geteuid() == 0 ? user : CONFINE_SAME_USER,
	    .gid = user,
	    .root = GATE_ROOT,
	    .syscalls = syscalls,
	};

	return confine(&cage, err);
}

static void
give_up(struct gate *gate, const struct error *err)
{
	log_error("%s", err->text);
	gate->has_failed = true;
	gate_drain(gate);
}

/* Everything that must be read or opened was, when the cage closes. */
static int
set_host(struct gate *gate, struct error *err)
{
	bool is_first = gate->host == NULL;
	struct ssh_bind_struct *host = host_new(gate->config.host_keys, err);

	if (host == NULL)
		return error_wrap(err, "host keys");
	host_free(gate->host);
	gate->host = host;
	return is_first ? confine_gate(err) : 0;
}

/* Listen on the port that was given last. A former one is given up once what
 * waits on it has been accepted. */
static int
listen_anew(struct gate *gate, struct error *err)
{
	struct listener *listener;
	int fd = gate->port;

	if (fd < 0)
		return gate->listener == NULL ? error_set(err, ERROR_BUG,
		                                    "configured without a port")
		                              : 0;
	gate->port = -1;
	listener = listener_open(gate, fd, err);
	if (listener == NULL)
		return -1;
	listener_close(gate->listener);
	gate->listener = listener;
	return 0;
}

/* fd is taken. */
static void
on_configure(struct gate *gate, const struct control_configure *config, int fd)
{
	struct error err = {0};

	if (gate->port >= 0)
		(void)close(gate->port);
	gate->port = fd;
	json_clear(control_shapes[CONTROL_CONFIGURE], &gate->config);
	gate->config = *config;
	gate->config.host_keys = memory_vector(config->host_keys);
	gate->config.detach_key = memory_string(config->detach_key);
	if (set_host(gate, &err) != 0 ||
	    (gate->state == GATE_SERVING && listen_anew(gate, &err) != 0))
		give_up(gate, &err);
}

/* Nobody is let in before it is known who may be. */
static void
serve_when_told_all(struct gate *gate)
{
	struct error err = {0};

	if (gate->state != GATE_WAITING || gate->host == NULL ||
	    !gate->has_keys || !gate->has_names)
		return;
	if (listen_anew(gate, &err) != 0) {
		give_up(gate, &err);
		return;
	}
	gate->state = GATE_SERVING;
	manager_ready(&gate->manager);
}

static void
on_message(
    void *data, enum control_type type, const union control_body *body, int fd)
{
	struct gate *gate = data;

	if (type == CONTROL_CONFIGURE) {
		on_configure(gate, &body->configure, fd);
	} else if (type == CONTROL_KEYS) {
		access_keys(gate->access, &body->keys);
		gate->has_keys = gate->has_keys || body->keys.last;
	} else if (type == CONTROL_NAMES) {
		access_names(gate->access, &body->names);
		gate->has_names = true;
	} else if (type == CONTROL_DRAIN) {
		gate_drain(gate);
	} else {
		log_warning(
		    "manager: %s is not for a gate", control_types[type]);
	}
	serve_when_told_all(gate);
}

static int64_t
on_ready(void *data)
{
	const struct gate *gate = data;

	return (int64_t)gate->connections.count;
}

static void
on_manager_gone(void *data)
{
	log_error("manager: it did not come back: serving what is open");
	gate_drain(data);
}

static bool
may_see(void *data, const char *principal, const struct control_task *task)
{
	const struct gate *gate = data;

	return access_may_see(gate->access, principal, task);
}

static void
on_manager_closed(void *data)
{
	struct gate *gate = data;

	owner_close(&gate->owner);
}

static const struct manager_events manager_events = {
    .on_message = on_message,
    .on_ready = on_ready,
    .on_gone = on_manager_gone,
    .may_see = may_see,
    .on_closed = on_manager_closed,
};

static void
on_more(uv_idle_t *idle)
{
	(void)idle; /* that it is active is all it does */
}

static void
on_flush(uv_prepare_t *prepare)
{
	struct gate *gate =
	    (struct gate *)(void *)((char *)prepare -
	                            offsetof(struct gate, flush));

	if (connection_flush(&gate->connections))
		(void)uv_idle_start(&gate->more, on_more);
	else
		(void)uv_idle_stop(&gate->more);
}

static void
on_term(uv_signal_t *handle, int number)
{
	struct gate *gate = (struct gate *)(void *)((char *)handle -
	                                            offsetof(struct gate, end));

	(void)number;
	gate_drain(gate);
}

static void
on_gone(struct owner *owner)
{
	(void)owner; /* nothing is left in the loop: uv_run returns */
}

int
gate_open(struct gate *gate, uv_loop_t *loop, int fd, struct error *err)
{
	memset(gate, 0, sizeof(*gate));
	gate->loop = loop;
	gate->port = -1;
	if (manager_open(
	        &gate->manager, loop, fd, &manager_events, gate, err) != 0)
		return error_wrap(err, "manager");
	gate->access = access_new();
	json_absent(control_shapes[CONTROL_CONFIGURE], &gate->config);
	owner_init(&gate->owner, on_gone);
	(void)uv_prepare_init(loop, &gate->flush);
	owner_adopt(&gate->owner, (uv_handle_t *)&gate->flush);
	(void)uv_prepare_start(&gate->flush, on_flush);
	(void)uv_idle_init(loop, &gate->more);
	owner_adopt(&gate->owner, (uv_handle_t *)&gate->more);
	(void)uv_signal_init(loop, &gate->end);
	owner_adopt(&gate->owner, (uv_handle_t *)&gate->end);
	(void)uv_signal_start(&gate->end, on_term, SIGTERM);
	return 0;
}

void
gate_clear(struct gate *gate)
{
	access_free(gate->access);
	if (gate->port >= 0)
		(void)close(gate->port);
	host_free(gate->host);
	json_clear(control_shapes[CONTROL_CONFIGURE], &gate->config);
}

static void
end_when_idle(struct gate *gate)
{
	if (gate->state == GATE_DRAINING && gate->connections.count == 0)
		manager_close(&gate->manager);
}

void
gate_drain(struct gate *gate)
{
	if (gate->state == GATE_DRAINING)
		return;
	log_info("draining: %zu connections are open", gate->connections.count);
	gate->state = GATE_DRAINING;
	gate->manager.draining = true;
	listener_close(gate->listener);
	gate->listener = NULL;
	end_when_idle(gate);
}

/* What many connections had is in pieces all over the heap, which free() alone
 * does not give back. */
static void
give_back_memory(struct connection_set *set)
{
	if (set->most < CROWD_MIN || set->count > set->most / 4)
		return;
	(void)malloc_trim(0);
	set->most = set->count;
}

void
gate_connection_gone(struct gate *gate)
{
	give_back_memory(&gate->connections);
	end_when_idle(gate);
}
