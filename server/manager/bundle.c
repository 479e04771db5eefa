/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/bundle.h"

#include <string.h>

#include "protocol/buffer.h"
#include "protocol/json.h"
#include "server/manager/launch.h"

#define CPU_PERIOD_US 100000

/* What the agent needs as the sandbox's root: to become the command's user, to
 * kill that user's processes, and to leave the command none of these. */
#define CAPABILITIES \
	"[\"CAP_KILL\",\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETPCAP\"]"

/* terminal is false always: the agent makes terminals inside the sandbox. A
 * negative oomScoreAdj would need CAP_SYS_RESOURCE. */
static const char process_part[] =
    "\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
    "\"args\":[\"" BUNDLE_AGENT "\"],\"cwd\":\"/\","
    "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
    "/bin\"],\"noNewPrivileges\":true,\"oomScoreAdj\":0,"
    "\"capabilities\":{\"bounding\":" CAPABILITIES
    ",\"effective\":" CAPABILITIES ",\"permitted\":" CAPABILITIES
    ",\"inheritable\":[],\"ambient\":[]},\"rlimits\":["
    "{\"type\":\"RLIMIT_NOFILE\",\"soft\":4096,\"hard\":%lld},"
    "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0},"
    "{\"type\":\"RLIMIT_MEMLOCK\",\"soft\":65536,\"hard\":65536}]},";

/* No /sys: nothing needs it, and every escape through it is gone. */
static const char mounts_part[] =
    "\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"noexec\",\"strictatime\",\"mode=755\","
    "\"size=64k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\","
    "\"mode=0620\",\"gid=5\"]},"
    "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=64m\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\","
    "\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"nodev\",\"mode=1777\",\"size=%lld\","
    "\"nr_inodes=65536\"]}],";

static const char paths_part[] =
    "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
    "{\"type\":\"mount\"},{\"type\":\"network\"},{\"type\":\"cgroup\"},"
    "{\"type\":\"user\"}],\"rootfsPropagation\":\"rprivate\","
    "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/interrupts\","
    "\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
    "\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
    "\"/proc/scsi\",\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],"
    "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\","
    "\"/proc/sys\",\"/proc/sysrq-trigger\"],"
    "\"sysctl\":{\"net.ipv4.ip_unprivileged_port_start\":\"0\"},";

/* The agent and one helper of it for each command are not the task's own. */
static int64_t
count_pids(const struct launch_job *job)
{
	return job->pids + 1 + job->execs;
}

static int
write_linux(const struct launch_job *job, struct buffer *out, struct error *err)
{
	long long base = job->uid_base;

	if (buffer_printf(out, err, "\"linux\":{%s", paths_part) != 0 ||
	    buffer_printf(out, err,
	        "\"uidMappings\":[{\"containerID\":0,\"hostID\":%lld,"
	        "\"size\":%d}],\"gidMappings\":[{\"containerID\":0,"
	        "\"hostID\":%lld,\"size\":%d}],\"cgroupsPath\":",
	        base, BUNDLE_IDS, base, BUNDLE_IDS) != 0 ||
	    json_write_string(out, job->cgroup, strlen(job->cgroup), err) != 0)
		return -1;
	/* swap is counted in: a limit of memory alone would only be swapped
	 * past */
	if (buffer_printf(out, err,
	        ",\"resources\":{\"memory\":{\"limit\":%lld,\"swap\":%lld},"
	        "\"cpu\":{\"quota\":%lld,\"period\":%d},"
	        "\"pids\":{\"limit\":%lld},"
	        "\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
	        "\"seccomp\":",
	        (long long)job->memory, (long long)job->memory,
	        (long long)job->cpu_milli * (CPU_PERIOD_US / 1000),
	        CPU_PERIOD_US, (long long)count_pids(job)) != 0 ||
	    bundle_write_seccomp(out, err) != 0)
		return -1;
	return buffer_append(out, "}}\n", 3, err);
}

int
bundle_write(const struct launch_job *job, const char *root, int64_t nofile,
    struct buffer *out, struct error *err)
{
	const char *hostname = job->hostname;

	if (buffer_printf(
	        out, err, "{\"ociVersion\":\"1.0.2\",\"hostname\":") != 0 ||
	    json_write_string(out, hostname, strlen(hostname), err) != 0 ||
	    buffer_printf(
	        out, err, ",\"root\":{\"readonly\":false,\"path\":") != 0 ||
	    json_write_string(out, root, strlen(root), err) != 0 ||
	    buffer_printf(out, err, "},") != 0 ||
	    buffer_printf(out, err, process_part, (long long)nofile) != 0 ||
	    /* what is in /tmp counts as the task's memory: half of it at most
	     */
	    buffer_printf(
	        out, err, mounts_part, (long long)(job->memory / 2)) != 0)
		return -1;
	return write_linux(job, out, err);
}
