/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/tree.h"

#define DEPTH 3000 /* deeper than any path or number of descriptors */

static int
setup(void **state)
{
	char *dir = strdup("/tmp/tree-XXXXXX");

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	*state = dir;
	return 0;
}

static int
teardown(void **state)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(tree_remove(AT_FDCWD, *state, NULL), 0);
	assert_int_not_equal(access(*state, F_OK), 0);
	free(*state);
	return 0;
}

static void
write_file(const char *name, mode_t mode)
{
	autoclose int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void
a_tree_of_any_depth_is_removed(void **state)
{
	autoclose int top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned i;

	(void)state;
	for (i = 0; i < DEPTH; i++) {
		assert_int_equal(mkdir("d", 0700), 0);
		assert_int_equal(mkdir("other", 0000), 0);
		write_file("file", 0000);
		assert_int_equal(chdir("d"), 0);
	}
	assert_int_equal(fchdir(top), 0);
	assert_int_equal(tree_remove(AT_FDCWD, "d", NULL), 0);
	assert_int_not_equal(access("d", F_OK), 0);
}

static void
names_that_removal_uses_itself_are_no_trouble(void **state)
{
	(void)state;
	assert_int_equal(
	    system("mkdir -p d/a/b/c d/.removed-0/x/y d/.removed-1; "
	           "touch d/.removed-2 d/a/.removed-3"),
	    0);
	assert_int_equal(tree_remove(AT_FDCWD, "d", NULL), 0);
	assert_int_not_equal(access("d", F_OK), 0);
}

static void
links_are_removed_and_not_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdir("kept", 0700), 0);
	write_file("kept/file", 0600);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("../kept", "d/link"), 0);
	assert_int_equal(tree_remove(AT_FDCWD, "d", NULL), 0);
	assert_int_equal(access("kept/file", F_OK), 0);
	assert_int_equal(symlink("kept", "link"), 0);
	assert_int_equal(tree_remove(AT_FDCWD, "link", NULL), 0);
	assert_int_equal(access("kept/file", F_OK), 0);
}

static void
removing_nothing_succeeds(void **state)
{
	(void)state;
	assert_int_equal(tree_remove(AT_FDCWD, "nothing", NULL), 0);
}

static void
a_copy_leaves_out_what_not_everybody_may_read(void **state)
{
	struct stat stat_of;
	char target[16] = "";

	(void)state;
	(void)umask(077);
	assert_int_equal(mkdir("from", 0700), 0);
	assert_int_equal(mkdir("from/sub", 0700), 0);
	write_file("from/secret", 0640);
	write_file("from/sub/text", 0604);
	write_file("from/sub/program", 04755);
	assert_int_equal(symlink("/nowhere", "from/link"), 0);
	assert_int_equal(mkfifo("from/pipe", 0666), 0);
	assert_int_equal(tree_copy("from", AT_FDCWD, "to", NULL), 0);
	(void)umask(022);
	assert_int_not_equal(access("to/secret", F_OK), 0);
	assert_int_not_equal(access("to/pipe", F_OK), 0);
	assert_int_equal(stat("to/sub", &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0755);
	assert_int_equal(stat("to/sub/text", &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0644);
	assert_int_equal(stat_of.st_size, 1);
	assert_int_equal(stat("to/sub/program", &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0755);
	assert_int_equal(readlink("to/link", target, sizeof(target) - 1), 8);
	assert_string_equal(target, "/nowhere");
}

static void
copying_nothing_succeeds_and_over_something_fails(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(tree_copy("nothing", AT_FDCWD, "to", NULL), 0);
	write_file("one", 0644);
	write_file("other", 0644);
	assert_int_equal(tree_copy("one", AT_FDCWD, "other", &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        a_tree_of_any_depth_is_removed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        names_that_removal_uses_itself_are_no_trouble, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        links_are_removed_and_not_followed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        removing_nothing_succeeds, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        a_copy_leaves_out_what_not_everybody_may_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        copying_nothing_succeeds_and_over_something_fails, setup,
	        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
