/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/gate.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/gate_entry.h"
#include "server/manager/gate_push.h"
#include "server/manager/gate_retire.h"
#include "server/manager/manager.h"
#include "server/manager/ssh_port.h"

static void fill(struct gates *gates);

static void
on_restart(uv_timer_t *timer)
{
	fill(container_of(timer, struct gates, restart));
}

/* How long the next start waits is decided by how long the last one lived. */
static void
replace(struct gates *gates, uint64_t lived_ms)
{
	if (lived_ms >= GATE_LIVES_MS)
		gates->backoff_ms = 0;
	/* one that waits already takes those along that end meanwhile */
	if (gates->backoff_ms == 0 ||
	    !uv_is_active((uv_handle_t *)&gates->restart))
		(void)uv_timer_start(
		    &gates->restart, on_restart, gates->backoff_ms, 0);
	gates->backoff_ms =
	    gates->backoff_ms == 0 ? GATE_BACKOFF_MS : gates->backoff_ms * 2;
	if (gates->backoff_ms > GATE_BACKOFF_MS_MAX)
		gates->backoff_ms = GATE_BACKOFF_MS_MAX;
}

static void
finish(struct gate *gate)
{
	struct gates *gates = gate->gates;
	struct gate **link = &gates->first;
	uint64_t lived_ms;
	bool is_missed;

	if (gate->connected || gate->handles)
		return;
	while (*link != gate)
		link = &(*link)->next;
	*link = gate->next;
	gates->count--;
	if (gate->is_retiring)
		gates->retiring--;
	is_missed = !gate->is_retiring;
	lived_ms = uv_now(&gates->manager->loop) - gate->started_ms;
	free(gate);
	if (!gates->stopping && is_missed)
		replace(gates, lived_ms);
	else if (gates->stopping && gates->count == 0)
		manager_gates_gone(gates->manager);
}

static void
on_owner_gone(struct owner *owner)
{
	struct gate *gate = container_of(owner, struct gate, owner);

	gate->handles = false;
	finish(gate);
}

static void
on_exit_seen(struct process *process)
{
	struct gate *gate = container_of(process, struct gate, process);
	struct error err;
	int64_t pid = process->id.pid;

	if (gate->gates->stopping || gate->is_retiring)
		log_info("gate %lld: ended", (long long)pid);
	else
		log_warning("gate %lld: ended with status %d, replaced",
		    (long long)pid, process->status);
	if (store_remove_gate(
	        gate->gates->manager->store, &process->id, &err) != 0)
		log_error("gate %lld: %s", (long long)pid, err.text);
	process_release(process);
	owner_close(&gate->owner);
	if (gate->connected)
		channel_close(&gate->asker.channel);
}

static void
on_asker_gone(struct asker *asker, const struct error *why)
{
	struct gate *gate = container_of(asker, struct gate, asker);

	gate->connected = false;
	if (!gate->gates->stopping && !gate->is_retiring)
		log_warning("gate %lld: killed: %s",
		    (long long)gate->process.id.pid,
		    why->code == ERROR_NONE ? "it hung up" : why->text);
	process_signal(&gate->process, SIGKILL);
	finish(gate);
}

static void
on_unready(uv_timer_t *timer)
{
	struct gate *gate = container_of(timer, struct gate, timer);

	log_warning("gate %lld: killed: not ready in time",
	    (long long)gate->process.id.pid);
	process_signal(&gate->process, SIGKILL);
}

static struct gate *
gate_new(struct gates *gates)
{
	uv_loop_t *loop = &gates->manager->loop;
	struct gate *gate = memory_new(1, sizeof(*gate));

	gate->gates = gates;
	gate->started_ms = uv_now(loop);
	gate->handles = true;
	process_absent(&gate->process);
	owner_init(&gate->owner, on_owner_gone);
	(void)uv_timer_init(loop, &gate->timer);
	owner_adopt(&gate->owner, (uv_handle_t *)&gate->timer);
	(void)uv_timer_start(&gate->timer, on_unready, GATE_READY_MS, 0);
	gate->next = gates->first;
	gates->first = gate;
	gates->count++;
	return gate;
}

static void
gate_runs(struct gate *gate)
{
	struct error err;

	owner_adopt(&gate->owner, (uv_handle_t *)&gate->process.poll);
	if (store_add_gate(
	        gate->gates->manager->store, &gate->process.id, &err) != 0)
		log_error(
		    "gate %lld: %s", (long long)gate->process.id.pid, err.text);
}

static int
gate_connect(struct gate *gate, enum asker_kind kind, int fd, struct error *err)
{
	if (asker_open(&gate->asker, gate->gates->manager, kind, fd,
	        on_asker_gone, err) != 0)
		return -1;
	gate->connected = true;
	return 0;
}

static int
gate_spawn(struct gate *gate, int control, struct error *err)
{
	char program[4096];
	struct process_command command = {
	    .path = program,
	    .fds = {control},
	    .fd_count = 1,
	};

	if (process_program("sallyport-gate", program, sizeof(program), err) !=
	        0 ||
	    process_start(&gate->process, &gate->gates->manager->loop, &command,
	        on_exit_seen, err) != 0)
		return -1;
	gate_runs(gate);
	return 0;
}

static int
gate_start(struct gate *gate, struct error *err)
{
	autoclose int near = -1, far = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, "socketpair: %s", strerror(errno));
	near = pair[0];
	far = pair[1];
	if (gate_spawn(gate, far, err) != 0 ||
	    gate_connect(gate, ASKER_GATE_NEW, near, err) != 0)
		return -1;
	(void)take_fd(&near);
	gate_push(gate->gates->manager, &gate->asker);
	return 0;
}

static void
fill(struct gates *gates)
{
	struct error err;
	struct gate *gate;

	while (!gates->stopping &&
	       gates->count - gates->retiring < gates->wanted) {
		gate = gate_new(gates);
		if (gate_start(gate, &err) == 0)
			continue;
		log_error("gate: not started: %s", err.text);
		process_signal(&gate->process, SIGKILL);
		if (gate->process.is_over)
			owner_close(&gate->owner);
		return;
	}
}

void
gates_open(struct gates *gates, struct manager *manager)
{
	gates->manager = manager;
	(void)uv_timer_init(&manager->loop, &gates->restart);
	owner_adopt(&manager->owner, (uv_handle_t *)&gates->restart);
	(void)uv_timer_init(&manager->loop, &gates->drain);
	owner_adopt(&manager->owner, (uv_handle_t *)&gates->drain);
}

/* One that an earlier manager left; it has GATE_READY_MS to connect. */
static struct gate *
gate_find_left(
    struct gates *gates, const struct process_id *id, struct error *err)
{
	struct gate *gate = gate_new(gates);

	if (process_watch(&gate->process, &gates->manager->loop, id,
	        on_exit_seen, err) != 0) {
		owner_close(&gate->owner);
		return NULL;
	}
	gate_runs(gate);
	return gate;
}

struct left {
	struct process_id *ids;
	size_t count;
};

static void
on_left(void *data, const struct process_id *id)
{
	struct left *left = data;

	left->ids =
	    memory_resize(left->ids, (left->count + 1) * sizeof(*left->ids));
	left->ids[left->count++] = *id;
}

bool
gates_adopt(struct gates *gates)
{
	struct store *store = gates->manager->store;
	struct left left = {0};
	struct error err;
	size_t i;

	if (store_load_gates(store, on_left, &left, &err) != 0)
		log_error("gates: %s", err.text);
	for (i = 0; i < left.count; i++) {
		if (process_is_alive(&left.ids[i]))
			(void)gate_find_left(gates, &left.ids[i], &err);
		else
			(void)store_remove_gate(store, &left.ids[i], &err);
	}
	free(left.ids);
	return gates->count > 0;
}

int
gates_borrow_port(struct gates *gates, int *port, int *out)
{
	const char *address = gates->manager->config->listen_address;
	struct gate *gate = gates->first;

	while (gate != NULL && ssh_port_borrow(gate->process.id.pid, address,
	                           port, out, NULL) != 0)
		gate = gate->next;
	return gate == NULL ? -1 : 0;
}

void
gates_start(struct gates *gates, unsigned wanted)
{
	gates->wanted = wanted;
	fill(gates);
}

static struct gate *
gate_of(struct gates *gates, int64_t pid, struct error *err)
{
	struct process_id id;
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next) {
		if (gate->process.id.pid == pid && !gate->process.is_over)
			return gate;
	}
	/* started just before its manager died, so never written down */
	if (process_identify(pid, &id, err) != 0)
		return NULL;
	return gate_find_left(gates, &id, err);
}

void
gates_accept(struct gates *gates, int fd)
{
	autoclose int own = fd;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct error err = {0};
	struct gate *gate = NULL;

	if (getsockopt(own, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    (int64_t)peer.uid != gates->manager->config->uid_gate) {
		log_warning("manager.sock: refused: not a gate");
		return;
	}
	if (!gates->stopping)
		gate = gate_of(gates, peer.pid, &err);
	if (gate == NULL || gate->connected) {
		log_warning("gate %lld: refused: %s", (long long)peer.pid,
		    gate == NULL ? err.text : "connected already");
		return;
	}
	if (gate_connect(gate, ASKER_GATE_LEFT, own, &err) != 0) {
		log_error("gate %lld: %s", (long long)peer.pid, err.text);
		return;
	}
	(void)take_fd(&own);
}

void
gates_configure(struct gates *gates, unsigned wanted)
{
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next) {
		if (gate->connected && gate->asker.kind != ASKER_GATE_LEFT)
			gate_push_configure(gates->manager, &gate->asker);
	}
	gates_push_keys(gates);
	gates->wanted = wanted;
	gates_retire_surplus(gates);
	gates_drain_retiring(gates);
	fill(gates);
}

void
gate_ready(struct asker *asker, const struct control_ready *ready)
{
	struct gate *gate = container_of(asker, struct gate, asker);

	(void)uv_timer_stop(&gate->timer);
	if (ready->draining) {
		gate_retire(gate);
		fill(gate->gates);
	}
	if (asker->kind == ASKER_GATE_LEFT)
		gate_push(gate->gates->manager, asker);
	asker->kind = ASKER_GATE;
	log_info("gate %lld: ready, %lld sessions",
	    (long long)gate->process.id.pid, (long long)ready->sessions);
	gates_drain_retiring(gate->gates);
	manager_gate_ready(gate->gates->manager);
}

void
gates_say(struct gates *gates, enum control_type type, const void *body)
{
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next) {
		/* one that was taken over is told everything at its ready */
		if (gate->connected && gate->asker.kind != ASKER_GATE_LEFT)
			asker_say(&gate->asker, type, body);
	}
}

void
gates_push_keys(struct gates *gates)
{
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next) {
		if (gate->connected && gate->asker.kind != ASKER_GATE_LEFT)
			gate_push_keys(gates->manager, &gate->asker);
	}
}

void
gates_hurry(struct gates *gates)
{
	struct gate *gate;

	if (!gates->stopping)
		return;
	for (gate = gates->first; gate != NULL; gate = gate->next)
		process_signal(&gate->process, SIGKILL);
}

static void
on_drained(uv_timer_t *timer)
{
	gates_hurry(container_of(timer, struct gates, drain));
}

void
gates_stop(struct gates *gates, uint64_t drain_ms)
{
	static const union control_body nothing;

	if (gates->stopping)
		return;
	gates->stopping = true;
	(void)uv_timer_stop(&gates->restart);
	gates_say(gates, CONTROL_DRAIN, &nothing);
	(void)uv_timer_start(
	    &gates->drain, on_drained, gates->count == 0 ? 0 : drain_ms, 0);
	if (gates->count == 0)
		manager_gates_gone(gates->manager);
}
