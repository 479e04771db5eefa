/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/image.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/image_meta.h"
#include "server/common/tree.h"

#define STRING(x)    STRING_OF(x)
#define STRING_OF(x) #x
#define USER_IDS     STRING(IMAGE_UID) ":" STRING(IMAGE_UID)

static const struct place {
	const char *name;
	mode_t mode;
	uid_t owner;
} places[] = {
    {"usr", 0755, 0},
    {"etc", 0755, 0},
    {"etc/ssl", 0755, 0},
    {"run", 0755, 0},
    {"run/lock", 01777, 0},
    {"root", 0700, 0},
    {"home", 0755, 0},
    {"home/user", 0755, IMAGE_UID},
    {"workspace", 0755, IMAGE_UID},
    {"opt", 0755, 0},
    {"srv", 0755, 0},
    {"mnt", 0755, 0},
    {"media", 0755, 0},
    {"var", 0755, 0},
    {"var/cache", 0755, 0},
    {"var/lib", 0755, 0},
    {"var/log", 0755, 0},
    {"var/tmp", 01777, 0},
};

/* Made where /usr has them. */
static const char *const usr_links[] = {
    "bin", "sbin", "lib", "lib32", "lib64", "libx32"};

/* %s is root's and the user's shell. */
static const struct file {
	const char *name;
	const char *text;
	const char *more; /* after the shell, which stands between */
	const char *end;  /* after a second one */
} files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:",
        "\n"
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        "user:x:" USER_IDS "::/home/user:",
        "\n"},
    {"etc/group",
        "root:x:0:\n"
        "daemon:x:1:\n"
        "tty:x:5:\n"
        "nogroup:x:65534:\n"
        "user:x:" STRING(IMAGE_UID) ":\n",
        NULL, NULL},
    {"etc/hosts",
        "127.0.0.1 localhost\n"
        "::1 localhost ip6-localhost ip6-loopback\n",
        NULL, NULL},
    {"etc/hostname", "sandbox\n", NULL, NULL},
    {"etc/nsswitch.conf",
        "passwd: files\n"
        "group: files\n"
        "hosts: files dns\n"
        "services: files\n"
        "protocols: files\n",
        NULL, NULL},
    {"etc/resolv.conf", "", NULL, NULL},
};

/* What the host's programs read: how to find libraries and each other, whom to
 * trust, time zones, tables of names. Nothing that says who this host is. */
static const char *const copies[] = {
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/inputrc",
    "/etc/java*",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/magic",
    "/etc/maven",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/perl",
    "/etc/php",
    "/etc/profile",
    "/etc/protocols",
    "/etc/python3*",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
    "/etc/vim",
};

static int
make_places(int root, struct error *err)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *place = &places[i];

		if (mkdirat(root, place->name, 0700) != 0 ||
		    fchownat(root, place->name, place->owner, place->owner,
		        0) != 0 ||
		    fchmodat(root, place->name, place->mode, 0) != 0)
			return error_sys(err, "%s", place->name);
	}
	if (symlinkat("/run", root, "var/run") != 0 ||
	    symlinkat("/run/lock", root, "var/lock") != 0)
		return error_sys(err, "var/run");
	return 0;
}

static int
make_links(int root, struct error *err)
{
	char target[32];
	size_t i;

	for (i = 0; i < sizeof(usr_links) / sizeof(usr_links[0]); i++) {
		(void)snprintf(target, sizeof(target), "/usr/%s", usr_links[i]);
		if (access(target, F_OK) == 0 &&
		    symlinkat(target + 1, root, usr_links[i]) != 0)
			return error_sys(err, "%s", usr_links[i]);
	}
	return 0;
}

static int
make_files(int root, struct error *err)
{
	const char *shell =
	    access("/usr/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct file *file = &files[i];
		autoclose int fd = openat(root, file->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		int len = 0;

		if (fd < 0 || fchmod(fd, 0644) != 0)
			return error_sys(err, "%s", file->name);
		len = file->more == NULL
		          ? dprintf(fd, "%s", file->text)
		          : dprintf(fd, "%s%s%s%s%s", file->text, shell,
		                file->more, shell, file->end);
		if (len < 0)
			return error_sys(err, "%s", file->name);
	}
	return 0;
}

static int
copy_from_host(int root, struct error *err)
{
	glob_t found;
	size_t i, j;
	int ret = 0;

	for (i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		if (glob(copies[i], 0, NULL, &found) != 0)
			continue;
		for (j = 0; ret == 0 && j < found.gl_pathc; j++)
			ret = tree_copy(found.gl_pathv[j], root,
			    found.gl_pathv[j] + 1, err);
		globfree(&found);
		if (ret != 0)
			return -1;
	}
	return 0;
}

static int
fill(const char *path, struct error *err)
{
	autoclose int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return error_sys(err, "%s", path);
	if (make_places(root, err) != 0 || make_links(root, err) != 0 ||
	    make_files(root, err) != 0)
		return -1;
	return copy_from_host(root, err);
}

/* The old one goes when the new one is ready. */
static int
replace(struct image_stage *stage, struct error *err)
{
	struct image image = {.host_usr = true};
	struct error why = {0};
	int ret = 0;

	image.name = memory_string(IMAGE_DEFAULT);
	image.source = memory_string("host");
	if (image_discard(stage->dir, IMAGE_DEFAULT, &why) != 0 &&
	    why.code != ERROR_NOT_FOUND) {
		if (err != NULL)
			*err = why;
		ret = -1;
	}
	if (ret == 0)
		ret = image_publish(stage, &image, err);
	image_clear(&image);
	return ret;
}

int
image_make_default(const char *dir, struct error *err)
{
	struct image_stage stage = {0};
	struct image old;
	struct error why = {0};
	int ret = -1;

	if (image_is_used(dir, IMAGE_DEFAULT))
		return 0;
	if (image_stage_open(&stage, dir, &why) == 0 &&
	    fill(stage.path, &why) == 0)
		ret = replace(&stage, &why);
	image_stage_close(&stage);
	/* an import under way, or a task begun just now, is no reason not to
	 * serve while there is an older one */
	if (ret != 0 && why.code == ERROR_STATE &&
	    image_find(dir, IMAGE_DEFAULT, &old, NULL) == 0) {
		image_clear(&old);
		return 0;
	}
	if (ret != 0 && err != NULL)
		*err = why;
	return ret == 0 ? 0 : error_wrap(err, "default image");
}
