/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's command in its task's sandbox: the pump between the session's
 * stream and one exec on an attachment of its own.
 *
 *   asking    the manager was asked for the attachment when the channel opened,
 *             so that its answer is there when the command comes
 *   ready     the attachment is there             -> starting, when opened
 *   starting  start was sent                      -> running, or ending
 *   running   bytes flow                          -> ending
 *   ending    all that is to be said is known     -> gone, when the stream and
 *             the attachment have both closed
 *
 * What the client is told at the end:
 *   the command exited              its exit status
 *   a signal ended it               exit-signal with the signal's name, and why
 *                                   in its message when the gateway sent it:
 *                                   "timed out after N ms", "out of memory",
 *                                   "the task was ended"
 *   no such program                 status 127, a line on stderr
 *   not executable, no such user or
 *   directory, no room for it       status 126, a line on stderr
 *   no attachment, or not allowed   status 255, a line on stderr
 *   the sandbox or its keeper went  no status, for nobody knows it, and a line
 *                                   on stderr (OpenSSH's client exits with 255)
 */
#ifndef SERVER_GATE_REMOTE_EXEC_H
#define SERVER_GATE_REMOTE_EXEC_H

struct remote_exec;
struct session;

/* Ask for the attachment to the session's task. session is borrowed until the
 * stream's on_closed or remote_exec_drop. */
struct remote_exec *remote_exec_prepare(struct session *session);

/* Become the user of session->stream and run session->command, or the login
 * shell when that is NULL. Takes session->remote. */
void remote_exec_open(struct session *session);

/* Nothing was run. NULL is accepted. */
void remote_exec_drop(struct remote_exec *remote);

#endif
