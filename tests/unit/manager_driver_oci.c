/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox is made or it is not, and nothing of it stays either way. */
#include "tests/unit/sandbox_world.h"

static void
a_sandbox_says_hello_and_leaves_nothing(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;
	size_t i;

	for (i = 0; i < world->runtime_count; i++) {
		double begun;

		make(&task, world, world->runtimes[i].name, text);
		begun = now_ms();
		(void)printf("# %s: hello after %.0f ms, ",
		    world->runtimes[i].name, begun - task.asked_ms);
		finish(&task);
		(void)printf("destroyed in %.0f ms\n", now_ms() - begun);
	}
}

/* Destroy while it is being made, at many moments. */
static void
a_create_can_be_ended_half_way(void **state)
{
	struct world *world = needs_world(state);
	unsigned moment;
	size_t i;

	for (i = 0; i < world->runtime_count; i++) {
		for (moment = 0; moment < 60; moment += 3) {
			double until = now_ms() + moment;
			struct task task;

			assert_int_equal(begin(&task, world, IMAGE_DEFAULT,
			                     world->runtimes[i].name, NULL),
			    0);
			while (now_ms() < until)
				(void)uv_run(&world->loop, UV_RUN_NOWAIT);
			destroy(&task);
			run(world);
			assert_true(task.is_created);
			finish(&task);
		}
	}
}

static void
a_manager_that_knows_only_the_id_can_destroy(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;
	size_t i;

	for (i = 0; i < world->runtime_count; i++) {
		make(&task, world, world->runtimes[i].name, text);
		world->driver->verbs->free(world->driver);
		open_driver(world);
		finish(&task);
	}
}

static void
destroying_what_is_not_there_succeeds(void **state)
{
	struct world *world = needs_world(state);
	struct task task = {
	    .world = world, .id = "never", .slot = FIRST_SLOT - 1, .link = -1};

	finish(&task);
	task.is_destroyed = false;
	finish(&task);
}

static void
what_cannot_be_made_is_refused_at_once(void **state)
{
	static const struct {
		const char *image, *runtime;
		enum error_code code;
		const char *says;
	} rows[] = {
	    {"nope", "auto", ERROR_NOT_FOUND, "no image nope"},
	    {"../etc", "auto", ERROR_INVALID, "name is not [a-z0-9]"},
	    {IMAGE_DEFAULT, "nope", ERROR_NOT_FOUND, "nope does not run"},
	};
	struct world *world = needs_world(state);
	struct task task;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};

		assert_int_equal(
		    begin(&task, world, rows[i].image, rows[i].runtime, &err),
		    -1);
		assert_int_equal(err.code, rows[i].code);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_nothing_left(&task);
	}
}

/* Images that break at different steps; each is a rootfs made by hand. */
static void
an_image_that_does_not_work_leaves_nothing(void **state)
{
	static const struct {
		const char *setup;
		bool host_usr;
		const char *says;
	} rows[] = {
	    {"true", true, "mount on /mnt/root/usr"},
	    {"mkdir rootfs/etc; ln -s / rootfs/usr", true,
	        "mount on /mnt/root/usr"},
	    {"touch rootfs/proc", false, "proc"},
	    {"rmdir rootfs", false, "view of"},
	};
	struct world *world = needs_world(state);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[512];
		struct task task;

		(void)snprintf(command, sizeof(command),
		    "mkdir -p %s/images/bad/rootfs && cd %s/images/bad && "
		    "echo '{\"source\":\"x\",\"imported\":\"x\",\"user\":"
		    "\"root\",\"host_usr\":%s}' >meta.json && %s",
		    world->dir, world->dir, rows[i].host_usr ? "true" : "false",
		    rows[i].setup);
		assert_int_equal(system(command), 0);
		assert_int_equal(begin(&task, world, "bad", "auto", NULL), 0);
		run(world);
		assert_true(task.is_created);
		if (strstr(task.created.text, rows[i].says) == NULL ||
		    task.created.text[0] == '\0')
			fail_msg("row %zu: %s", i, task.created.text);
		assert_nothing_left(&task);
		finish(&task);
		(void)snprintf(
		    command, sizeof(command), "%s/images/bad", world->dir);
		assert_int_equal(tree_remove(AT_FDCWD, command, NULL), 0);
	}
}

/* However much a sandbox has going on. */
static void
a_busy_sandbox_is_destroyed_whole(void **state)
{
	struct world *world = needs_world(state);
	char text[TEXT_BYTES];
	struct task task;

	make(&task, world, "auto", text);
	(void)ask(&task,
	    "for i in 1 2 3 4 5 6 7 8 9; do setsid sleep 1000 & done; "
	    "d=/workspace; for i in $(seq 300); do mkdir $d/d; cd $d/d; "
	    "d=.; done; cd /; mkdir -p /workspace/x/y; chmod 0 /workspace/x; "
	    "mkfifo /workspace/p; ln -s / /workspace/l",
	    text);
	finish(&task);
}

static void
an_image_in_use_cannot_be_removed(void **state)
{
	struct world *world = needs_world(state);
	struct error err = {0};
	char command[256], text[TEXT_BYTES];
	struct task task;

	(void)snprintf(command, sizeof(command),
	    "cp -a %s/images/default %s/images/mine", world->dir, world->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(begin(&task, world, "mine", "auto", NULL), 0);
	run(world);
	read_until(&task, "hello\n", text);
	assert_int_equal(image_remove(world->dir, "mine", &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_string_equal(ask(&task, "cat /etc/hostname", text), "sandbox\n");
	finish(&task);
	assert_int_equal(image_remove(world->dir, "mine", &err), 0);
}

static void
many_at_once(void **state)
{
	struct world *world = needs_world(state);
	struct task tasks[PARALLEL];
	char text[TEXT_BYTES];
	double begun = now_ms();
	unsigned i;

	for (i = 0; i < PARALLEL; i++)
		assert_int_equal(
		    begin(&tasks[i], world, IMAGE_DEFAULT,
		        world->runtimes[i % world->runtime_count].name, NULL),
		    0);
	run(world);
	for (i = 0; i < PARALLEL; i++) {
		assert_string_equal(tasks[i].created.text, "");
		read_until(&tasks[i], "hello\n", text);
	}
	(void)printf(
	    "# %u at once: hello after %.0f ms, ", PARALLEL, now_ms() - begun);
	begun = now_ms();
	for (i = 0; i < PARALLEL; i++)
		destroy(&tasks[i]);
	run(world);
	(void)printf("destroyed in %.0f ms\n", now_ms() - begun);
	for (i = 0; i < PARALLEL; i++)
		finish(&tasks[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sandbox_says_hello_and_leaves_nothing),
	    cmocka_unit_test(a_create_can_be_ended_half_way),
	    cmocka_unit_test(a_manager_that_knows_only_the_id_can_destroy),
	    cmocka_unit_test(destroying_what_is_not_there_succeeds),
	    cmocka_unit_test(what_cannot_be_made_is_refused_at_once),
	    cmocka_unit_test(an_image_that_does_not_work_leaves_nothing),
	    cmocka_unit_test(a_busy_sandbox_is_destroyed_whole),
	    cmocka_unit_test(an_image_in_use_cannot_be_removed),
	    cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, setup_world, teardown_world);
}
