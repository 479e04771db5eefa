/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/lease.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"

static const struct json_field lease_fields[] = {
    {"principal", JSON_STRING, offsetof(struct lease, principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES, .required = true},
    {"ends_ms", JSON_INTEGER, offsetof(struct lease, ends_ms),
        .max = JSON_INTEGER_MAX, .required = true},
};

static const struct json_shape lease_shape = {
    JSON_SHAPE(lease_fields, struct lease)};

static const struct json_field fields[] = {
    {"leases", JSON_RECORDS, offsetof(struct leases, list), .max = LIMIT_LEASES,
        .shape = &lease_shape},
};

const struct json_shape leases_shape = {JSON_SHAPE(fields, struct leases)};

void
leases_clear(struct leases *leases)
{
	json_clear(&leases_shape, leases);
}

int64_t
leases_end(const struct leases *leases)
{
	const struct lease *items = leases->list.items;
	int64_t end = 0;
	size_t i;

	for (i = 0; i < leases->list.count; i++) {
		if (items[i].ends_ms > end)
			end = items[i].ends_ms;
	}
	return end;
}

static struct lease *
find_own(const struct leases *leases, const char *principal)
{
	struct lease *items = leases->list.items;
	size_t i;

	for (i = 0; i < leases->list.count; i++) {
		if (strcmp(items[i].principal, principal) == 0)
			return &items[i];
	}
	return NULL;
}

/* One that is over: what takes its place ends later than it did. */
static struct lease *
find_over(const struct leases *leases, int64_t now_ms)
{
	struct lease *items = leases->list.items;
	size_t i;

	for (i = 0; i < leases->list.count; i++) {
		if (items[i].ends_ms <= now_ms)
			return &items[i];
	}
	return NULL;
}

void
leases_drop(struct leases *leases, const char *principal, int64_t now_ms)
{
	struct lease *lease = find_own(leases, principal);

	if (lease != NULL && lease->ends_ms > now_ms)
		lease->ends_ms = now_ms;
}

int
leases_set(struct leases *leases, const char *principal, int64_t ends_ms,
    int64_t now_ms, struct error *err)
{
	struct json_records *list = &leases->list;
	struct lease *lease = find_own(leases, principal);

	if (lease == NULL)
		lease = find_over(leases, now_ms);
	if (lease == NULL && list->count == LIMIT_LEASES)
		return error_set(err, ERROR_LIMIT,
		    "%u others hold a lease, the most there may be",
		    LIMIT_LEASES);
	if (lease == NULL) {
		list->items = memory_resize(
		    list->items, (list->count + 1) * sizeof(*lease));
		lease = (struct lease *)list->items + list->count++;
		lease->principal = NULL;
	}
	if (lease->principal == NULL ||
	    strcmp(lease->principal, principal) != 0) {
		free(lease->principal);
		lease->principal = memory_string(principal);
	}
	lease->ends_ms = ends_ms;
	return 0;
}
