/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/gate_push.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"

/* Parts that fit a frame, also when JSON doubles every byte. */
#define KEYS_PART_BYTES (100u << 10)
#define KEYS_PART       1024u
#define NAMES_PART      2048u

void
gate_push_configure(struct manager *manager, struct asker *gate)
{
	const struct config *config = manager->config;
	char *host_keys[] = {manager->host_key.bytes, NULL};
	struct control_configure configure = {
	    .host_keys = host_keys,
	    .grace_ms = config->grace_ms,
	    .connections = config->connections_max,
	    .connections_per_address = config->connections_per_address,
	    .channels = config->channels_per_connection,
	    .keepalive_ms = config->keepalive_ms,
	    .keepalive_count = config->keepalive_count,
	    .rekey_bytes = config->rekey_bytes,
	    .detach_key = strcmp(config->detach_key, "none") == 0
	                      ? NULL
	                      : config->detach_key,
	};
	int fd = fcntl(manager->listener, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		log_error("gate: not configured: %s", strerror(errno));
		channel_close(&gate->channel);
		return;
	}
	asker_say_fd(gate, CONTROL_CONFIGURE, &configure, fd);
}

static void
push_part(struct asker *gate, struct control_keys *part, size_t *count)
{
	part->lines[*count] = NULL;
	asker_say(gate, CONTROL_KEYS, part);
	part->first = false;
	while (*count > 0)
		free(part->lines[--*count]);
}

void
gate_push_keys(struct manager *manager, struct asker *gate)
{
	const struct authorized_keys *keys = manager->keys;
	char *lines[KEYS_PART + 1];
	struct control_keys part = {.first = true, .lines = lines};
	size_t total = authorized_keys_count(keys);
	size_t count = 0, bytes = 0, i;
	const char *line;

	for (i = 0; i < total; i++) {
		line = authorized_keys_line(keys, i);
		bytes += strlen(line);
		if (count == KEYS_PART || bytes > KEYS_PART_BYTES) {
			push_part(gate, &part, &count);
			bytes = strlen(line);
		}
		lines[count++] = memory_string(line);
	}
	part.last = true;
	push_part(gate, &part, &count);
}

static void
push_names(struct manager *manager, struct asker *gate)
{
	char *add[NAMES_PART + 3];
	struct control_names names = {.first = true, .add = add};
	struct task *task = NULL;
	size_t count = 0;

	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (task->record.state != TASK_READY)
			continue;
		add[count++] = task->record.id;
		if (strcmp(task->record.id, task->record.spec.name) != 0)
			add[count++] = task->record.spec.name;
		if (count < NAMES_PART)
			continue;
		add[count] = NULL;
		asker_say(gate, CONTROL_NAMES, &names);
		names.first = false;
		count = 0;
	}
	add[count] = NULL;
	asker_say(gate, CONTROL_NAMES, &names);
}

void
gate_push(struct manager *manager, struct asker *gate)
{
	gate_push_configure(manager, gate);
	gate_push_keys(manager, gate);
	push_names(manager, gate);
}
