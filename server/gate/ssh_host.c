/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_host.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/crypto.h>

#include "protocol/error.h"
#include "server/gate/ssh_library.h"

#define MACS                                                           \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com," \
	"hmac-sha2-256,hmac-sha2-512"
#define CIPHERS                                                 \
	"aes128-gcm@openssh.com,chacha20-poly1305@openssh.com," \
	"aes256-gcm@openssh.com,aes128-ctr,aes256-ctr"
#define SIGNATURES                                 \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,"  \
	"ecdsa-sha2-nistp256,ecdsa-sha2-nistp384," \
	"ecdsa-sha2-nistp521,"                     \
	"sk-ecdsa-sha2-nistp256@openssh.com,"      \
	"rsa-sha2-512,rsa-sha2-256"

static const struct {
	enum ssh_bind_options_e option;
	const char *value;
} algorithms[] = {
    {SSH_BIND_OPTIONS_BANNER, "sallyport_" SALLYPORT_VERSION},
    {SSH_BIND_OPTIONS_KEY_EXCHANGE,
        "curve25519-sha256,curve25519-sha256@libssh.org,"
        "ecdh-sha2-nistp256,ecdh-sha2-nistp521"},
    {SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS,
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
        "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"},
    {SSH_BIND_OPTIONS_CIPHERS_C_S, CIPHERS},
    {SSH_BIND_OPTIONS_CIPHERS_S_C, CIPHERS},
    {SSH_BIND_OPTIONS_HMAC_C_S, MACS},
    {SSH_BIND_OPTIONS_HMAC_S_C, MACS},
    {SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, SIGNATURES},
};

void
host_prepare(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG |
	                              OPENSSL_INIT_ADD_ALL_CIPHERS |
	                              OPENSSL_INIT_ADD_ALL_DIGESTS,
	    NULL);
	(void)ssh_init();
}

void
host_finish(void)
{
	(void)ssh_finalize();
}

static int
set_algorithms(ssh_bind host, struct error *err)
{
	bool process_config = false;
	size_t i;

	/* else the first accept reads /etc/ssh/libssh_server_config */
	if (ssh_bind_options_set(host, SSH_BIND_OPTIONS_PROCESS_CONFIG,
	        &process_config) != SSH_OK)
		return error_set(
		    err, ERROR_SYSTEM, "libssh: %s", ssh_get_error(host));
	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (ssh_bind_options_set(host, algorithms[i].option,
		        algorithms[i].value) != SSH_OK)
			return error_set(err, ERROR_SYSTEM,
			    "libssh: \"%s\": %s", algorithms[i].value,
			    ssh_get_error(host));
	}
	return 0;
}

static int
add_key(ssh_bind host, const char *pem, struct error *err)
{
	ssh_key key = NULL;

	if (ssh_pki_import_privkey_base64(pem, NULL, NULL, NULL, &key) !=
	    SSH_OK)
		return error_set(
		    err, ERROR_INVALID, "a host key cannot be read");
	if (ssh_bind_options_set(host, SSH_BIND_OPTIONS_IMPORT_KEY, key) !=
	    SSH_OK) {
		ssh_key_free(key);
		return error_set(
		    err, ERROR_INVALID, "a host key: %s", ssh_get_error(host));
	}
	return 0;
}

ssh_bind
host_new(char *const *pems, struct error *err)
{
	ssh_bind host = ssh_bind_new();
	size_t i;

	if (host == NULL) {
		(void)error_set(err, ERROR_SYSTEM, "libssh: no memory");
		return NULL;
	}
	if (set_algorithms(host, err) != 0)
		goto failed;
	for (i = 0; pems != NULL && pems[i] != NULL; i++) {
		if (add_key(host, pems[i], err) != 0)
			goto failed;
	}
	if (i > 0)
		return host;
	(void)error_set(err, ERROR_INVALID, "there is no host key");
failed:
	ssh_bind_free(host);
	return NULL;
}

void
host_free(struct ssh_bind_struct *host)
{
	ssh_bind_free(host);
}

static int
set_options(ssh_session ssh, int64_t rekey_bytes)
{
	uint64_t rekey = (uint64_t)rekey_bytes;

	ssh_set_blocking(ssh, 0);
	if (ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_C_S, "none") != 0 ||
	    ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_S_C, "none") != 0)
		return -1;
	return rekey == 0
	           ? 0
	           : ssh_options_set(ssh, SSH_OPTIONS_REKEY_DATA, &rekey);
}

ssh_session
host_accept(ssh_bind host, int fd, int64_t rekey_bytes, struct error *err)
{
	ssh_session ssh = ssh_new();

	if (ssh == NULL) {
		(void)error_set(err, ERROR_SYSTEM, "libssh: no memory");
		return NULL;
	}
	if (set_options(ssh, rekey_bytes) != 0) {
		(void)error_set(
		    err, ERROR_SYSTEM, "libssh: %s", ssh_get_error(ssh));
	} else if (ssh_bind_accept_fd(host, ssh, fd) != SSH_OK) {
		(void)error_set(
		    err, ERROR_SYSTEM, "libssh: %s", ssh_get_error(host));
	} else {
		return ssh;
	}
	ssh_free(ssh);
	return NULL;
}
