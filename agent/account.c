/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/refused.h"
#include "protocol/cleanup.h"
#include "protocol/memory.h"

enum {
	PASSWD_NAME,
	PASSWD_PASSWORD,
	PASSWD_UID,
	PASSWD_GID,
	PASSWD_GECOS,
	PASSWD_HOME,
	PASSWD_SHELL,
	PASSWD_FIELDS
};
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS, GROUP_FIELDS };

/* An id that setresuid(2) would take for "leave it" is no id. */
static bool
read_id(const char *text, uint32_t *out)
{
	uint64_t id = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9' && at - text < 10; at++)
		id = id * 10 + (uint64_t)(*at - '0');
	if (at == text || *at != '\0' || id >= UINT32_MAX)
		return false;
	*out = (uint32_t)id;
	return true;
}

/*
 * A whole file with a NUL behind it. Not blocking, because a fifo may lie in
 * its place.
 */
static int
read_file(int etc_fd, const char *name, char **out, struct refused *refused)
{
	autoclose int fd =
	    openat(etc_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	autofree char *text = NULL;
	struct stat info;
	ssize_t len;

	if (fd < 0 && (errno == ENOENT || errno == EBADF)) {
		*out = memory_string("");
		return 0;
	}
	if (fd < 0 || fstat(fd, &info) != 0)
		return refused_sys(refused, errno, "/etc/%s", name);
	if (!S_ISREG(info.st_mode) || info.st_size > ACCOUNT_FILE_MAX)
		return refused_set(refused, REFUSAL_SYSTEM,
		    "/etc/%s is not a regular file of at most %u bytes", name,
		    ACCOUNT_FILE_MAX);
	text = memory_resize(NULL, (size_t)info.st_size + 1);
	len = read(fd, text, (size_t)info.st_size);
	if (len < 0)
		return refused_sys(refused, errno, "/etc/%s", name);
	text[len] = '\0';
	*out = take(&text);
	return 0;
}

/*
 * Cut the next line off *text and split it at its colons.
 * returns whether there was one; fields[0] is NULL when it is malformed.
 */
static bool
next_line(char **text, char *fields[], size_t count)
{
	char *line = strsep(text, "\n");
	size_t i;

	if (line == NULL)
		return false;
	for (i = 0; i < count; i++)
		fields[i] = strsep(&line, ":");
	if (fields[count - 1] == NULL || line != NULL || *fields[0] == '\0')
		fields[0] = NULL;
	return true;
}

static const char *
path_or(const char *path, const char *otherwise)
{
	return path[0] == '/' ? path : otherwise;
}

/* The line of a name, or of a number when is_number. */
static bool
find_user(char *passwd, const char *name, bool is_number, struct account *out)
{
	char *fields[PASSWD_FIELDS];

	while (next_line(&passwd, fields, PASSWD_FIELDS)) {
		uint32_t uid, gid;

		if (fields[0] == NULL || !read_id(fields[PASSWD_UID], &uid) ||
		    !read_id(fields[PASSWD_GID], &gid))
			continue;
		if (is_number ? uid != out->uid
		              : strcmp(fields[PASSWD_NAME], name) != 0)
			continue;
		out->uid = uid;
		out->gid = gid;
		out->name = fields[PASSWD_NAME];
		out->home = path_or(fields[PASSWD_HOME], "/");
		out->shell = path_or(fields[PASSWD_SHELL], "/bin/sh");
		return true;
	}
	return false;
}

static bool
is_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")) != NULL) {
		if (strcmp(member, name) == 0)
			return true;
	}
	return false;
}

static void
find_groups(char *group, struct account *out)
{
	char *fields[GROUP_FIELDS];

	while (out->group_count < ACCOUNT_GROUPS_MAX &&
	       next_line(&group, fields, GROUP_FIELDS)) {
		uint32_t gid;

		if (fields[0] != NULL && read_id(fields[GROUP_GID], &gid) &&
		    gid != out->gid &&
		    is_member(fields[GROUP_MEMBERS], out->name))
			out->groups[out->group_count++] = gid;
	}
}

static bool
find_group(char *group, const char *name, gid_t *out)
{
	char *fields[GROUP_FIELDS];

	if (read_id(name, out))
		return true;
	while (next_line(&group, fields, GROUP_FIELDS)) {
		if (fields[0] != NULL && strcmp(fields[0], name) == 0 &&
		    read_id(fields[GROUP_GID], out))
			return true;
	}
	return false;
}

static int
take_user(const char *name, struct account *out, struct refused *refused)
{
	bool is_number = read_id(name, &out->uid);

	out->gid = out->uid;
	out->name = out->digits;
	out->home = "/";
	out->shell = "/bin/sh";
	if (!find_user(out->text, name, is_number, out) && !is_number)
		return refused_set(refused, REFUSAL_NO_USER,
		    "no such user in /etc/passwd: \"%s\"", name);
	if (out->uid == ACCOUNT_RESERVED)
		return refused_set(refused, REFUSAL_NO_USER,
		    "user %u is the agent's own and runs no commands",
		    ACCOUNT_RESERVED);
	return 0;
}

int
account_find(const char *etc, const char *user, struct account *out,
    struct refused *refused)
{
	autoclose int etc_fd = open(etc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofree char *group = NULL;
	char *group_name = out->digits;
	const char *name;

	/* the groups are many, and memory touched is time */
	memset(out, 0, offsetof(struct account, groups));
	if (user == NULL)
		user = "0";
	if (strlen(user) >= sizeof(out->digits))
		return refused_set(refused, REFUSAL_NO_USER,
		    "a user's name of more than %u bytes", LIMIT_USER_BYTES);
	(void)snprintf(out->digits, sizeof(out->digits), "%s", user);
	name = strsep(&group_name, ":");
	if (read_file(etc_fd, "passwd", &out->text, refused) != 0 ||
	    read_file(etc_fd, "group", &group, refused) != 0 ||
	    take_user(name, out, refused) != 0)
		return -1;
	if (group_name == NULL)
		find_groups(group, out);
	else if (!find_group(group, group_name, &out->gid))
		return refused_set(refused, REFUSAL_NO_USER,
		    "no such group in /etc/group: \"%s\"", group_name);
	return 0;
}

void
account_clear(struct account *account)
{
	free(account->text);
	account->text = NULL;
}
