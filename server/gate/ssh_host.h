/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate offers as an SSH host: its keys and its algorithms, as libssh's
 * ssh_bind. The algorithm lists are set, not inherited: no SHA-1, no
 * Diffie-Hellman group (costs an attacker a packet and us 100 ms, and libssh
 * 0.10 does not check the peer's share), no compression.
 */
#ifndef SERVER_GATE_SSH_HOST_H
#define SERVER_GATE_SSH_HOST_H

#include <stdint.h>

struct error;
struct ssh_bind_struct;
struct ssh_session_struct;

/* Once, before the process is confined: the libraries read what they need. */
void host_prepare(void);

/* Once, last. */
void host_finish(void);

/*
 * pems  OpenSSH private keys, NULL-terminated, one of a kind
 * returns the host, owned; NULL: ERROR_INVALID (a key),
 *         ERROR_SYSTEM
 */
struct ssh_bind_struct *host_new(char *const *pems, struct error *err);

/* NULL is accepted. */
void host_free(struct ssh_bind_struct *host);

/*
 * A server session on fd, ready for its callbacks; libssh owns fd from then on.
 *   rekey_bytes  0: libssh's own limits
 *   returns      the session, freed with ssh_free; NULL: fd is the caller's
 */
struct ssh_session_struct *host_accept(struct ssh_bind_struct *host, int fd,
    int64_t rekey_bytes, struct error *err);

#endif
