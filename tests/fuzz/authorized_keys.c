/* SPDX-License-Identifier: Apache-2.0 */
/* A file of authorized_keys; each key that is taken is found again, and its
 * line alone makes the same principal. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "protocol/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
on_refused(void *data, const struct error *why)
{
	(void)data;
	if (why->code != ERROR_INVALID && why->code != ERROR_LIMIT)
		abort();
}

static void
check_line(const char *line)
{
	struct authorized_keys *keys = authorized_keys_new();

	if (authorized_keys_add(keys, line, strlen(line), NULL) != 0 ||
	    authorized_keys_count(keys) != 1)
		abort();
	authorized_keys_free(keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct authorized_keys *keys = authorized_keys_new();
	size_t i;

	authorized_keys_read(
	    keys, "f", (const char *)bytes, len, on_refused, NULL);
	for (i = 0; i < authorized_keys_count(keys); i++)
		check_line(authorized_keys_line(keys, i));
	authorized_keys_free(keys);
	return 0;
}
