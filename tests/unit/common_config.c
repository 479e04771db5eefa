/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/config.h"
#include "server/common/config_option.h"
#include "server/common/log.h"

static void
read_config(struct config *config, const char *text)
{
	struct error err = {0};

	if (config_read(config, "c.json", text, strlen(text), &err) != 0)
		fail_msg("%s", err.text);
}

static void
what_is_not_named_has_its_default(void **state)
{
	struct config config;

	(void)state;
	config_init(&config);
	read_config(&config, "{}");
	assert_string_equal(config.listen_address, "127.0.0.1");
	assert_int_equal(config.port, 0);
	assert_int_equal(config.grace_ms, 20000);
	assert_int_equal(config.keepalive_count, 3);
	assert_int_equal(config.uid_gate, 1879048193);
	assert_string_equal(config.cgroup_parent, "sallyport");
	assert_int_equal(config.runtime, CONFIG_AUTO);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(config.task_limits.cpu_milli, 1000);
	assert_int_equal(config.task_limits.memory, 2ll << 30);
	assert_int_equal(config.task_limits.output, 64ll << 20);
	assert_string_equal(config.detach_key, "C-\\");
	assert_int_equal(config.recording, CONFIG_RECORD_OFF);
	assert_int_equal(config.recordings_days, 30);
	config_clear(&config);
}

static void
what_is_named_is_in_force(void **state)
{
	struct config config;

	(void)state;
	config_init(&config);
	read_config(&config,
	    "{\"port\": 2222, \"listen_address\": \"::1\", \"runtime\": "
	    "\"crun\", \"log_level\": \"debug\", \"task_cpu\": 0.25, "
	    "\"task_memory_max\": 4294967296}");
	assert_int_equal(config.port, 2222);
	assert_string_equal(config.listen_address, "::1");
	assert_int_equal(config.runtime, CONFIG_CRUN);
	assert_int_equal(config.log_level, LOG_DEBUG);
	assert_int_equal(config.task_limits.cpu_milli, 250);
	assert_int_equal(config.task_limits_max.memory, 4ll << 30);
	config_clear(&config);
}

static const struct {
	const char *text;
	const char *because;
} refused[] = {
    {"", "c.json:1: "},
    {"[]", "c.json:1: "},
    {"{\"port\": 1", "c.json:1: "},
    {"{\n\n\"port\": 1,\n}", "c.json:4: "},
    {"{\n\"nosuch\": 1}", "c.json:2: \"nosuch\" is not known"},
    {"{\n\"port\": 1,\n\"port\": 2}", "c.json:3: \"port\" is repeated"},
    {"{\n\"port\":\n65536}", "c.json:2: \"port\" is 65536, not 0 to"},
    {"{\"port\": \"22\"}", "c.json:1: \"port\" is not an integer"},
    {"{\"port\": 22.5}", "\"port\" is not an integer"},
    {"{\"port\": -1}", "\"port\" is -1"},
    {"{\"port\": 18446744073709551617}", "\"port\" is"},
    {"{\n\"a\": {\"port\": 1},\n\"b\": 1}", "c.json:2: \"a\" is not"},
    {"{\n\n\"runtime\": \"docker\"}", "c.json:3: \"runtime\" is \"doc"},
    {"{\"listen_address\": \"localhost\"}", "numeric IPv4"},
    {"{\"listen_address\": \"\"}", "has 0 bytes"},
    {"{\"cgroup_parent\": \"/sys\"}", "a name of letters"},
    {"{\"cgroup_parent\": \"a/b\"}", "a name of letters"},
    {"{\"cgroup_parent\": \"..\"}", "a name of letters"},
    {"{\"cgroup_parent\": \"a/\"}", "a name of letters"},
    {"{\"cgroup_parent\": \"a b\"}", "a name of letters"},
    {"{\n\"task_memory_max\": 16777216}",
        "\"task_memory\" is more than \"task_memory_max\""},
    {"{\n\n\"task_cpu\": 2, \"task_cpu_max\": 1}",
        "c.json:3: \"task_cpu\" is more than"},
    {"{\"task_cpu\": 0.0001}", "at most 3 decimals"},
    {"{\"uid_gate\": 0}", "\"uid_gate\" is 0"},
    {"{\"uid_gate\": 1879050001}", "keepers' ids"},
    {"{\"uid_gate\": 524288}", "sandboxes' ids"},
    {"{\"uid_keeper_base\": 600000}", "also the sandboxes'"},
    {"{\"uid_player\": 1879048193}", "the same as \"uid_gate\""},
    {"{\"uid_player\": 1879050001}", "keepers' ids"},
    {"{\"uid_player\": 524288}", "sandboxes' ids"},
    {"{\"recording\": \"gif\"}", "\"recording\" is \"gif\""},
    {"{\"recording_bytes\": 1}", "\"recording_bytes\" is 1"},
    {"{\"recordings_days\": -1}", "\"recordings_days\" is -1"},
    {"{\"replays\": 0}", "\"replays\" is 0"},
    {"{\"detach_key\": \"x\"}", "\"detach_key\" is \"x\""},
    {"{\"detach_key\": \"C-m\"}", "\"detach_key\" is \"C-m\""},
    {"{\"detach_key\": \"C-aa\"}", "\"detach_key\" is \"C-aa\""},
    {"{\"detach_key\": \"C-\"}", "\"detach_key\" is \"C-\""},
    {"{\"detach_key\": \"M-a\"}", "\"detach_key\" is \"M-a\""},
};

static void
what_is_wrong_is_refused_with_its_line(void **state)
{
	struct config config;
	size_t i;

	(void)state;
	config_init(&config);
	config.port = 4711;
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct error err = {0};

		assert_int_equal(config_read(&config, "c.json", refused[i].text,
		                     strlen(refused[i].text), &err),
		    -1);
		if (strstr(err.text, refused[i].because) == NULL)
			fail_msg("%s: \"%s\", not because \"%s\"",
			    refused[i].text, err.text, refused[i].because);
	}
	assert_int_equal(config.port, 4711);
	config_clear(&config);
}

static void
what_is_printed_reads_back_the_same(void **state)
{
	struct config config;
	struct buffer one;
	struct buffer two;
	struct error err;

	(void)state;
	config_init(&config);
	buffer_init(&one, 1 << 20);
	buffer_init(&two, 1 << 20);
	read_config(&config, "{\"task_cpu\": 1.5, \"port\": 22}");
	assert_int_equal(config_print(&config, &one, &err), 0);
	assert_int_equal(
	    config_read(&config, "c.json", (const char *)buffer_bytes(&one),
	        buffer_len(&one), &err),
	    0);
	assert_int_equal(config_print(&config, &two, &err), 0);
	assert_int_equal(buffer_len(&one), buffer_len(&two));
	assert_memory_equal(
	    buffer_bytes(&one), buffer_bytes(&two), buffer_len(&one));
	assert_int_equal(buffer_append(&one, "", 1, &err), 0);
	assert_non_null(strstr(
	    (const char *)buffer_bytes(&one), "\n\t\"task_cpu\": 1.5,\n"));
	buffer_clear(&one);
	buffer_clear(&two);
	config_clear(&config);
}

static void
every_option_has_its_row_once(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < CONFIG_OPTIONS; i++) {
		const struct json_field *field = &config_options[i].field;

		assert_non_null(config_options[i].help);
		if (field->kind == JSON_INTEGER || field->kind == JSON_MILLI)
			assert_in_range(field->absent, field->min, field->max);
		for (j = 0; j < i; j++) {
			assert_string_not_equal(
			    config_options[j].field.name, field->name);
			assert_int_not_equal(
			    config_options[j].field.offset, field->offset);
		}
	}
}

static void
a_file_is_read_and_one_that_is_missing_is_told(void **state)
{
	char path[] = "/tmp/sallyport-unit-XXXXXX";
	static const char text[] = "{\"gates\": 7}\n";
	struct config config;
	struct error err = {0};
	char *big;
	int fd;

	(void)state;
	config_init(&config);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(config_load(&config, path, &err), 0);
	assert_int_equal(config.gates, 7);
	big = memory_new(CONFIG_FILE_BYTES, 1);
	assert_int_equal(write(fd, big, CONFIG_FILE_BYTES), CONFIG_FILE_BYTES);
	(void)close(fd);
	free(big);
	assert_int_equal(config_load(&config, path, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(config_load(&config, path, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_int_equal(config.gates, 7);
	config_clear(&config);
}

/* tests/lint/docs.t compares this with docs/sallyport.conf.5. */
static int
print_manual(void)
{
	struct buffer out;
	struct error err;

	buffer_init(&out, 1 << 20);
	if (config_print_manual(&out, &err) != 0)
		return 1;
	(void)fwrite(buffer_bytes(&out), 1, buffer_len(&out), stdout);
	buffer_clear(&out);
	return 0;
}

static void
what_is_fixed_stays(void **state)
{
	struct config config, fresh;
	struct buffer stays;

	(void)state;
	config_init(&config);
	config_init(&fresh);
	read_config(&config, "{\"port\": 7, \"grace_ms\": 500}");
	read_config(&fresh, "{\"listen_address\": \"::1\", \"port\": 8,"
	                    " \"authorized_keys\": \"keys\","
	                    " \"runtime\": \"crun\", \"drain_ms\": 9}");
	buffer_init(&stays, 200);
	config_change(&config, &fresh, &stays);
	assert_int_equal(buffer_len(&stays), 29);
	assert_memory_equal(
	    buffer_bytes(&stays), "listen_address, port, runtime", 29);
	assert_string_equal(config.listen_address, "127.0.0.1");
	assert_int_equal(config.port, 7);
	assert_int_equal(config.runtime, CONFIG_AUTO);
	assert_int_equal(config.grace_ms, 20000);
	assert_int_equal(config.drain_ms, 9);
	assert_string_equal(config.authorized_keys, "keys");
	buffer_clear(&stays);
	config_clear(&config);
	config_clear(&fresh);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_named_has_its_default),
	    cmocka_unit_test(what_is_named_is_in_force),
	    cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
	    cmocka_unit_test(what_is_printed_reads_back_the_same),
	    cmocka_unit_test(every_option_has_its_row_once),
	    cmocka_unit_test(a_file_is_read_and_one_that_is_missing_is_told),
	    cmocka_unit_test(what_is_fixed_stays),
	};

	if (argc == 2 && strcmp(argv[1], "--manual") == 0)
		return print_manual();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
