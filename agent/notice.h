/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that tell the keeper how an exec begins, goes on and ends. */
#ifndef AGENT_NOTICE_H
#define AGENT_NOTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ending;
struct link_io;
struct refused;

/* The command was not started; the last word of its stream. */
void notice_refused(
    struct link_io *link, uint32_t number, struct refused *refused);

/* It runs. */
void notice_started(struct link_io *link, uint32_t number, pid_t pid);

/* Its terminal's modes. */
void notice_terminal(
    struct link_io *link, uint32_t number, bool echo, bool canonical);

/* It has ended; the last word of its stream, after the end of each output. */
void notice_exit(
    struct link_io *link, uint32_t number, const struct ending *ending);

#endif
