/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/keeper/history.h"

#define BEGIN \
	"{\"type\":\"journal\",\"version\":1,\"task\":\"abc\",\"last\":0}\n"
#define EXEC(number)                                                       \
	"{\"type\":\"exec\",\"number\":" #number ",\"principal\":\"ann\"," \
	"\"what\":\"true\",\"message\":\"{}\",\"output\":262144}\n"
#define SENT(number) "{\"type\":\"sent\",\"number\":" #number ",\"at\":5}\n"
#define STARTED(number) \
	"{\"type\":\"started\",\"number\":" #number ",\"pid\":7}\n"
#define ENDED(number)                             \
	"{\"type\":\"ended\",\"number\":" #number \
	",\"code\":3,\"reason\":\"exited\",\"duration_ms\":1}\n"
#define ASKED(number) \
	"{\"type\":\"asked\",\"number\":" #number ",\"kill\":\"tree\"}\n"
#define SIGNAL(number) \
	"{\"type\":\"signal\",\"number\":" #number ",\"signal\":\"USR1\"}\n"
#define DROPPED(number) "{\"type\":\"dropped\",\"number\":" #number "}\n"
#define DELIVERED       "{\"type\":\"delivered\"}\n"

/* A journal in a folder of its own; the table has so many execs. */
struct stand {
	char path[64];
	int dir;
	struct journal journal;
	int64_t execs;
};

static void
add_exec(struct journal *journal, int64_t number)
{
	char principal[] = "ann";
	char what[] = "a command of some length, so that a line has some, too";
	const struct journal_exec exec = {.number = number,
	    .principal = principal,
	    .what = what,
	    .output = 262144};

	journal_add(journal, JOURNAL_EXEC, &exec);
}

static void
describe(void *data, struct journal *journal)
{
	const struct stand *stand = data;
	int64_t number;

	for (number = 1; number <= stand->execs; number++)
		add_exec(journal, number);
}

static int
set_up(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));

	(void)snprintf(
	    stand->path, sizeof(stand->path), "/tmp/sallyport-journal-XXXXXX");
	assert_non_null(mkdtemp(stand->path));
	stand->dir = open(stand->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(stand->dir >= 0);
	journal_init(&stand->journal, stand->dir, "abc", describe, stand);
	(void)signal(SIGXFSZ, SIG_IGN);
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	journal_clear(&stand->journal);
	(void)unlinkat(stand->dir, "journal", 0);
	assert_int_equal(close(stand->dir), 0);
	assert_int_equal(rmdir(stand->path), 0);
	free(stand);
	return 0;
}

static void
limit_files(rlim_t bytes)
{
	const struct rlimit limit = {bytes, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Read text in parts of a size. Returns history_read's result. */
static int
read_text(
    struct history *history, const char *text, size_t part, struct error *err)
{
	size_t len = strlen(text);
	size_t at = 0;

	history_init(history, "abc");
	for (; at < len; at += part) {
		if (history_read(history, (const uint8_t *)text + at,
		        len - at < part ? len - at : part, err) != 0)
			return -1;
	}
	return 0;
}

static const char whole[] = BEGIN EXEC(1) SENT(1) STARTED(1) EXEC(2) SENT(2)
    ASKED(1) SIGNAL(1) STARTED(2) ENDED(2) EXEC(3) EXEC(4) SENT(4) DROPPED(4);

static void
check_whole(struct history *history)
{
	struct history_exec *exec;

	assert_int_equal(history->last, 4);
	assert_int_equal(history->whole, sizeof(whole) - 1);
	exec = history_take(history);
	assert_int_equal(exec->exec.number, 2);
	assert_true(exec->is_ended);
	assert_int_equal(exec->exit.code, 3);
	history_exec_free(exec);
	exec = history_take(history);
	assert_int_equal(exec->exec.number, 1);
	assert_int_equal(exec->pid, 7);
	assert_int_equal(exec->asked.kill, KILL_TREE);
	assert_int_equal(exec->signals.group, 1u << 9);
	assert_string_equal(exec->exec.message, "{}");
	history_exec_free(exec);
	exec = history_take(history);
	assert_int_equal(exec->exec.number, 3);
	assert_int_equal(exec->sent.number, 0);
	history_exec_free(exec);
	assert_null(history_take(history));
}

static void
a_journal_tells_the_table_in_parts_of_any_size(void **state)
{
	static const size_t parts[] = {1, 2, 7, 64, sizeof(whole)};
	struct history history;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		assert_int_equal(read_text(&history, whole, parts[i], NULL), 0);
		check_whole(&history);
		history_clear(&history);
	}
}

static void
a_journal_may_end_anywhere(void **state)
{
	char text[sizeof(whole)];
	struct history history;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(whole); len++) {
		memcpy(text, whole, len);
		text[len] = '\0';
		assert_int_equal(
		    read_text(&history, text, sizeof(text), NULL), 0);
		assert_true(history.whole <= len);
		assert_true(
		    history.whole == 0 || text[history.whole - 1] == '\n');
		history_clear(&history);
	}
}

static void
what_cannot_follow_is_damage(void **state)
{
	static const struct {
		const char *text;
		const char *because;
	} rows[] = {
	    {"{}\n", "\"type\" is missing"},
	    {"\n", "line 1"},
	    {EXEC(1), "no beginning"},
	    {BEGIN BEGIN, "began before"},
	    {BEGIN EXEC(1) EXEC(1), "there already"},
	    {BEGIN SENT(1), "not there"},
	    {BEGIN EXEC(1) SENT(1) SENT(1), "sent before"},
	    {BEGIN EXEC(1) STARTED(1), "was not sent"},
	    {BEGIN EXEC(1) SENT(1) STARTED(1) STARTED(1), "started before"},
	    {BEGIN EXEC(1) SENT(1) ENDED(1), "did not run"},
	    {BEGIN EXEC(1) SENT(1) STARTED(1) ENDED(1) ENDED(1), "did not run"},
	    {BEGIN EXEC(1) SENT(1) STARTED(1) ENDED(1) ASKED(1), "has ended"},
	    {BEGIN EXEC(1) SENT(1) STARTED(1) ENDED(1) SIGNAL(1), "has ended"},
	    {BEGIN EXEC(1) DROPPED(1) DROPPED(1), "not there"},
	    {BEGIN DELIVERED DROPPED(4294967296), "\"number\""},
	    {"{\"type\":\"journal\",\"version\":2,\"task\":\"abc\",\"last\":0}\n",
	        "version is 2"},
	    {"{\"type\":\"journal\",\"version\":1,\"task\":\"b\",\"last\":0}\n",
	        "of the task b"},
	};
	struct history history;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};

		assert_int_equal(
		    read_text(&history, rows[i].text, 4096, &err), -1);
		assert_in_range(err.code, ERROR_INVALID, ERROR_LIMIT);
		if (strstr(err.text, rows[i].because) == NULL)
			fail_msg("\"%s\" for %s", err.text, rows[i].text);
		history_clear(&history);
	}
}

static void
a_line_that_is_too_long_is_refused(void **state)
{
	uint8_t *line = memory_new(JOURNAL_LINE_MAX + 1, 1);
	struct history history;
	struct error err = {0};

	(void)state;
	memset(line, 'x', JOURNAL_LINE_MAX + 1);
	history_init(&history, "abc");
	assert_int_equal(
	    history_read(&history, line, JOURNAL_LINE_MAX, &err), 0);
	assert_int_equal(history_read(&history, line, 1, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	history_clear(&history);
	free(line);
}

/* Load the file into another journal; returns its number of execs. */
static int
count_kept(const struct stand *stand)
{
	struct history_exec *exec;
	struct history history;
	struct journal journal;
	struct error err = {0};
	int count = 0;

	journal_init(&journal, stand->dir, "abc", NULL, NULL);
	history_init(&history, "abc");
	if (journal_load(&journal, &history, &err) != 0)
		fail_msg("%s", err.text);
	while ((exec = history_take(&history)) != NULL) {
		history_exec_free(exec);
		count++;
	}
	history_clear(&history);
	journal_clear(&journal);
	return count;
}

/* One more, which is in the table once it is in the journal. */
static void
take_on(struct stand *stand)
{
	add_exec(&stand->journal, stand->execs + 1);
	assert_int_equal(journal_commit(&stand->journal, NULL), 0);
	stand->execs++;
}

static void
what_is_committed_is_read_back(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(count_kept(stand), 0);
	while (stand->execs < 10)
		take_on(stand);
	assert_int_equal(count_kept(stand), 10);
}

static void
a_full_disk_refuses_all_or_nothing(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	uint64_t size, room;

	take_on(stand);
	size = stand->journal.size;
	for (room = 0; room < 250; room += 25) {
		limit_files(size + room);
		add_exec(&stand->journal, 2);
		add_exec(&stand->journal, 3);
		assert_int_equal(journal_commit(&stand->journal, &err), -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
		limit_files(RLIM_INFINITY);
		assert_int_equal(count_kept(stand), 1);
	}
	take_on(stand);
	assert_int_equal(count_kept(stand), 2);
}

static void
what_has_happened_is_written_when_the_disk_takes_it(void **state)
{
	const struct journal_sent sent = {.number = 1, .at_ms = 1};
	struct stand *stand = *state;

	take_on(stand);
	limit_files(stand->journal.size + 5);
	assert_false(journal_note(&stand->journal, JOURNAL_SENT, &sent));
	assert_true(stand->journal.is_behind);
	limit_files(stand->journal.size / 2);
	assert_false(journal_catch_up(&stand->journal, NULL));
	stand->execs = 3;
	limit_files(RLIM_INFINITY);
	assert_true(journal_note(&stand->journal, JOURNAL_SENT, &sent));
	assert_int_equal(count_kept(stand), 3);
}

static void
a_journal_that_grew_is_written_anew(void **state)
{
	struct stand *stand = *state;
	struct stat file;
	int64_t number;

	for (number = 1; number <= 20000; number++) {
		const struct journal_number dropped = {number};

		add_exec(&stand->journal, number);
		stand->journal.last = number;
		assert_int_equal(journal_commit(&stand->journal, NULL), 0);
		assert_true(
		    journal_note(&stand->journal, JOURNAL_DROPPED, &dropped));
	}
	assert_int_equal(fstat(stand->journal.fd, &file), 0);
	assert_true(file.st_size < 2 * (off_t)JOURNAL_LONG);
	assert_int_equal(file.st_size, stand->journal.size);
	assert_int_equal(count_kept(stand), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_journal_tells_the_table_in_parts_of_any_size),
	    cmocka_unit_test(a_journal_may_end_anywhere),
	    cmocka_unit_test(what_cannot_follow_is_damage),
	    cmocka_unit_test(a_line_that_is_too_long_is_refused),
	    cmocka_unit_test_setup_teardown(
	        what_is_committed_is_read_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
	        a_full_disk_refuses_all_or_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
	        what_has_happened_is_written_when_the_disk_takes_it, set_up,
	        tear_down),
	    cmocka_unit_test_setup_teardown(
	        a_journal_that_grew_is_written_anew, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
