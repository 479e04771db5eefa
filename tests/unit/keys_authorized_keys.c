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

#include "keys/authorized_keys.h"
#include "protocol/error.h"
#include "protocol/memory.h"

#define ED25519 \
	"AAAAC3NzaC1lZDI1NTE5AAAAIB3iXsxSmgzEvHgD1d/oNf5lkPIqmDbmBlpHmgbgeShs"
#define KEY "ssh-ed25519 " ED25519

static int
setup(void **state)
{
	*state = authorized_keys_new();
	return 0;
}

static int
teardown(void **state)
{
	authorized_keys_free(*state);
	return 0;
}

static void
add(struct authorized_keys *keys, const char *line)
{
	struct error err = {0};

	if (authorized_keys_add(keys, line, strlen(line), &err) != 0)
		fail_msg("%s: %s", line, err.text);
}

static void
options_say_who_it_is_and_what_it_may(void **state)
{
	const struct principal *found;

	add(*state, "role=\"brain\",name=\"alice\",tasks=\"build-1,web-*\" " KEY
	            " somebody@host");
	found = authorized_keys_find(*state, "ssh-ed25519", ED25519);
	assert_non_null(found);
	assert_string_equal(found->name, "alice");
	assert_int_equal(found->role, ROLE_BRAIN);
	assert_string_equal(found->tasks[0], "build-1");
	assert_string_equal(found->tasks[1], "web-*");
	assert_null(found->tasks[2]);
	assert_ptr_equal(authorized_keys_principal(*state, "alice"), found);
	assert_null(authorized_keys_principal(*state, "somebody@host"));
}

static void
a_key_without_options_is_a_user_named_by_its_comment(void **state)
{
	const struct principal *found;

	add(*state, "  \t" KEY " alice@host  ");
	found = authorized_keys_find(*state, "ssh-ed25519", ED25519);
	assert_string_equal(found->name, "alice@host");
	assert_int_equal(found->role, ROLE_USER);
	assert_null(found->tasks);
}

static void
without_a_name_it_is_its_fingerprint(void **state)
{
	const struct principal *found;

	add(*state, KEY " a comment of words\r");
	found = authorized_keys_find(*state, "ssh-ed25519", ED25519);
	assert_string_equal(
	    found->name, "SHA256:D/QWE/3HNOdlov9oGXaCZRRsLo7biNplgpxDKXuyVVE");
}

static void
a_key_is_found_by_its_type_and_all_its_bytes(void **state)
{
	add(*state, KEY " a");
	assert_null(authorized_keys_find(*state, "ssh-rsa", ED25519));
	assert_null(authorized_keys_find(*state, "ssh-ed25519", ""));
	assert_null(authorized_keys_find(*state, "ssh-ed25519",
	    "AAAAC3NzaC1lZDI1NTE5AAAAIB3iXsxSmgzEvHgD1d/oNf5lkPIqmDbmBlpH"
	    "mgbgeSht"));
}

static void
blank_lines_and_comments_add_nothing(void **state)
{
	static const char *const lines[] = {"", " ", "\t \t", "# " KEY, "\r"};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		add(*state, lines[i]);
	assert_int_equal(authorized_keys_count(*state), 0);
}

static void
what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *line;
		const char *because;
	} refused[] = {
	    {"restrict " KEY, "\"restrict\" is no option"},
	    {"no-pty,role=\"user\" " KEY, "\"no-pty\" is not known"},
	    {"command=\"/bin/sh\" " KEY, "\"command\" is not known"},
	    {"cert-authority,role=\"user\" " KEY, "not known"},
	    {"from=\"10.0.0.0/8\",role=\"admin\" " KEY, "not known"},
	    {"ROLE=\"admin\" " KEY, "\"ROLE\" is not known"},
	    {"role=admin " KEY, "no \"value\""},
	    {"role " KEY, "\"role\" is no option"},
	    {"role,name=\"a\" " KEY, "no \"value\""},
	    {"role=\"admin " KEY, "has no end"},
	    {"role=\"root\" " KEY, "not admin"},
	    {"role=\"\" " KEY, "not admin"},
	    {"role=\"user\",role=\"admin\" " KEY, "stands twice"},
	    {"role=\"user\"name=\"a\" " KEY, "no comma"},
	    {"role=\"user\", name=\"a\" " KEY, "is not known"},
	    {"role=\"user\",", "is not known"},
	    {"role=\"user\"", "no comma"},
	    {"role=\"user\" ", "no type of key"},
	    {"name=\"a b\" " KEY, "not a principal's name"},
	    {"name=\"\" " KEY, "not a principal's name"},
	    {"name=\"a\\\"b\" " KEY, "backslash"},
	    {"tasks=\"\" " KEY, "not a task's name"},
	    {"tasks=\"a,,b\" " KEY, "not a task's name"},
	    {"tasks=\"a,\" " KEY, "not a task's name"},
	    {"tasks=\"a*b\" " KEY, "not a task's name"},
	    {"tasks=\"a b\" " KEY, "not a task's name"},
	    {"tasks=\"Web\" " KEY, "not a task's name"},
	    {"ssh-ed25519", "not the ssh-ed25519"},
	    {"ssh-ed25519 !", "not base64"},
	    {"ssh-ed25519 AAAA", "not the ssh-ed25519"},
	    {KEY "AAAA", "follow the key"},
	    {"ssh-rsa " ED25519, "not the ssh-rsa"},
	    {"ssh-dss AAAAB3NzaC1kc3M=", "no type of key"},
	    {"ssh-ed25519-cert-v01@openssh.com AAAA", "no type of key"},
	    {"nonsense", "no type of key"},
	    {KEY " a\x01z", "control byte"},
	    {"\xff\xfe", "no type of key"},
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct error err = {0};

		assert_int_equal(authorized_keys_add(*state, refused[i].line,
		                     strlen(refused[i].line), &err),
		    -1);
		assert_int_equal(err.code, ERROR_INVALID);
		if (strstr(err.text, refused[i].because) == NULL)
			fail_msg("%s: \"%s\", not because \"%s\"",
			    refused[i].line, err.text, refused[i].because);
	}
	assert_int_equal(authorized_keys_count(*state), 0);
}

static void
a_line_with_a_nul_is_refused(void **state)
{
	static const char line[] = KEY " a\0 b";
	struct error err = {0};

	assert_int_equal(
	    authorized_keys_add(*state, line, sizeof(line) - 1, &err), -1);
}

static void
two_lines_of_one_principal_must_agree(void **state)
{
	static const char other[] =
	    "role=\"admin\",name=\"alice\" ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAA";
	struct error err = {0};

	add(*state, "role=\"user\",name=\"alice\" " KEY);
	assert_int_equal(
	    authorized_keys_add(*state, other, strlen(other), &err), -1);
	assert_non_null(strstr(err.text, "another role"));
	assert_int_equal(
	    authorized_keys_add(*state, KEY, strlen(KEY), &err), -1);
	assert_non_null(strstr(err.text, "the same key"));
	assert_int_equal(authorized_keys_count(*state), 1);
}

static void
on_refused(void *data, const struct error *why)
{
	char *texts = data;

	(void)snprintf(
	    texts + strlen(texts), 1024 - strlen(texts), "%s\n", why->text);
}

static void
a_bad_line_is_told_with_its_number_and_the_others_go_on(void **state)
{
	static const char file[] =
	    "# keys\nnonsense\n\n" KEY " alice\nrestrict " KEY;
	char texts[1024] = "";

	authorized_keys_read(
	    *state, "keys", file, sizeof(file) - 1, on_refused, texts);
	assert_int_equal(authorized_keys_count(*state), 1);
	assert_string_equal(authorized_keys_line(*state, 0), KEY " alice");
	assert_non_null(strstr(texts, "keys:2: \"nonsense\" is no option"));
	assert_non_null(strstr(texts, "keys:5: \"restrict\" is no option"));
}

/* An ed25519 line with its own key for every number. */
static void
numbered(char line[128], uint32_t number)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
	int i;

	(void)snprintf(line, 128, "%s n%u", KEY, number);
	for (i = 0; i < 6; i++, number /= 32)
		line[60 + i] = digits[number % 32];
}

static void
the_table_holds_its_limit_and_refuses_one_more(void **state)
{
	struct error err = {0};
	char line[128];
	uint32_t i;

	for (i = 0; i < AUTHORIZED_KEYS_MAX; i++) {
		numbered(line, i);
		add(*state, line);
	}
	numbered(line, i);
	assert_int_equal(
	    authorized_keys_add(*state, line, strlen(line), &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	numbered(line, 4711);
	line[12 + 68] = '\0';
	assert_string_equal(
	    authorized_keys_find(*state, "ssh-ed25519", line + 12)->name,
	    "n4711");
}

static void
a_line_over_its_limit_is_refused(void **state)
{
	char *line = memory_new(AUTHORIZED_KEYS_LINE_BYTES + 2, 1);
	struct error err = {0};

	memset(line, ' ', AUTHORIZED_KEYS_LINE_BYTES + 1);
	memcpy(line, KEY, strlen(KEY));
	assert_int_equal(
	    authorized_keys_add(*state, line, AUTHORIZED_KEYS_LINE_BYTES, &err),
	    0);
	assert_int_equal(authorized_keys_add(*state, line,
	                     AUTHORIZED_KEYS_LINE_BYTES + 1, &err),
	    -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	free(line);
}

static void
more_patterns_than_the_limit_are_refused(void **state)
{
	char line[512] = "tasks=\"a";
	struct error err = {0};
	int i;

	for (i = 0; i < 64; i++)
		(void)strncat(line, ",a", sizeof(line) - strlen(line) - 1);
	(void)strncat(line, "\" " KEY, sizeof(line) - strlen(line) - 1);
	assert_int_equal(
	    authorized_keys_add(*state, line, strlen(line), &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
}

/* What ssh-keygen makes; taken or not. */
static void
the_types_and_sizes_that_are_taken_are_these(void **state)
{
	static const struct {
		const char *options;
		bool taken;
	} kinds[] = {
	    {"-t ed25519", true},
	    {"-t ecdsa -b 256", true},
	    {"-t ecdsa -b 384", true},
	    {"-t ecdsa -b 521", true},
	    {"-t rsa -b 2048", true},
	    {"-t rsa -b 4096", true},
	    {"-t rsa -b 1024", false},
	};
	char folder[] = "/tmp/sallyport-unit-XXXXXX";
	size_t i;

	assert_non_null(mkdtemp(folder));
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct error err = {0};
		char command[256];
		char line[4096];
		FILE *pipe;

		(void)snprintf(command, sizeof(command),
		    "cd %s && ssh-keygen -q -N '' -C k%zu %s -f k && "
		    "cat k.pub && rm k k.pub",
		    folder, i, kinds[i].options);
		pipe = popen(command, "r");
		assert_non_null(pipe);
		assert_non_null(fgets(line, sizeof(line), pipe));
		assert_int_equal(pclose(pipe), 0);
		assert_int_equal(authorized_keys_add(
		                     *state, line, strcspn(line, "\n"), &err),
		    kinds[i].taken ? 0 : -1);
	}
	assert_int_equal(rmdir(folder), 0);
}

#define keys_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    keys_test(options_say_who_it_is_and_what_it_may),
	    keys_test(a_key_without_options_is_a_user_named_by_its_comment),
	    keys_test(without_a_name_it_is_its_fingerprint),
	    keys_test(a_key_is_found_by_its_type_and_all_its_bytes),
	    keys_test(blank_lines_and_comments_add_nothing),
	    keys_test(what_is_not_understood_is_refused),
	    keys_test(a_line_with_a_nul_is_refused),
	    keys_test(two_lines_of_one_principal_must_agree),
	    keys_test(a_bad_line_is_told_with_its_number_and_the_others_go_on),
	    keys_test(the_table_holds_its_limit_and_refuses_one_more),
	    keys_test(a_line_over_its_limit_is_refused),
	    keys_test(more_patterns_than_the_limit_are_refused),
	    keys_test(the_types_and_sizes_that_are_taken_are_these),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
