/* SPDX-License-Identifier: Apache-2.0 */
/* ps, create, destroy. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/admin/client.h"
#include "server/admin/verb.h"

#define PS_USAGE "ps [--dir DIR] [--json]"
#define CREATE_USAGE                                            \
	"create [--dir DIR] [--name NAME] [--profile PROFILE] " \
	"[--image IMAGE]"
#define DESTROY_USAGE "destroy [--dir DIR] TASK..."

#define VIEW_BYTES_MAX (1u << 20)

struct listing {
	bool json;
	size_t count;
};

static void
print_json(struct listing *listing, const struct control_task *task)
{
	struct buffer text;

	buffer_init(&text, VIEW_BYTES_MAX);
	if (json_write(&control_view_shape, NULL, task, &text, NULL) == 0)
		(void)printf("%s%.*s", listing->count > 0 ? ",\n " : "[",
		    (int)buffer_len(&text), (const char *)buffer_bytes(&text));
	buffer_clear(&text);
}

static void
print_row(const struct control_task *task)
{
	(void)printf("%-8s  %-20s  %-12s  %-5s  %4lld  %-20.20s  %s\n",
	    task->task, task->name, task_state_names[task->state],
	    task->runtime, (long long)task->running, task->owner,
	    task->created);
}

static void
on_listed(void *data, union control_body *item)
{
	const struct control_task *task = &item->task;
	struct listing *listing = data;

	if (listing->json)
		print_json(listing, task);
	else if (listing->count == 0)
		(void)printf("%-8s  %-20s  %-12s  %-5s  %4s  %-20s  %s\n",
		    "TASK", "NAME", "STATE", "RUNS", "CMDS", "OWNER",
		    "CREATED");
	if (!listing->json)
		print_row(task);
	listing->count++;
}

int
ps_verb(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.ask = {.principal = principal}};
	struct listing listing = {0};
	const char *dir = verb_dir();
	int option, status;

	if (verb_helps(argc, argv, PS_USAGE))
		return VERB_DONE;
	while ((option = getopt_long(argc, argv, "d:j", options, NULL)) != -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'j')
			listing.json = true;
		else
			return verb_usage(PS_USAGE);
	}
	if (optind != argc)
		return verb_surplus(argv[optind], PS_USAGE);
	status = verb_ask(dir, CONTROL_TASK_LIST, &body, on_listed, &listing);
	if (status == VERB_DONE && listing.json)
		(void)printf("%s]\n", listing.count == 0 ? "[" : "");
	return status;
}

static void
on_created(void *data, union control_body *item)
{
	(void)data;
	(void)printf("%s\n", item->task.task);
}

int
create_verb(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"name", required_argument, NULL, 'n'},
	    {"profile", required_argument, NULL, 'p'},
	    {"image", required_argument, NULL, 'i'},
	    {NULL, 0, NULL, 0},
	};
	char principal[] = CLIENT_PRINCIPAL;
	const char *dir = verb_dir();
	union control_body body;
	struct task_spec *spec = &body.create.spec;
	int option;

	if (verb_helps(argc, argv, CREATE_USAGE))
		return VERB_DONE;
	json_absent(control_shapes[CONTROL_TASK_CREATE], &body);
	body.create.principal = principal;
	while ((option = getopt_long(argc, argv, "d:n:p:i:", options, NULL)) !=
	       -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'n')
			spec->name = optarg;
		else if (option == 'p')
			spec->profile = optarg;
		else if (option == 'i')
			spec->image = optarg;
		else
			return verb_usage(CREATE_USAGE);
	}
	if (optind != argc)
		return verb_surplus(argv[optind], CREATE_USAGE);
	return verb_ask(dir, CONTROL_TASK_CREATE, &body, on_created, NULL);
}

static int
destroy_all(const char *dir, char **tasks)
{
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.ask = {.principal = principal}};
	struct client client;
	struct error err;
	int status = VERB_DONE;

	if (client_open(&client, dir, &err) != 0) {
		client_close(&client);
		return verb_fail(&err);
	}
	for (; *tasks != NULL; tasks++) {
		body.ask.task = *tasks;
		if (client_ask(&client, CONTROL_TASK_DESTROY, &body, NULL, NULL,
		        &err) != 0)
			status = verb_fail(&err);
	}
	client_close(&client);
	return status;
}

int
destroy_verb(int argc, char **argv)
{
	const char *dir;
	int status;

	if (!verb_takes_dir(argc, argv, DESTROY_USAGE, &dir, &status))
		return status;
	if (optind == argc)
		return verb_usage(DESTROY_USAGE);
	return destroy_all(dir, argv + optind);
}
