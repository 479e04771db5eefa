/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/common/cgroup.h"
#include "server/common/probe.h"

static void
versions_are_found_in_what_runtimes_say(void **state)
{
	static const struct {
		const char *text;
		unsigned major, minor, patch;
		const char *version; /* NULL: none */
	} rows[] = {
	    {"runc version 1.1.5+ds1\ncommit: x\n", 1, 1, 5, "1.1.5"},
	    {"crun version 1.8.1\n", 1, 8, 1, "1.8.1"},
	    {"runc version 1.4.0-rc.3", 1, 4, 0, "1.4.0"},
	    {"runsc version release-20221219.0\n", 20221219, 0, 0,
	        "20221219.0"},
	    {"6.18.44-fc", 6, 18, 44, "6.18.44"},
	    {"version 12, of 3.4", 3, 4, 0, "3.4"},
	    {"version 7", 0, 0, 0, NULL},
	    {"", 0, 0, 0, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct probe_version version;

		if (rows[i].version == NULL) {
			assert_int_equal(
			    probe_parse_version(rows[i].text, &version), -1);
			continue;
		}
		assert_int_equal(
		    probe_parse_version(rows[i].text, &version), 0);
		assert_int_equal(version.major, rows[i].major);
		assert_int_equal(version.minor, rows[i].minor);
		assert_int_equal(version.patch, rows[i].patch);
		assert_string_equal(version.text, rows[i].version);
	}
}

static void
a_fix_counts_in_its_own_series_and_after_the_last(void **state)
{
	static const struct {
		const char *runtime, *version, *missing;
	} rows[] = {
	    {"runc", "1.1.5",
	        "CVE-2024-45310 CVE-2025-31133 CVE-2025-52565 "
	        "CVE-2025-52881 CVE-2026-41579"},
	    {"runc", "1.2.8", "CVE-2026-41579"},
	    {"runc", "1.3.2",
	        "CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 "
	        "CVE-2026-41579"},
	    {"runc", "1.3.6", ""},
	    {"runc", "1.4.2", "CVE-2026-41579"},
	    {"runc", "1.4.3", ""},
	    {"runc", "1.5.0", ""},
	    {"runc", "2.0.0", ""},
	    {"crun", "1.8.1", "CVE-2026-47766"},
	    {"crun", "1.20.0", "CVE-2026-30892 CVE-2026-47766"},
	    {"crun", "1.27.0", "CVE-2026-47766"},
	    {"crun", "1.29.1", ""},
	    {"other", "1.0.0", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct probe_version version;
		char text[PROBE_TEXT_BYTES];

		assert_int_equal(
		    probe_parse_version(rows[i].version, &version), 0);
		probe_missing_fixes(
		    rows[i].runtime, &version, text, sizeof(text));
		assert_string_equal(text, rows[i].missing);
	}
}

static void
a_list_of_holes_that_does_not_fit_is_cut(void **state)
{
	struct probe_version version = {.major = 1, .minor = 1};
	char text[20];

	(void)state;
	probe_missing_fixes("runc", &version, text, sizeof(text));
	assert_string_equal(text, "CVE-2024-45310 CVE-");
}

#define LINE(point, options, type, super) \
	"30 20 0:25 / " point " rw,relatime" options " - " type " x " super "\n"

static void
cgroup_hierarchies_are_read_from_mountinfo(void **state)
{
	static const struct {
		const char *text;
		enum cgroup_mode mode;
		size_t count;
		const char *memory; /* where its controller is */
	} rows[] = {
	    {"", CGROUP_NONE, 0, NULL},
	    {LINE("/", "", "ext4", "rw"), CGROUP_NONE, 0, NULL},
	    {LINE("/c/memory", " shared:3", "cgroup", "rw,memory")
	            LINE("/c/cpu", "", "cgroup", "rw,cpu,cpuacct"),
	        CGROUP_V1, 2, "/c/memory"},
	    {LINE("/c/cpu", "", "cgroup", "rw,cpu,memory")
	            LINE("/c/unified", " shared:9 master:1", "cgroup2", "rw"),
	        CGROUP_HYBRID, 2, "/c/cpu"},
	    {LINE("/c/memoryless", "", "cgroup", "rw,memoryless"), CGROUP_V1, 1,
	        NULL},
	    {LINE("/none", "", "cgroup2", "rw"), CGROUP_V2, 1, NULL},
	    {"garbage\n\n - \n - cgroup\n", CGROUP_V1, 1, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cgroup_mounts mounts;
		const struct cgroup_mount *memory;

		cgroup_parse(&mounts, rows[i].text);
		assert_int_equal(mounts.count, rows[i].count);
		assert_int_equal(cgroup_mode(&mounts), rows[i].mode);
		memory = cgroup_controller(&mounts, "memory");
		assert_int_equal(memory == NULL, rows[i].memory == NULL);
		if (memory != NULL)
			assert_string_equal(memory->path, rows[i].memory);
		cgroup_clear(&mounts);
	}
}

static void
more_hierarchies_than_there_is_room_for_are_left_out(void **state)
{
	char text[CGROUP_MOUNTS_MAX * 2 * 64] = "";
	struct cgroup_mounts mounts;
	size_t i;

	(void)state;
	for (i = 0; i < CGROUP_MOUNTS_MAX + 5; i++)
		(void)strcat(text, LINE("/c", "", "cgroup", "rw"));
	cgroup_parse(&mounts, text);
	assert_int_equal(mounts.count, CGROUP_MOUNTS_MAX);
	cgroup_clear(&mounts);
}

static void
the_file_of_memory_kills_depends_on_the_version(void **state)
{
	struct cgroup_mounts mounts;
	char *path;

	(void)state;
	cgroup_parse(&mounts, LINE("/c/m", "", "cgroup", "rw,memory"));
	path = cgroup_oom_events(&mounts, "/a/b");
	assert_string_equal(path, "/c/m/a/b/memory.oom_control");
	free(path);
	cgroup_clear(&mounts);
}

static void
this_machine_can_be_looked_at(void **state)
{
	struct finding findings[PROBE_FINDINGS_MAX];
	size_t count = probe_machine(findings), i;

	(void)state;
	assert_true(count > 0);
	for (i = 0; i < count; i++) {
		assert_non_null(findings[i].name);
		assert_true(findings[i].says[0] != '\0');
		assert_true(findings[i].state < PROBE_STATES);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_are_found_in_what_runtimes_say),
	    cmocka_unit_test(a_fix_counts_in_its_own_series_and_after_the_last),
	    cmocka_unit_test(a_list_of_holes_that_does_not_fit_is_cut),
	    cmocka_unit_test(cgroup_hierarchies_are_read_from_mountinfo),
	    cmocka_unit_test(
	        more_hierarchies_than_there_is_room_for_are_left_out),
	    cmocka_unit_test(the_file_of_memory_kills_depends_on_the_version),
	    cmocka_unit_test(this_machine_can_be_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
