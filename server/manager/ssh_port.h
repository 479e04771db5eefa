/* SPDX-License-Identifier: Apache-2.0 */
/* The SSH port: bound here, accepted on by the gates alone. */
#ifndef SERVER_MANAGER_SSH_PORT_H
#define SERVER_MANAGER_SSH_PORT_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/*
 * Whether a listening socket is the one wanted: what it is bound to.
 *   port  0: any; what it is then, on 0
 */
int ssh_port_check(int fd, const char *address, int *port, struct error *err);

/*
 * Another process's listening socket on that address and port; not all hosts
 * let even root look.
 *   out  owned, close-on-exec
 */
int ssh_port_borrow(
    int64_t pid, const char *address, int *port, int *out, struct error *err);

/*
 * Listen on a numeric address.
 *   beside   gates of an earlier manager hold that port: share it with them
 *   port     0: the kernel picks; what it is then, on 0
 *   out      owned, non-blocking, close-on-exec
 *   returns  0, or -1: ERROR_INVALID (address), ERROR_STATE (in use),
 *            ERROR_SYSTEM
 */
int ssh_port_open(
    const char *address, int *port, bool beside, int *out, struct error *err);

#endif
