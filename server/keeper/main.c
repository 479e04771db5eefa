/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-keeper TASK [resume]: keeps the truth of one task. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/name.h"
#include "server/common/confine.h"
#include "server/common/log.h"
#include "server/keeper/keeper.h"

/* Descriptors that the manager gives. */
#define DOOR_FD      3
#define LINK_FD      4
#define SPOOL_FD     5
#define RECORDING_FD 6 /* may be missing: nothing is recorded */

static struct keeper keeper;

/* Own what was given, and nothing that a file full of execs would lack. */
static int
take_descriptors(struct keeper_grant *grant, struct error *err)
{
	struct rlimit files;
	int fd;

	for (fd = DOOR_FD; fd <= SPOOL_FD; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return error_sys(err, "descriptor %d", fd);
	}
	grant->door_fd = DOOR_FD;
	grant->link_fd = LINK_FD;
	grant->spool_fd = SPOOL_FD;
	grant->recording_fd =
	    fcntl(RECORDING_FD, F_SETFD, FD_CLOEXEC) == 0 ? RECORDING_FD : -1;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return error_sys(err, "limit of descriptors");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		return error_sys(err, "limit of descriptors");
	return 0;
}

/*
 * Become the user that the manager gave the spool to, for ever. From here on
 * the keeper reaches what it was given and nothing else.
 */
static int
drop_privilege(struct error *err)
{
	static const char *const syscalls[] = {"openat", "pwritev", "ftruncate",
	    "unlinkat", "renameat", "socketpair", NULL};
	struct confine cage = {.uid = CONFINE_SAME_USER, .syscalls = syscalls};
	struct stat spool;

	if (fstat(SPOOL_FD, &spool) != 0)
		return error_sys(err, "spool folder");
	if (geteuid() == 0) {
		cage.uid = spool.st_uid;
		cage.gid = spool.st_gid;
	}
	if (confine(&cage, err) != 0)
		return -1;
	/* Making the filter took memory that serving will not need. */
	(void)malloc_trim(0);
	return 0;
}

static int
serve(uv_loop_t *loop, const struct keeper_grant *grant, struct error *err)
{
	if (keeper_open(&keeper, loop, grant, err) != 0)
		return -1;
	(void)uv_run(loop, UV_RUN_DEFAULT);
	keeper_clear(&keeper);
	return 0;
}

int
main(int argc, char **argv)
{
	struct keeper_grant grant = {0};
	struct error err = {0};
	uv_loop_t loop;

	log_open("keeper", LOG_INFO);
	grant.is_resumed = argc == 3 && strcmp(argv[2], "resume") == 0;
	if (argc != (grant.is_resumed ? 3 : 2) ||
	    name_check("task", argv[1], &err) != 0) {
		log_error("usage: sallyport-keeper TASK [resume] %s", err.text);
		return 2;
	}
	log_subject("task", argv[1]);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	grant.task = argv[1];
	if (take_descriptors(&grant, &err) != 0 || drop_privilege(&err) != 0 ||
	    uv_loop_init(&loop) != 0 || serve(&loop, &grant, &err) != 0) {
		log_error("cannot serve: %s", err.text);
		return 1;
	}
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}
