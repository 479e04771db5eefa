/* SPDX-License-Identifier: Apache-2.0 */
/* A short program run and its output kept; for where no loop runs. */
#ifndef SERVER_COMMON_CAPTURE_H
#define SERVER_COMMON_CAPTURE_H

#include <stddef.h>

struct error;

/*
 * Run a program with nothing as its standard input and wait for it.
 *   argv     argv[0] is its path; NULL-terminated
 *   text     filled with the beginning of what it wrote on both standard
 *            outputs, NUL-terminated
 *   status   of waitpid(2), on 0
 *   returns  0, or -1 ERROR_SYSTEM: it could not be started, or wrote nothing
 *            for wait_ms and was killed
 */
int capture_run(const char *const *argv, int wait_ms, char *text, size_t size,
    int *status, struct error *err);

#endif
