/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/oom.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"

#define KEY "oom_kill "

int
oom_count(int fd, int64_t *count, struct error *err)
{
	char text[4096];
	const char *line;
	ssize_t len;
	char *end;
	intmax_t value;

	if (fd < 0) {
		*count = 0;
		return 0;
	}
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len < 0)
		return error_sys(err, "read the oom counter");
	text[len] = '\0';
	line = text;
	while (line != NULL && strncmp(line, KEY, strlen(KEY)) != 0) {
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	if (line == NULL)
		return error_set(err, ERROR_INVALID, "no oom_kill line");
	errno = 0;
	value = strtoimax(line + strlen(KEY), &end, 10);
	if (!isdigit((unsigned char)line[strlen(KEY)]) || errno != 0 ||
	    (*end != '\n' && *end != '\0'))
		return error_set(err, ERROR_INVALID, "oom_kill is no number");
	*count = value;
	return 0;
}
