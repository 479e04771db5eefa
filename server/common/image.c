/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/common/image_meta.h"
#include "server/common/tree.h"

#define META_BYTES 8192

static const struct json_field meta_fields[] = {
    {.name = "source",
        .kind = JSON_TEXT,
        .offset = offsetof(struct image, source),
        .min = 1,
        .max = LIMIT_PATH_BYTES,
        .required = true},
    {.name = "imported",
        .kind = JSON_STRING,
        .offset = offsetof(struct image, imported),
        .min = 1,
        .max = 64,
        .required = true},
    {.name = "user",
        .kind = JSON_STRING,
        .offset = offsetof(struct image, user),
        .min = 1,
        .max = LIMIT_USER_BYTES,
        .required = true},
    {.name = "host_usr",
        .kind = JSON_BOOL,
        .offset = offsetof(struct image, host_usr)},
};

const struct json_shape image_meta_shape = {
    .fields = meta_fields,
    .count = sizeof(meta_fields) / sizeof(meta_fields[0]),
    .size = sizeof(struct image),
};

void
image_clear(struct image *image)
{
	free(image->name);
	image->name = NULL;
	json_clear(&image_meta_shape, image);
}

int
image_check_name(const char *name, struct error *err)
{
	if (!name_is_valid(name))
		return error_set(err, ERROR_INVALID,
		    "the image's name is not [a-z0-9][a-z0-9-]*, 1 to %u bytes",
		    LIMIT_NAME_BYTES);
	return 0;
}

int
image_find(
    const char *dir, const char *name, struct image *out, struct error *err)
{
	autofree char *path = NULL;
	autoclose int fd = -1;
	struct image image;
	char bytes[META_BYTES];
	ssize_t len;

	if (image_check_name(name, err) != 0)
		return -1;
	if (asprintf(&path, "%s/images/%s/meta.json", dir, name) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "no image %s", name);
	len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	if (len < 0)
		return error_sys(err, "%s", path);
	memset(&image, 0, sizeof(image));
	if (json_read(&image_meta_shape, bytes, (size_t)len, &image, err) !=
	    0) {
		image_clear(&image);
		return error_wrap(err, "image %s", name);
	}
	image.name = memory_string(name);
	*out = image;
	return 0;
}

static int
compare_names(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

int
image_list(const char *dir, char ***out, struct error *err)
{
	autofree char *path = NULL;
	char **names = memory_new(1, sizeof(*names));
	struct dirent *entry;
	size_t count = 0;
	DIR *folder;

	if (asprintf(&path, "%s/images", dir) < 0)
		abort();
	folder = opendir(path);
	if (folder == NULL && errno != ENOENT) {
		free(names);
		return error_sys(err, "%s", path);
	}
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!name_is_valid(entry->d_name))
			continue;
		names = memory_resize(names, (count + 2) * sizeof(*names));
		names[count++] = memory_string(entry->d_name);
		names[count] = NULL;
	}
	if (folder != NULL)
		(void)closedir(folder);
	qsort(names, count, sizeof(*names), compare_names);
	*out = names;
	return 0;
}

bool
image_is_used(const char *dir, const char *name)
{
	autofree char *path = NULL;
	struct dirent *entry;
	bool used = false;
	DIR *folder;

	if (asprintf(&path, "%s/tasks", dir) < 0)
		abort();
	folder = opendir(path);
	while (folder != NULL && !used && (entry = readdir(folder)) != NULL) {
		char link[NAME_MAX + 32], target[NAME_MAX + 1];
		ssize_t len;

		(void)snprintf(
		    link, sizeof(link), "%s/bundle/" IMAGE_LINK, entry->d_name);
		len =
		    readlinkat(dirfd(folder), link, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		used = strcmp(target, name) == 0;
	}
	if (folder != NULL)
		(void)closedir(folder);
	return used;
}

int
image_discard(const char *dir, const char *name, struct error *err)
{
	autofree char *path = NULL, *gone = NULL;

	/* a dot keeps it out of every list */
	if (asprintf(&path, "%s/images/%s", dir, name) < 0 ||
	    asprintf(&gone, "%s/images/.%s", dir, name) < 0)
		abort();
	if (tree_remove(AT_FDCWD, gone, err) != 0)
		return -1;
	if (rename(path, gone) != 0) {
		if (errno == ENOENT)
			return error_set(
			    err, ERROR_NOT_FOUND, "no image %s", name);
		return error_sys(err, "remove image %s", name);
	}
	if (image_is_used(dir, name)) {
		(void)rename(gone, path);
		return error_set(
		    err, ERROR_STATE, "image %s is used by a task", name);
	}
	return tree_remove(AT_FDCWD, gone, err);
}

int
image_remove(const char *dir, const char *name, struct error *err)
{
	if (image_check_name(name, err) != 0)
		return -1;
	if (strcmp(name, IMAGE_DEFAULT) == 0)
		return error_set(err, ERROR_INVALID,
		    "the default image is made by the gateway; it stays");
	return image_discard(dir, name, err);
}
