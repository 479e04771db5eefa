/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec whose keeper is replaced: let go of what can only be said once,
 * opened again on the new connection, and put on where it was. See reattach.h.
 *
 *   open       its keeper has answered          -> suspended, with its
 * connection suspended  nothing is sent; its user waits   -> open, when the new
 * keeper has answered; ended
 */
#ifndef SERVER_GATE_REOPEN_H
#define SERVER_GATE_REOPEN_H

#include "protocol/attachment.h"

struct attachment;
struct attachment_exec;
struct error;

/* A new keeper may refuse an exec so often, as one that it does not know all of
 * yet, before that is believed. */
#define REOPEN_REFUSALS_MAX 16u

/* Its connection is lost. */
void exec_suspend(struct attachment_exec *exec);

/* End those that are suspended and were to be detached from: the keeper that is
 * away has nothing to add. */
void exec_end_leaving(struct attachment *attachment);

/* There is another connection: say again what opens it. */
void exec_reopen(struct attachment_exec *exec);

/* The keeper has answered. -1: it lied. */
int exec_attached_again(struct attachment_exec *exec,
    const struct attachment_attached *attached, struct error *err);

/* It is open, perhaps again: say what has waited for that. */
void exec_go_on(struct attachment_exec *exec);

/* The new keeper refuses it. */
void exec_refused_again(
    struct attachment_exec *exec, const struct attachment_refused *refused);

#endif
