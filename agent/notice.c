/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notice.h"

#include "agent/link_io.h"
#include "agent/refused.h"
#include "agent/report.h"
#include "protocol/signal.h"

static int64_t
to_ms(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static char *
name_signal(int number)
{
	/* the message borrows a constant; it is written, never freed */
	return (char *)(uintptr_t)signal_name(number);
}

void
notice_refused(struct link_io *link, uint32_t number, struct refused *refused)
{
	const struct link_refused message = {
	    .reason = (int)refused->reason, .text = refused->text};

	link_io_send_message(link, number, LINK_REFUSED, &message);
}

void
notice_started(struct link_io *link, uint32_t number, pid_t pid)
{
	const struct link_started message = {.pid = pid};

	link_io_send_message(link, number, LINK_STARTED, &message);
}

void
notice_terminal(
    struct link_io *link, uint32_t number, bool echo, bool canonical)
{
	const struct link_terminal message = {
	    .echo = echo, .canonical = canonical};

	link_io_send_message(link, number, LINK_TERMINAL, &message);
}

void
notice_exit(struct link_io *link, uint32_t number, const struct ending *ending)
{
	const bool by_signal = ending->how != CLD_EXITED;
	const struct link_exit message = {
	    .code = by_signal ? -1 : ending->status,
	    .signal = by_signal ? name_signal(ending->status) : NULL,
	    .core = ending->how == CLD_DUMPED,
	    .rusage = {
	        .present = true,
	        .user_ms = to_ms(ending->used.ru_utime),
	        .system_ms = to_ms(ending->used.ru_stime),
	        .max_rss = (int64_t)ending->used.ru_maxrss * 1024,
	    }};

	link_io_send_message(link, number, LINK_EXIT, &message);
}
