/* SPDX-License-Identifier: Apache-2.0 */
/* The status line of a replay. */
#ifndef SERVER_PLAYER_STATUS_H
#define SERVER_PLAYER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define STATUS_BYTES 320

struct status {
	const char *recording; /* its id */
	uint64_t at_ms;        /* since it began */
	unsigned percent;      /* of the file */
	int64_t speed_milli;
	bool is_paused;
	bool is_over;       /* everything was played */
	const char *damage; /* why it ends too soon; NULL */
};

/* "t7kq2m9x-1  0:01:23  45%  x2  q quit, space pause, + - speed" */
void status_write(const struct status *status, char text[static STATUS_BYTES]);

#endif
