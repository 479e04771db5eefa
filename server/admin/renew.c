/* SPDX-License-Identifier: Apache-2.0 */
/* reload and upgrade: a gateway goes on, changed, and drops nothing. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "protocol/error.h"
#include "server/admin/client.h"
#include "server/admin/verb.h"

#define RELOAD_USAGE  "reload [--dir DIR]"
#define UPGRADE_USAGE "upgrade [--dir DIR] [--keepers]"

#define RETURN_TRIES 10

static int
ask(const char *dir, enum control_type type, struct client *client,
    struct error *err)
{
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.ask = {.principal = principal}};
	int ret = client_open(client, dir, err);

	if (ret == 0)
		ret = client_ask(client, type, &body, NULL, NULL, err);
	client_close(client);
	return ret;
}

int
reload_verb(int argc, char **argv)
{
	const char *dir;
	struct client client;
	struct error err;
	int status;

	if (!verb_takes_dir(argc, argv, RELOAD_USAGE, &dir, &status))
		return status;
	if (optind != argc)
		return verb_surplus(argv[optind], RELOAD_USAGE);
	if (ask(dir, CONTROL_RELOAD, &client, &err) != 0)
		return verb_fail(&err);
	if (client.note[0] != '\0')
		(void)fprintf(stderr, "sallyport: %s\n", client.note);
	return VERB_DONE;
}

/* The manager hangs up when it becomes the new one. That has listened when it
 * answers, whatever it is; a connection may still have been made to the old. */
static int
wait_for_return(struct error *err)
{
	char principal[] = CLIENT_PRINCIPAL, task[] = "none";
	union control_body body = {
	    .ask = {.principal = principal, .task = task}};
	struct client client;
	int i, ret;

	for (i = 0; i < RETURN_TRIES; i++) {
		ret = client_open(&client, ".", err);
		if (ret == 0)
			(void)client_ask(
			    &client, CONTROL_TASK_GET, &body, NULL, NULL, err);
		client_close(&client);
		if (ret != 0)
			break;
		if (!client.has_ended)
			return 0;
	}
	return error_set(
	    err, ERROR_SYSTEM, "the new manager does not answer; see its log");
}

static int
upgrade(const char *dir, bool keepers)
{
	struct client client;
	struct error err;

	/* it refuses, or becomes the new one without a word */
	if (ask(dir, CONTROL_UPGRADE, &client, &err) != 0 &&
	    (!client.has_ended || wait_for_return(&err) != 0))
		return verb_fail(&err);
	if (keepers && ask(".", CONTROL_KEEPERS, &client, &err) != 0)
		return verb_fail(&err);
	return VERB_DONE;
}

int
upgrade_verb(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"keepers", no_argument, NULL, 'k'},
	    {NULL, 0, NULL, 0},
	};
	const char *dir = verb_dir();
	bool keepers = false;
	int option;

	if (verb_helps(argc, argv, UPGRADE_USAGE))
		return VERB_DONE;
	while ((option = getopt_long(argc, argv, "d:", options, NULL)) != -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'k')
			keepers = true;
		else
			return verb_usage(UPGRADE_USAGE);
	}
	if (optind != argc)
		return verb_surplus(argv[optind], UPGRADE_USAGE);
	return upgrade(dir, keepers);
}
