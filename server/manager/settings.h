/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force, and where it is read from once more. */
#ifndef SERVER_MANAGER_SETTINGS_H
#define SERVER_MANAGER_SETTINGS_H

#include <stdint.h>

#include "server/common/config.h"

struct error;

struct settings {
	struct config config; /* in force */
	char *file;           /* owned; absolute; NULL: DIR/config.json, which
	                         need not be there */
	int64_t port;         /* whatever the file says; -1: as it says */
};

/*
 * Read it for the first time.
 *   dir      DIR, which need not be there
 *   file     NULL: DIR's
 *   returns  0, or -1: "FILE:LINE: why"; settings_clear in any case
 */
int settings_open(struct settings *settings, const char *dir, const char *file,
    int64_t port, struct error *err);
void settings_clear(struct settings *settings);

/* Read it again; out is initialised, and set on 0. */
int settings_read(const struct settings *settings, const char *dir,
    struct config *out, struct error *err);

#endif
