/* SPDX-License-Identifier: Apache-2.0 */
/* recordings. */
#include <getopt.h>
#include <stdio.h>

#include "server/admin/client.h"
#include "server/admin/verb.h"

#define RECORDINGS_USAGE "recordings [--dir DIR] [TASK]"

static void
on_listed(void *data, union control_body *item)
{
	const struct control_recording *recording = &item->recording;
	size_t *count = data;

	if ((*count)++ == 0)
		(void)printf("%-16s  %-20s  %-20s  %10s  %s\n", "RECORDING",
		    "TASK", "OWNER", "BYTES", "MODIFIED");
	(void)printf("%-16s  %-20s  %-20.20s  %10lld  %s\n",
	    recording->recording, recording->task, recording->owner,
	    (long long)recording->bytes, recording->modified);
}

int
recordings_verb(int argc, char **argv)
{
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.ask = {.principal = principal}};
	const char *dir;
	size_t count = 0;
	int status;

	if (!verb_takes_dir(argc, argv, RECORDINGS_USAGE, &dir, &status))
		return status;
	if (optind < argc)
		body.ask.task = argv[optind++];
	if (optind < argc)
		return verb_surplus(argv[optind], RECORDINGS_USAGE);
	return verb_ask(dir, CONTROL_RECORDINGS, &body, on_listed, &count);
}
