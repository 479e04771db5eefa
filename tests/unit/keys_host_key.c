/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/host_key.h"
#include "keys/secret.h"
#include "protocol/error.h"

static int
setup(void **state)
{
	static char folder[] = "/tmp/sallyport-unit-XXXXXX";

	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	*state = folder;
	return 0;
}

static int
teardown(void **state)
{
	(void)unlink("key");
	(void)unlink("key.pub");
	assert_int_equal(chdir("/"), 0);
	return rmdir(*state);
}

static void
ssh_keygen_reads_the_key_and_agrees_on_its_public_half(void **state)
{
	struct error err = {0};
	char line[1024] = "";
	char *public = NULL;
	FILE *pipe;

	(void)state;
	assert_int_equal(host_key_make("key", "gateway one", &err), 0);
	assert_int_equal(host_key_public("key", &public, &err), 0);
	pipe = popen("ssh-keygen -y -f key", "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	assert_int_equal(pclose(pipe), 0);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, public);
	assert_non_null(strstr(public, " gateway one"));
	free(public);
}

static void
comments_of_every_length_are_padded_right(void **state)
{
	char comment[257];
	size_t len;

	(void)state;
	for (len = 1; len <= 255; len += len < 17 ? 1 : 119) {
		struct error err = {0};

		memset(comment, 'c', len);
		comment[len] = '\0';
		assert_int_equal(host_key_make("key", comment, &err), 0);
		assert_int_equal(system("ssh-keygen -y -f key >/dev/null"), 0);
		assert_int_equal(unlink("key"), 0);
	}
}

static void
a_key_that_is_there_is_kept_and_is_its_owner_s_alone(void **state)
{
	struct error err = {0};
	struct secret before = {NULL, 0};
	struct secret after = {NULL, 0};
	struct stat info;

	(void)state;
	assert_int_equal(host_key_make("key", "one", &err), 0);
	assert_int_equal(stat("key", &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(access("key.new", F_OK), -1);
	assert_int_equal(secret_read(&before, "key", 16384, &err), 0);
	assert_int_equal(host_key_make("key", "two", &err), 0);
	assert_int_equal(secret_read(&after, "key", 16384, &err), 0);
	assert_string_equal(before.bytes, after.bytes);
	secret_clear(&before);
	secret_clear(&after);
	secret_clear(&after);
}

static void
what_cannot_be_written_is_an_error(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(host_key_make("no/such/folder/key", "c", &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(host_key_make("key", "two\nlines", &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
}

static void
a_secret_that_others_may_read_is_refused(void **state)
{
	struct secret secret = {NULL, 0};
	struct error err = {0};

	(void)state;
	assert_int_equal(host_key_make("key", "c", &err), 0);
	assert_int_equal(host_key_make("other", "c", &err), 0);
	assert_int_equal(secret_read(&secret, "other", 16384, &err), 0);
	assert_int_equal(unlink("other"), 0);
	assert_int_equal(unlink("other.pub"), 0);
	assert_int_equal(chmod("key", 0640), 0);
	assert_int_equal(secret_read(&secret, "key", 16384, &err), -1);
	assert_int_equal(err.code, ERROR_DENIED);
	assert_non_null(strstr(secret.bytes, "OPENSSH PRIVATE KEY"));
	assert_int_equal(chmod("key", 0600), 0);
	assert_int_equal(secret_read(&secret, "key", 100, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(secret_read(&secret, "none", 100, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(secret_read(&secret, "/dev/null", 100, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_int_equal(symlink("key", "key.pub.link"), 0);
	assert_int_equal(secret_read(&secret, "key.pub.link", 100, &err), -1);
	assert_int_equal(err.sys, ELOOP);
	assert_int_equal(unlink("key.pub.link"), 0);
	secret_clear(&secret);
}

#define key_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    key_test(ssh_keygen_reads_the_key_and_agrees_on_its_public_half),
	    key_test(comments_of_every_length_are_padded_right),
	    key_test(a_key_that_is_there_is_kept_and_is_its_owner_s_alone),
	    key_test(what_cannot_be_written_is_an_error),
	    key_test(a_secret_that_others_may_read_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
