/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/account.h"
#include "protocol/error.h"

#define KEPT ((1u << CAP_SETUID) | (1u << CAP_SETGID) | (1u << CAP_KILL))

/* The C library's wrappers signal other threads; the raw calls need none. */
static int
set_capabilities(uint32_t effective)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	data[0].effective = effective;
	data[0].permitted = effective;
	return (int)syscall(SYS_capset, &header, data);
}

static uint32_t
get_permitted(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return data[0].permitted;
}

/* Needs CAP_SETPCAP, which the bundle gives for this alone. Without it (an
 * ordinary user's test) no_new_privs still keeps execve from giving anything.
 */
static void
drop_bounding_set(void)
{
	int cap;

	for (cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			break;
	}
}

int
privilege_confine(struct error *err)
{
	uint32_t kept = get_permitted() & KEPT;
	long uid = (long)ACCOUNT_RESERVED;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_sys(err, "no_new_privs");
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	drop_bounding_set();
	(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (kept & (1u << CAP_SETUID) &&
	    syscall(SYS_setresuid, uid, uid, uid) != 0 && errno != EINVAL)
		return error_sys(err, "change to uid %ld", uid);
	if (set_capabilities(kept) != 0)
		return error_sys(err, "set capabilities");
	/* only what open(2) and its like look at: the image's files are uid
	 * 0's, and so is /proc/self/oom_score_adj of the undumpable */
	if (kept & (1u << CAP_SETUID))
		(void)syscall(SYS_setfsuid, 0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return error_sys(err, "set undumpable");
	return 0;
}

int
privilege_become(const struct account *account)
{
	uint32_t may_switch = get_permitted() & (1u << CAP_SETUID);

	if (!may_switch && account->uid == geteuid() &&
	    account->gid == getegid())
		return set_capabilities(0);
	if (syscall(SYS_setgroups, account->group_count, account->groups) != 0)
		return -1;
	if (syscall(SYS_setresgid, account->gid, account->gid, account->gid) !=
	        0 ||
	    syscall(SYS_setresuid, account->uid, account->uid, account->uid) !=
	        0)
		return -1;
	return set_capabilities(0);
}
