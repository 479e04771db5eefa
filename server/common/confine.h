/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cage that a process puts itself into before it reads its first byte from
 * somebody else: no privilege, no file system, few system calls. Descriptors
 * are the starter's business: what must not be there was never passed.
 */
#ifndef SERVER_COMMON_CONFINE_H
#define SERVER_COMMON_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

#define CONFINE_SAME_USER ((uid_t)-1)

struct confine {
	uid_t uid; /* not 0; CONFINE_SAME_USER: neither ids nor root folder
	              change, for a process that has no privilege to drop */
	gid_t gid;
	const char *root; /* folder that becomes "/"; NULL: an empty one that
	                     nothing can be made in */
	const char *const *syscalls; /* names that this program needs besides
	                                the base list; NULL-terminated; NULL */
};

/*
 * For ever: no_new_privs, no groups, the ids, no capability in any set, no
 * core dump, not traceable, the root folder, and a list of system calls. One
 * that is not on the list fails with EPERM; one that only an intruder would
 * make (execve, ptrace, mount, ...) ends the process.
 *   returns  0, or -1: the caller must end
 */
int confine(const struct confine *confine, struct error *err);

#endif
