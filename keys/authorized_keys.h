/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may log in: OpenSSH's authorized_keys with three options of our own,
 *   role="admin|brain|operator|user"   what the key may do; user if not given
 *   name="alice"                       who it is; else the comment, if that is
 *                                      a principal's name, else SHA256:...
 *   tasks="build-1,web-*"              tasks that the key leads to
 * A line with anything else is refused as a whole: an option that is not
 * understood may have been meant as a restriction.
 */
#ifndef KEYS_AUTHORIZED_KEYS_H
#define KEYS_AUTHORIZED_KEYS_H

#include <stddef.h>

#include "keys/role.h"

struct error;
struct authorized_keys;

#define AUTHORIZED_KEYS_MAX        10000u
#define AUTHORIZED_KEYS_LINE_BYTES 16384u
#define AUTHORIZED_KEYS_FILE_BYTES (16u << 20)

/* An empty table, owned by the caller. */
struct authorized_keys *authorized_keys_new(void);

/* NULL is accepted. */
void authorized_keys_free(struct authorized_keys *keys);

/*
 * Add the key of one line; a blank line or a comment adds nothing. Lines that
 * name the same principal must give it the same role and tasks.
 *   line     len bytes without the newline
 *   returns  0, or -1 with nothing added: ERROR_INVALID, ERROR_LIMIT
 */
int authorized_keys_add(struct authorized_keys *keys, const char *line,
    size_t len, struct error *err);

/*
 * Add every good line of a file's bytes.
 *   on_refused  called for each other line; the text says "FILE:LINE: why".
 *               NULL: not wanted
 */
void authorized_keys_read(struct authorized_keys *keys, const char *file,
    const char *bytes, size_t len,
    void (*on_refused)(void *data, const struct error *why), void *data);

/*
 * Whose key this is; borrowed from the table; NULL for nobody's.
 *   type  "ssh-ed25519"; blob: the key in base64, as the second word of a line
 */
const struct principal *authorized_keys_find(
    const struct authorized_keys *keys, const char *type, const char *blob);

/* The principal of that name; borrowed; NULL when no key is its. */
const struct principal *authorized_keys_principal(
    const struct authorized_keys *keys, const char *name);

/* Keys in the table. */
size_t authorized_keys_count(const struct authorized_keys *keys);

/* The line of key i, 0..count-1, as it was added; borrowed. */
const char *authorized_keys_line(const struct authorized_keys *keys, size_t i);

#endif
