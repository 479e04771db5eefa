/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: everything that lives as long as the process. Started by the
 * manager, in its folder, with a control channel as descriptor 3.
 *
 *   waiting   for the configuration, the keys and the names. With the first
 *             it confines itself                       -> serving
 *   serving   accepts connections                      -> draining (drain,
 *             SIGTERM, or the manager is gone for good)
 *   draining  accepts none, serves those it has, and finishes the handshakes of
 *             those that were waiting; the process ends when the last
 * connection has closed. How long that may take is the manager's to bound.
 */
#ifndef SERVER_GATE_GATE_H
#define SERVER_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/control.h"
#include "protocol/error.h"
#include "server/common/owner.h"
#include "server/gate/access.h"
#include "server/gate/connection.h"
#include "server/gate/manager_client.h"

struct listener;
struct ssh_bind_struct;

#define GATE_UID  1879048193u /* unless the manager's socket is another's */
#define GATE_ROOT "run/gate"  /* of the folder it starts in: its chroot */

enum gate_state { GATE_WAITING = 0, GATE_SERVING, GATE_DRAINING, GATE_STATES };

struct gate {
	uv_loop_t *loop; /* borrowed */
	struct manager_client manager;
	struct control_configure config; /* owned */
	struct access *access;           /* owned */
	struct ssh_bind_struct *host;    /* owned; NULL until configured */
	int port;                        /* to listen on; owned; -1 */
	struct listener *listener;       /* NULL unless serving */
	struct connection_set connections;
	struct owner owner;
	uv_prepare_t flush; /* before the loop waits */
	uv_idle_t more;     /* active: it must not wait */
	uv_signal_t end;    /* SIGTERM */
	enum gate_state state;
	bool has_keys;
	bool has_names;
	bool has_failed; /* it could not be set up: see the log */
};

/*
 * Be a gate on fd, the channel from the manager, which is taken. Afterwards
 * uv_run() returns when the gate has ended.
 *   returns 0, or -1 and there is nothing to be run
 */
int gate_open(struct gate *gate, uv_loop_t *loop, int fd, struct error *err);

/* After uv_run(): free what is left. */
void gate_clear(struct gate *gate);

/* Accept no more; end when the last connection has. */
void gate_drain(struct gate *gate);

/* A connection's memory is about to go; connections.count is without it. */
void gate_connection_gone(struct gate *gate);

#endif
