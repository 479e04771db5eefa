/* SPDX-License-Identifier: Apache-2.0 */
/* lease TASK DURATION: hold a task, whoever uses it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/admin/client.h"
#include "server/admin/verb.h"

#define LEASE_USAGE "lease [--dir DIR] TASK DURATION"

/* A number and its unit, as in 90m; 0 needs none. Milliseconds, at most limit.
 */
static bool
read_duration(const char *text, int64_t limit, int64_t *out)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	unsigned long long number;
	char *end;
	size_t i;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (number == 0 && *end == '\0') {
		*out = 0;
		return true;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (errno != 0 ||
		    number > (unsigned long long)(limit / units[i].ms))
			return false;
		*out = (int64_t)number * units[i].ms;
		return true;
	}
	return false;
}

static void
on_leased(void *data, union control_body *item)
{
	(void)data;
	(void)printf("%" PRId64 "\n", item->task.lease_ms);
}

int
lease_verb(int argc, char **argv)
{
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.lease = {.principal = principal}};
	const char *dir;
	int status;

	if (!verb_takes_dir(argc, argv, LEASE_USAGE, &dir, &status))
		return status;
	if (argc - optind < 2)
		return verb_usage(LEASE_USAGE);
	if (argc - optind > 2)
		return verb_surplus(argv[optind + 2], LEASE_USAGE);
	body.lease.task = argv[optind];
	if (!read_duration(
	        argv[optind + 1], LIMIT_LEASE_MS_MAX, &body.lease.ttl_ms)) {
		(void)fprintf(stderr,
		    "sallyport: \"%s\" is no duration of at most 24h: a number "
		    "of ms, s, m or h, or 0\n",
		    argv[optind + 1]);
		return VERB_USAGE;
	}
	return verb_ask(dir, CONTROL_LEASE, &body, on_leased, NULL);
}
