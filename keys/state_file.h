/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are there whole or not at all, whatever ends the process. */
#ifndef KEYS_STATE_FILE_H
#define KEYS_STATE_FILE_H

#include <stddef.h>

struct error;

/*
 * Put bytes into path: a new file beside it, fsync, rename, fsync of the
 * folder. What was there is replaced.
 *   mode  0600 for a secret; the umask does not count
 */
int state_write(const char *path, unsigned mode, const void *bytes, size_t len,
    struct error *err);

#endif
