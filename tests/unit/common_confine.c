/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "protocol/error.h"
#include "server/common/confine.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define SOME_USER 1879048193u

/* Run act in a child that has confined itself; its wait status. */
static int
confined(const struct confine *how, int (*act)(void))
{
	pid_t child;
	int status;

	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct error err = {0};

		if (confine(how, &err) != 0) {
			(void)fprintf(stderr, "%s\n", err.text);
			_exit(99);
		}
		_exit(act());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static struct confine
cage(void)
{
	struct confine how = {.uid = SOME_USER, .gid = SOME_USER};

	if (geteuid() != 0)
		how.uid = CONFINE_SAME_USER;
	return how;
}

static void
expect(int (*act)(void), int code)
{
	struct confine how = cage();
	int status = confined(&how, act);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void
expect_killed(int (*act)(void))
{
	struct confine how = cage();
	int status = confined(&how, act);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int
ids(void)
{
	uid_t uids[3];
	gid_t gids[3];

	(void)getresuid(&uids[0], &uids[1], &uids[2]);
	(void)getresgid(&gids[0], &gids[1], &gids[2]);
	return uids[0] == SOME_USER && uids[1] == SOME_USER &&
	               uids[2] == SOME_USER && gids[0] == SOME_USER &&
	               gids[1] == SOME_USER && gids[2] == SOME_USER
	           ? 0
	           : 1;
}

static void
it_is_another_user_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	expect(ids, 0);
}

static int
back_to_root(void)
{
	return setuid(0) == -1 && errno == EPERM ? 0 : 1;
}

static int
open_something(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 ? 0 : 1;
}

static int
make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM ? 0 : 1;
}

static int
fork_a_child(void)
{
	pid_t child = (pid_t)syscall(SYS_fork);

	if (child == 0)
		_exit(0);
	return child == -1 && errno == EPERM ? 0 : 1;
}

static int
type_into_the_terminal(void)
{
	return ioctl(0, TIOCSTI, "x") == -1 && errno == EPERM ? 0 : 1;
}

static int
writable_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED && errno == EPERM ? 0 : 1;
}

static int
raise_a_limit(void)
{
	const struct rlimit limit = {1, 1};

	return setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EPERM ? 0 : 1;
}

static void
what_is_not_on_the_list_fails(void **state)
{
	(void)state;
	expect(back_to_root, 0);
	expect(make_socket, 0);
	expect(fork_a_child, 0);
	expect(type_into_the_terminal, 0);
	if (geteuid() == 0 || !SANITIZED)
		expect(open_something, 0);
	if (SANITIZED)
		return; /* which needs these */
	expect(writable_code, 0);
	expect(raise_a_limit, 0);
}

static int
start_a_program(void)
{
	char *const argv[] = {(char[]){"/bin/true"}, NULL};

	(void)execve(argv[0], argv, NULL);
	return 1;
}

static int
mount_something(void)
{
	return mount("none", "/", "tmpfs", 0, NULL) == 0 ? 1 : 2;
}

static int
new_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0 ? 1 : 2;
}

static int
trace(void)
{
	return (int)syscall(SYS_ptrace, 16, getppid(), 0, 0) == 0 ? 1 : 2;
}

static int
load_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0) == 0 ? 1 : 2;
}

static void
what_only_an_intruder_does_ends_the_process(void **state)
{
	(void)state;
	expect_killed(start_a_program);
	expect_killed(mount_something);
	expect_killed(new_namespace);
	expect_killed(load_bpf);
	if (!SANITIZED)
		expect_killed(trace);
}

static int
root_is_empty(void)
{
	struct stat info;

	/* the folder is gone, so nothing can be made in it */
	if (mkdir("/x", 0700) == 0 || stat("/proc", &info) == 0)
		return 1;
	return stat("/..", &info) == 0 && stat("/../etc", &info) == 0 ? 1 : 0;
}

static void
the_root_folder_is_empty_and_stays_so(void **state)
{
	static const char *const more[] = {"mkdir", "stat", NULL};
	struct confine how = cage();
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	how.syscalls = more;
	status = confined(&how, root_is_empty);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
sees_the_socket(void)
{
	return access("/door", F_OK) == 0 ? 0 : 1;
}

static void
a_root_folder_of_its_own_is_seen(void **state)
{
	static const char *const more[] = {"access", NULL};
	char folder[] = "/tmp/sallyport-unit-XXXXXX";
	struct confine how = cage();
	char door[64];
	int status;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	(void)snprintf(door, sizeof(door), "%s/door", folder);
	fd = open(door, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	(void)close(fd);
	how.root = folder;
	how.syscalls = more;
	status = confined(&how, sees_the_socket);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(unlink(door), 0);
	assert_int_equal(rmdir(folder), 0);
}

static int
capabilities(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	               prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	               prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0
	           ? 0
	           : 1;
}

static void
it_has_no_capability_and_cannot_be_dumped(void **state)
{
	static const char *const more[] = {"prctl", NULL};
	struct confine how = cage();
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	how.syscalls = more;
	status = confined(&how, capabilities);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
on_timer(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void
on_work(uv_work_t *work)
{
	*(int *)work->data = 1;
}

/* What every confined program does: a loop, a timer, a thread. */
static int
run_a_loop(void)
{
	uv_work_t work;
	uv_timer_t timer;
	uv_loop_t loop;
	int worked = 0;

	work.data = &worked;
	if (uv_loop_init(&loop) != 0 || uv_timer_init(&loop, &timer) != 0 ||
	    uv_timer_start(&timer, on_timer, 5, 0) != 0 ||
	    uv_queue_work(&loop, &work, on_work, NULL) != 0)
		return 1;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 && worked == 1 ? 0 : 2;
}

static void
a_loop_with_threads_still_runs(void **state)
{
	(void)state;
	expect(run_a_loop, 0);
}

static void
to_be_confined_as_root_is_an_error(void **state)
{
	const struct confine how = {.uid = 0, .gid = 0};
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	status = confined(&how, ids);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 99);
}

static void
a_name_that_is_no_system_call_is_an_error(void **state)
{
	static const char *const more[] = {"raed", NULL};
	struct confine how = cage();
	int status;

	(void)state;
	how.syscalls = more;
	status = confined(&how, ids);
	assert_int_equal(WEXITSTATUS(status), 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_another_user_for_good),
	    cmocka_unit_test(what_is_not_on_the_list_fails),
	    cmocka_unit_test(what_only_an_intruder_does_ends_the_process),
	    cmocka_unit_test(the_root_folder_is_empty_and_stays_so),
	    cmocka_unit_test(a_root_folder_of_its_own_is_seen),
	    cmocka_unit_test(it_has_no_capability_and_cannot_be_dumped),
	    cmocka_unit_test(a_loop_with_threads_still_runs),
	    cmocka_unit_test(to_be_confined_as_root_is_an_error),
	    cmocka_unit_test(a_name_that_is_no_system_call_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
