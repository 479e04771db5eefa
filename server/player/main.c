/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-player UID RECORDING: shows one recording to one gate. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/confine.h"
#include "server/common/log.h"
#include "server/player/player.h"

/* Descriptors that the manager gives. */
#define FILE_FD 3
#define GATE_FD 4

#define UID_MAX 4294967293 /* the last two mean "none" here and there */

static struct player player;

static int
parse_uid(const char *text, uid_t *out)
{
	char *end;
	unsigned long long uid;

	errno = 0;
	uid = strtoull(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' ||
	    uid == 0 || uid > UID_MAX)
		return -1;
	*out = (uid_t)uid;
	return 0;
}

/* From here on it reaches what it was given and nothing else. */
static int
drop_privilege(uid_t uid, struct error *err)
{
	struct confine cage = {.uid = CONFINE_SAME_USER};
	int fd;

	for (fd = FILE_FD; fd <= GATE_FD; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return error_sys(
			    err, "descriptor %d: %s", fd, strerror(errno));
	}
	if (geteuid() == 0) {
		cage.uid = uid;
		cage.gid = (gid_t)uid;
	}
	return confine(&cage, err);
}

static int
serve(uv_loop_t *loop, const char *recording, struct error *err)
{
	const struct player_grant grant = {
	    .recording = recording, .file_fd = FILE_FD, .gate_fd = GATE_FD};

	if (player_open(&player, loop, &grant, err) != 0)
		return -1;
	(void)uv_run(loop, UV_RUN_DEFAULT);
	player_clear(&player);
	return 0;
}

int
main(int argc, char **argv)
{
	struct error err = {0};
	uv_loop_t loop;
	uid_t uid;

	log_open("player", LOG_INFO);
	if (argc != 3 || parse_uid(argv[1], &uid) != 0) {
		log_error("usage: sallyport-player UID RECORDING");
		return 2;
	}
	log_subject("recording", argv[2]);
	(void)signal(SIGPIPE, SIG_IGN);
	if (drop_privilege(uid, &err) != 0 || uv_loop_init(&loop) != 0 ||
	    serve(&loop, argv[2], &err) != 0) {
		log_error("cannot serve: %s", err.text);
		return 1;
	}
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}
