/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are wiped before their memory is given back. */
#ifndef KEYS_SECRET_H
#define KEYS_SECRET_H

#include <stddef.h>

struct error;

struct secret {
	char *bytes; /* owned; NUL behind the last; NULL when empty */
	size_t len;
};

/*
 * Read a whole file of at most max bytes that is a regular file and that
 * nobody but its owner can read or write.
 * returns 0, or -1: ERROR_SYSTEM, ERROR_LIMIT, ERROR_DENIED (its mode)
 */
int secret_read(
    struct secret *secret, const char *path, size_t max, struct error *err);

/* Wipe and free; safe on an empty one, and twice. */
void secret_clear(struct secret *secret);

#endif
