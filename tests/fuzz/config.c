/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file; what is taken prints and reads back the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/common/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define PRINT_MAX (1u << 20)

static void
check_print(struct config *config)
{
	struct buffer once;
	struct buffer again;

	buffer_init(&once, PRINT_MAX);
	buffer_init(&again, PRINT_MAX);
	if (config_print(config, &once, NULL) != 0 ||
	    config_read(config, "f", (const char *)buffer_bytes(&once),
	        buffer_len(&once), NULL) != 0 ||
	    config_print(config, &again, NULL) != 0 ||
	    buffer_len(&once) != buffer_len(&again) ||
	    memcmp(buffer_bytes(&once), buffer_bytes(&again),
	        buffer_len(&once)) != 0)
		abort();
	buffer_clear(&once);
	buffer_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct config config;
	struct error err = {0};

	config_init(&config);
	if (config_read(&config, "f", (const char *)bytes, len, &err) == 0)
		check_print(&config);
	else if (strncmp(err.text, "f:", 2) != 0)
		abort();
	config_clear(&config);
	return 0;
}
