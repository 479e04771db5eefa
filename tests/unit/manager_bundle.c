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

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/manager/bundle.h"
#include "server/manager/launch.h"
#include "server/manager/runtime.h"

#define GOLDEN "tests/vectors/oci-config.json"

static char id[] = "k3xw9qzt", hostname[] = "weaver", image[] = "/i",
            agent[] = "/a", runtime[] = "/r", state_dir[] = "/s",
            cgroup[] = "/sallyport/main/k3xw9qzt";

static const struct launch_job job = {
    .id = id,
    .hostname = hostname,
    .image = image,
    .host_usr = true,
    .agent = agent,
    .runtime = runtime,
    .state = state_dir,
    .cgroup = cgroup,
    .uid_base = 524288 + 7 * 65536,
    .cpu_milli = 1500,
    .memory = 2ll << 30,
    .pids = 512,
    .execs = 64,
};

/* The file is what was looked at and found right; it is written anew with
 * UPDATE=1. */
static void
the_configuration_is_the_golden_one(void **state)
{
	struct buffer out;
	char golden[65536];
	ssize_t len;
	autoclose int fd = -1;

	(void)state;
	buffer_init(&out, sizeof(golden));
	assert_int_equal(
	    bundle_write(&job, "/mnt/root", BUNDLE_NOFILE, &out, NULL), 0);
	if (getenv("UPDATE") != NULL) {
		fd = open(GOLDEN, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_int_equal(
		    write(fd, buffer_bytes(&out), buffer_len(&out)),
		    buffer_len(&out));
	} else {
		fd = open(GOLDEN, O_RDONLY | O_CLOEXEC);
	}
	assert_true(fd >= 0);
	len = pread(fd, golden, sizeof(golden), 0);
	assert_int_equal(len, buffer_len(&out));
	assert_memory_equal(golden, buffer_bytes(&out), buffer_len(&out));
	buffer_clear(&out);
}

static void
a_configuration_that_does_not_fit_is_an_error(void **state)
{
	struct buffer out;
	struct error err;
	size_t max;

	(void)state;
	for (max = 1; max < 8192; max *= 2) {
		buffer_init(&out, max);
		assert_int_equal(
		    bundle_write(&job, "/mnt/root", 1024, &out, &err), -1);
		assert_int_equal(err.code, ERROR_LIMIT);
		buffer_clear(&out);
	}
}

static void
a_job_is_read_as_it_was_written(void **state)
{
	char dir[] = "/tmp/job-XXXXXX";
	struct launch_job read;
	struct error err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(launch_job_read(&read, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	json_clear(&launch_job_shape, &read);
	assert_int_equal(launch_job_write(dir, &job, &err), 0);
	assert_int_equal(launch_job_read(&read, &err), 0);
	assert_string_equal(read.cgroup, cgroup);
	assert_int_equal(read.memory, job.memory);
	assert_int_equal(read.uid_base, job.uid_base);
	assert_true(read.host_usr);
	json_clear(&launch_job_shape, &read);
	assert_int_equal(unlink(LAUNCH_JOB), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
the_last_message_of_a_log_is_taken(void **state)
{
	static const struct {
		const char *log;
		const char *says;
	} rows[] = {
	    {"", ""},
	    {"\n\n", ""},
	    {"{\"level\":\"error\",\"msg\":\"one\",\"time\":\"t\"}\n"
	     "{\"msg\":\"two\",\"level\":\"error\",\"time\":\"t\"}\n",
	        "two"},
	    {"{\"msg\":\"a\\nb\"}", "a\nb"},
	    {"not json at all", "not json at all"},
	    {"{\"msg\":\"more\",\"file\":\"x.go\"}", NULL},
	    {"{\"msg\":\"0123456789012345678901234567890 the end\"}",
	        "...01234567890 the end"},
	};
	char path[] = "/tmp/log-XXXXXX";
	int fd = mkstemp(path);
	char text[23];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(
		    pwrite(fd, rows[i].log, strlen(rows[i].log), 0),
		    strlen(rows[i].log));
		runtime_last_message(path, text, sizeof(text));
		if (rows[i].says != NULL)
			assert_string_equal(text, rows[i].says);
		else
			assert_true(text[0] != '\0');
	}
	(void)close(fd);
	(void)unlink(path);
	runtime_last_message(path, text, sizeof(text));
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_configuration_is_the_golden_one),
	    cmocka_unit_test(a_configuration_that_does_not_fit_is_an_error),
	    cmocka_unit_test(the_last_message_of_a_log_is_taken),
	    cmocka_unit_test(a_job_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
