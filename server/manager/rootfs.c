/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/rootfs.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/cgroup.h"
#include "server/common/idmap.h"
#include "server/manager/bundle.h"
#include "server/manager/launch.h"

#define IMAGE ROOTFS_BASE "/image"
#define AGENT ROOTFS_BASE "/agent"

struct views {
	int image;
	int agent;
	int usr;
	int state;
	int bundle;
};

static void
close_views(const struct views *views)
{
	const int fds[] = {views->image, views->agent, views->usr, views->state,
	    views->bundle};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
}

/* Before anything covers the paths. */
static int
open_views(const struct launch_job *job, struct views *views, struct error *err)
{
	autoclose int userns = idmap_open(job->uid_base, BUNDLE_IDS, err);

	if (userns < 0)
		return -1;
	if ((views->image = idmap_clone(job->image, userns, err)) < 0 ||
	    (views->agent = idmap_clone(job->agent, userns, err)) < 0 ||
	    (views->state = idmap_clone(job->state, -1, err)) < 0 ||
	    (views->bundle = idmap_clone(".", -1, err)) < 0)
		return -1;
	if (job->host_usr &&
	    (views->usr = idmap_clone("/usr", userns, err)) < 0)
		return -1;
	return 0;
}

/* crun refuses a hybrid host, and runc makes no use of the hierarchy without
 * controllers: in this namespace it is not there. */
static int
hide_unified(struct error *err)
{
	struct cgroup_mounts mounts;
	size_t i;
	int ret = cgroup_read(&mounts, err);

	for (i = 0; ret == 0 && i < mounts.count; i++) {
		if (cgroup_mode(&mounts) == CGROUP_HYBRID &&
		    mounts.items[i].unified)
			(void)umount2(mounts.items[i].path, MNT_DETACH);
	}
	cgroup_clear(&mounts);
	return ret;
}

static int
make_places(struct error *err)
{
	static const char *const places[] = {
	    IMAGE, AGENT, ROOTFS_ROOT, ROOTFS_BUNDLE, ROOTFS_STATE};
	size_t i;

	if (mount("tmpfs", ROOTFS_BASE, "tmpfs", MS_NOSUID,
	        "size=64k,mode=755") != 0)
		return error_sys(err, "mount on %s", ROOTFS_BASE);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (mkdir(places[i], 0755) != 0)
			return error_sys(err, "%s", places[i]);
	}
	if (mknod(ROOTFS_NULL, S_IFCHR | 0600, makedev(1, 3)) != 0)
		return error_sys(err, "%s", ROOTFS_NULL);
	return 0;
}

static int
mount_overlay(const struct launch_job *job, struct error *err)
{
	/* the root folder takes its owner from the upper layer */
	if (mkdir(ROOTFS_UPPER, 0755) != 0 || mkdir(ROOTFS_WORK, 0700) != 0 ||
	    chown(ROOTFS_UPPER, (uid_t)job->uid_base, (gid_t)job->uid_base) !=
	        0)
		return error_sys(err, "writable layer");
	/* volatile: it is never needed after a crash, so nothing is synced */
	if (mount("overlay", ROOTFS_ROOT, "overlay", MS_NOSUID | MS_NODEV,
	        "volatile,lowerdir=" AGENT ":" IMAGE ",upperdir=" ROOTFS_UPPER
	        ",workdir=" ROOTFS_WORK) != 0)
		return error_sys(err, "mount overlay");
	return 0;
}

static int
attach_views(
    const struct launch_job *job, const struct views *views, struct error *err)
{
	if (idmap_attach(views->image, IMAGE, err) != 0 ||
	    idmap_attach(views->agent, AGENT, err) != 0 ||
	    idmap_attach(views->state, ROOTFS_STATE, err) != 0 ||
	    idmap_attach(views->bundle, ROOTFS_BUNDLE, err) != 0 ||
	    mount_overlay(job, err) != 0)
		return -1;
	if (job->host_usr &&
	    idmap_attach(views->usr, ROOTFS_ROOT "/usr", err) != 0)
		return -1;
	return 0;
}

int
rootfs_build(const struct launch_job *job, struct error *err)
{
	struct views views = {-1, -1, -1, -1, -1};
	int ret = -1;

	if (idmap_leave_host(err) == 0 && hide_unified(err) == 0 &&
	    open_views(job, &views, err) == 0 && make_places(err) == 0)
		ret = attach_views(job, &views, err);
	close_views(&views);
	return ret;
}
