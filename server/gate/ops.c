/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ops.h"

#include <stdio.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "server/gate/notice.h"
#include "server/gate/session.h"

#define WORDS_MAX  16
#define HELP_BYTES 2048

static bool open_help(struct session *session, char *const *words);

static const struct ops_verb ops_help = {"help", "", "this", false, open_help};

static const struct ops_verb *const verbs[] = {
    &ops_watch,
    &ops_sessions,
    &ops_recordings,
    &ops_replay,
    &ops_help,
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void
tell_help(struct session *session, enum stream_output output, int status)
{
	char text[HELP_BYTES];
	size_t len = 0;
	size_t i;

	for (i = 0; i < VERBS && len < sizeof(text); i++) {
		char usage[64];

		(void)snprintf(usage, sizeof(usage), "%s %s", verbs[i]->name,
		    verbs[i]->arguments);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%-42s %s\n", usage, verbs[i]->help);
	}
	notice_open(session, output, text, status);
}

static bool
open_help(struct session *session, char *const *words)
{
	(void)words;
	tell_help(session, STREAM_STDOUT, 0);
	return true;
}

static const struct ops_verb *
find(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

static void
refuse_usage(struct session *session, const struct ops_verb *verb)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "sallyport: usage: %s %s\n",
	    verb->name, verb->arguments);
	notice_open(session, STREAM_STDERR, text, NOTICE_STATUS_USAGE);
}

/* words is NULL-terminated; its strings are in line. */
static void
split(char *line, char *words[WORDS_MAX + 1])
{
	size_t count = 0;
	char *word;

	while (count < WORDS_MAX && (word = strsep(&line, " \t")) != NULL) {
		if (*word != '\0')
			words[count++] = word;
	}
	words[count] = NULL;
}

void
ops_open(struct session *session)
{
	autofree char *line = memory_string(session->command);
	char *words[WORDS_MAX + 1] = {NULL};
	const struct ops_verb *verb;

	if (line != NULL)
		split(line, words);
	verb = words[0] == NULL ? &ops_help : find(words[0]);
	if (verb == NULL)
		tell_help(session, STREAM_STDERR, NOTICE_STATUS_USAGE);
	else if (verb->needs_terminal && !session->pty.present)
		notice_open(session, STREAM_STDERR,
		    "sallyport: this needs a terminal: ssh -t\n",
		    NOTICE_STATUS_USAGE);
	else if (!verb->open(session, words[0] == NULL ? words : words + 1))
		refuse_usage(session, verb);
}
