/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/asks.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "server/common/channel.h"
#include "server/keeper/attachment.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"
#include "server/terminal/terminal.h"

#define RACES      10000u
#define PATIENCE_S 120
#define STREAMS    20u
#define HOUR_MS    3600000
#define SINCE_NONE (-1)

/* A terminal, and a gate that asks about it on some streams. */
struct stand {
	uv_loop_t loop;
	struct keeper *keeper;
	struct exec exec;
	struct pty pty;
	struct channel channel;
	struct attachment attachment;
	struct subscription streams[STREAMS];
	int gate; /* the gate's end */
	struct buffer in;
	unsigned closed;
	time_t deadline;
	struct error err;
};

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	(void)channel;
	(void)frame;
	return error_set(err, ERROR_BUG, "the gate says nothing here");
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct stand *stand = channel->data;

	(void)why;
	stand->closed++;
}

static const struct channel_events channel_events = {
    .out_max = 8u << 20, .on_frame = on_frame, .on_closed = on_closed};

static void
on_bell(void *data)
{
	const struct stand *stand = data;

	asks_tell(stand->pty.asks, ASKS_BELL);
}

static const struct terminal_events terminal_events = {.on_bell = on_bell};

static int
set_up(void **state)
{
	const struct terminal_options options = {.size = {24, 80},
	    .scrollback_lines = LIMIT_SCROLLBACK,
	    .scrollback_bytes = LIMIT_SCROLLBACK_BYTES};
	struct stand *stand = calloc(1, sizeof(*stand));
	int fds[2];
	unsigned i;

	assert_int_equal(uv_loop_init(&stand->loop), 0);
	stand->deadline = time(NULL) + PATIENCE_S;
	stand->keeper = calloc(1, sizeof(*stand->keeper));
	stand->keeper->loop = &stand->loop;
	stand->exec.keeper = stand->keeper;
	stand->pty.exec = &stand->exec;
	stand->pty.echo = true;
	stand->pty.terminal = terminal_new(&options, &terminal_events, stand);
	stand->pty.asks = asks_new(&stand->pty);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(channel_open(&stand->channel, &stand->loop, fds[0],
	                     &channel_events, stand, &stand->err),
	    0);
	stand->gate = fds[1];
	assert_int_equal(fcntl(stand->gate, F_SETFL, O_NONBLOCK), 0);
	buffer_init(&stand->in, 16u << 20);
	stand->attachment.channel = &stand->channel;
	for (i = 0; i < STREAMS; i++) {
		stand->streams[i].attachment = &stand->attachment;
		stand->streams[i].exec = &stand->exec;
		stand->streams[i].stream = i + 1;
	}
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	asks_free(stand->pty.asks);
	channel_close(&stand->channel);
	(void)uv_run(&stand->loop, UV_RUN_DEFAULT);
	assert_int_equal(stand->closed, 1);
	assert_int_equal(uv_loop_close(&stand->loop), 0);
	terminal_free(stand->pty.terminal);
	buffer_clear(&stand->in);
	(void)close(stand->gate);
	free(stand->keeper);
	free(stand);
	return 0;
}

static void
feed(struct stand *stand, const char *bytes, size_t len)
{
	if (len == 0)
		return;
	terminal_feed(stand->pty.terminal, (const uint8_t *)bytes, len);
	asks_tell(stand->pty.asks, ASKS_OUTPUT);
}

static void
feed_text(struct stand *stand, const char *text)
{
	feed(stand, text, strlen(text));
}

/* Ask as a gate would; until: the members of each condition. */
static int
ask(struct stand *stand, unsigned stream, uint32_t number, const char *until,
    int64_t since)
{
	const struct asks_from from = {&stand->streams[stream], number};
	struct wait_ask of;
	char text[256];
	int rc;

	(void)snprintf(text, sizeof(text), "{\"until\":[%s],\"timeout_ms\":%d}",
	    until, HOUR_MS);
	assert_int_equal(
	    json_read(&wait_ask_shape, text, strlen(text), &of, &stand->err),
	    0);
	of.since = since;
	rc = asks_wait(stand->pty.asks, &from, &of, &stand->err);
	json_clear(&wait_ask_shape, &of);
	return rc;
}

static void
fill(struct stand *stand)
{
	uint8_t *room;

	for (;;) {
		ssize_t got;

		assert_int_equal(
		    buffer_reserve(&stand->in, 65536, &room, NULL), 0);
		got = read(stand->gate, room, 65536);
		if (got <= 0)
			return;
		buffer_commit(&stand->in, (size_t)got);
	}
}

/* The next answer there is; false: none. json_clear frees it. */
static bool
hear(struct stand *stand, struct attachment_answer *answer)
{
	union attachment_body body;
	struct frame frame;
	size_t used;
	int type;
	int rc;

	fill(stand);
	rc = frame_parse(buffer_bytes(&stand->in), buffer_len(&stand->in),
	    &frame, &used, &stand->err);
	assert_int_not_equal(rc, -1);
	if (rc == 0)
		return false;
	if (json_read_typed(&attachment_messages, (const char *)frame.payload,
	        frame.len, &type, &body, &stand->err) != 0)
		fail_msg("%s", stand->err.text);
	assert_int_equal(type, ATTACHMENT_ANSWER);
	buffer_consume(&stand->in, used);
	*answer = body.answer;
	return true;
}

static void
clear(struct attachment_answer *answer)
{
	json_clear(attachment_shapes[ATTACHMENT_ANSWER], answer);
}

/* Turn the loop until an answer comes. */
static void
await(struct stand *stand, struct attachment_answer *answer)
{
	while (!hear(stand, answer)) {
		if (time(NULL) > stand->deadline)
			fail_msg("no answer: a wake-up was lost");
		(void)uv_run(&stand->loop, UV_RUN_NOWAIT);
	}
}

static void
await_code(struct stand *stand, int64_t number, const char *code)
{
	struct attachment_answer answer;

	await(stand, &answer);
	assert_int_equal(answer.ask, number);
	assert_non_null(answer.code);
	assert_string_equal(answer.code, code);
	assert_non_null(answer.text);
	assert_false(answer.wait.present);
	clear(&answer);
}

static void
await_which(struct stand *stand, int64_t number, int64_t which)
{
	struct attachment_answer answer;

	await(stand, &answer);
	assert_null(answer.code);
	assert_int_equal(answer.ask, number);
	assert_true(answer.wait.present);
	assert_int_equal(answer.wait.which, which);
	assert_int_equal(answer.wait.screen.rows, 24);
	clear(&answer);
}

static void
await_nothing(struct stand *stand)
{
	struct attachment_answer answer;
	unsigned i;

	for (i = 0; i < 20; i++)
		(void)uv_run(&stand->loop, UV_RUN_NOWAIT);
	assert_false(hear(stand, &answer));
}

static uint32_t seed;

static uint32_t
pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void
turn(struct stand *stand)
{
	uint32_t i;

	for (i = pick(3); i > 0; i--)
		(void)uv_run(&stand->loop, UV_RUN_NOWAIT);
}

/* One text in some pieces; the wait is armed before, between or behind them. */
static void
race(struct stand *stand, uint32_t number)
{
	static const char *const forms[][2] = {{"{\"text\":\"", ".\"}"},
	    {"{\"regex\":\"^ *", "[.]\"}"},
	    {"{\"prompt\":true},{\"text\":\"", ".\"}"}};
	int64_t gen = terminal_observe(stand->pty.terminal);
	bool has_since = pick(2) == 1;
	uint32_t form = pick(3);
	char until[128];
	char text[512];
	size_t len;
	size_t at = 0;
	uint32_t pieces = 1 + pick(4);
	uint32_t armed = pick(pieces + 1);
	uint32_t i;

	(void)snprintf(until, sizeof(until), "%sword%u%s", forms[form][0],
	    number, forms[form][1]);
	len = (size_t)snprintf(
	    text, sizeof(text), "%*sword%u.\r\n", (int)pick(4), "", number);
	/* What has scrolled off before counts since a screen only. */
	for (i = pick(has_since ? 60 : 4); i > 0; i--)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "-\r\n");
	for (i = 0; i <= pieces; i++) {
		size_t end =
		    i + 1 >= pieces ? len : at + pick((uint32_t)(len - at) + 1);

		if (i == armed)
			assert_int_equal(
			    ask(stand, pick(STREAMS), number, until,
			        has_since ? gen : SINCE_NONE),
			    0);
		turn(stand);
		feed(stand, text + at, end - at);
		at = end;
		turn(stand);
	}
	await_which(stand, number, form == 2);
}

static void
test_no_wake_up_is_lost_in_races(void **state)
{
	struct stand *stand = *state;
	const char *given = getenv("SALLYPORT_SEED");
	uint32_t i;

	seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10)
	                     : (uint32_t)time(NULL);
	print_message("# SALLYPORT_SEED=%u\n", seed);
	for (i = 1; i <= RACES; i++)
		race(stand, i);
	await_nothing(stand);
}

static void
test_a_wait_is_answered_once_with_the_screen(void **state)
{
	struct stand *stand = *state;
	struct attachment_answer answer;

	assert_int_equal(ask(stand, 0, 5, "{\"text\":\"now\"}", SINCE_NONE), 0);
	await_nothing(stand);
	feed_text(stand, "and now\r\nmore");
	await(stand, &answer);
	assert_int_equal(answer.ask, 5);
	assert_int_equal(answer.wait.where.row, 0);
	assert_int_equal(answer.wait.where.col, 4);
	assert_string_equal(answer.wait.screen.lines[0], "and now");
	assert_string_equal(answer.wait.screen.lines[1], "more");
	clear(&answer);
	feed_text(stand, "now");
	await_nothing(stand);
}

static void
test_what_takes_time_ends_by_itself(void **state)
{
	struct stand *stand = *state;
	uint64_t begin = uv_hrtime();

	feed_text(stand, "x");
	assert_int_equal(ask(stand, 0, 1, "{\"quiet_ms\":30}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 0, 2, "{\"stable_ms\":60}", SINCE_NONE), 0);
	await_which(stand, 1, 0);
	await_which(stand, 2, 0);
	assert_true(uv_hrtime() - begin > 50 * 1000000ull);
}

static void
test_events_wake_waits(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(ask(stand, 0, 1, "{\"bell\":true}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 0, 2, "{\"echo\":false}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 0, 3, "{\"exit\":true}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 0, 4, "{\"text\":\"x\"}", SINCE_NONE), 0);
	await_nothing(stand);
	feed_text(stand, "\a");
	await_which(stand, 1, 0);
	stand->pty.echo = false;
	asks_tell(stand->pty.asks, ASKS_ECHO);
	await_which(stand, 2, 0);
	asks_tell(stand->pty.asks, ASKS_EXIT);
	await_which(stand, 3, 0);
	await_code(stand, 4, "state");
	/* the screen stays, and with it what can be said at once */
	assert_int_equal(ask(stand, 0, 5, "{\"exit\":true}", SINCE_NONE), 0);
	await_which(stand, 5, 0);
	assert_int_equal(ask(stand, 0, 6, "{\"bell\":true}", SINCE_NONE), 0);
	await_code(stand, 6, "state");
}

static void
test_a_canceled_wait_is_answered_so(void **state)
{
	struct stand *stand = *state;
	const struct asks_from from = {&stand->streams[0], 7};
	const struct asks_from other = {&stand->streams[1], 7};

	assert_int_equal(ask(stand, 0, 7, "{\"bell\":true}", SINCE_NONE), 0);
	asks_cancel(stand->pty.asks, &other);
	await_nothing(stand);
	asks_cancel(stand->pty.asks, &from);
	await_code(stand, 7, "canceled");
	asks_cancel(stand->pty.asks, &from);
	feed_text(stand, "\a");
	await_nothing(stand);
}

static void
test_a_stream_that_goes_takes_its_waits(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(ask(stand, 0, 1, "{\"bell\":true}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 1, 2, "{\"bell\":true}", SINCE_NONE), 0);
	asks_forget(stand->pty.asks, &stand->streams[0]);
	feed_text(stand, "\a");
	await_which(stand, 2, 0);
	await_nothing(stand);
}

static void
test_waits_are_limited_for_a_stream_and_for_a_terminal(void **state)
{
	struct stand *stand = *state;
	uint32_t number = 0;
	unsigned i;
	unsigned stream;

	for (stream = 0; stream < ASKS_WAITS_MAX / LIMIT_WAITS; stream++) {
		for (i = 0; i < LIMIT_WAITS; i++)
			assert_int_equal(ask(stand, stream, ++number,
			                     "{\"bell\":true}", SINCE_NONE),
			    0);
		assert_int_equal(
		    ask(stand, stream, 1, "{\"bell\":true}", SINCE_NONE), -1);
		assert_int_equal(stand->err.code, ERROR_LIMIT);
	}
	assert_true(stream < STREAMS);
	assert_int_equal(
	    ask(stand, stream, 1, "{\"bell\":true}", SINCE_NONE), -1);
	assert_int_equal(stand->err.code, ERROR_LIMIT);
	feed_text(stand, "\a");
	for (i = 1; i <= number; i++)
		await_which(stand, i, 0);
}

static void
test_an_expression_without_end_ends_its_own_wait(void **state)
{
	struct stand *stand = *state;
	unsigned i;

	for (i = 1; i <= 8; i++)
		assert_int_equal(
		    ask(stand, 0, i, "{\"regex\":\"^(a+)+$\"}", SINCE_NONE), 0);
	assert_int_equal(ask(stand, 1, 9, "{\"text\":\"!\"}", SINCE_NONE), 0);
	feed_text(stand, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	for (i = 1; i <= 8; i++)
		await_code(stand, i, "limit");
	await_which(stand, 9, 0);
}

#define with_stand(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_stand(test_no_wake_up_is_lost_in_races),
	    with_stand(test_a_wait_is_answered_once_with_the_screen),
	    with_stand(test_what_takes_time_ends_by_itself),
	    with_stand(test_events_wake_waits),
	    with_stand(test_a_canceled_wait_is_answered_so),
	    with_stand(test_a_stream_that_goes_takes_its_waits),
	    with_stand(test_waits_are_limited_for_a_stream_and_for_a_terminal),
	    with_stand(test_an_expression_without_end_ends_its_own_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
