/* SPDX-License-Identifier: Apache-2.0 */
#include "server/player/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SPEED_BYTES 32

/* "x1", "x0.5" */
static void
write_speed(int64_t milli, char text[static SPEED_BYTES])
{
	size_t len = (size_t)snprintf(text, SPEED_BYTES,
	    "x%" PRId64 ".%03" PRId64, milli / 1000, milli % 1000);

	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[len - 1] = '\0';
}

static const char *
word(const struct status *status)
{
	if (status->damage != NULL)
		return status->damage;
	if (status->is_over)
		return "the end";
	return status->is_paused ? "paused: space goes on, q quits"
	                         : "q quit, space pause, + - speed";
}

void
status_write(const struct status *status, char text[static STATUS_BYTES])
{
	uint64_t seconds = status->at_ms / 1000;
	char speed[SPEED_BYTES];

	write_speed(status->speed_milli, speed);
	(void)snprintf(text, STATUS_BYTES,
	    "%s  %" PRIu64 ":%02u:%02u  %u%%  %s  %s", status->recording,
	    seconds / 3600, (unsigned)(seconds / 60 % 60),
	    (unsigned)(seconds % 60), status->percent, speed, word(status));
}
