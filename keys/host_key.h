/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 key pairs in OpenSSH's files: host keys and the admin's own key. */
#ifndef KEYS_HOST_KEY_H
#define KEYS_HOST_KEY_H

struct error;

/*
 * Make a key pair: path gets the private key (0600, unencrypted), path.pub the
 * public line. Both appear whole or not at all; what is there is kept.
 *   comment  put behind the public key; no newline
 *   returns  0, also when path was there; -1 ERROR_SYSTEM
 *   source   OpenSSH's PROTOCOL.key
 */
int host_key_make(const char *path, const char *comment, struct error *err);

/*
 * The public line of path.pub, "ssh-ed25519 AAAA... comment", without a
 * newline.
 *   out  owned by the caller on 0
 */
int host_key_public(const char *path, char **out, struct error *err);

#endif
