/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"

/* <sys/mount.h> and <linux/mount.h> cannot be included together in glibc 2.36
 */
extern int mount(const char *source, const char *target, const char *type,
    unsigned long flags, const void *data);
#define MOUNT_RECURSIVE (1ul << 14)
#define MOUNT_PRIVATE   (1ul << 18)

#define TREE_CLONE 1u /* OPEN_TREE_CLONE */

static int
write_map(pid_t pid, const char *file, int64_t base, int64_t count)
{
	char path[64], map[64];
	autoclose int fd = -1;
	int len;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	len = snprintf(
	    map, sizeof(map), "0 %lld %lld", (long long)base, (long long)count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, map, (size_t)len) == len ? 0 : -1;
}

int
idmap_open(int64_t base, int64_t count, struct error *err)
{
	char path[64];
	int fd = -1;
	pid_t pid;

	/* the child only holds the namespace until it has a descriptor */
	pid = (pid_t)syscall(
	    SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return error_sys(err, "new user namespace");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (write_map(pid, "uid_map", base, count) != 0 ||
	    write_map(pid, "gid_map", base, count) != 0)
		(void)error_sys(err, "map of a user namespace");
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		(void)error_sys(err, "%s", path);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int
idmap_clone(const char *path, int userns, struct error *err)
{
	struct mount_attr attr = {
	    .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY |
	                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	    .userns_fd = userns < 0 ? 0 : (unsigned)userns,
	};
	autoclose int tree = (int)syscall(
	    SYS_open_tree, AT_FDCWD, path, TREE_CLONE | (unsigned)O_CLOEXEC);

	if (tree < 0)
		return error_sys(err, "view of %s", path);
	if (userns >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH,
	                       &attr, sizeof(attr)) != 0)
		return error_sys(err, "shift the owners of %s", path);
	return take_fd(&tree);
}

int
idmap_attach(int tree, const char *target, struct error *err)
{
	autoclose int point = open(target, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (point < 0 ||
	    syscall(SYS_move_mount, tree, "", point, "",
	        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
		return error_sys(err, "mount on %s", target);
	return 0;
}

int
idmap_leave_host(struct error *err)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MOUNT_RECURSIVE | MOUNT_PRIVATE, NULL) !=
	        0)
		return error_sys(err, "new mount namespace");
	return 0;
}
