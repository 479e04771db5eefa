/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/profile.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/common/config_text.h"

#define SUFFIX ".json"

static const char *const runtimes[] = {"auto", "runc", "crun", NULL};
enum { RUNTIME_ABSENT = -1 };

/* What a file says; the names are task_spec's. */
struct profile_file {
	char *image;
	int runtime;
	struct task_limits limits;
	struct task_limits max;
	char **env;
	int64_t ttl_ms;
	int64_t ttl_ms_max;
	int64_t idle_ms;
	int64_t idle_ms_max;
	struct recording_spec recording;
};

#define AT(member) offsetof(struct profile_file, member)
#define TIME(member)                                                         \
	{                                                                    \
		.name = #member, .kind = JSON_INTEGER, .offset = AT(member), \
		.max = LIMIT_TTL_MS_MAX, .absent = -1                        \
	}

static const struct json_field fields[] = {
    {.name = "image",
        .kind = JSON_STRING,
        .offset = AT(image),
        .min = 1,
        .max = LIMIT_NAME_BYTES},
    {.name = "runtime",
        .kind = JSON_ENUM,
        .offset = AT(runtime),
        .absent = RUNTIME_ABSENT,
        .names = runtimes},
    {.name = "limits",
        .kind = JSON_RECORD,
        .offset = AT(limits),
        .shape = &task_limits_shape},
    {.name = "max",
        .kind = JSON_RECORD,
        .offset = AT(max),
        .shape = &task_limits_shape},
    {.name = "env",
        .kind = JSON_MAP,
        .offset = AT(env),
        .max = LIMIT_ENV,
        .item_max = LIMIT_ENV_BYTES},
    TIME(ttl_ms),
    TIME(ttl_ms_max),
    TIME(idle_ms),
    TIME(idle_ms_max),
    {.name = "recording",
        .kind = JSON_RECORD,
        .offset = AT(recording),
        .shape = &recording_spec_shape},
};

static const struct json_shape shape = {
    JSON_SHAPE(fields, struct profile_file)};

static void
clear(struct profile *profile)
{
	free(profile->name);
	free(profile->image);
	free(profile->runtime);
	memory_vector_free(profile->env);
	memset(profile, 0, sizeof(*profile));
}

void
profiles_clear(struct profiles *profiles)
{
	size_t i;

	for (i = 0; i < profiles->count; i++)
		clear(&profiles->items[i]);
	free(profiles->items);
	memset(profiles, 0, sizeof(*profiles));
}

static struct profile *
find(const struct profiles *profiles, const char *name)
{
	size_t i;

	for (i = 0; i < profiles->count; i++) {
		if (strcmp(profiles->items[i].name, name) == 0)
			return &profiles->items[i];
	}
	return NULL;
}

/* A copy of base under another name. */
static struct profile *
add(struct profiles *profiles, const struct profile *base, const char *name)
{
	struct profile *profile;

	profiles->items = memory_resize(
	    profiles->items, (profiles->count + 1) * sizeof(*profiles->items));
	profile = &profiles->items[profiles->count++];
	*profile = *base;
	profile->name = memory_string(name);
	profile->image = memory_string(base->image);
	profile->runtime = memory_string(base->runtime);
	profile->env = memory_vector(base->env);
	return profile;
}

static void
overlay_time(int64_t *time, int64_t said)
{
	if (said >= 0)
		*time = said;
}

static int
check_time(const char *field, int64_t asked, int64_t most, struct error *err)
{
	if (most > 0 && (asked == 0 || asked > most))
		return error_set(err, ERROR_LIMIT,
		    "\"%s\" is %" PRId64 "%s, more than %" PRId64, field, asked,
		    asked == 0 ? ", no end" : "", most);
	return 0;
}

static int
check_life(const struct profile *profile, int64_t ttl_ms, int64_t idle_ms,
    struct error *err)
{
	if (check_time("ttl_ms", ttl_ms, profile->ttl_ms_max, err) != 0)
		return -1;
	return check_time("idle_ms", idle_ms, profile->idle_ms_max, err);
}

/* What a task has that names none: the most, where that is less than no end. */
static int64_t
usual(int64_t time, int64_t most)
{
	return time == 0 ? most : time;
}

static void
overlay(struct profile *profile, struct profile_file *file)
{
	if (file->image != NULL) {
		free(profile->image);
		profile->image = take(&file->image);
	}
	if (file->runtime != RUNTIME_ABSENT) {
		free(profile->runtime);
		profile->runtime = memory_string(runtimes[file->runtime]);
	}
	if (file->env != NULL) {
		memory_vector_free(profile->env);
		profile->env = take(&file->env);
	}
	overlay_time(&profile->ttl_ms, file->ttl_ms);
	overlay_time(&profile->ttl_ms_max, file->ttl_ms_max);
	overlay_time(&profile->idle_ms, file->idle_ms);
	overlay_time(&profile->idle_ms_max, file->idle_ms_max);
	if (file->recording.present)
		profile->recording = file->recording;
	task_limits_merge(&file->limits, &profile->limits);
	profile->limits = file->limits;
	task_limits_merge(&file->max, &profile->max);
	profile->max = file->max;
}

static int
read_file(
    int folder, const char *file, char *text, size_t *len, struct error *err)
{
	autoclose int fd =
	    openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? -1 : read(fd, text, PROFILE_FILE_MAX + 1);

	if (got < 0)
		return error_sys(err, "read: %s", strerror(errno));
	if ((size_t)got > PROFILE_FILE_MAX)
		return error_set(
		    err, ERROR_LIMIT, "more than %u bytes", PROFILE_FILE_MAX);
	*len = (size_t)got;
	return 0;
}

static int
load_file(struct profiles *profiles, const struct profile *base, int folder,
    const char *file, struct error *err)
{
	autofree char *text = memory_new(1, PROFILE_FILE_MAX + 1);
	autofree char *name = strndup(file, strlen(file) - strlen(SUFFIX));
	struct profile_file body;
	struct profile *profile;
	size_t len = 0;

	if (name == NULL)
		abort();
	if (!name_is_valid(name))
		return error_set(err, ERROR_INVALID, "not a profile's name");
	if (profiles->count >= PROFILES_MAX)
		return error_set(
		    err, ERROR_LIMIT, "more than %d profiles", PROFILES_MAX);
	if (read_file(folder, file, text, &len, err) != 0)
		return -1;
	if (json_read(&shape, text, len, &body, err) != 0) {
		json_clear(&shape, &body);
		return error_wrap(
		    err, "line %zu", config_text_line(text, len, err->text));
	}
	profile = find(profiles, name);
	if (profile == NULL)
		profile = add(profiles, base, name);
	overlay(profile, &body);
	json_clear(&shape, &body);
	if (task_limits_check(&profile->limits, &profile->max, err) != 0)
		return -1;
	return check_life(profile, usual(profile->ttl_ms, profile->ttl_ms_max),
	    usual(profile->idle_ms, profile->idle_ms_max), err);
}

static int
load_folder(struct profiles *profiles, const struct profile *base, DIR *folder,
    struct error *err)
{
	const struct dirent *entry;
	size_t len;

	while ((entry = readdir(folder)) != NULL) {
		len = strlen(entry->d_name);
		if (len <= strlen(SUFFIX) || entry->d_name[0] == '.' ||
		    strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		if (load_file(
		        profiles, base, dirfd(folder), entry->d_name, err) != 0)
			return error_wrap(err, "profile %s", entry->d_name);
	}
	return 0;
}

int
profiles_load(struct profiles *out, const struct profile *base,
    const char *folder, struct error *err)
{
	struct profiles profiles = {0};
	DIR *dir;
	int ret = 0;

	(void)add(&profiles, base, PROFILE_DEFAULT);
	dir = opendir(folder);
	if (dir != NULL) {
		ret = load_folder(&profiles, base, dir, err);
		(void)closedir(dir);
	} else if (errno != ENOENT) {
		ret = error_sys(err, "%s: %s", folder, strerror(errno));
	}
	if (ret != 0)
		profiles_clear(&profiles);
	else
		*out = profiles;
	return ret;
}

static bool
same_variable(const char *one, const char *other)
{
	size_t len = strcspn(one, "=");

	return strncmp(one, other, len + 1) == 0;
}

/* What the profile has and the request does not, then the request's. */
static char **
merge_env(char *const *base, char **own)
{
	size_t count = memory_vector_len(own);
	char **all =
	    memory_new(memory_vector_len(base) + count + 1, sizeof(*all));
	size_t used = 0, i;

	for (; base != NULL && *base != NULL; base++) {
		for (i = 0; i < count; i++) {
			if (same_variable(own[i], *base))
				break;
		}
		if (i == count)
			all[used++] = memory_string(*base);
	}
	for (i = 0; i < count; i++)
		all[used++] = own[i];
	free(own);
	return all;
}

const struct profile *
profiles_find(const struct profiles *profiles, const char *name)
{
	return find(profiles, name);
}

int
profiles_check_life(const struct profiles *profiles, const char *name,
    int64_t ttl_ms, int64_t idle_ms, struct error *err)
{
	const struct profile *profile = find(profiles, name);

	if (profile == NULL)
		profile = find(profiles, PROFILE_DEFAULT);
	assert(profile != NULL); /* the base is always loaded under that name */
	return check_life(profile, ttl_ms, idle_ms, err);
}

int
profiles_apply(const struct profiles *profiles, struct task_spec *spec,
    int64_t *exec_ms_max, struct error *err)
{
	const char *name =
	    spec->profile == NULL ? PROFILE_DEFAULT : spec->profile;
	const struct profile *profile = find(profiles, name);

	if (profile == NULL)
		return error_set(
		    err, ERROR_NOT_FOUND, "profile: no profile %s", name);
	task_limits_merge(&spec->limits, &profile->limits);
	if (task_limits_check(&spec->limits, &profile->max, err) != 0 ||
	    check_life(profile, spec->ttl_ms, spec->idle_ms, err) != 0)
		return -1;
	spec->env = merge_env(profile->env, spec->env);
	if (memory_vector_len(spec->env) > LIMIT_ENV)
		return error_set(err, ERROR_LIMIT,
		    "env: more than %u variables with the profile's",
		    LIMIT_ENV);
	if (spec->profile == NULL)
		spec->profile = memory_string(name);
	if (spec->image == NULL)
		spec->image = memory_string(profile->image);
	if (spec->runtime == NULL)
		spec->runtime = memory_string(profile->runtime);
	if (spec->ttl_ms < 0)
		spec->ttl_ms = usual(profile->ttl_ms, profile->ttl_ms_max);
	if (spec->idle_ms < 0)
		spec->idle_ms = usual(profile->idle_ms, profile->idle_ms_max);
	*exec_ms_max = profile->max.exec_ms < 0 ? 0 : profile->max.exec_ms;
	return 0;
}
