/* SPDX-License-Identifier: Apache-2.0 */
/* A recording whose keeper was killed, and that another one goes on with. */
#include "server/keeper/recorder.h"

#include "server/terminal/asciicast.h"
#include "tests/unit/checkpoint_stand.h"

static void
record_all(struct stand *stand)
{
	const struct recording_spec spec = {
	    true, RECORDING_3, false, LIMIT_RECORDING};

	stand->one.keeper->config.recording = spec;
	stand->two.keeper->config.recording = spec;
	pty_sent(stand->one.exec->pty);
	assert_non_null(stand->one.exec->pty->recorder);
}

/* All output of a recording behind its first repaint. */
static void
read_recording(const struct side *side, struct buffer *out, uint64_t *at_ms)
{
	struct asciicast_header header;
	size_t len = 0;
	char *file = load(side, "abc-1.cast", &len);
	char *line = file;
	struct error err;
	char *end;
	unsigned number;

	assert_true(len > 0 && file[len - 1] == '\n');
	*at_ms = 0;
	for (number = 0; *line != '\0'; line = end + 1, number++) {
		struct asciicast_event event = {0};

		end = strchr(line, '\n');
		if (number == 0) {
			assert_int_equal(
			    asciicast_read_header(
			        line, (size_t)(end - line), &header, &err),
			    0);
			continue;
		}
		if (asciicast_read_event(header.version, *at_ms, line,
		        (size_t)(end - line), &event, &err) != 0)
			fail_msg("line %u: %s", number, err.text);
		*at_ms = event.at_ms;
		if (event.kind == ASCIICAST_OUTPUT && number > 1)
			assert_int_equal(
			    buffer_append(out, event.bytes, event.len, NULL),
			    0);
		free(event.bytes);
	}
	free(file);
}

static void
a_recording_goes_on_without_a_byte_missing_or_twice(void **state)
{
	struct stand *stand = *state;
	struct buffer all, out;
	struct error err = {0};
	unsigned i, at = 0;
	uint64_t at_ms;

	record_all(stand);
	buffer_init(&all, FILE_MAX);
	buffer_init(&out, FILE_MAX);
	for (i = 0; i < 40; i++) {
		char text[3000];
		size_t len = 1 + noise_pick(&stand->noise, sizeof(text) - 1);
		size_t k;

		/* characters of three bytes, cut anywhere */
		for (k = 0; k < len; k++, at++)
			text[k] = "\xe2\x82\xac"[at % 3];
		feed(&stand->one, text, len);
		(void)buffer_append(&all, text, len, NULL);
		if (noise_pick(&stand->noise, 3) == 0)
			(void)uv_run(&stand->loop, UV_RUN_ONCE);
		copy_files(stand);
		assert_int_equal(restore(&stand->two, &err), 0);
		feed_text(&stand->two, "\x1b[m" + (at % 3 == 0 ? 0 : 3));
		assert_non_null(stand->two.exec->pty->recorder);
		free_exec(&stand->two);
		read_recording(&stand->two, &out, &at_ms);
		len = buffer_len(&all) - buffer_len(&all) % 3;
		assert_true(buffer_len(&out) >= len);
		assert_memory_equal(
		    buffer_bytes(&out), buffer_bytes(&all), len);
		assert_in_range(buffer_len(&out), len, len + 3);
		buffer_truncate(&out, 0);
	}
	buffer_clear(&all);
	buffer_clear(&out);
}

static void
the_time_of_a_recording_goes_on(void **state)
{
	struct stand *stand = *state;
	const struct timespec pause = {.tv_nsec = 300000000};
	struct buffer out;
	struct error err = {0};
	uint64_t before, after;
	size_t len = 0;
	char *bytes;

	record_all(stand);
	buffer_init(&out, FILE_MAX);
	feed_text(&stand->one, "first");
	while (uv_run(&stand->loop, UV_RUN_ONCE) != 0)
		continue;
	copy_files(stand);
	read_recording(&stand->two, &out, &before);
	/* a line that its writer did not finish is cut */
	bytes = load(&stand->two, "abc-1.cast", &len);
	bytes = realloc(bytes, len + 10);
	memcpy(bytes + len, "[0.1, \"o\"", 9);
	store(&stand->two, "abc-1.cast", bytes, len + 9);
	free(bytes);
	(void)nanosleep(&pause, NULL);
	uv_update_time(&stand->loop);
	assert_int_equal(restore(&stand->two, &err), 0);
	feed_text(&stand->two, "second");
	free_exec(&stand->two);
	buffer_truncate(&out, 0);
	read_recording(&stand->two, &out, &after);
	assert_int_equal(buffer_len(&out), strlen("firstsecond"));
	assert_in_range(after - before, 300, 5000);
	buffer_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_stand(a_recording_goes_on_without_a_byte_missing_or_twice),
	    with_stand(the_time_of_a_recording_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
