/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "server/admin/client.h"

const char *
verb_dir(void)
{
	const char *dir = getenv("SALLYPORT_DIR");

	return dir == NULL ? VERB_DIR_DEFAULT : dir;
}

int
verb_ask(const char *dir, enum control_type type, union control_body *body,
    void (*on_item)(void *data, union control_body *item), void *data)
{
	struct client client;
	struct error err;
	int ret;

	ret = client_open(&client, dir, &err);
	if (ret == 0)
		ret = client_ask(&client, type, body, on_item, data, &err);
	client_close(&client);
	return ret == 0 ? VERB_DONE : verb_fail(&err);
}

int
verb_fail(const struct error *err)
{
	(void)fprintf(stderr, "sallyport: %s\n", err->text);
	return VERB_FAILED;
}

bool
verb_helps(int argc, char **argv, const char *usage)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			(void)printf("usage: sallyport %s\n", usage);
			return true;
		}
	}
	return false;
}

bool
verb_takes_dir(
    int argc, char **argv, const char *usage, const char **dir, int *status)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	*dir = verb_dir();
	*status = VERB_DONE;
	if (verb_helps(argc, argv, usage))
		return false;
	while ((option = getopt_long(argc, argv, "d:", options, NULL)) != -1) {
		if (option != 'd') {
			*status = verb_usage(usage);
			return false;
		}
		*dir = optarg;
	}
	return true;
}

int
verb_usage(const char *usage)
{
	(void)fprintf(stderr, "usage: sallyport %s\n", usage);
	return VERB_USAGE;
}

int
verb_surplus(const char *argument, const char *usage)
{
	(void)fprintf(
	    stderr, "sallyport: \"%s\" is not expected here\n", argument);
	return verb_usage(usage);
}
