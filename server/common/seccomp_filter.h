/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a confined program: confine.h says what becomes of the
 * others. */
#ifndef SERVER_COMMON_SECCOMP_FILTER_H
#define SERVER_COMMON_SECCOMP_FILTER_H

struct error;

/*
 * Put the filter on all threads of this process; there must be no_new_privs.
 *   extra    names of system calls besides the base list; NULL-terminated;
 *            NULL: none. One that the kernel does not have is an error.
 */
int seccomp_filter_load(const char *const *extra, struct error *err);

#endif
