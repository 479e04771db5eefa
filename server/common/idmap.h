/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of a folder whose owners are shifted into a range of host ids, so that
 * one image serves sandboxes that each have a range of their own, without a
 * copy. Needs Linux 5.12, and 5.19 below an overlay.
 */
#ifndef SERVER_COMMON_IDMAP_H
#define SERVER_COMMON_IDMAP_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/*
 * A user namespace in which ids 0..count-1 are host ids base..base+count-1.
 *   returns  its descriptor, or -1
 */
int idmap_open(int64_t base, int64_t count, struct error *err);

/*
 * A copy of the mount that path lies on, from path down, without what else is
 * mounted below; attached nowhere.
 *   userns   from idmap_open: shifted by it, read-only, no devices, no setuid;
 *            -1: as it is
 *   returns  its descriptor, or -1
 */
int idmap_clone(const char *path, int userns, struct error *err);

/* Mount what idmap_clone gave on target, a folder or a file, as that stands:
 * target is not followed if it is a link. */
int idmap_attach(int tree, const char *target, struct error *err);

/* Enter a mount namespace of this process's own, from which nothing spreads. */
int idmap_leave_host(struct error *err);

#endif
