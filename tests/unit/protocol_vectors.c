/* SPDX-License-Identifier: Apache-2.0 */
/* Every message of tests/vectors: read, written, and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/control.h"
#include "protocol/custody.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/stream_json.h"

union any_body {
	union request_body request;
	struct event_hello hello;
	struct event_reply reply;
	struct event_output output;
	struct event_gap gap;
	struct event_eof eof;
	struct event_exit exit;
	struct event_task task;
	union link_body link;
	union attachment_body attachment;
	union control_body control;
	union custody_body custody;
};

struct boundary {
	const struct json_messages *messages;
	int count;
	unsigned seen; /* bits of the types that a valid row has */
};

static void
refuses(const struct boundary *boundary, const char *line, const char *words)
{
	struct error err = {0};
	union any_body body;
	int type;

	assert_int_equal(json_read_typed(boundary->messages, line, strlen(line),
	                     &type, &body, &err),
	    -1);
	if (type >= 0)
		json_clear(boundary->messages->shapes[type], &body);
	assert_true(err.code == ERROR_INVALID || err.code == ERROR_LIMIT);
	if (strstr(err.text, words) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", line, err.text, words);
}

static void
accepts(struct boundary *boundary, const char *line, const char *written)
{
	struct error err = {0};
	union any_body body;
	struct buffer out;
	int type;

	buffer_init(&out, LIMIT_LINE_BYTES);
	if (json_read_typed(boundary->messages, line, strlen(line), &type,
	        &body, &err) != 0)
		fail_msg("%s: %s", line, err.text);
	boundary->seen |= 1u << type;
	assert_int_equal(
	    json_write(boundary->messages->shapes[type],
	        boundary->messages->types[type], &body, &out, &err),
	    0);
	json_clear(boundary->messages->shapes[type], &body);
	assert_int_equal(buffer_append(&out, "", 1, NULL), 0);
	assert_string_equal((const char *)buffer_bytes(&out), written);
	buffer_clear(&out);
}

/* Rows of tab-separated columns; see the head of each file. */
static void
check_row(struct boundary *boundary, char *row)
{
	char *message = strchr(row, '\t');
	char *rest;

	if (row[0] == '#' || strncmp(row, "schema\t", 7) == 0)
		return;
	row[strcspn(row, "\n")] = '\0';
	assert_non_null(message);
	*message++ = '\0';
	rest = strchr(message, '\t');
	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(row, "refused") == 0) {
		assert_non_null(rest);
		refuses(boundary, message, rest);
		return;
	}
	assert_string_equal(row, "valid");
	accepts(boundary, message, rest == NULL ? message : rest);
	if (rest != NULL)
		accepts(boundary, rest, rest);
}

static void
check_file(struct boundary *boundary, const char *path)
{
	autofree char *row = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		fail_msg("cannot open %s: run in the project's root", path);
	while (getline(&row, &size, file) > 0)
		check_row(boundary, row);
	assert_int_equal(fclose(file), 0);
	/* a type that no row has is a type that nobody tests */
	assert_int_equal(boundary->seen, (1u << boundary->count) - 1);
}

#define BOUNDARY(name, kind, COUNT, file)                                \
	static void name(void **state)                                   \
	{                                                                \
		struct boundary boundary = {&kind##_messages, COUNT, 0}; \
                                                                         \
		(void)state;                                             \
		check_file(&boundary, "tests/vectors/" file ".tsv");     \
	}

BOUNDARY(requests_of_a_brain, request, REQUEST_TYPES, "stream-json-requests")
BOUNDARY(events_of_the_gateway, event, EVENT_TYPES, "stream-json-events")
BOUNDARY(messages_on_the_link, link, LINK_TYPES, "link")
BOUNDARY(messages_on_an_attachment, attachment, ATTACHMENT_TYPES, "attachment")
BOUNDARY(messages_of_control, control, CONTROL_TYPES, "control")
BOUNDARY(messages_of_custody, custody, CUSTODY_TYPES, "custody")

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_of_a_brain),
	    cmocka_unit_test(events_of_the_gateway),
	    cmocka_unit_test(messages_on_the_link),
	    cmocka_unit_test(messages_on_an_attachment),
	    cmocka_unit_test(messages_of_control),
	    cmocka_unit_test(messages_of_custody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
