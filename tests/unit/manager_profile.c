/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/profile.h"

#define GIB (1ll << 30)

struct world {
	char dir[64];
	struct profiles profiles;
	struct recording_spec recording; /* of the configuration */
	struct task_spec spec;
	struct error err;
};

static struct task_limits
limits_of(int64_t cpu_milli, int64_t memory, int64_t exec_ms)
{
	return (struct task_limits){.present = true,
	    .cpu_milli = cpu_milli,
	    .memory = memory,
	    .pids = 512,
	    .exec_ms = exec_ms,
	    .execs = 64,
	    .output = 64 << 20};
}

static int
load(struct world *world)
{
	char name[] = "default", image[] = "default", runtime[] = "auto";
	const struct profile base = {.name = name,
	    .image = image,
	    .runtime = runtime,
	    .limits = limits_of(1000, 2 * GIB, 120000),
	    .max = limits_of(4000, 8 * GIB, 3600000),
	    .recording = world->recording};

	profiles_clear(&world->profiles);
	return profiles_load(&world->profiles, &base, world->dir, &world->err);
}

static void
put(const struct world *world, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
	if (text == NULL) {
		(void)unlink(path);
		return;
	}
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

static int
setup(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));

	(void)snprintf(
	    world->dir, sizeof(world->dir), "/tmp/sallyport-profile-XXXXXX");
	json_absent(&task_spec_shape, &world->spec);
	*state = world;
	return mkdtemp(world->dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {
	    "big.json", "default.json", "Bad.json", "notes.txt"};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(world, names[i], NULL);
	(void)rmdir(world->dir);
	profiles_clear(&world->profiles);
	json_clear(&task_spec_shape, &world->spec);
	free(world);
	return 0;
}

static int
apply(struct world *world, int64_t *exec_ms_max)
{
	return profiles_apply(
	    &world->profiles, &world->spec, exec_ms_max, &world->err);
}

static void
a_request_that_says_nothing_gets_the_default(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	assert_int_equal(load(world), 0);
	assert_int_equal(apply(world, &exec_ms_max), 0);
	assert_string_equal(world->spec.profile, "default");
	assert_string_equal(world->spec.image, "default");
	assert_string_equal(world->spec.runtime, "auto");
	assert_int_equal(world->spec.limits.cpu_milli, 1000);
	assert_int_equal(world->spec.limits.exec_ms, 120000);
	assert_int_equal(world->spec.ttl_ms, 0);
	assert_int_equal(exec_ms_max, 3600000);
}

static void
a_limit_may_be_lowered_and_raised_to_the_maximum(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	assert_int_equal(load(world), 0);
	world->spec.limits.present = true;
	world->spec.limits.cpu_milli = 10;
	world->spec.limits.memory = 8 * GIB;
	assert_int_equal(apply(world, &exec_ms_max), 0);
	assert_int_equal(world->spec.limits.cpu_milli, 10);
	assert_int_equal(world->spec.limits.memory, 8 * GIB);
	assert_int_equal(world->spec.limits.pids, 512);
}

static void
a_limit_past_the_maximum_is_refused_by_name(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	assert_int_equal(load(world), 0);
	world->spec.limits.memory = 8 * GIB + 1;
	assert_int_equal(apply(world, &exec_ms_max), -1);
	assert_int_equal(world->err.code, ERROR_LIMIT);
	assert_non_null(strstr(world->err.text, "memory"));
}

static void
a_profile_of_a_file_lies_over_the_configuration(void **state)
{
	char own[] = "B=mine", extra[] = "D=4";
	char *env[] = {own, extra, NULL};
	struct world *world = *state;
	int64_t exec_ms_max;

	put(world, "big.json",
	    "{\"image\":\"tools\",\"runtime\":\"crun\",\"limits\":{\"cpu\":2},"
	    "\"max\":{\"exec_ms\":1000000},\"env\":{\"A\":\"1\",\"B\":\"2\","
	    "\"BB\":\"3\"},\"ttl_ms\":60000}");
	put(world, "notes.txt", "not a profile");
	assert_int_equal(load(world), 0);
	world->spec.profile = memory_string("big");
	world->spec.env = memory_vector(env);
	assert_int_equal(apply(world, &exec_ms_max), 0);
	assert_string_equal(world->spec.image, "tools");
	assert_string_equal(world->spec.runtime, "crun");
	assert_int_equal(world->spec.limits.cpu_milli, 2000);
	assert_int_equal(world->spec.limits.memory, 2 * GIB);
	assert_int_equal(world->spec.ttl_ms, 60000);
	assert_int_equal(exec_ms_max, 1000000);
	assert_int_equal(memory_vector_len(world->spec.env), 4);
	assert_string_equal(world->spec.env[0], "A=1");
	assert_string_equal(world->spec.env[1], "BB=3");
	assert_string_equal(world->spec.env[2], "B=mine");
	assert_string_equal(world->spec.env[3], "D=4");
}

static void
default_itself_can_be_changed_by_a_file(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	put(world, "default.json", "{\"limits\":{\"pids\":100}}");
	assert_int_equal(load(world), 0);
	assert_int_equal(world->profiles.count, 1);
	assert_int_equal(apply(world, &exec_ms_max), 0);
	assert_int_equal(world->spec.limits.pids, 100);
}

static void
a_profile_says_whether_terminals_are_recorded(void **state)
{
	struct world *world = *state;
	const struct profile *profile;

	put(world, "big.json",
	    "{\"recording\":{\"format\":\"asciicast-v3\",\"input\":true,"
	    "\"bytes\":65536}}");
	assert_int_equal(load(world), 0);
	assert_null(profiles_find(&world->profiles, "nope"));
	assert_false(
	    profiles_find(&world->profiles, "default")->recording.present);
	profile = profiles_find(&world->profiles, "big");
	assert_true(profile->recording.present);
	assert_int_equal(profile->recording.format, RECORDING_3);
	assert_true(profile->recording.input);
	assert_int_equal(profile->recording.bytes, 65536);
	world->recording = (struct recording_spec){
	    .present = true, .format = RECORDING_2, .bytes = 1 << 20};
	put(world, "big.json", "{}");
	assert_int_equal(load(world), 0);
	profile = profiles_find(&world->profiles, "big");
	assert_int_equal(profile->recording.format, RECORDING_2);
	assert_int_equal(profile->recording.bytes, 1 << 20);
}

static void
times_have_a_maximum_which_is_less_than_no_end(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	put(world, "railed.json",
	    "{\"ttl_ms_max\":1000,\"idle_ms\":50,\"idle_ms_max\":100}");
	assert_int_equal(load(world), 0);
	world->spec.profile = memory_string("railed");
	assert_int_equal(apply(world, &exec_ms_max), 0);
	assert_int_equal(world->spec.ttl_ms, 1000);
	assert_int_equal(world->spec.idle_ms, 50);
	world->spec.idle_ms = 100;
	assert_int_equal(apply(world, &exec_ms_max), 0);
	world->spec.idle_ms = 101;
	assert_int_equal(apply(world, &exec_ms_max), -1);
	assert_int_equal(world->err.code, ERROR_LIMIT);
	assert_non_null(
	    strstr(world->err.text, "\"idle_ms\" is 101, more than 100"));
	assert_int_equal(
	    profiles_check_life(&world->profiles, "railed", 0, -1, &world->err),
	    -1);
	assert_non_null(strstr(world->err.text, "\"ttl_ms\" is 0, no end"));
	assert_int_equal(profiles_check_life(
	                     &world->profiles, "railed", -1, -1, &world->err),
	    0);
	/* a profile that is not there any more */
	assert_int_equal(
	    profiles_check_life(&world->profiles, "gone", 0, 0, &world->err),
	    0);
	put(world, "railed.json", NULL);
}

static void
an_unknown_profile_is_not_found(void **state)
{
	struct world *world = *state;
	int64_t exec_ms_max;

	assert_int_equal(load(world), 0);
	world->spec.profile = memory_string("huge");
	assert_int_equal(apply(world, &exec_ms_max), -1);
	assert_int_equal(world->err.code, ERROR_NOT_FOUND);
}

static void
a_bad_file_is_refused_with_its_name(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *because;
	} cases[] = {
	    {"big.json", "", "big.json"},
	    {"big.json", "{", "big.json"},
	    {"big.json", "{\"color\":1}", "color"},
	    {"big.json", "{\"name\":\"x\"}", "name"},
	    {"big.json", "{\"ttl_ms\":-1}", "ttl_ms"},
	    {"big.json", "{\"idle_ms\":2,\"idle_ms_max\":1}", "idle_ms"},
	    {"big.json", "{\"runtime\":\"docker\"}", "runtime"},
	    {"big.json", "{\"limits\":{\"memory\":1}}", "memory"},
	    {"big.json", "{\"limits\":{\"cpu\":5}}", "cpu"},
	    {"big.json", "{\"ttl_ms\":1,\"ttl_ms\":1}", "ttl_ms"},
	    {"big.json", "{\"recording\":true}", "recording"},
	    {"big.json", "{\"recording\":{\"format\":\"gif\"}}", "format"},
	    {"big.json", "{\"recording\":{\"bytes\":1}}", "bytes"},
	    {"Bad.json", "{}", "Bad.json"},
	};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(world, cases[i].name, cases[i].text);
		if (load(world) == 0)
			fail_msg("%s is taken", cases[i].text);
		if (strstr(world->err.text, cases[i].because) == NULL ||
		    strstr(world->err.text, cases[i].name) == NULL)
			fail_msg("%s: %s", cases[i].text, world->err.text);
		put(world, cases[i].name, NULL);
	}
}

static void
a_folder_that_is_not_there_has_the_default_alone(void **state)
{
	struct world *world = *state;

	(void)rmdir(world->dir);
	assert_int_equal(load(world), 0);
	assert_int_equal(world->profiles.count, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(a_request_that_says_nothing_gets_the_default),
	    TEST(a_limit_may_be_lowered_and_raised_to_the_maximum),
	    TEST(a_limit_past_the_maximum_is_refused_by_name),
	    TEST(a_profile_of_a_file_lies_over_the_configuration),
	    TEST(default_itself_can_be_changed_by_a_file),
	    TEST(a_profile_says_whether_terminals_are_recorded),
	    TEST(times_have_a_maximum_which_is_less_than_no_end),
	    TEST(an_unknown_profile_is_not_found),
	    TEST(a_bad_file_is_refused_with_its_name),
	    TEST(a_folder_that_is_not_there_has_the_default_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
