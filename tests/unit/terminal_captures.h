/* SPDX-License-Identifier: Apache-2.0 */
/* What real programs have written to a terminal, from the archive that
 * tests/terminal/capture makes. */
#ifndef TESTS_UNIT_TERMINAL_CAPTURES_H
#define TESTS_UNIT_TERMINAL_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <archive.h>
#include <archive_entry.h>

#include "protocol/memory.h"
#include "server/terminal/terminal.h"

#define CAPTURES_PATH "tests/terminal/captures.tar.xz"

/* All borrowed until the next call. */
struct capture {
	const char *name; /* PROGRAM.TERM.COLSxROWS */
	struct terminal_size size;
	const uint8_t *bytes;
	size_t len;
};

struct captures {
	struct archive *archive;
	uint8_t *bytes; /* owned; of the capture that was read last */
};

static inline struct captures *
captures_open(void)
{
	struct captures *captures = memory_new(1, sizeof(*captures));

	captures->archive = archive_read_new();
	(void)archive_read_support_filter_xz(captures->archive);
	(void)archive_read_support_format_tar(captures->archive);
	if (archive_read_open_filename(
	        captures->archive, CAPTURES_PATH, 65536) != ARCHIVE_OK) {
		(void)fprintf(stderr, "%s: %s\n", CAPTURES_PATH,
		    archive_error_string(captures->archive));
		abort();
	}
	return captures;
}

static inline void
captures_close(struct captures *captures)
{
	(void)archive_read_free(captures->archive);
	free(captures->bytes);
	free(captures);
}

/* Whether there is another one. */
static inline bool
captures_next(struct captures *captures, struct capture *out)
{
	struct archive_entry *entry;
	unsigned cols, rows;
	const char *name;
	size_t len;

	if (archive_read_next_header(captures->archive, &entry) != ARCHIVE_OK)
		return false;
	name = archive_entry_pathname(entry);
	len = (size_t)archive_entry_size(entry);
	if (sscanf(name, "%*[^.].%*[^.].%ux%u", &cols, &rows) != 2)
		abort();
	free(captures->bytes);
	captures->bytes = memory_new(len + 1, 1);
	if (archive_read_data(captures->archive, captures->bytes, len) !=
	    (la_ssize_t)len)
		abort();
	out->name = name;
	out->size.cols = (uint16_t)cols;
	out->size.rows = (uint16_t)rows;
	out->bytes = captures->bytes;
	out->len = len;
	return true;
}

#endif
