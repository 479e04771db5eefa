/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/identity.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "keys/host_key.h"
#include "keys/secret.h"
#include "keys/state_file.h"
#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/manager/ssh_config.h"

#define HOST_KEY_BYTES_MAX 16384u
#define LINE_BYTES_MAX     4096u

static int
seed_authorized(const char *path, struct error *err)
{
	autofree char *line = NULL;
	struct buffer text;
	int ret;

	if (access(path, F_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (host_key_public(IDENTITY_CLIENT, &line, err) != 0)
		return -1;
	buffer_init(&text, LINE_BYTES_MAX);
	ret = buffer_printf(
	    &text, err, "role=\"admin\",name=\"admin\" %s\n", line);
	if (ret == 0)
		ret = state_write(
		    path, 0600, buffer_bytes(&text), buffer_len(&text), err);
	buffer_clear(&text);
	return ret;
}

int
identity_open(
    const char *authorized, struct secret *host_key, struct error *err)
{
	autofree char *line = NULL;

	if (host_key_make(IDENTITY_HOST, "sallyport", err) != 0 ||
	    host_key_make(IDENTITY_CLIENT, "sallyport-admin", err) != 0 ||
	    host_key_public(IDENTITY_HOST, &line, err) != 0 ||
	    ssh_config_write_known(line, err) != 0 ||
	    seed_authorized(authorized, err) != 0)
		return -1;
	return secret_read(host_key, IDENTITY_HOST, HOST_KEY_BYTES_MAX, err);
}
