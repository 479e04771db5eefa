/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys in DIR: the host's, the local admin's own, and who else may log in.
 * What is missing is made, what is there is kept.
 */
#ifndef SERVER_MANAGER_IDENTITY_H
#define SERVER_MANAGER_IDENTITY_H

struct error;
struct secret;

#define IDENTITY_HOST   "host_ed25519"
#define IDENTITY_CLIENT "client_ed25519"

/*
 * Make both key pairs, known_hosts, and a file of authorized keys that lets
 * the client key in as an admin.
 *   authorized  its path
 *   host_key    the host's private key; wiped by the caller
 */
int identity_open(
    const char *authorized, struct secret *host_key, struct error *err);

#endif
