/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent is told to run: a command on top of its task's defaults. */
#ifndef SERVER_KEEPER_COMMAND_H
#define SERVER_KEEPER_COMMAND_H

#include <stddef.h>

struct buffer;
struct custody_configure;
struct error;
struct exec_spec;

/*
 * Write the link's exec message: the command's environment over the task's, the
 * task's user and directory where the command names none. Input that is given
 * goes as an open stdin: the keeper feeds it. The time-out stays here.
 *   out      set on 0; owned by the caller
 *   returns  0, or -1 ERROR_LIMIT: more than LIMIT_ENV variables together, or
 *            more than one frame takes
 */
int command_write(const struct custody_configure *config,
    const struct exec_spec *spec, struct buffer *out, struct error *err);

#define COMMAND_DIGEST_BYTES 16u

/* What two commands that are the same have in common, and others have not but
 * by chance: hexadecimal digits. */
void command_digest(
    const struct exec_spec *spec, char digest[COMMAND_DIGEST_BYTES + 1]);

#endif
