/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent may do, and how a command loses it.
 *
 * The agent starts as uid 0 of its user namespace. It moves to a uid that no
 * command can have (ACCOUNT_RESERVED) and keeps three capabilities: to become
 * a command's user (SETUID, SETGID) and to end its processes (KILL). So not
 * even a command of uid 0 can send the agent or a subreaper a signal, trace it
 * or read its memory. Files are still opened as uid 0.
 *
 * Without the right to change uids, as in a test run by a plain user, the
 * agent stays who it is: commands of that user can then kill a subreaper, and
 * exec.h says what happens.
 */
#ifndef AGENT_PRIVILEGE_H
#define AGENT_PRIVILEGE_H

struct account;
struct error;

/* Confine this process and all its children. -1: ERROR_SYSTEM. */
int privilege_confine(struct error *err);

/*
 * Become account for good and drop every capability. For the child between
 * vfork and exec: allocates nothing. returns 0, or -1 with errno.
 */
int privilege_become(const struct account *account);

#endif
