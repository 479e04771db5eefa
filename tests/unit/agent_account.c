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

#include "agent/account.h"
#include "agent/refused.h"

#define PASSWD                                        \
	"root:x:0:0:root:/root:/bin/sh\n"             \
	"short:x:1\n"                                 \
	"long:x:1:1:::/bin/sh:more\n"                 \
	":x:7:7::/:/bin/sh\n"                         \
	"word:x:one:1::/:/bin/sh\n"                   \
	"minus:x:-1:1::/:/bin/sh\n"                   \
	"huge:x:4294967296:1::/:/bin/sh\n"            \
	"nobody-at-all:x:4294967295:1::/:/bin/sh\n"   \
	"ann:x:1000:1001:Ann,,,:/home/ann:/bin/zsh\n" \
	"ann:x:1002:1002::/:/bin/second\n"            \
	"bare:x:1003:1003:::\n"                       \
	"odd:x:1004:1004::home:sh\n"                  \
	"sly:x:65535:0::/:/bin/sh\n"                  \
	"last:x:1005:1005::/l:/bin/l"

#define GROUP                  \
	"root:x:0:\n"          \
	"audio:x:29:bob,ann\n" \
	"broken:x:ann\n"       \
	"video:x:44:annette\n" \
	"ann:x:1001:ann\n"     \
	"staff:x:50:ann,bob"

struct folder {
	char path[64];
};

static void
put(const struct folder *folder, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fputs(text, out) >= 0, 1);
	assert_int_equal(fclose(out), 0);
}

static void
drop(const struct folder *folder, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	(void)unlink(path);
}

static int
set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	(void)snprintf(
	    folder->path, sizeof(folder->path), "/tmp/account-XXXXXX");
	if (mkdtemp(folder->path) == NULL)
		return -1;
	put(folder, "passwd", PASSWD);
	put(folder, "group", GROUP);
	*state = folder;
	return 0;
}

static int
tear_down(void **state)
{
	struct folder *folder = *state;

	drop(folder, "passwd");
	drop(folder, "group");
	(void)rmdir(folder->path);
	free(folder);
	return 0;
}

static void
a_user_is_found_by_name_and_by_number(void **state)
{
	static const struct {
		const char *user;
		uid_t uid;
		gid_t gid;
		const char *name, *home, *shell;
		size_t groups;
	} table[] = {
	    {NULL, 0, 0, "root", "/root", "/bin/sh", 0},
	    {"root", 0, 0, "root", "/root", "/bin/sh", 0},
	    {"ann", 1000, 1001, "ann", "/home/ann", "/bin/zsh", 2},
	    {"1000", 1000, 1001, "ann", "/home/ann", "/bin/zsh", 2},
	    {"01000", 1000, 1001, "ann", "/home/ann", "/bin/zsh", 2},
	    {"1000:0", 1000, 0, "ann", "/home/ann", "/bin/zsh", 0},
	    {"ann:staff", 1000, 50, "ann", "/home/ann", "/bin/zsh", 0},
	    {"4711", 4711, 4711, "4711", "/", "/bin/sh", 0},
	    {"4711:29", 4711, 29, "4711", "/", "/bin/sh", 0},
	    {"bare", 1003, 1003, "bare", "/", "/bin/sh", 0},
	    {"odd", 1004, 1004, "odd", "/", "/bin/sh", 0},
	    {"last", 1005, 1005, "last", "/l", "/bin/l", 0},
	    {"4294967294", 4294967294, 4294967294, "4294967294", "/", "/bin/sh",
	        0},
	};
	const struct folder *folder = *state;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct account account;
		struct refused refused;

		if (account_find(
		        folder->path, table[i].user, &account, &refused) != 0)
			fail_msg("%s: %s", table[i].user, refused.text);
		assert_int_equal(account.uid, table[i].uid);
		assert_int_equal(account.gid, table[i].gid);
		assert_string_equal(account.name, table[i].name);
		assert_string_equal(account.home, table[i].home);
		assert_string_equal(account.shell, table[i].shell);
		assert_int_equal(account.group_count, table[i].groups);
		account_clear(&account);
	}
}

static void
groups_are_those_that_name_the_user(void **state)
{
	const struct folder *folder = *state;
	struct account account;
	struct refused refused;

	assert_int_equal(
	    account_find(folder->path, "ann", &account, &refused), 0);
	assert_int_equal(account.groups[0], 29);
	assert_int_equal(account.groups[1], 50);
	account_clear(&account);
}

static void
who_is_not_there_is_refused(void **state)
{
	static const struct {
		const char *user;
		const char *because;
	} table[] = {
	    {"bob", "no line"},
	    {"An", "no prefix"},
	    {"", "no name"},
	    {":", "no name, no group"},
	    {"short", "too few fields"},
	    {"long", "too many fields"},
	    {"word", "uid is a word"},
	    {"minus", "uid is negative"},
	    {"huge", "uid does not fit"},
	    {"nobody-at-all", "uid means none"},
	    {"4294967295", "uid means none"},
	    {"99999999999", "uid does not fit"},
	    {"+1", "no number"},
	    {"1 ", "no number"},
	    {"65535", "the agent's own"},
	    {"sly", "the agent's own"},
	    {"ann:", "an empty group"},
	    {"ann:nope", "no such group"},
	    {"ann:broken", "a malformed group"},
	    {"1:2:3", "a group called 2:3"},
	};
	const struct folder *folder = *state;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct account account;
		struct refused refused;

		if (account_find(
		        folder->path, table[i].user, &account, &refused) == 0)
			fail_msg("%s: %s", table[i].user, table[i].because);
		assert_int_equal(refused.reason, REFUSAL_NO_USER);
		account_clear(&account);
	}
}

static void
a_name_may_not_be_longer_than_its_limit(void **state)
{
	const struct folder *folder = *state;
	char name[LIMIT_USER_BYTES + 2];
	struct account account;
	struct refused refused;

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(
	    account_find(folder->path, name, &account, &refused), -1);
	assert_int_equal(refused.reason, REFUSAL_NO_USER);
	assert_non_null(strstr(refused.text, "64 bytes"));
	account_clear(&account);
}

static void
an_image_without_files_has_numbers(void **state)
{
	const struct folder *folder = *state;
	struct account account;
	struct refused refused;

	drop(folder, "passwd");
	drop(folder, "group");
	assert_int_equal(
	    account_find(folder->path, "12", &account, &refused), 0);
	assert_string_equal(account.shell, "/bin/sh");
	account_clear(&account);
	assert_int_equal(
	    account_find("/no/such/folder", NULL, &account, &refused), 0);
	assert_int_equal(account.uid, 0);
	account_clear(&account);
	assert_int_equal(
	    account_find(folder->path, "root", &account, &refused), -1);
	account_clear(&account);
}

static void
what_is_no_file_is_not_read(void **state)
{
	const struct folder *folder = *state;
	struct account account;
	struct refused refused;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/passwd", folder->path);
	drop(folder, "passwd");
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(
	    account_find(folder->path, "0", &account, &refused), -1);
	assert_int_equal(refused.reason, REFUSAL_SYSTEM);
	account_clear(&account);
	put(folder, "group", "");
	drop(folder, "passwd");
	put(folder, "passwd", "");
	assert_int_equal(truncate(path, ACCOUNT_FILE_MAX + 1), 0);
	assert_int_equal(
	    account_find(folder->path, "0", &account, &refused), -1);
	assert_int_equal(refused.reason, REFUSAL_SYSTEM);
	account_clear(&account);
	assert_int_equal(truncate(path, ACCOUNT_FILE_MAX), 0);
	assert_int_equal(
	    account_find(folder->path, "0", &account, &refused), 0);
	account_clear(&account);
}

static void
more_groups_than_a_process_may_have_are_left_out(void **state)
{
	const struct folder *folder = *state;
	struct account account;
	struct refused refused;
	char *text = calloc(1, 400 * 24);
	size_t len = 0;
	int i;

	for (i = 0; i < 400; i++)
		len += (size_t)snprintf(
		    text + len, 24, "g%d:x:%d:ann\n", i, 5000 + i);
	put(folder, "group", text);
	free(text);
	assert_int_equal(
	    account_find(folder->path, "ann", &account, &refused), 0);
	assert_int_equal(account.group_count, ACCOUNT_GROUPS_MAX);
	account_clear(&account);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    IN_FOLDER(a_user_is_found_by_name_and_by_number),
	    IN_FOLDER(groups_are_those_that_name_the_user),
	    IN_FOLDER(who_is_not_there_is_refused),
	    IN_FOLDER(a_name_may_not_be_longer_than_its_limit),
	    IN_FOLDER(an_image_without_files_has_numbers),
	    IN_FOLDER(what_is_no_file_is_not_read),
	    IN_FOLDER(more_groups_than_a_process_may_have_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
