/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/ssh_config.h"

#include <string.h>

#include "keys/state_file.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/manager/home.h"
#include "server/manager/lifecycle.h"
#include "server/manager/registry.h"

#define FILE_BYTES_MAX (4u << 20)

/* ssh_config(5) has no escapes inside quotes, expands % and globs Include. */
static int
check_path(const char *dir, struct error *err)
{
	if (strpbrk(dir, "\"\n\r%*?[\\") != NULL)
		return error_set(err, ERROR_INVALID,
		    "%.100s: ssh_config cannot hold this path", dir);
	return 0;
}

static int
save(struct buffer *text, const char *path, struct error *err)
{
	int ret =
	    state_write(path, 0644, buffer_bytes(text), buffer_len(text), err);

	buffer_clear(text);
	return ret;
}

int
ssh_config_write(
    const char *dir, const char *address, int port, struct error *err)
{
	struct buffer text;

	if (check_path(dir, err) != 0)
		return -1;
	buffer_init(&text, FILE_BYTES_MAX);
	if (buffer_printf(&text, err,
	        "# Written by sallyportd.\n"
	        "Include \"%s/" SSH_CONFIG_TASKS "\"\n" /* before any Host */
	        "Host brain\n\tUser brain\n"
	        "Host ops\n\tUser ops\n"
	        "Host *\n" /* such a name no task can have: ssh will say it */
	        "\tUser no_such_task\n"
	        "\tHostName %s\n"
	        "\tPort %d\n"
	        "\tIdentityFile \"%s/client_ed25519\"\n"
	        "\tIdentitiesOnly yes\n"
	        "\tUserKnownHostsFile \"%s/known_hosts\"\n"
	        "\tGlobalKnownHostsFile none\n"
	        "\tHostKeyAlias " SSH_CONFIG_ALIAS "\n"
	        "\tStrictHostKeyChecking yes\n"
	        "\tUpdateHostKeys no\n"
	        "\tPreferredAuthentications publickey\n",
	        dir, address, port, dir, dir) != 0) {
		buffer_clear(&text);
		return -1;
	}
	return save(&text, "ssh_config", err);
}

int
ssh_config_write_known(const char *public_line, struct error *err)
{
	struct buffer text;

	buffer_init(&text, FILE_BYTES_MAX);
	if (buffer_printf(&text, err, SSH_CONFIG_ALIAS " %s\n", public_line) !=
	    0) {
		buffer_clear(&text);
		return -1;
	}
	return save(&text, "known_hosts", err);
}

int
ssh_config_write_tasks(const struct registry *registry, struct error *err)
{
	struct task *task = NULL;
	struct buffer text;
	const char *name;
	int ret;

	buffer_init(&text, FILE_BYTES_MAX);
	while ((task = registry_next(registry, task)) != NULL) {
		if (task->record.state != TASK_READY)
			continue;
		name = task->record.spec.name;
		if (buffer_printf(&text, err, "Host %s %s\n\tUser %s\n", name,
		        task->record.id, name) != 0) {
			buffer_clear(&text);
			return -1;
		}
	}
	ret = home_write(SSH_CONFIG_TASKS, 0644, buffer_bytes(&text),
	    buffer_len(&text), err);
	buffer_clear(&text);
	return ret;
}
