/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/input.h"
#include "agent/link_io.h"
#include "agent/outbox.h"
#include "agent/pty.h"
#include "agent/refused.h"
#include "protocol/error.h"
#include "protocol/exec_spec.h"
#include "protocol/limits.h"

#define STREAM      5u
#define PATIENCE_MS 60000

struct stand {
	struct loop loop;
	struct link_io link;
	struct outbox outbox;
	int keeper; /* the link's other end */
	struct pty pty;
	int master; /* until it has come */
	int slave;
	struct input input;
	uint8_t bytes[FRAME_DATA_MAX];
};

static int
no_frames(void *owner, const struct frame *frame, struct error *err)
{
	(void)owner;
	(void)frame;
	return error_set(err, ERROR_INVALID, "nothing was to come");
}

static int
set_up(void **state)
{
	const struct exec_pty spec = {.present = true, .rows = 33, .cols = 101};
	struct stand *stand = calloc(1, sizeof(*stand));
	struct error err = {0};
	struct refused refused;
	struct pty_pair terminal;
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(loop_open(&stand->loop, &err), 0);
	stand->link.on_frame = no_frames;
	assert_int_equal(
	    link_io_open(&stand->link, &stand->loop, pair[0], &err), 0);
	stand->keeper = pair[1];
	if (pty_make(&spec, geteuid(), &terminal, &refused) != 0)
		fail_msg("%s", refused.text);
	stand->master = terminal.master;
	stand->slave = terminal.slave;
	outbox_init(&stand->outbox, &stand->link, STREAM, true);
	outbox_started(&stand->outbox, 1);
	stand->outbox.told.started = true;
	pty_init(&stand->pty, &stand->outbox);
	stand->input.loop = &stand->loop;
	stand->input.outbox = &stand->outbox;
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	input_close(&stand->input);
	pty_close(&stand->pty);
	if (stand->master >= 0)
		(void)close(stand->master);
	if (stand->slave >= 0)
		(void)close(stand->slave);
	outbox_clear(&stand->outbox);
	link_io_close(&stand->link);
	(void)close(stand->keeper);
	(void)close(stand->loop.epolls[LANE_MAIN]);
	(void)close(stand->loop.epolls[LANE_OUTPUT]);
	free(stand);
	return 0;
}

static void
master_comes(struct stand *stand)
{
	pty_open(&stand->pty, stand->master);
	stand->master = -1;
}

static void
set_modes(const struct stand *stand, tcflag_t on, tcflag_t off)
{
	struct termios modes;

	assert_int_equal(tcgetattr(stand->slave, &modes), 0);
	modes.c_lflag |= on;
	modes.c_lflag &= ~off;
	assert_int_equal(tcsetattr(stand->slave, TCSANOW, &modes), 0);
}

/* What the keeper has been told since: the texts of messages, and '+' for
 * credit. */
static const char *
told(struct stand *stand)
{
	static char text[4096];
	uint8_t bytes[4096];
	struct frame frame;
	struct error err;
	size_t at = 0, used, len = 0;
	ssize_t got;

	(void)outbox_say(&stand->outbox);
	link_io_flush(&stand->link);
	got = recv(stand->keeper, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (got > 0 && frame_parse(bytes + at, (size_t)got - at, &frame,
	                      &used, &err) == 1) {
		if (frame.kind == FRAME_WINDOW) {
			text[len++] = '+';
		} else {
			assert_int_equal(frame.kind, FRAME_CONTROL);
			memcpy(text + len, frame.payload, frame.len);
			len += frame.len;
		}
		assert_int_equal(frame.stream, STREAM);
		at += used;
	}
	text[len] = '\0';
	return text;
}

/* What a program on the terminal reads; the kernel hands it over by and by. */
static void
assert_reads(const struct stand *stand, const char *wanted)
{
	struct pollfd slave = {.fd = stand->slave, .events = POLLIN};
	char text[64];
	ssize_t len;

	assert_int_equal(poll(&slave, 1, PATIENCE_MS), 1);
	len = read(stand->slave, text, sizeof(text));
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(text, wanted, (size_t)len);
}

static void
it_is_made_sane(void **state)
{
	const struct stand *stand = *state;
	struct termios modes;
	struct winsize size;
	struct stat info;

	assert_int_equal(tcgetattr(stand->slave, &modes), 0);
	assert_true(modes.c_iflag & IUTF8 && modes.c_iflag & ICRNL);
	assert_true(modes.c_oflag & OPOST && modes.c_oflag & ONLCR);
	assert_true(modes.c_lflag & ISIG && modes.c_lflag & ICANON);
	assert_true(modes.c_lflag & ECHO && modes.c_lflag & IEXTEN);
	assert_int_equal(modes.c_cc[VERASE], 0x7f);
	assert_int_equal(modes.c_cc[VINTR], 3);
	assert_int_equal(cfgetospeed(&modes), B38400);
	assert_int_equal(ioctl(stand->slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 33);
	assert_int_equal(size.ws_col, 101);
	assert_int_equal(fstat(stand->slave, &info), 0);
	assert_int_equal(info.st_uid, geteuid());
	assert_true(fcntl(stand->master, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(stand->master, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(stand->slave, F_GETFD) & FD_CLOEXEC);
}

static void
a_change_of_its_modes_is_told_once(void **state)
{
	struct stand *stand = *state;
	const char *quiet =
	    "{\"type\":\"terminal\",\"echo\":false,\"canonical\":true}";

	master_comes(stand);
	assert_int_equal(write(stand->slave, "a", 1), 1);
	assert_int_equal(pty_read(&stand->pty, stand->bytes, 100), 1);
	assert_string_equal(told(stand), "");
	set_modes(stand, 0, ECHO);
	assert_int_equal(write(stand->slave, "b", 1), 1);
	assert_int_equal(pty_read(&stand->pty, stand->bytes, 100), 1);
	assert_string_equal(told(stand), quiet);
	assert_int_equal(pty_write(&stand->pty, (const uint8_t *)"c\r", 2), 2);
	assert_string_equal(told(stand), "");
	set_modes(stand, ECHO, ICANON);
	assert_int_equal(pty_write(&stand->pty, (const uint8_t *)"d", 1), 1);
	assert_string_equal(told(stand),
	    "{\"type\":\"terminal\",\"echo\":true,\"canonical\":false}");
}

static void
many_reads_make_one(void **state)
{
	struct stand *stand = *state;
	uint8_t block[2100];
	ssize_t len;

	master_comes(stand);
	memset(block, 'x', sizeof(block));
	assert_int_equal(write(stand->slave, block, 2100), 2100);
	assert_int_equal(write(stand->slave, block, 2100), 2100);
	assert_int_equal(write(stand->slave, block, 2100), 2100);
	/* what the kernel has sorted by then it hands over at once */
	assert_true(pty_pending(&stand->pty) > 0);
	len = pty_read(&stand->pty, stand->bytes, FRAME_DATA_MAX);
	while (len < 6300) {
		ssize_t n;

		assert_true(pty_pending(&stand->pty) > 0);
		n = pty_read(&stand->pty, stand->bytes, FRAME_DATA_MAX);
		assert_true(n > 0);
		len += n;
	}
	assert_int_equal(len, 6300);
	assert_int_equal(pty_pending(&stand->pty), 0);
	assert_int_equal(pty_read(&stand->pty, stand->bytes, 100), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
its_end_follows_what_was_written(void **state)
{
	struct stand *stand = *state;

	master_comes(stand);
	assert_int_equal(write(stand->slave, "bye", 3), 3);
	(void)close(stand->slave);
	stand->slave = -1;
	assert_int_equal(pty_pending(&stand->pty), 3);
	assert_int_equal(pty_read(&stand->pty, stand->bytes, 100), 3);
	assert_int_equal(pty_read(&stand->pty, stand->bytes, 100), -1);
	assert_int_equal(errno, EIO);
}

static void
a_size_waits_for_the_master(void **state)
{
	struct stand *stand = *state;
	struct link_resize small = {.rows = 3, .cols = 4};
	struct link_resize large = {.rows = 500, .cols = 1000};
	struct winsize size;

	pty_resize(&stand->pty, &small);
	assert_int_equal(ioctl(stand->slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 33);
	master_comes(stand);
	assert_int_equal(ioctl(stand->slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 3);
	assert_int_equal(size.ws_col, 4);
	pty_resize(&stand->pty, &large);
	assert_int_equal(ioctl(stand->slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 500);
	assert_int_equal(size.ws_col, 1000);
}

static void
an_end_hands_over_the_line_first(void **state)
{
	struct stand *stand = *state;

	assert_false(pty_type_end(&stand->pty));
	master_comes(stand);
	assert_int_equal(pty_write(&stand->pty, (const uint8_t *)"ab", 2), 2);
	assert_true(pty_type_end(&stand->pty));
	assert_reads(stand, "ab");
	assert_reads(stand, "");
	assert_int_equal(pty_write(&stand->pty, (const uint8_t *)"cd\r", 3), 3);
	assert_true(pty_type_end(&stand->pty));
	assert_reads(stand, "cd\n");
	assert_reads(stand, "");
}

static void
a_raw_terminal_is_given_no_end(void **state)
{
	struct stand *stand = *state;
	char byte;

	master_comes(stand);
	set_modes(stand, 0, ICANON);
	assert_true(pty_type_end(&stand->pty));
	(void)fcntl(stand->slave, F_SETFL, O_RDWR | O_NONBLOCK);
	assert_int_equal(read(stand->slave, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
nobody_is_in_the_foreground(void **state)
{
	struct stand *stand = *state;

	assert_false(pty_signal(&stand->pty, 0));
	master_comes(stand);
	assert_false(pty_signal(&stand->pty, 0));
	pty_close(&stand->pty);
	pty_close(&stand->pty);
	assert_false(pty_signal(&stand->pty, 0));
	assert_int_equal(pty_pending(&stand->pty), 0);
}

static void
take_input(struct stand *stand, const char *text)
{
	struct error err = {0};

	if (input_take(
	        &stand->input, (const uint8_t *)text, strlen(text), &err) != 0)
		fail_msg("%s", err.text);
}

/* Credit that was held back is given once its time has come. */
static void
credit_comes(struct stand *stand)
{
	(void)input_tick(&stand->input, stand->loop.now_ms + INPUT_CREDIT_MS);
}

static void
stdin_waits_for_the_master(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};

	input_open_pty(&stand->input, &stand->pty);
	take_input(stand, "ab\r");
	take_input(stand, "");
	assert_string_equal(told(stand), "");
	set_modes(stand, 0, ECHO);
	master_comes(stand);
	assert_int_equal(input_begin(&stand->input, &err), 0);
	assert_int_equal(loop_turn(&stand->loop, 0, &err), 0);
	assert_string_equal(told(stand),
	    "{\"type\":\"terminal\",\"echo\":false,\"canonical\":true}+");
	assert_reads(stand, "ab\n");
	assert_reads(stand, "");
	assert_false(stand->input.open);
	assert_true(stand->pty.fd >= 0);
	take_input(stand, "late");
	assert_string_equal(told(stand), "+");
}

static void
stdin_waits_for_room(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	size_t got = 0;
	int turns;

	input_open_pty(&stand->input, &stand->pty);
	master_comes(stand);
	assert_int_equal(input_begin(&stand->input, &err), 0);
	set_modes(stand, 0, ICANON | ECHO);
	while (stand->input.credit > 0)
		if (input_take(&stand->input, stand->bytes,
		        stand->input.credit < FRAME_DATA_MAX
		            ? stand->input.credit
		            : FRAME_DATA_MAX,
		        &err) != 0)
			fail_msg("%s", err.text);
	assert_true(stand->input.watch.active);
	(void)fcntl(stand->slave, F_SETFL, O_RDWR | O_NONBLOCK);
	for (turns = 0; turns < 100000 && got < WINDOW_STDIN; turns++) {
		ssize_t n =
		    read(stand->slave, stand->bytes, sizeof(stand->bytes));

		if (n > 0)
			got += (size_t)n;
		assert_int_equal(loop_turn(&stand->loop, 1, &err), 0);
	}
	assert_true(got >= WINDOW_STDIN);
	assert_int_equal(buffer_len(&stand->input.queue), 0);
	credit_comes(stand);
	assert_int_equal(stand->input.credit, WINDOW_STDIN);
}

static void
credit_follows_the_echo_and_comes_before_a_change(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};

	input_open_pty(&stand->input, &stand->pty);
	master_comes(stand);
	assert_int_equal(input_begin(&stand->input, &err), 0);
	take_input(stand, "a");
	assert_string_equal(told(stand), "");
	input_answered(&stand->input);
	assert_string_equal(told(stand), "+");
	take_input(stand, "b");
	set_modes(stand, 0, ECHO);
	take_input(stand, "c");
	assert_string_equal(told(stand),
	    "+{\"type\":\"terminal\",\"echo\":false,\"canonical\":true}");
	credit_comes(stand);
	assert_string_equal(told(stand), "+");
}

static void
stdin_of_nobodys_terminal_is_credited(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	int i;

	input_open_pty(&stand->input, &stand->pty);
	master_comes(stand);
	assert_int_equal(input_begin(&stand->input, &err), 0);
	set_modes(stand, 0, ICANON | ECHO);
	(void)close(stand->slave);
	stand->slave = -1;
	for (i = 0; i < 3; i++)
		assert_int_equal(input_take(&stand->input, stand->bytes,
		                     FRAME_DATA_MAX, &err),
		    0);
	assert_true(stand->input.credit < WINDOW_STDIN);
	assert_int_equal(loop_turn(&stand->loop, PATIENCE_MS, &err), 0);
	assert_false(stand->input.open);
	assert_int_equal(stand->input.credit, WINDOW_STDIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ON_STAND(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    ON_STAND(it_is_made_sane),
	    ON_STAND(a_change_of_its_modes_is_told_once),
	    ON_STAND(many_reads_make_one),
	    ON_STAND(its_end_follows_what_was_written),
	    ON_STAND(a_size_waits_for_the_master),
	    ON_STAND(an_end_hands_over_the_line_first),
	    ON_STAND(a_raw_terminal_is_given_no_end),
	    ON_STAND(nobody_is_in_the_foreground),
	    ON_STAND(stdin_waits_for_the_master),
	    ON_STAND(stdin_waits_for_room),
	    ON_STAND(credit_follows_the_echo_and_comes_before_a_change),
	    ON_STAND(stdin_of_nobodys_terminal_is_credited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
