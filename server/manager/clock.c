/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/clock.h"

#include <string.h>
#include <time.h>

#include "protocol/cleanup.h"
#include "server/manager/home.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

static int64_t
read_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int
clock_boot_id(char id[static CLOCK_BOOT_ID_BYTES], struct error *err)
{
	autofree char *text = NULL;
	size_t len;

	if (home_read(
	        BOOT_ID_FILE, CLOCK_BOOT_ID_BYTES - 1, &text, &len, err) != 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	memcpy(id, text, strlen(text) + 1);
	return 0;
}
