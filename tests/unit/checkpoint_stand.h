/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper with a terminal, and one that takes over what it leaves. */
#ifndef TESTS_UNIT_CHECKPOINT_STAND_H
#define TESTS_UNIT_CHECKPOINT_STAND_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/keeper/checkpoint.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_checkpoint.h"
#include "tests/unit/terminal_noise.h"

#define FILE_MAX ((size_t)64 << 20)

/* A keeper with one terminal, and its folder. */
struct side {
	struct keeper *keeper;
	struct exec *exec;
	char path[64];
};

struct stand {
	uv_loop_t loop;
	struct side one; /* the keeper that runs */
	struct side two; /* the one that comes after it */
	struct noise noise;
};

static const char *const files[] = {
    "1", "1.screen", "1.screen.new", "abc-1.cast", NULL};

static inline void
open_side(struct stand *stand, struct side *side)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	strcpy(side->path, "/tmp/checkpoint-test-XXXXXX");
	assert_non_null(mkdtemp(side->path));
	keeper->loop = &stand->loop;
	strcpy(keeper->task, "abc");
	keeper->oom_fd = -1;
	keeper->link.state = LINK_DOWN;
	keeper->spool_dir =
	    open(side->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	keeper->recording_dir = keeper->spool_dir;
	keeper->config.output = 1;
	side->keeper = keeper;
}

static inline void
make_exec(struct side *side)
{
	const struct exec_spec spec = {
	    .login = true, .pty = {.present = true, .rows = 24, .cols = 80}};
	struct journal_exec kept = {.number = 1,
	    .principal = memory_string("anna"),
	    .what = memory_string("sh"),
	    .pty = spec.pty,
	    .output = 1};

	side->exec = exec_new(side->keeper, &kept, &spec);
	side->exec->pty = pty_new(side->exec, &spec);
	side->exec->state = EXEC_RUNNING;
}

static inline void
free_exec(struct side *side)
{
	exec_free(side->exec);
	side->exec = NULL;
}

static inline void
close_side(struct side *side)
{
	const char *const *name;

	free_exec(side);
	for (name = files; *name != NULL; name++)
		(void)unlinkat(side->keeper->spool_dir, *name, 0);
	(void)close(side->keeper->spool_dir);
	assert_int_equal(rmdir(side->path), 0);
	assert_int_equal(side->keeper->cells, 0);
	free(side->keeper);
}

static inline int
set_up(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));

	assert_int_equal(uv_loop_init(&stand->loop), 0);
	open_side(stand, &stand->one);
	open_side(stand, &stand->two);
	make_exec(&stand->one);
	stand->noise.state = noise_seed();
	*state = stand;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct stand *stand = *state;

	close_side(&stand->one);
	close_side(&stand->two);
	(void)uv_run(&stand->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&stand->loop), 0);
	free(stand);
	return 0;
}

static inline void
feed(struct side *side, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	struct error err = {0};

	while (len > 0) {
		size_t part = len < 60000 ? len : 60000;

		assert_int_equal(
		    output_admit(&side->exec->output, OUTPUT_PTY, part, &err),
		    0);
		exec_wrote(side->exec, OUTPUT_PTY, at, part);
		at += part;
		len -= part;
	}
}

static inline void
feed_text(struct side *side, const char *text)
{
	feed(side, text, strlen(text));
}

/* Bytes of a file; NULL: there is none. To be freed. */
static inline char *
load(const struct side *side, const char *name, size_t *len)
{
	int fd = openat(side->keeper->spool_dir, name, O_RDONLY | O_CLOEXEC);
	struct stat file;
	char *bytes;

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &file), 0);
	bytes = calloc(1, (size_t)file.st_size + 1);
	assert_int_equal(
	    pread(fd, bytes, (size_t)file.st_size, 0), file.st_size);
	(void)close(fd);
	*len = (size_t)file.st_size;
	return bytes;
}

static inline void
store(const struct side *side, const char *name, const char *bytes, size_t len)
{
	int fd = openat(side->keeper->spool_dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}

/* What the first keeper leaves when it is killed now. */
static inline void
copy_files(struct stand *stand)
{
	const char *const *name;

	for (name = files; *name != NULL; name++) {
		size_t len = 0;
		char *bytes = load(&stand->one, *name, &len);

		(void)unlinkat(stand->two.keeper->spool_dir, *name, 0);
		if (bytes != NULL)
			store(&stand->two, *name, bytes, len);
		free(bytes);
	}
}

static inline int
restore(struct side *side, struct error *err)
{
	make_exec(side);
	assert_int_equal(output_restore(&side->exec->output, NULL, err), 0);
	return pty_restore(side->exec->pty, err);
}

#define with_stand(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
