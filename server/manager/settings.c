/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"

int
settings_read(const struct settings *settings, const char *dir,
    struct config *out, struct error *err)
{
	char path[PATH_MAX];
	struct error why = {0};

	if (settings->file == NULL &&
	    snprintf(path, sizeof(path), "%s/config.json", dir) >=
	        (int)sizeof(path))
		return error_set(err, ERROR_LIMIT, "DIR's path is long");
	if (config_load(out, settings->file == NULL ? path : settings->file,
	        &why) != 0 &&
	    (why.code != ERROR_NOT_FOUND || settings->file != NULL)) {
		*err = why;
		return -1;
	}
	if (settings->port >= 0)
		out->port = settings->port;
	return 0;
}

int
settings_open(struct settings *settings, const char *dir, const char *file,
    int64_t port, struct error *err)
{
	memset(settings, 0, sizeof(*settings));
	config_init(&settings->config);
	settings->port = port;
	if (file != NULL) {
		/* the manager goes to DIR */
		settings->file = realpath(file, NULL);
		if (settings->file == NULL)
			return error_sys(err, "%s", file);
	}
	return settings_read(settings, dir, &settings->config, err);
}

void
settings_clear(struct settings *settings)
{
	config_clear(&settings->config);
	free(settings->file);
	settings->file = NULL;
}
