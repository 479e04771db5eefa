/* SPDX-License-Identifier: Apache-2.0 */
/* replay ID [--speed N] [--idle SECONDS]: play a recording. */
#include <stdint.h>
#include <string.h>

#include "protocol/limits.h"
#include "server/gate/ops.h"
#include "server/gate/ops_view.h"

/* "0.5" as 500. Digits and at most one point. */
static bool
read_milli(const char *text, int64_t max, int64_t *milli)
{
	int64_t value = 0;
	int decimals = -1; /* behind the point; -1: before it */
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (text[i] < '0' || text[i] > '9' || decimals == 3 ||
		    value > max)
			return false;
		value = value * 10 + (text[i] - '0');
		decimals += decimals >= 0;
	}
	if (i == 0)
		return false;
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 3; decimals++)
		value *= 10;
	*milli = value;
	return value <= max;
}

static bool
open_replay(struct session *session, char *const *words)
{
	const char *recording = NULL;
	int64_t speed_milli = 1000;
	int64_t idle_ms = 0;
	size_t i;

	for (i = 0; words[i] != NULL; i++) {
		bool is_good = true;

		if (strcmp(words[i], "--speed") == 0 && words[i + 1] != NULL)
			is_good = read_milli(words[++i], OPS_VIEW_SPEED_MAX,
			              &speed_milli) &&
			          speed_milli >= OPS_VIEW_SPEED_MIN;
		else if (strcmp(words[i], "--idle") == 0 &&
		         words[i + 1] != NULL)
			is_good =
			    read_milli(words[++i], LIMIT_WAIT_MS, &idle_ms);
		else if (recording == NULL && words[i][0] != '-')
			recording = words[i];
		else
			is_good = false;
		if (!is_good)
			return false;
	}
	if (recording == NULL || strlen(recording) > LIMIT_EXEC_ID_BYTES)
		return false;
	ops_view_replay(session, recording, speed_milli, idle_ms);
	return true;
}

const struct ops_verb ops_replay = {"replay", "ID [--speed N] [--idle SECONDS]",
    "play a recording; space halts, + - speed, q ends", true, open_replay};
