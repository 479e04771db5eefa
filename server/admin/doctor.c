/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/doctor.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "server/admin/verb.h"
#include "server/common/capture.h"
#include "server/common/probe.h"

#define DOCTOR_USAGE  "doctor [--dir DIR] [--json]"
#define TRIAL_WAIT_MS 60000
#define ANSWER_BYTES  256
#define REPORT_BYTES  (64u << 10)
#define WRAP_COLUMNS  58 /* of what is said, beside name and state */

struct report {
	struct finding findings[PROBE_FINDINGS_MAX];
	size_t count;
	bool works;
};

/* Where tasks would be, or the nearest folder above that is there. */
static void
find_folder(const char *dir, char folder[PATH_MAX])
{
	char *slash;

	(void)snprintf(folder, PATH_MAX, "%s", dir);
	while (access(folder, F_OK) != 0) {
		slash = strrchr(folder, '/');
		if (slash == NULL)
			(void)snprintf(folder, PATH_MAX, ".");
		else if (slash == folder)
			folder[1] = '\0';
		else
			*slash = '\0';
	}
}

static bool
program_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return snprintf(path, PATH_MAX, "%s/%s", self, name) < PATH_MAX;
}

/* Make a sandbox with it. The answer is a number of milliseconds, or what went
 * wrong. */
static bool
try_runtime(const struct probe_runtime *runtime, const char *dir,
    char answer[ANSWER_BYTES])
{
	char launch[PATH_MAX], agent[PATH_MAX], folder[PATH_MAX];
	const char *argv[] = {
	    launch, "try", runtime->path, folder, agent, NULL};
	struct error err;
	int status;

	find_folder(dir, folder);
	if (!program_path("sallyport-launch", launch) ||
	    !program_path("sallyport-agent", agent))
		return false;
	if (capture_run(argv, TRIAL_WAIT_MS, answer, ANSWER_BYTES, &status,
	        &err) != 0) {
		(void)snprintf(answer, ANSWER_BYTES, "%s", err.text);
		return false;
	}
	answer[strcspn(answer, "\n")] = '\0';
	return status == 0;
}

static void __attribute__((format(printf, 4, 5))) add(struct report *report,
    const char *name, enum probe_state state, const char *format, ...)
{
	struct finding *finding = &report->findings[report->count++];
	va_list args;

	memset(finding, 0, sizeof(*finding));
	finding->name = name;
	finding->state = state;
	va_start(args, format);
	(void)vsnprintf(finding->says, sizeof(finding->says), format, args);
	va_end(args);
}

static void
mend(struct report *report, const char *command, const char *name)
{
	struct finding *finding = &report->findings[report->count - 1];

	(void)snprintf(
	    finding->mend, sizeof(finding->mend), "%s%s", command, name);
}

/* A runtime that tasks can ask for. */
static void
look_at_runtime(struct report *report, const char *name, const char *dir)
{
	struct probe_runtime runtime;
	struct error err;
	char answer[ANSWER_BYTES] = "", holes[PROBE_TEXT_BYTES];

	if (probe_find_runtime(name, &runtime, &err) != 0) {
		add(report, name, PROBE_NOTE, "%s", err.text);
		mend(report, "apt install ", name);
		return;
	}
	if (!try_runtime(&runtime, dir, answer)) {
		add(report, name, PROBE_BAD, "%s: no sandbox: %s",
		    runtime.version.text, answer);
		return;
	}
	report->works = true;
	probe_missing_fixes(name, &runtime.version, holes, sizeof(holes));
	if (holes[0] == '\0') {
		add(report, name, PROBE_GOOD,
		    "%s: a sandbox ran, ready after %s ms",
		    runtime.version.text, answer);
		return;
	}
	add(report, name, PROBE_NOTE,
	    "%s: a sandbox ran, ready after %s ms. By its number not fixed: "
	    "%s. Its own user ids, no exec and no shared mounts leave these "
	    "little to work on",
	    runtime.version.text, answer, holes);
	mend(report, "a newer release of ", name);
}

static void
look_at_gvisor(struct report *report)
{
	struct probe_runtime runtime;

	if (probe_find_runtime("runsc", &runtime, NULL) == 0)
		add(report, "runsc", PROBE_NOTE,
		    "%s is here; no driver uses it yet", runtime.version.text);
}

/* What a gateway starts, from the folder that this program is in. */
static void
look_at_programs(struct report *report)
{
	static const char *const names[] = {"sallyportd", "sallyport-gate",
	    "sallyport-keeper", "sallyport-player", "sallyport-launch",
	    "sallyport-agent"};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (program_path(names[i], path) && access(path, X_OK) == 0)
			continue;
		add(report, "programs", PROBE_BAD, "%s is missing beside this",
		    names[i]);
		mend(report, "install all of Sallyport in one folder", "");
		return;
	}
	add(report, "programs", PROBE_GOOD, "all %zu are here", i);
}

static void
look(struct report *report, const char *dir)
{
	size_t i;

	memset(report, 0, sizeof(*report));
	report->count = probe_machine(report->findings);
	look_at_programs(report);
	for (i = 0; probe_runtimes[i] != NULL; i++)
		look_at_runtime(report, probe_runtimes[i], dir);
	look_at_gvisor(report);
}

/* Break the text between words, under itself. */
static void
print_wrapped(const char *text)
{
	size_t len = strlen(text), cut;

	while (len > WRAP_COLUMNS) {
		cut = WRAP_COLUMNS;
		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)
			cut = WRAP_COLUMNS;
		(void)printf("%.*s\n%22s", (int)cut, text, "");
		text += cut + (text[cut] == ' ');
		len = strlen(text);
	}
	(void)printf("%s\n", text);
}

static void
print_table(const struct report *report)
{
	size_t i;

	for (i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		(void)printf("%-16s %s ", finding->name,
		    probe_state_names[finding->state]);
		print_wrapped(finding->says);
		if (finding->mend[0] != '\0') {
			(void)printf("%22s", "mend: ");
			print_wrapped(finding->mend);
		}
	}
	(void)puts(report->works ? "\nTasks can run here."
	                         : "\nNo task can run here.");
}

static int
write_string(struct buffer *out, const char *name, const char *text)
{
	return buffer_printf(out, NULL, "\"%s\":", name) != 0
	           ? -1
	           : json_write_string(out, text, strlen(text), NULL);
}

static int
write_finding(struct buffer *out, const struct finding *finding, bool first)
{
	if (buffer_printf(out, NULL, first ? "{" : ",{") != 0 ||
	    write_string(out, "name", finding->name) != 0 ||
	    buffer_append(out, ",", 1, NULL) != 0 ||
	    write_string(out, "state", probe_state_names[finding->state]) !=
	        0 ||
	    buffer_append(out, ",", 1, NULL) != 0 ||
	    write_string(out, "says", finding->says) != 0 ||
	    buffer_append(out, ",", 1, NULL) != 0 ||
	    write_string(out, "mend", finding->mend) != 0)
		return -1;
	return buffer_append(out, "}", 1, NULL);
}

static void
print_json(const struct report *report)
{
	struct buffer out;
	size_t i;
	int ret;

	buffer_init(&out, REPORT_BYTES);
	ret = buffer_printf(&out, NULL, "{\"works\":%s,\"findings\":[",
	    report->works ? "true" : "false");
	for (i = 0; ret == 0 && i < report->count; i++)
		ret = write_finding(&out, &report->findings[i], i == 0);
	if (ret == 0 && buffer_append(&out, "]}\n", 3, NULL) == 0)
		(void)fwrite(buffer_bytes(&out), 1, buffer_len(&out), stdout);
	buffer_clear(&out);
}

int
doctor_command(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	const char *dir = verb_dir();
	struct report report;
	bool json = false;
	int option;

	if (verb_helps(argc, argv, DOCTOR_USAGE))
		return VERB_DONE;
	while ((option = getopt_long(argc, argv, "d:j", options, NULL)) != -1) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'j')
			json = true;
		else
			return verb_usage(DOCTOR_USAGE);
	}
	if (optind != argc)
		return verb_surplus(argv[optind], DOCTOR_USAGE);
	look(&report, dir);
	if (json)
		print_json(&report);
	else
		print_table(&report);
	return report.works ? VERB_DONE : VERB_FAILED;
}
