/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox's root, built in this process's own mount namespace. Everything
 * that the runtime has to reach is gathered below ROOTFS_BASE, for a sandbox's
 * init is no root on the host and may not pass through DIR to get there; and
 * so no path of the host shows inside.
 */
#ifndef SERVER_MANAGER_ROOTFS_H
#define SERVER_MANAGER_ROOTFS_H

struct error;
struct launch_job;

/* A folder that every system has; covered only in the private namespace. */
#define ROOTFS_BASE   "/mnt"
#define ROOTFS_ROOT   ROOTFS_BASE "/root"
#define ROOTFS_BUNDLE ROOTFS_BASE "/bundle" /* the working directory */
#define ROOTFS_STATE  ROOTFS_BASE "/state"  /* job->state */

/*
 * A null device of this sandbox's own for its standard descriptors: crun gives
 * those to the sandbox's root, and the host's /dev/null must not change hands.
 */
#define ROOTFS_NULL ROOTFS_BASE "/null"

/* The writable layer, in the working directory. Relative names: they stand in
 * the sandbox's /proc/mounts. */
#define ROOTFS_UPPER "upper"
#define ROOTFS_WORK  "work"

/*
 * Enter a new mount namespace and mount in it: the image and the agent's layer
 * shifted to the job's ids below an overlay whose upper layer is in the working
 * directory, the host's /usr when the job wants it, and the places above.
 */
int rootfs_build(const struct launch_job *job, struct error *err);

#endif
