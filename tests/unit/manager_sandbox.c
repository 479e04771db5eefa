/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox looks like from inside, and what holds it. */
#include "tests/unit/sandbox_world.h"

/* What is asked inside, and all of the answer, or what is in it with a *. */
static const struct {
	const char *line;
	const char *says;
} answers[] = {
    {"id -u; id -g", "0\n0\n"},
    {"hostname", "weaver\n"},
    {"grep -c . /proc/self/uid_map", "1\n"},
    {"awk '{print $3}' /proc/self/uid_map", "65536\n"},
    {"grep CapEff /proc/self/status", "CapEff:\t00000000000001e0\n"},
    {"grep CapBnd /proc/self/status", "CapBnd:\t00000000000001e0\n"},
    {"grep CapInh /proc/self/status", "CapInh:\t0000000000000000\n"},
    {"grep Groups /proc/self/status | tr -d ' '", "Groups:\t\n"},
    {"grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n"},
    {"grep Seccomp: /proc/self/status", "Seccomp:\t2\n"},
    {"ls -A /sys /root /home/user /workspace | tr -d '\\n'",
        "/home/user:/root:/sys:/workspace:"},
    {"tail -n +3 /proc/net/dev | cut -d: -f1", "    lo\n"},
    {"grep -c tmp/driver- /proc/self/mountinfo", "0\n"},
    {"readlink /proc/1/fd/0 | sed s,/dev,,", "/null\n"},
    {"ls /proc/1/fd | grep -c '^[4-9]$'", "0\n"},
    {"wc -c </proc/interrupts", "0\n"},
    {"echo x >/proc/sys/kernel/hostname", "*ead-only"},
    {"touch /usr/x", "*ead-only"},
    {"unshare -U true", "*not permitted"},
    {"mount -t tmpfs none /mnt", "*denied"},
    {"grep ' /tmp ' /proc/mounts", "*size=131072k"},
    {"stat -c '%a %u' /tmp /workspace | tr '\\n' ' '", "1777 0 755 1000 "},
    {"ulimit -c", "0\n"},
    {"cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n"},
    {"echo mine >/etc/mine && cat /etc/mine", "mine\n"},
    {"stat -c %u:%g / /usr /etc/passwd /.sallyport/agent | sort -u", "0:0\n"},
    {"python3 -c 'import socket; socket.socket(40)'", "*not supported"},
    {"python3 -c 'import ctypes; print(ctypes.CDLL(None, use_errno=1)"
     ".socket(ctypes.c_long(2**32+40),1,0))'",
        "-1\n"},
    {"grep -E '^(root|user):' /etc/passwd | cut -d: -f3 | tr -d '\\n'",
        "01000"},
};

static void
a_sandbox_is_closed(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;
	size_t i, j;

	for (i = 0; i < world->runtime_count; i++) {
		make(&task, world, world->runtimes[i].name, text);
		for (j = 0; j < sizeof(answers) / sizeof(answers[0]); j++) {
			const char *says = answers[j].says;

			(void)ask(&task, answers[j].line, text);
			if (says[0] == '*' ? strstr(text, says + 1) == NULL
			                   : strcmp(text, says) != 0)
				fail_msg("%s: %s: %s", world->runtimes[i].name,
				    answers[j].line, text);
		}
		finish(&task);
	}
}

/* The number in a cgroup's file; -1 when there is none. */
static long long
limit_of(const struct task *task, const char *controller, const char *file)
{
	const struct cgroup_mount *mount =
	    cgroup_controller(&task->world->mounts, controller);
	char path[512];
	long long value = -1;
	FILE *stream;

	assert_non_null(mount);
	(void)snprintf(path, sizeof(path), "%s/" PARENT "/%s/%s/%s",
	    mount->path, task->world->instance, task->id, file);
	stream = fopen(path, "re");
	if (stream != NULL) {
		assert_int_equal(fscanf(stream, "%lld", &value), 1);
		(void)fclose(stream);
	}
	return value;
}

static void
limits_are_in_force(void **state)
{
	struct world *world = needs_world(state);
	bool v2 = cgroup_mode(&world->mounts) == CGROUP_V2;
	char text[TEXT_BYTES];
	struct task task;
	size_t i;

	for (i = 0; i < world->runtime_count; i++) {
		make(&task, world, world->runtimes[i].name, text);
		assert_int_equal(
		    limit_of(&task, "memory",
		        v2 ? "memory.max" : "memory.limit_in_bytes"),
		    256 << 20);
		assert_int_equal(
		    limit_of(&task, "memory",
		        v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
		    v2 ? 0 : 256 << 20);
		/* 100 of the task, the agent, and 20 helpers of it */
		assert_int_equal(limit_of(&task, "pids", "pids.max"), 121);
		assert_int_equal(
		    limit_of(&task, "cpu", v2 ? "cpu.max" : "cpu.cfs_quota_us"),
		    150000);
		finish(&task);
	}
}

static void
too_much_memory_is_counted(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;
	autofree char *path = NULL;
	autoclose int fd = -1;

	make(&task, world, "auto", text);
	path = world->driver->verbs->oom_events(world->driver, task.id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(pread(fd, text, TEXT_BYTES - 1, 0) > 0);
	assert_non_null(strstr(text, "oom_kill 0"));
	(void)ask(&task,
	    "sh -c 'echo 1000 >/proc/self/oom_score_adj; exec tail /dev/zero'; "
	    "echo $?",
	    text);
	assert_non_null(strstr(text, "137"));
	memset(text, 0, sizeof(text));
	assert_true(pread(fd, text, TEXT_BYTES - 1, 0) > 0);
	assert_non_null(strstr(text, "oom_kill 1"));
	finish(&task);
}

static void
two_sandboxes_see_nothing_of_each_other(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task tasks[2];
	unsigned i;

	for (i = 0; i < 2; i++)
		assert_int_equal(
		    begin(&tasks[i], world, IMAGE_DEFAULT, NULL, NULL), 0);
	run(world);
	for (i = 0; i < 2; i++)
		read_until(&tasks[i], "hello\n", text);
	(void)ask(&tasks[0],
	    "touch /tmp/a /workspace/a /dev/shm/a; sleep 98765 &", text);
	assert_string_equal(
	    ask(&tasks[1], "ls /tmp /workspace /dev/shm | grep -x a", text),
	    "");
	assert_string_equal(
	    ask(&tasks[1], "grep -al 9876[5] /proc/[0-9]*/cmdline | wc -l",
	        text),
	    "0\n");
	for (i = 0; i < 2; i++)
		finish(&tasks[i]);
}

static void
programs_of_the_host_run(void **state)
{
	static const char *const lines[] = {"perl -e 'print 6*7'",
	    "python3 -c 'print(42, end=\"\")'", "awk 'BEGIN{printf \"42\"}'",
	    "sh -c 'printf 42'"};
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;
	size_t i;

	make(&task, world, "auto", text);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)ask(&task, lines[i], text);
		if (strstr(text, "not found") == NULL)
			assert_string_equal(text, "42");
	}
	(void)ask(&task,
	    "date +%Z; echo | cc -xc -fsyntax-only - && git --version", text);
	finish(&task);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sandbox_is_closed),
	    cmocka_unit_test(limits_are_in_force),
	    cmocka_unit_test(too_much_memory_is_counted),
	    cmocka_unit_test(two_sandboxes_see_nothing_of_each_other),
	    cmocka_unit_test(programs_of_the_host_run),
	};

	return cmocka_run_group_tests(tests, setup_world, teardown_world);
}
