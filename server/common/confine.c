/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/seccomp_filter.h"

#ifdef __SANITIZE_ADDRESS__
/* Looking for leaks needs /proc, which an empty root does not have. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return access("/proc/self/task", F_OK) != 0;
}
#endif

/* An empty folder that is removed while it is the root: nobody can make
 * anything in it, and nobody else can find it. */
static int
enter_empty_root(struct error *err)
{
	char path[] = "/tmp/sallyport-root-XXXXXX";

	if (mkdtemp(path) == NULL)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (chdir(path) != 0 || rmdir(path) != 0 || chroot(".") != 0)
		return error_sys(
		    err, "cannot enter %s: %s", path, strerror(errno));
	return 0;
}

static int
enter_root(const char *root, struct error *err)
{
	if (root == NULL)
		return enter_empty_root(err);
	if (chroot(root) != 0 || chdir("/") != 0)
		return error_sys(
		    err, "cannot enter %s: %s", root, strerror(errno));
	return 0;
}

/* The bounding set first, while there is still the right to do so. */
static int
drop_bounds(struct error *err)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return error_sys(err, "cannot drop capability %d: %s",
			    cap, strerror(errno));
	}
	return 0;
}

static int
drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct header = {
	    _LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    syscall(SYS_capset, &header, none) != 0)
		return error_sys(
		    err, "cannot drop the capabilities: %s", strerror(errno));
	return 0;
}

static int
change_ids(const struct confine *confine, struct error *err)
{
	if (confine->uid == 0 || confine->gid == 0)
		return error_set(err, ERROR_BUG, "to be confined as root");
	if (setgroups(0, NULL) != 0 ||
	    setresgid(confine->gid, confine->gid, confine->gid) != 0 ||
	    setresuid(confine->uid, confine->uid, confine->uid) != 0)
		return error_sys(err, "cannot become %u:%u: %s",
		    (unsigned)confine->uid, (unsigned)confine->gid,
		    strerror(errno));
	return 0;
}

/* Nothing of the process's memory reaches a file or another process. */
static int
hide(struct error *err)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_sys(
		    err, "cannot hide the process: %s", strerror(errno));
	return 0;
}

int
confine(const struct confine *confine, struct error *err)
{
	/* umask: what it makes in a folder it was given is its own */
	(void)umask(077);
	if (confine->uid != CONFINE_SAME_USER &&
	    (enter_root(confine->root, err) != 0 || drop_bounds(err) != 0 ||
	        change_ids(confine, err) != 0))
		return -1;
	/* the dumpable flag comes back at a change of ids: so after it */
	if (drop_capabilities(err) != 0 || hide(err) != 0)
		return -1;
	return seccomp_filter_load(confine->syscalls, err);
}
