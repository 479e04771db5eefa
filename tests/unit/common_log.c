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

#include "protocol/json.h"
#include "protocol/memory.h"
#include "server/common/log.h"

#define LOG_MAX ((size_t)1 << 20)

/* What write_all() logs, as standard error has it. */
static char *
logged(void (*write_all)(void))
{
	char *text = memory_new(1, LOG_MAX);
	int kept = dup(STDERR_FILENO);
	FILE *file = tmpfile();

	assert_true(kept >= 0);
	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	log_open("gate", LOG_INFO);
	write_all();
	log_subject(NULL, NULL);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);
	rewind(file);
	(void)fread(text, 1, LOG_MAX - 1, file);
	(void)fclose(file);
	return text;
}

struct line {
	char *time;
	int level;
	char *program;
	int64_t pid;
	char *task;
	char *event;
};

#define AT(member) offsetof(struct line, member)
static const struct json_field fields[] = {
    {"time", JSON_STRING, AT(time), .min = 24, .max = 24, .required = true},
    {"level", JSON_ENUM, AT(level), .names = log_level_names, .required = true},
    {"program", JSON_STRING, AT(program), .max = 16, .required = true},
    {"pid", JSON_INTEGER, AT(pid), .max = 1 << 30, .required = true},
    {"task", JSON_STRING, AT(task), .max = 128},
    {"event", JSON_STRING, AT(event), .max = 8192, .required = true},
};
static const struct json_shape shape = {JSON_SHAPE(fields, struct line)};

/* Every line is one JSON object of this shape. Returns how many there are. */
static unsigned
check_lines(const char *text, struct line *last)
{
	unsigned count = 0;
	const char *end;

	json_absent(&shape, last);
	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		json_clear(&shape, last);
		assert_int_equal(
		    json_read(&shape, text, (size_t)(end - text), last, NULL),
		    0);
		count++;
	}
	assert_string_equal(text, "");
	return count;
}

static void
one_line(void)
{
	log_debug("not at this level");
	log_subject("task", "k3v9m2qa");
	log_info("exec %d: ended", 7);
}

static void
a_line_is_an_object_with_its_subject(void **state)
{
	char *text = logged(one_line);
	struct line line;

	(void)state;
	assert_int_equal(check_lines(text, &line), 1);
	assert_string_equal(line.program, "gate");
	assert_int_equal(line.level, LOG_INFO);
	assert_int_equal(line.pid, getpid());
	assert_string_equal(line.task, "k3v9m2qa");
	assert_string_equal(line.event, "exec 7: ended");
	json_clear(&shape, &line);
	free(text);
}

static void
hostile_values(void)
{
	char value[256];
	int i;

	for (i = 0; i < 255; i++)
		value[i] = (char)(i + 1);
	value[255] = '\0';
	log_subject("task", "a\"b\\\n");
	log_info("%s", value);
}

static void
values_are_escaped(void **state)
{
	char *text = logged(hostile_values);
	struct line line;

	(void)state;
	assert_int_equal(check_lines(text, &line), 1);
	assert_string_equal(line.task, "a\"b\\\\x0a");
	assert_non_null(strstr(line.event, "\\x1b"));
	assert_non_null(strstr(line.event, "!\"#$"));
	assert_non_null(strstr(line.event, "\\x7f\\x80"));
	json_clear(&shape, &line);
	free(text);
}

static void
a_long_value(void)
{
	char *value = memory_new(1, 100000);

	memset(value, '\n', 99999);
	log_error("%s", value);
	free(value);
}

static void
a_long_line_is_cut_and_still_whole(void **state)
{
	char *text = logged(a_long_value);
	struct line line;

	(void)state;
	assert_int_equal(check_lines(text, &line), 1);
	json_clear(&shape, &line);
	free(text);
}

static void
a_flood(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		log_warning("peer %d misbehaved", i);
	for (i = 0; i < 100; i++)
		log_error("disk %d", i);
}

static void
a_flood_of_warnings_is_cut_and_errors_are_not(void **state)
{
	char *text = logged(a_flood);
	struct line line;
	unsigned count = check_lines(text, &line);

	(void)state;
	/* a second may have turned meanwhile */
	assert_in_range(count, 100 + 50, 100 + 102);
	json_clear(&shape, &line);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_an_object_with_its_subject),
	    cmocka_unit_test(values_are_escaped),
	    cmocka_unit_test(a_long_line_is_cut_and_still_whole),
	    cmocka_unit_test(a_flood_of_warnings_is_cut_and_errors_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
