/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading configuration, authorized keys and profiles again while the gateway
 * serves: what connects or is made from then on gets the new ones.
 */
#ifndef SERVER_MANAGER_RELOAD_H
#define SERVER_MANAGER_RELOAD_H

#include <stddef.h>

#include "server/common/config.h"
#include "server/manager/profile.h"

struct error;
struct manager;

#define RELOAD_NOTE_BYTES 512 /* every option that is fixed fits */

/*
 * All of it, or nothing.
 *   note     what stays as it was until the next start, for a person; or ""
 *   returns  0, or -1: "FILE:LINE: why", everything is as it was
 */
int reload_all(
    struct manager *manager, char *note, size_t size, struct error *err);

/* Read the profiles; out is set on 0. */
int reload_profiles(
    const struct config *config, struct profiles *out, struct error *err);

#endif
