/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/image.h"
#include "server/common/image_import.h"
#include "server/common/tree.h"

#define TAR "t.tar"

struct member {
	const char *path;
	mode_t type;
	const char *link; /* symbolic, or hard where hard is set */
	bool hard;
	int64_t owner;
	const char *text;
};

/* The working directory is DIR. */
static int
setup(void **state)
{
	char *dir = strdup("/tmp/image-XXXXXX");

	*state = dir;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	return 0;
}

static int
teardown(void **state)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(tree_remove(AT_FDCWD, *state, NULL), 0);
	free(*state);
	return 0;
}

static void
needs_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void
write_tar(const struct member *members, size_t count)
{
	struct archive *out = archive_write_new();
	struct archive_entry *entry;
	size_t i, len;

	assert_int_equal(archive_write_set_format_pax(out), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(out, TAR), ARCHIVE_OK);
	for (i = 0; i < count; i++) {
		const struct member *member = &members[i];

		len = member->text == NULL ? 0 : strlen(member->text);
		entry = archive_entry_new();
		archive_entry_set_pathname(entry, member->path);
		archive_entry_set_filetype(entry, member->type);
		archive_entry_set_perm(entry, 0755);
		archive_entry_set_size(entry, (la_int64_t)len);
		archive_entry_set_uid(entry, member->owner);
		archive_entry_set_gid(entry, member->owner);
		if (member->link != NULL && member->hard)
			archive_entry_set_hardlink(entry, member->link);
		else if (member->link != NULL)
			archive_entry_set_symlink(entry, member->link);
		assert_int_equal(archive_write_header(out, entry), ARCHIVE_OK);
		if (len > 0)
			assert_int_equal(
			    archive_write_data(out, member->text, len), len);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(out), ARCHIVE_OK);
	(void)archive_write_free(out);
}

static void
members_that_lead_out_or_are_no_files_are_refused(void **state)
{
	static const struct {
		struct member members[2];
		const char *because;
	} rows[] = {
	    {{{"/etc/x", AE_IFREG, NULL, false, 0, "x"}}, "must lead down"},
	    {{{"../x", AE_IFREG, NULL, false, 0, "x"}}, "must lead down"},
	    {{{"a/../../x", AE_IFREG, NULL, false, 0, "x"}}, "must lead down"},
	    {{{"a/..", AE_IFDIR, NULL, false, 0, NULL}}, "must lead down"},
	    {{{"dev/mem", AE_IFCHR, NULL, false, 0, NULL}}, "is a device"},
	    {{{"dev/sda", AE_IFBLK, NULL, false, 0, NULL}}, "is a device"},
	    {{{"pipe", AE_IFIFO, NULL, false, 0, NULL}}, "is a device"},
	    {{{"hard", AE_IFREG, "/etc/shadow", true, 0, NULL}},
	        "hard link must lead down"},
	    {{{"hard", AE_IFREG, "../../etc/shadow", true, 0, NULL}},
	        "hard link must lead down"},
	    {{{"big", AE_IFREG, NULL, false, 65536, "x"}}, "owner above 65535"},
	    {{{"out", AE_IFLNK, "/", false, 0, NULL},
	         {"out/escaped", AE_IFREG, NULL, false, 0, "x"}},
	        "out/escaped"},
	    {{{"proc", AE_IFLNK, "/etc", false, 0, NULL}},
	        "/proc of the image must be a folder"},
	    {{{"workspace", AE_IFREG, NULL, false, 0, "x"}},
	        "/workspace of the image must be a folder"},
	    {{{"tmp", AE_IFLNK, "var", false, 0, NULL}},
	        "/tmp of the image must be a folder"},
	};
	size_t i;

	needs_root();
	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};

		write_tar(
		    rows[i].members, rows[i].members[1].path == NULL ? 1 : 2);
		assert_int_equal(image_import(".", "x", TAR, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		if (strstr(err.text, rows[i].because) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_not_equal(access("images/x", F_OK), 0);
		assert_int_not_equal(access("images/.tmp", F_OK), 0);
		assert_int_not_equal(access("/escaped", F_OK), 0);
	}
}

static void
what_is_no_archive_is_refused(void **state)
{
	static const char *const texts[] = {
	    "this is no archive", "\x1f\x8b\x08 broken gzip", "PK\x03\x04zip"};
	size_t i;

	(void)state;
	needs_root();
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err;
		FILE *file = fopen(TAR, "we");

		(void)fputs(texts[i], file);
		(void)fclose(file);
		assert_int_equal(image_import(".", "x", TAR, &err), -1);
		assert_int_not_equal(access("images/x", F_OK), 0);
	}
}

static void
names_that_are_no_names_are_refused(void **state)
{
	static const char *const names[] = {
	    "", "..", ".tmp", "a/b", "A", "../../etc", "-x"};
	struct error err;
	struct image image;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(image_import(".", names[i], ".", &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_int_equal(image_find(".", names[i], &image, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_int_equal(image_remove(".", names[i], &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void
an_archive_becomes_an_image(void **state)
{
	static const struct member members[] = {
	    {"./etc/passwd", AE_IFREG, NULL, false, 0,
	        "root:x:0:0::/:/bin/sh\nuser:x:1234:1235::/:/bin/sh\n"},
	    {"bin/tool", AE_IFREG, NULL, false, 7, "program"},
	    {"bin/same", AE_IFREG, "bin/tool", true, 7, NULL},
	    {"lib", AE_IFLNK, "/usr/lib", false, 0, NULL},
	    {"caf\xc3\xa9", AE_IFREG, NULL, false, 0, ""},
	};
	struct error err = {0};
	struct image image;
	struct stat one, other;
	char **names;

	(void)state;
	needs_root();
	write_tar(members, sizeof(members) / sizeof(members[0]));
	if (image_import(".", "mine", TAR, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(image_find(".", "mine", &image, &err), 0);
	assert_string_equal(image.user, "user");
	assert_false(image.host_usr);
	assert_non_null(strstr(image.source, "/" TAR));
	image_clear(&image);
	assert_int_equal(stat("images/mine/rootfs/bin/tool", &one), 0);
	assert_int_equal(stat("images/mine/rootfs/bin/same", &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
	assert_int_equal(one.st_uid, 7);
	assert_int_equal(stat("images/mine/rootfs/workspace", &one), 0);
	assert_int_equal(one.st_uid, 1234);
	assert_int_equal(one.st_gid, 1235);
	assert_int_equal(stat("images/mine/rootfs/tmp", &one), 0);
	assert_int_equal(one.st_mode, S_IFDIR | 01777);
	assert_int_equal(access("images/mine/rootfs/caf\xc3\xa9", F_OK), 0);
	/* nobody else may start what is in it */
	assert_int_equal(stat("images", &one), 0);
	assert_int_equal(one.st_mode & 0777, 0700);
	assert_int_equal(image_import(".", "mine", TAR, &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_int_equal(image_list(".", &names, &err), 0);
	assert_int_equal(memory_vector_len(names), 1);
	memory_vector_free(names);
	assert_int_equal(image_remove(".", "mine", &err), 0);
	assert_int_equal(image_remove(".", "mine", &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void
a_folder_becomes_an_image(void **state)
{
	struct error err = {0};
	struct image image;

	(void)state;
	needs_root();
	assert_int_equal(system("mkdir -p from/a/b from/dev from/proc; "
	                        "echo hi >from/a/b/c; ln -s b from/a/l"),
	    0);
	if (image_import(".", "mine", "from", &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(access("images/mine/rootfs/a/l/c", F_OK), 0);
	assert_int_equal(image_find(".", "mine", &image, &err), 0);
	assert_string_equal(image.user, "0");
	image_clear(&image);
	assert_int_equal(mknod("from/dev/null", S_IFCHR | 0666, 0x103), 0);
	assert_int_equal(image_import(".", "other", "from", &err), -1);
	assert_non_null(strstr(err.text, "dev/null is a device"));
	assert_int_equal(image_import(".", "other", "nothing", &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
}

static void
an_image_in_use_stays(void **state)
{
	struct error err;

	(void)state;
	needs_root();
	assert_int_equal(system("mkdir -p from tasks/t1/bundle; "
	                        "ln -s mine tasks/t1/bundle/image"),
	    0);
	assert_int_equal(image_import(".", "mine", "from", &err), 0);
	assert_int_equal(image_remove(".", "mine", &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	assert_int_equal(access("images/mine/rootfs", F_OK), 0);
	assert_int_equal(unlink("tasks/t1/bundle/image"), 0);
	assert_int_equal(image_remove(".", "mine", &err), 0);
}

static void
one_image_is_made_at_a_time(void **state)
{
	struct error err;
	autoclose int fd = -1;

	(void)state;
	needs_root();
	assert_int_equal(mkdir("images", 0700), 0);
	assert_int_equal(mkdir("from", 0700), 0);
	fd = open("images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(image_import(".", "mine", "from", &err), -1);
	assert_int_equal(err.code, ERROR_STATE);
	(void)close(take_fd(&fd));
	/* what a crash left there is no trouble */
	assert_int_equal(system("mkdir -p images/.tmp/rootfs/x/y"), 0);
	assert_int_equal(image_import(".", "mine", "from", &err), 0);
	assert_int_not_equal(access("images/mine/rootfs/x", F_OK), 0);
}

static void
a_meta_file_that_was_changed_by_hand_is_an_error(void **state)
{
	static const char *const texts[] = {"", "{}", "{\"user\":7}",
	    "{\"source\":\"x\",\"imported\":\"x\",\"user\":\"\"}",
	    "{\"source\":\"x\",\"imported\":\"x\",\"user\":\"u\",\"more\":1}"};
	struct error err;
	struct image image;
	size_t i;

	(void)state;
	assert_int_equal(system("mkdir -p images/mine/rootfs"), 0);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen("images/mine/meta.json", "we");

		(void)fputs(texts[i], file);
		(void)fclose(file);
		assert_int_equal(image_find(".", "mine", &image, &err), -1);
		assert_int_not_equal(err.code, ERROR_NOT_FOUND);
	}
}

static void
the_default_image_holds_nothing_of_this_host(void **state)
{
	static const char *const absent[] = {"etc/shadow", "etc/machine-id",
	    "etc/ssh", "etc/ssl/private", "etc/gitconfig", "etc/fstab",
	    "etc/crontab", "usr/bin", "root/.ssh", "home/user/.ssh"};
	struct error err = {0};
	struct image image;
	struct stat stat_of;
	char path[128];
	size_t i;

	(void)state;
	needs_root();
	(void)umask(077);
	if (image_make_default(".", &err) != 0)
		fail_msg("%s", err.text);
	(void)umask(022);
	assert_int_equal(image_find(".", IMAGE_DEFAULT, &image, &err), 0);
	assert_true(image.host_usr);
	assert_string_equal(image.user, "user");
	image_clear(&image);
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "images/default/rootfs/%s", absent[i]);
		if (lstat(path, &stat_of) == 0)
			fail_msg("%s", path);
	}
	assert_int_equal(system("cd images/default/rootfs && test $(wc -l "
	                        "<etc/passwd) = 4 && test ! -s etc/resolv.conf "
	                        "&& test -L bin && test -x etc && test $(stat "
	                        "-c %a etc/ssl/certs) = 755"),
	    0);
	assert_int_equal(stat("images/default/rootfs/home/user", &stat_of), 0);
	assert_int_equal(stat_of.st_uid, IMAGE_UID);
	/* a second time: replaced; while used: kept as it is */
	assert_int_equal(system("touch images/default/rootfs/mark"), 0);
	assert_int_equal(image_make_default(".", &err), 0);
	assert_int_not_equal(access("images/default/rootfs/mark", F_OK), 0);
	assert_int_equal(system("touch images/default/rootfs/mark; mkdir -p "
	                        "tasks/t/bundle; ln -s default "
	                        "tasks/t/bundle/image"),
	    0);
	assert_int_equal(image_make_default(".", &err), 0);
	assert_int_equal(access("images/default/rootfs/mark", F_OK), 0);
	assert_int_equal(image_remove(".", IMAGE_DEFAULT, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(members_that_lead_out_or_are_no_files_are_refused),
	    TEST(what_is_no_archive_is_refused),
	    TEST(names_that_are_no_names_are_refused),
	    TEST(an_archive_becomes_an_image),
	    TEST(a_folder_becomes_an_image),
	    TEST(an_image_in_use_stays),
	    TEST(one_image_is_made_at_a_time),
	    TEST(a_meta_file_that_was_changed_by_hand_is_an_error),
	    TEST(the_default_image_holds_nothing_of_this_host),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
