/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: a principal's word that a task is still wanted, until a time of the
 * boot clock. Each has one for a task at most. One that is over stays in the
 * list, for idleness counts from its end.
 */
#ifndef SERVER_MANAGER_LEASE_H
#define SERVER_MANAGER_LEASE_H

#include <stdint.h>

#include "protocol/json.h"

struct error;

struct lease {
	char *principal;
	int64_t ends_ms;
};

struct leases {
	struct json_records list; /* struct lease */
};

/* As the store has them. */
extern const struct json_shape leases_shape;

void leases_clear(struct leases *leases);

/* The end of the longest; 0: there never was one. */
int64_t leases_end(const struct leases *leases);

/* End a principal's lease now, if it holds one. */
void leases_drop(struct leases *leases, const char *principal, int64_t now_ms);

/* Give a principal's lease this end, whatever it was. -1 ERROR_LIMIT: as many
 * others hold one as may. */
int leases_set(struct leases *leases, const char *principal, int64_t ends_ms,
    int64_t now_ms, struct error *err);

#endif
