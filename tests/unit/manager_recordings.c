/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/tree.h"
#include "server/manager/recordings.h"

#include <fcntl.h>

/* The folder is the working directory, as the manager's is. */
struct world {
	char dir[64];
	struct recordings found;
	struct error err;
};

static int
setup(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));

	(void)snprintf(
	    world->dir, sizeof(world->dir), "/tmp/sallyport-cast-XXXXXX");
	*state = world;
	if (mkdtemp(world->dir) == NULL || chdir(world->dir) != 0)
		return -1;
	return mkdir(RECORDINGS_FOLDER, 0700);
}

static int
teardown(void **state)
{
	struct world *world = *state;
	int ret = chdir("/");

	(void)tree_remove(AT_FDCWD, world->dir, &world->err);
	free(world->found.items);
	free(world);
	return ret;
}

/* A task's folder, of this user's. */
static int
make(struct world *world, const char *task)
{
	int fd = -1;

	assert_int_equal(recordings_make(task, geteuid(), &fd, &world->err), 0);
	return fd;
}

static void
put(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static bool
has(const struct world *world, const char *id, int64_t bytes)
{
	size_t i;

	for (i = 0; i < world->found.count; i++) {
		if (strcmp(world->found.items[i].id, id) == 0)
			return world->found.items[i].bytes == bytes;
	}
	return false;
}

static void
list(struct world *world, const char *task)
{
	free(world->found.items);
	memset(&world->found, 0, sizeof(world->found));
	assert_int_equal(recordings_list(task, &world->found, &world->err), 0);
}

static void
what_was_recorded_is_listed(void **state)
{
	struct world *world = *state;
	int one = make(world, "abcd2345"), other = make(world, "efgh2345");

	put(one, "abcd2345-1.cast", "12345");
	put(one, "abcd2345-12.cast", "");
	put(other, "efgh2345-7.cast", "1");
	list(world, NULL);
	assert_int_equal(world->found.count, 3);
	assert_true(has(world, "abcd2345-1", 5));
	assert_true(has(world, "abcd2345-12", 0));
	assert_true(has(world, "efgh2345-7", 1));
	list(world, "efgh2345");
	assert_int_equal(world->found.count, 1);
	assert_string_equal(world->found.items[0].task, "efgh2345");
	assert_true(
	    llabs(world->found.items[0].modified_ms / 1000 - time(NULL)) < 60);
	list(world, "nope2345");
	assert_int_equal(world->found.count, 0);
	list(world, "../etc");
	assert_int_equal(world->found.count, 0);
	(void)close(one);
	(void)close(other);
}

static void
what_is_no_recording_is_not_listed(void **state)
{
	static const char *const names[] = {"notes", "abcd2345-1",
	    "abcd2345-0.cast", "abcd2345-01.cast", "abcd2345-4294967296.cast",
	    "other-1.cast", "abcd2345-1.cast.new", ".cast", "-1.cast"};
	struct world *world = *state;
	int folder = make(world, "abcd2345");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(folder, names[i], "x");
	assert_int_equal(
	    symlinkat("/etc/passwd", folder, "abcd2345-2.cast"), 0);
	assert_int_equal(mkfifoat(folder, "abcd2345-3.cast", 0600), 0);
	assert_int_equal(mkdirat(folder, "abcd2345-4.cast", 0700), 0);
	put(AT_FDCWD, RECORDINGS_FOLDER "/file", "x");
	assert_int_equal(
	    symlinkat(world->dir, AT_FDCWD, RECORDINGS_FOLDER "/link2345"), 0);
	list(world, NULL);
	assert_int_equal(world->found.count, 0);
	(void)close(folder);
}

static void
only_a_regular_file_is_opened(void **state)
{
	static const char *const refused[] = {"abcd2345-2", "abcd2345-3",
	    "abcd2345-4", "abcd2345-5", "../etc/passwd", "link2345-1",
	    "nope2345-1", "abcd2345", ""};
	struct world *world = *state;
	int folder = make(world, "abcd2345");
	int fd = -1;
	size_t i;

	put(folder, "abcd2345-1.cast", "x");
	assert_int_equal(
	    symlinkat("/etc/passwd", folder, "abcd2345-2.cast"), 0);
	assert_int_equal(mkfifoat(folder, "abcd2345-3.cast", 0600), 0);
	assert_int_equal(mkdirat(folder, "abcd2345-4.cast", 0700), 0);
	assert_int_equal(
	    symlinkat("abcd2345", AT_FDCWD, RECORDINGS_FOLDER "/link2345"), 0);
	put(folder, "link2345-1.cast", "x");
	assert_int_equal(recordings_open("abcd2345-1", &fd, &world->err), 0);
	assert_int_equal(close(fd), 0);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (recordings_open(refused[i], &fd, &world->err) == 0)
			fail_msg("%s is opened", refused[i]);
		assert_int_equal(world->err.code, ERROR_NOT_FOUND);
	}
	(void)close(folder);
}

static void
files_of_one_task_do_not_hide_those_of_another(void **state)
{
	struct world *world = *state;
	int one = make(world, "abcd2345"), other = make(world, "efgh2345");
	char name[64];
	unsigned i;

	for (i = 1; i <= RECORDINGS_OF_TASK + 10; i++) {
		(void)snprintf(name, sizeof(name), "abcd2345-%u.cast", i);
		put(one, name, "");
	}
	put(other, "efgh2345-1.cast", "x");
	list(world, NULL);
	assert_int_equal(world->found.count, RECORDINGS_OF_TASK + 1);
	assert_true(has(world, "efgh2345-1", 1));
	(void)close(one);
	(void)close(other);
}

static void
a_sealed_folder_is_roots_and_an_empty_one_goes(void **state)
{
	struct world *world = *state;
	struct recordings_task *tasks;
	struct stat st;
	size_t count;
	int full, empty;

	if (geteuid() != 0)
		skip();
	assert_int_equal(
	    recordings_make("abcd2345", 1234, &full, &world->err), 0);
	assert_int_equal(
	    recordings_make("efgh2345", 1235, &empty, &world->err), 0);
	assert_int_equal(fstat(full, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_mode & 07777, 0700);
	put(full, "abcd2345-1.cast", "x");
	assert_int_equal(fchmod(full, 0777), 0);
	assert_int_equal(recordings_seal("abcd2345", &world->err), 0);
	assert_int_equal(recordings_seal("efgh2345", &world->err), 0);
	assert_int_equal(recordings_seal("nope2345", &world->err), 0);
	assert_int_equal(fstat(full, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(recordings_tasks(&tasks, &count, &world->err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(tasks[0].task, "abcd2345");
	free(tasks);
	assert_int_equal(recordings_remove("abcd2345", &world->err), 0);
	assert_int_equal(recordings_remove("abcd2345", &world->err), 0);
	list(world, NULL);
	assert_int_equal(world->found.count, 0);
	(void)close(full);
	(void)close(empty);
}

static void
a_folder_is_made_once(void **state)
{
	struct world *world = *state;
	int fd = make(world, "abcd2345");
	int again = -1;

	assert_int_equal(
	    recordings_make("abcd2345", geteuid(), &again, &world->err), -1);
	assert_int_equal(again, -1);
	(void)close(fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(what_was_recorded_is_listed),
	    TEST(what_is_no_recording_is_not_listed),
	    TEST(only_a_regular_file_is_opened),
	    TEST(files_of_one_task_do_not_hide_those_of_another),
	    TEST(a_sealed_folder_is_roots_and_an_empty_one_goes),
	    TEST(a_folder_is_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
