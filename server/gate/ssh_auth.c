/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication: public keys only, looked up in the gate's tables.
 *
 * libssh asks twice: whether a key would do, and again with its signature
 * verified. A client may leave out the first, so both ask everything; only the
 * second lets in. What never reaches a callback here (bad signatures, unknown
 * algorithms, other methods) libssh refuses; the connection's packet budget
 * bounds it.
 */
#include "server/gate/ssh_auth.h"

#include <stdio.h>

#include "server/gate/gate.h"
#include "server/gate/ssh_connection.h"

/* For the log: who it was that came to nothing. */
static void
note_denied(
    struct connection *connection, const char *user, struct ssh_key_struct *key)
{
	struct connection_denied *denied = &connection->denied;
	unsigned char *hash = NULL;
	char *text = NULL;
	size_t len = 0;

	if (denied->user[0] != '\0')
		return;
	(void)snprintf(denied->user, sizeof(denied->user), "%s", user);
	if (ssh_get_publickey_hash(
	        key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0)
		return;
	text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	if (text != NULL)
		(void)snprintf(denied->key, sizeof(denied->key), "%s", text);
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
}

static int
on_pubkey(ssh_session ssh, const char *user, struct ssh_key_struct *key,
    char state, void *data)
{
	struct connection *connection = data;
	const char *principal;
	enum access_user kind;
	char *blob = NULL;

	(void)ssh;
	if (connection->state != CONNECTION_HANDSHAKE ||
	    (state != SSH_PUBLICKEY_STATE_NONE &&
	        state != SSH_PUBLICKEY_STATE_VALID) ||
	    ssh_pki_export_pubkey_base64(key, &blob) != SSH_OK)
		return SSH_AUTH_DENIED;
	principal = access_check(connection->gate->access, user,
	    ssh_key_type_to_char(ssh_key_type(key)), blob, &kind);
	ssh_string_free_char(blob);
	if (principal == NULL) {
		note_denied(connection, user, key);
		return SSH_AUTH_DENIED;
	}
	if (state == SSH_PUBLICKEY_STATE_VALID)
		connection_opened(connection, user, principal, kind);
	return SSH_AUTH_SUCCESS;
}

/* Without this libssh answers gssapi-with-mic by itself, which it never
 * offered, and looks for credentials: files and DNS before authentication. */
static ssh_string
on_gssapi(
    ssh_session ssh, const char *user, int count, ssh_string *oids, void *data)
{
	(void)ssh;
	(void)user;
	(void)count;
	(void)oids;
	(void)data;
	return NULL;
}

void
auth_set_callbacks(struct ssh_server_callbacks_struct *callbacks)
{
	callbacks->auth_pubkey_function = on_pubkey;
	callbacks->gssapi_select_oid_function = on_gssapi;
}
