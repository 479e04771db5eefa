/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/recorder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/terminal/asciicast.h"

#define PATIENCE_S 20
#define FILE_MAX   ((size_t)256 << 20)

/* A terminal and the folder of its recording. */
struct stand {
	uv_loop_t loop;
	struct keeper *keeper;
	struct exec exec;
	struct pty pty;
	char path[64];
	char *file; /* as it was read last; NUL behind it */
	size_t len;
};

static int
set_up(void **state)
{
	const struct terminal_options options = {.size = {24, 80}};
	struct stand *stand = calloc(1, sizeof(*stand));
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	assert_int_equal(uv_loop_init(&stand->loop), 0);
	(void)snprintf(
	    stand->path, sizeof(stand->path), "/tmp/recorder-test-XXXXXX");
	assert_non_null(mkdtemp(stand->path));
	stand->keeper = keeper;
	keeper->loop = &stand->loop;
	keeper->recording_dir =
	    open(stand->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	keeper->config.recording =
	    (struct recording_spec){true, RECORDING_3, false, LIMIT_RECORDING};
	stand->exec.keeper = keeper;
	(void)snprintf(stand->exec.id, sizeof(stand->exec.id), "abc-1");
	stand->pty.exec = &stand->exec;
	stand->pty.terminal = terminal_new(&options, NULL, NULL);
	(void)snprintf(
	    stand->pty.term, sizeof(stand->pty.term), "xterm-256color");
	checkpoint_init(&stand->pty.checkpoint, keeper->recording_dir, 1);
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	recorder_free(stand->pty.recorder);
	(void)uv_run(&stand->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&stand->loop), 0);
	(void)unlinkat(stand->keeper->recording_dir, "abc-1.cast", 0);
	checkpoint_remove(&stand->pty.checkpoint);
	(void)close(stand->keeper->recording_dir);
	assert_int_equal(rmdir(stand->path), 0);
	terminal_free(stand->pty.terminal);
	free(stand->keeper);
	free(stand->file);
	free(stand);
	return 0;
}

static struct recorder *
begin(struct stand *stand)
{
	stand->pty.recorder = recorder_new(&stand->pty);
	assert_non_null(stand->pty.recorder);
	return stand->pty.recorder;
}

static void
end(struct stand *stand)
{
	recorder_free(stand->pty.recorder);
	stand->pty.recorder = NULL;
}

static void
load(struct stand *stand)
{
	int fd = openat(
	    stand->keeper->recording_dir, "abc-1.cast", O_RDONLY | O_CLOEXEC);
	off_t size;
	ssize_t got;

	assert_true(fd >= 0);
	size = lseek(fd, 0, SEEK_END);
	assert_true(size >= 0 && (size_t)size < FILE_MAX);
	free(stand->file);
	stand->file = calloc(1, (size_t)size + 1);
	got = pread(fd, stand->file, (size_t)size, 0);
	assert_int_equal(got, size);
	stand->len = (size_t)got;
	(void)close(fd);
}

static unsigned
count(const struct stand *stand, const char *text)
{
	const char *at = stand->file;
	unsigned found = 0;

	while ((at = strstr(at, text)) != NULL) {
		found++;
		at++;
	}
	return found;
}

/* All output of the file but the repaint that it begins with; every line must
 * be one of an asciicast. */
static void
read_output(const struct stand *stand, struct buffer *out)
{
	struct asciicast_header header;
	struct error err;
	const char *line = stand->file;
	const char *end_of;
	uint64_t at_ms = 0;
	unsigned number = 0;

	assert_true(stand->len > 0 && stand->file[stand->len - 1] == '\n');
	for (; *line != '\0'; line = end_of + 1, number++) {
		struct asciicast_event event = {0};

		end_of = strchr(line, '\n');
		if (number == 0) {
			assert_int_equal(
			    asciicast_read_header(
			        line, (size_t)(end_of - line), &header, &err),
			    0);
			assert_int_equal(header.size.cols, 80);
			continue;
		}
		if (asciicast_read_event(header.version, at_ms, line,
		        (size_t)(end_of - line), &event, &err) != 0)
			fail_msg("line %u: %s", number, err.text);
		at_ms = event.at_ms;
		if (event.kind == ASCIICAST_OUTPUT && number > 1)
			assert_int_equal(
			    buffer_append(out, event.bytes, event.len, NULL),
			    0);
		free(event.bytes);
	}
}

static void
put(struct recorder *recorder, const char *text)
{
	recorder_output(recorder, (const uint8_t *)text, strlen(text));
}

static void
test_a_recording_has_every_byte_in_both_formats(void **state)
{
	static const enum recording_format formats[] = {
	    RECORDING_2, RECORDING_3};
	struct stand *stand = *state;
	size_t len = 3u << 20;
	char *bytes = malloc(len);
	unsigned i;
	size_t at;

	for (at = 0; at < len; at++)
		bytes[at] = (char)(at % 127 + 1);
	for (i = 0; i < 2; i++) {
		struct buffer out;
		struct recorder *recorder;
		size_t part;

		buffer_init(&out, len);
		stand->keeper->config.recording.format = formats[i];
		recorder = begin(stand);
		for (at = 0; at < len; at += part) {
			part = at % 70001 + 1;
			if (part > len - at)
				part = len - at;
			recorder_output(
			    recorder, (const uint8_t *)bytes + at, part);
			(void)uv_run(&stand->loop, UV_RUN_NOWAIT);
		}
		recorder_exit(recorder, 3);
		end(stand);
		load(stand);
		read_output(stand, &out);
		assert_int_equal(buffer_len(&out), len);
		assert_memory_equal(buffer_bytes(&out), bytes, len);
		assert_int_equal(count(stand, "\"x\", \"3\"]"), i);
		buffer_clear(&out);
		assert_int_equal(
		    unlinkat(stand->keeper->recording_dir, "abc-1.cast", 0), 0);
	}
	free(bytes);
}

static void
test_a_recording_begins_with_a_repaint(void **state)
{
	struct stand *stand = *state;
	const char *first;

	(void)begin(stand);
	end(stand);
	load(stand);
	first = strchr(stand->file, '\n') + 1;
	assert_non_null(strstr(first, "\"o\", \"\\u001b"));
	assert_non_null(strstr(stand->file, "\"type\": \"xterm-256color\""));
}

static void
test_a_resize_and_a_mark_stand_where_they_happened(void **state)
{
	struct stand *stand = *state;
	const struct terminal_size size = {30, 100};
	struct recorder *recorder = begin(stand);
	const char *resize;
	const char *mark;

	put(recorder, "before");
	recorder_resize(recorder, &size);
	put(recorder, "between");
	recorder_mark(recorder, 'D', 7);
	recorder_mark(recorder, 'A', -1);
	put(recorder, "behind");
	end(stand);
	load(stand);
	resize = strstr(stand->file, "\"r\", \"100x30\"]");
	mark = strstr(stand->file, "\"m\", \"exit 7\"]");
	assert_non_null(resize);
	assert_non_null(mark);
	assert_true(strstr(stand->file, "before") < resize);
	assert_true(strstr(stand->file, "between") > resize);
	assert_true(strstr(stand->file, "between") < mark);
	assert_true(strstr(stand->file, "behind") > mark);
	assert_non_null(strstr(mark, "\"m\", \"prompt\"]"));
}

static void
test_a_recording_can_be_followed(void **state)
{
	struct stand *stand = *state;
	time_t deadline = time(NULL) + PATIENCE_S;

	put(begin(stand), "look here");
	do {
		assert_true(time(NULL) <= deadline);
		(void)uv_run(&stand->loop, UV_RUN_ONCE);
		load(stand);
	} while (strstr(stand->file, "look here") == NULL);
	assert_int_equal(stand->file[stand->len - 1], '\n');
}

static void
test_half_a_character_waits_for_its_rest(void **state)
{
	struct stand *stand = *state;
	struct recorder *recorder = begin(stand);

	put(recorder, "a\xe2\x82");
	put(recorder, "\xac"
	              "b");
	put(recorder, "\xff"
	              "c");
	end(stand);
	load(stand);
	assert_int_equal(count(stand, "\"a\"]"), 1);
	assert_int_equal(count(stand, "\"\xe2\x82\xac"
	                              "b\"]"),
	    1);
	assert_int_equal(count(stand, "\"\xef\xbf\xbd"
	                              "c\"]"),
	    1);
}

static void
test_a_recording_is_cut_at_its_size_and_says_so(void **state)
{
	struct stand *stand = *state;
	struct recorder *recorder;
	struct buffer out;
	const char *mark;
	char bytes[5000];
	unsigned i;

	memset(bytes, '\033', sizeof(bytes));
	stand->keeper->config.recording.bytes = LIMIT_RECORDING_MIN;
	recorder = begin(stand);
	for (i = 0; i < 100; i++)
		recorder_output(
		    recorder, (const uint8_t *)bytes, sizeof(bytes));
	recorder_mark(recorder, 'A', -1);
	recorder_exit(recorder, 0);
	(void)uv_run(&stand->loop, UV_RUN_NOWAIT);
	put(recorder, "behind");
	end(stand);
	load(stand);
	assert_in_range(
	    stand->len, LIMIT_RECORDING_MIN - 1024, LIMIT_RECORDING_MIN);
	mark =
	    strstr(stand->file, "\"m\", \"recording cut at 65536 bytes\"]\n");
	assert_non_null(mark);
	assert_string_equal(strchr(mark, '\n'), "\n");
	buffer_init(&out, LIMIT_RECORDING_MIN);
	read_output(stand, &out);
	assert_true(buffer_len(&out) > 9 * 1024);
	buffer_clear(&out);
}

static void
type(struct recorder *recorder, const char *text, bool echo)
{
	recorder_typed(recorder, (const uint8_t *)text, strlen(text));
	recorder_taken(recorder, strlen(text), echo);
}

static void
test_input_is_recorded_only_when_asked_for_and_while_echo_shows_it(void **state)
{
	struct stand *stand = *state;
	struct recorder *recorder = begin(stand);

	type(recorder, "not asked for", true);
	end(stand);
	load(stand);
	assert_int_equal(count(stand, "\"i\""), 0);
	assert_int_equal(
	    unlinkat(stand->keeper->recording_dir, "abc-1.cast", 0), 0);
	stand->keeper->config.recording.input = true;
	recorder = begin(stand);
	type(recorder, "sudo x\r", true);
	/* echo goes off between what was sent and what is taken */
	recorder_typed(recorder, (const uint8_t *)"seensecret\r", 11);
	recorder_taken(recorder, 4, true);
	recorder_taken(recorder, 7, false);
	type(recorder, "ls\r", true);
	end(stand);
	load(stand);
	assert_int_equal(count(stand, "\"i\", \"sudo x\\r\"]"), 1);
	assert_int_equal(count(stand, "\"i\", \"seen\"]"), 1);
	assert_int_equal(count(stand, "\"i\", \"ls\\r\"]"), 1);
	assert_int_equal(count(stand, "secret"), 0);
}

static void
test_more_input_under_way_than_can_be_ends_its_recording(void **state)
{
	struct stand *stand = *state;
	char *bytes = calloc(1, WINDOW_STDIN);
	struct recorder *recorder;

	stand->keeper->config.recording.input = true;
	recorder = begin(stand);
	memset(bytes, 'x', WINDOW_STDIN);
	recorder_typed(recorder, (const uint8_t *)bytes, WINDOW_STDIN);
	recorder_typed(recorder, (const uint8_t *)"secret", 6);
	recorder_taken(recorder, WINDOW_STDIN, true);
	recorder_taken(recorder, 6, true);
	end(stand);
	load(stand);
	assert_int_equal(count(stand, "\"i\""), 0);
	free(bytes);
}

static void
test_nothing_is_recorded_without_being_asked_or_twice(void **state)
{
	struct stand *stand = *state;

	(void)begin(stand);
	assert_null(recorder_new(&stand->pty));
	stand->keeper->config.recording.present = false;
	assert_null(recorder_new(&stand->pty));
	recorder_output(NULL, (const uint8_t *)"x", 1);
	recorder_taken(NULL, 1, true);
	recorder_free(NULL);
}

/* A full disk, as far as a process can make one. */
static void
test_a_full_disk_ends_the_recording_behind_a_whole_event(void **state)
{
	const struct rlimit small = {40000, RLIM_INFINITY};
	struct stand *stand = *state;
	struct recorder *recorder = begin(stand);
	struct rlimit before;
	struct buffer out;
	char bytes[1000];
	unsigned i;

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 0; i < 200; i++)
		recorder_output(
		    recorder, (const uint8_t *)bytes, sizeof(bytes));
	recorder_exit(recorder, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	end(stand);
	load(stand);
	assert_in_range(stand->len, 38000, 40000);
	buffer_init(&out, 1u << 20);
	read_output(stand, &out);
	assert_true(buffer_len(&out) > 30000);
	assert_int_equal(buffer_len(&out) % sizeof(bytes), 0);
	buffer_clear(&out);
}

#define with_stand(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_stand(test_a_recording_has_every_byte_in_both_formats),
	    with_stand(test_a_recording_begins_with_a_repaint),
	    with_stand(test_a_resize_and_a_mark_stand_where_they_happened),
	    with_stand(test_a_recording_can_be_followed),
	    with_stand(test_half_a_character_waits_for_its_rest),
	    with_stand(test_a_recording_is_cut_at_its_size_and_says_so),
	    with_stand(
	        test_input_is_recorded_only_when_asked_for_and_while_echo_shows_it),
	    with_stand(
	        test_more_input_under_way_than_can_be_ends_its_recording),
	    with_stand(test_nothing_is_recorded_without_being_asked_or_twice),
	    with_stand(
	        test_a_full_disk_ends_the_recording_behind_a_whole_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
