/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's command in its task's sandbox, or its named terminal there.
 *
 * Without a pty-req: the command, with stdin, stdout and stderr. With one: the
 * command on a terminal of its own, which is hung up when the client goes. For
 * a user name that names a terminal: that terminal, with the command as what it
 * is started with if there is none; it stays when the client goes, or has typed
 * the detach key.
 *
 * What the client is told at the end:
 *   the command exited              its exit status
 *   a signal ended it               exit-signal with the signal's name, and why
 *                                   in its message when the gateway sent it:
 *                                   "timed out after N ms", "out of memory",
 *                                   "the task was ended"
 *   detached                        status 0, and a line
 *   no such program                 status 127, a line on stderr
 *   not executable, no such user or
 *   directory, no room for it; a named
 *   terminal without a pty-req      status 126, a line on stderr
 *   no attachment, or not allowed   status 255, a line on stderr
 *   the sandbox went, or the task
 *   cannot be reached any more      no status, for nobody knows it, and a line
 *                                   on stderr (OpenSSH's client exits with 255)
 * A keeper that is replaced is a pause: see reattach.h.
 */
#ifndef SERVER_GATE_REMOTE_EXEC_H
#define SERVER_GATE_REMOTE_EXEC_H

struct remote;
struct session;

/* Ask for the attachment to the session's task when its channel opens, so that
 * the answer is there when the command comes. session is borrowed until the
 * stream's on_closed or remote_drop. */
struct remote *remote_exec_prepare(struct session *session);

/* Become the user of session->stream and run session->command, or the login
 * shell when that is NULL. Takes session->remote. */
void remote_exec_open(struct session *session);

#endif
