/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tree.h"

/* A child that hangs, whose child hangs, and so on, depth deep; each that came
 * up wrote a byte. */
static pid_t
plant(int ready, int depth)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_NAME, ") R 1 (", 0, 0, 0);
	(void)setsid();
	if (depth > 1)
		(void)plant(ready, depth - 1);
	if (write(ready, "x", 1) == 1)
		(void)pause();
	_exit(0);
}

static void
await(int ready, int count)
{
	char byte;

	while (count-- > 0)
		assert_int_equal(read(ready, &byte, 1), 1);
}

static int
reap_all(void)
{
	int count = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		count++;
	return count;
}

/* Kill until none is left, reaping between. */
static void
fell(const struct tree *tree)
{
	while (tree_kill(tree) > 0)
		(void)reap_all();
	(void)reap_all();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static struct tree
our_tree(int *ready)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ready[0] = ends[0];
	ready[1] = ends[1];
	return (struct tree){
	    .proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    .root = getpid()};
}

static void
close_tree(const struct tree *tree, const int ready[2])
{
	(void)close(tree->proc_fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void
an_empty_tree_has_nobody(void **state)
{
	int ready[2];
	struct tree tree = our_tree(ready);

	(void)state;
	assert_int_equal(tree_signal(&tree, SIGTERM), 0);
	assert_int_equal(tree_kill(&tree), 0);
	close_tree(&tree, ready);
}

static void
every_generation_is_found_whatever_its_name(void **state)
{
	int ready[2];
	struct tree tree = our_tree(ready);

	(void)state;
	(void)plant(ready[1], 4);
	await(ready[0], 4);
	assert_int_equal(tree_signal(&tree, SIGCONT), 4);
	fell(&tree);
	close_tree(&tree, ready);
}

static void
orphans_stay_in_the_tree(void **state)
{
	int ready[2];
	struct tree tree = our_tree(ready);
	pid_t first;

	(void)state;
	first = plant(ready[1], 3);
	await(ready[0], 3);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_int_equal(waitpid(first, NULL, 0), first);
	assert_int_equal(tree_signal(&tree, SIGCONT), 2);
	fell(&tree);
	close_tree(&tree, ready);
}

static void
the_spared_and_theirs_are_spared(void **state)
{
	int ready[2];
	struct tree tree = our_tree(ready);
	pid_t spared;

	(void)state;
	spared = plant(ready[1], 2);
	(void)plant(ready[1], 2);
	await(ready[0], 4);
	tree.spared = &spared;
	tree.spared_count = 1;
	while (tree_kill(&tree) > 0)
		(void)reap_all();
	assert_int_equal(kill(spared, 0), 0);
	tree.spared_count = 0;
	assert_int_equal(tree_signal(&tree, SIGCONT), 2);
	fell(&tree);
	close_tree(&tree, ready);
}

static void
without_proc_it_says_so(void **state)
{
	const struct tree tree = {.proc_fd = -1, .root = getpid()};

	(void)state;
	assert_int_equal(tree_signal(&tree, SIGTERM), -1);
	assert_int_equal(tree_kill(&tree), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_tree_has_nobody),
	    cmocka_unit_test(every_generation_is_found_whatever_its_name),
	    cmocka_unit_test(orphans_stay_in_the_tree),
	    cmocka_unit_test(the_spared_and_theirs_are_spared),
	    cmocka_unit_test(without_proc_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
