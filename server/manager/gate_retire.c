/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/gate_retire.h"

#include <signal.h>
#include <stddef.h>

#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/gate_entry.h"
#include "server/manager/manager.h"

void
gate_retire(struct gate *gate)
{
	if (gate->is_retiring)
		return;
	gate->is_retiring = true;
	gate->gates->retiring++;
}

void
gates_renew(struct gates *gates)
{
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next)
		gate_retire(gate);
}

static bool
is_serving(const struct gate *gate)
{
	return gate->connected && gate->asker.kind == ASKER_GATE;
}

static void
on_drain_over(uv_timer_t *timer)
{
	struct gate *gate = container_of(timer, struct gate, timer);

	log_warning("gate %lld: killed: its connections did not end",
	    (long long)gate->process.id.pid);
	process_signal(&gate->process, SIGKILL);
}

void
gates_drain_retiring(struct gates *gates)
{
	static const union control_body nothing;
	struct gate *gate = gates->first;

	while (gate != NULL && (gate->is_retiring || !is_serving(gate)))
		gate = gate->next;
	if (gate == NULL)
		return;
	for (gate = gates->first; gate != NULL; gate = gate->next) {
		if (!gate->is_retiring || gate->is_told || !is_serving(gate))
			continue;
		gate->is_told = true;
		asker_say(&gate->asker, CONTROL_DRAIN, &nothing);
		(void)uv_timer_start(&gate->timer, on_drain_over,
		    (uint64_t)gates->manager->config->drain_ms, 0);
	}
}

/* Those that were started last have the fewest connections. */
void
gates_retire_surplus(struct gates *gates)
{
	struct gate *gate;

	for (gate = gates->first; gate != NULL; gate = gate->next) {
		if (gates->count - gates->retiring <= gates->wanted)
			return;
		gate_retire(gate);
	}
}
