/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/agent_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/tree.h"
#include "server/manager/bundle.h"

#define BLOCK_BYTES 65536

static bool
is_same(const char *one, const char *other)
{
	autoclose int a = open(one, O_RDONLY | O_CLOEXEC);
	autoclose int b = open(other, O_RDONLY | O_CLOEXEC);
	char left[BLOCK_BYTES], right[BLOCK_BYTES];
	ssize_t len, got;

	if (a < 0 || b < 0)
		return false;
	do {
		len = read(a, left, sizeof(left));
		got = read(b, right, sizeof(right));
		if (len < 0 || len != got ||
		    memcmp(left, right, (size_t)len) != 0)
			return false;
	} while (len > 0);
	return true;
}

static int
fill(const char *path, const char *agent, struct error *err)
{
	autofree char *folder = NULL, *file = NULL;

	if (asprintf(&file, "%s%s", path, BUNDLE_AGENT) < 0)
		abort();
	folder = strndup(file, (size_t)(strrchr(file, '/') - file));
	if (folder == NULL)
		abort();
	/* the folders are seen in the sandbox, whatever the umask here is */
	if (mkdir(path, 0755) != 0 || chmod(path, 0755) != 0 ||
	    mkdir(folder, 0755) != 0 || chmod(folder, 0755) != 0)
		return error_sys(err, "%s", folder);
	if (tree_copy(agent, AT_FDCWD, file, err) != 0)
		return -1;
	if (access(file, X_OK) != 0)
		return error_set(err, ERROR_NOT_FOUND,
		    "%s is not a program that everybody may read", agent);
	return 0;
}

int
agent_layer_make(const char *path, const char *agent, struct error *err)
{
	autofree char *fresh = NULL, *now = NULL;

	if (asprintf(&fresh, "%s.new", path) < 0 ||
	    asprintf(&now, "%s%s", path, BUNDLE_AGENT) < 0)
		abort();
	if (is_same(now, agent))
		return 0;
	if (tree_remove(AT_FDCWD, fresh, err) != 0 ||
	    fill(fresh, agent, err) != 0)
		return -1;
	/* a sandbox that runs keeps its agent open: it loses only the name */
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return tree_remove(AT_FDCWD, fresh, err);
	if (errno != ENOENT || rename(fresh, path) != 0)
		return error_sys(err, "rename %s", fresh);
	return 0;
}
