/* SPDX-License-Identifier: Apache-2.0 */
/* up: become the manager. down: end it, and all that it made. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/admin/client.h"
#include "server/admin/verb.h"

#define UP_USAGE   "up [--dir DIR] [--port N] [--config FILE]"
#define DOWN_USAGE "down [--dir DIR]"

#define END_WAIT_MS 30000 /* from down's answer to the end of the manager */
#define END_POLL_MS 10

/* Become the program of that name in the folder that this one is in. */
static int
become_manager(char *const argv[])
{
	static const char name[] = "sallyportd";
	char path[4096];
	ssize_t len =
	    readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
	struct error err;
	char *slash;

	if (len >= 0) {
		path[len] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash == NULL ? path : slash + 1, name, sizeof(name));
		(void)execv(path, argv);
	}
	(void)error_sys(&err, "sallyportd: %s", strerror(errno));
	return verb_fail(&err);
}

int
up_verb(int argc, char **argv)
{
	char name[] = "sallyportd";

	if (verb_helps(argc, argv, UP_USAGE))
		return VERB_DONE;
	/* the options are sallyportd's own: it reads and refuses them */
	argv[0] = name;
	return become_manager(argv);
}

/* The manager's lock goes when its process does. */
static int
wait_for_end(struct error *err)
{
	autoclose int lock = open("lock", O_RDONLY | O_CLOEXEC);
	int waited = 0;

	if (lock < 0)
		return error_sys(err, "lock: %s", strerror(errno));
	while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return error_sys(err, "lock: %s", strerror(errno));
		if (waited >= END_WAIT_MS)
			return error_set(err, ERROR_SYSTEM,
			    "everything is gone but the manager itself");
		(void)poll(NULL, 0, END_POLL_MS);
		waited += END_POLL_MS;
	}
	return 0;
}

static int
ask_down(struct client *client, struct error *err)
{
	char principal[] = CLIENT_PRINCIPAL;
	union control_body body = {.ask = {.principal = principal}};
	struct error alive = {0};

	if (client_ask(client, CONTROL_DOWN, &body, NULL, NULL, err) == 0)
		return wait_for_end(err);
	/* it is ending already, and its tasks stay, or it dies just now */
	if ((err->code == ERROR_STATE || err->code == ERROR_SYSTEM) &&
	    wait_for_end(&alive) == 0)
		return error_set(err, ERROR_NOT_FOUND, "it has ended");
	return -1;
}

/*
 * The manager is dead: another one takes over what it left and ends it.
 * client_open has made DIR the working directory.
 */
static int
down_alone(const char *dir)
{
	char daemon[] = "sallyportd", down[] = "--down", flag[] = "--dir";
	char here[] = ".";
	char *const argv[] = {daemon, down, flag, here, NULL};
	struct error err;

	if (access("store.db", F_OK) == 0)
		return become_manager(argv);
	(void)error_set(&err, ERROR_NOT_FOUND, "%s: no gateway was here", dir);
	return verb_fail(&err);
}

int
down_verb(int argc, char **argv)
{
	const char *dir;
	struct client client;
	struct error err;
	int ret, status;

	if (!verb_takes_dir(argc, argv, DOWN_USAGE, &dir, &status))
		return status;
	if (optind != argc)
		return verb_surplus(argv[optind], DOWN_USAGE);
	ret = client_open(&client, dir, &err);
	if (ret == 0)
		ret = ask_down(&client, &err);
	client_close(&client);
	if (ret == 0)
		return VERB_DONE;
	return err.code == ERROR_NOT_FOUND ? down_alone(dir) : verb_fail(&err);
}
