/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/cgroup.h"
#include "server/common/idmap.h"

#define TRY_BASE      524288 /* ids of a sandbox, as the manager gives them */
#define TRY_IDS       65536
#define NOFILE_WANTED 16384
#define MEMORY_WANTED (1l << 20) /* KiB */

const char *const probe_state_names[PROBE_STATES] = {
    [PROBE_GOOD] = "good",
    [PROBE_NOTE] = "note",
    [PROBE_BAD] = "bad",
};

static void __attribute__((format(printf, 3, 4)))
say(struct finding *finding, enum probe_state state, const char *format, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, format);
	(void)vsnprintf(finding->says, sizeof(finding->says), format, args);
	va_end(args);
}

static void
mend(struct finding *finding, const char *text)
{
	(void)snprintf(finding->mend, sizeof(finding->mend), "%s", text);
}

static void
look_at_user(struct finding *finding)
{
	if (geteuid() == 0) {
		say(finding, PROBE_GOOD, "root: sandboxes can be made");
		return;
	}
	say(finding, PROBE_BAD, "not root: no sandbox can be made");
	mend(finding, "run it with sudo");
}

static void
look_at_kernel(struct finding *finding)
{
	struct utsname name;
	struct probe_version version;

	if (uname(&name) != 0 ||
	    probe_parse_version(name.release, &version) != 0) {
		say(finding, PROBE_NOTE, "the version cannot be read");
		return;
	}
	if (version.major < 5 || (version.major == 5 && version.minor < 19)) {
		say(finding, PROBE_BAD,
		    "Linux %s: shifted owners below an overlay need 5.19",
		    version.text);
		mend(finding, "apt install linux-image-amd64, then reboot");
		return;
	}
	say(finding, PROBE_GOOD, "Linux %s", version.text);
}

static void
look_at_cgroups(struct finding *finding)
{
	static const char *const wanted[] = {"memory", "cpu", "pids"};
	struct cgroup_mounts mounts;
	const struct cgroup_mount *memory;
	autofree char *swap = NULL;
	size_t i;

	(void)cgroup_read(&mounts, NULL);
	say(finding, PROBE_GOOD, "%s; memory, cpu and pids can be limited",
	    cgroup_mode_names[cgroup_mode(&mounts)]);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (cgroup_controller(&mounts, wanted[i]) != NULL)
			continue;
		say(finding, PROBE_BAD, "%s; no controller for %s",
		    cgroup_mode_names[cgroup_mode(&mounts)], wanted[i]);
		mend(finding, "mount cgroups (systemd does), or boot without "
		              "cgroup_disable=");
	}
	memory = cgroup_controller(&mounts, "memory");
	if (memory != NULL && !memory->unified) {
		if (asprintf(&swap, "%s/memory.memsw.limit_in_bytes",
		        memory->path) < 0)
			abort();
		if (access(swap, F_OK) != 0) {
			say(finding, PROBE_BAD,
			    "v1 without a limit of swap: a memory limit could "
			    "not be kept");
			mend(finding, "boot with swapaccount=1");
		}
	}
	cgroup_clear(&mounts);
}

static void
look_at_userns(struct finding *finding)
{
	struct error err = {0};
	autoclose int fd = idmap_open(TRY_BASE, TRY_IDS, &err);

	if (fd >= 0) {
		say(finding, PROBE_GOOD,
		    "a sandbox's root is nobody on the host");
		return;
	}
	say(finding, PROBE_BAD, "no user namespaces: %s", err.text);
	mend(finding, "sysctl -w user.max_user_namespaces=10000");
}

/* In a child: what a sandbox's root is built from, for real. Status 0, or the
 * step that failed. */
static int
try_overlay(void)
{
	static const char options[] =
	    "lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w";
	int userns = idmap_open(TRY_BASE, TRY_IDS, NULL);
	int tree;

	if (userns < 0 || idmap_leave_host(NULL) != 0)
		return 1;
	tree = idmap_clone("/usr", userns, NULL);
	if (tree < 0)
		return 2;
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "size=64k") != 0 ||
	    mkdir("/mnt/l", 0755) != 0 || mkdir("/mnt/u", 0755) != 0 ||
	    mkdir("/mnt/w", 0755) != 0 || mkdir("/mnt/r", 0755) != 0)
		return 3;
	if (idmap_attach(tree, "/mnt/l", NULL) != 0 ||
	    mount("overlay", "/mnt/r", "overlay", 0, options) != 0)
		return 4;
	return 0;
}

static void
look_at_overlay(struct finding *finding)
{
	static const struct {
		const char *says;
		const char *mend;
	} faults[] = {
	    {"could not be tried", ""},
	    {"no mount namespace of its own: mounts are not allowed here",
	        "give this container CAP_SYS_ADMIN, or use the host itself"},
	    {"the owners of /usr cannot be shifted: its file system cannot "
	     "be mounted with mapped ids",
	        "keep /usr and the gateway's folder on ext4, xfs or btrfs"},
	    {"no empty folder /mnt to build on", "mkdir /mnt"},
	    {"no overlay on shifted owners",
	        "modprobe overlay; Linux 5.19 or later"},
	};
	int status = 0;
	pid_t pid = fork();
	size_t fault;

	if (pid == 0)
		_exit(try_overlay());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		status = 0xff00;
	if (status == 0) {
		say(finding, PROBE_GOOD,
		    "an image is shared by all sandboxes, without a copy");
		return;
	}
	fault = (size_t)WEXITSTATUS(status);
	if (fault >= sizeof(faults) / sizeof(faults[0]))
		fault = 0;
	say(finding, PROBE_BAD, "%s", faults[fault].says);
	mend(finding, faults[fault].mend);
}

static void
look_at_seccomp(struct finding *finding)
{
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0) {
		say(finding, PROBE_GOOD, "system calls can be refused");
		return;
	}
	say(finding, PROBE_BAD, "the kernel was built without it");
	mend(finding, "apt install linux-image-amd64, then reboot");
}

static void
look_at_kvm(struct finding *finding)
{
	autoclose int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		say(finding, PROBE_GOOD,
		    "/dev/kvm opens; whether a guest boots is only known by "
		    "booting one. No driver uses it yet");
	else
		say(finding, PROBE_NOTE,
		    "no /dev/kvm (%s): no microVMs at full speed. No driver "
		    "uses it yet",
		    strerror(errno));
}

static void
look_at_vsock(struct finding *finding)
{
	if (access("/dev/vhost-vsock", F_OK) == 0)
		say(finding, PROBE_GOOD, "/dev/vhost-vsock is there");
	else
		say(finding, PROBE_NOTE,
		    "no /dev/vhost-vsock: needed by some microVMs only. No "
		    "driver uses it yet");
}

static void
look_at_loop(struct finding *finding)
{
	if (access("/dev/loop-control", F_OK) == 0)
		say(finding, PROBE_GOOD, "/dev/loop-control is there");
	else
		say(finding, PROBE_NOTE,
		    "no /dev/loop-control: needed for limits of disk space. "
		    "Nothing uses it yet");
}

static void
look_at_memory(struct finding *finding)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long available = -1;

	while (file != NULL && available < 0 &&
	       fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "MemAvailable: %ld", &available);
	if (file != NULL)
		(void)fclose(file);
	say(finding, available < MEMORY_WANTED ? PROBE_NOTE : PROBE_GOOD,
	    "%ld MiB are free; an idle task takes about 3", available / 1024);
}

static void
look_at_descriptors(struct finding *finding)
{
	struct rlimit limit = {0};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	say(finding, limit.rlim_max < NOFILE_WANTED ? PROBE_NOTE : PROBE_GOOD,
	    "at most %llu open in one process",
	    (unsigned long long)limit.rlim_max);
	if (finding->state == PROBE_NOTE)
		mend(finding, "ulimit -Hn 65536; with systemd LimitNOFILE=");
}

static const struct look {
	const char *name;
	void (*at)(struct finding *finding);
} looks[] = {
    {"privilege", look_at_user},
    {"kernel", look_at_kernel},
    {"cgroups", look_at_cgroups},
    {"user namespaces", look_at_userns},
    {"overlay", look_at_overlay},
    {"seccomp", look_at_seccomp},
    {"descriptors", look_at_descriptors},
    {"memory", look_at_memory},
    {"kvm", look_at_kvm},
    {"vsock", look_at_vsock},
    {"loop", look_at_loop},
};

size_t
probe_machine(struct finding findings[PROBE_FINDINGS_MAX])
{
	size_t i;

	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		memset(&findings[i], 0, sizeof(findings[i]));
		findings[i].name = looks[i].name;
		looks[i].at(&findings[i]);
	}
	return i;
}
