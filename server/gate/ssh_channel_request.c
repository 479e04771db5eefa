/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_channel_request.h"

#include <string.h>

#include "server/common/log.h"
#include "server/gate/request.h"
#include "server/gate/ssh_channel.h"
#include "server/gate/ssh_connection.h"

#define LOCAL_MAX_PACKET 35000u /* what libssh 0.10 announces */
#define MAX_PACKET_MIN   256u

/* The beginning of libssh 0.10's struct ssh_channel_struct. */
struct libssh_channel {
	ssh_session session;
	uint32_t local_channel;
	uint32_t local_window;
	int local_eof;
	uint32_t local_max_packet;
	uint32_t remote_channel;
	uint32_t remote_window;
	int remote_eof;
	uint32_t remote_max_packet;
};

/*
 * libssh 0.10 cuts output into packets of the client's maximum less 10 bytes:
 * at exactly 10 it loops until memory is full. There is no accessor, so the
 * field is read where it lies, after what is known about its neighbours has
 * shown that this is where it lies.
 */
static bool
may_write_packets(const struct ssh_session_channel *channel)
{
	struct libssh_channel known;

	memcpy(&known, channel->ssh, sizeof(known));
	if (known.session != channel->connection->ssh ||
	    known.local_max_packet != LOCAL_MAX_PACKET ||
	    known.remote_window != ssh_channel_window_size(channel->ssh)) {
		log_error("libssh's channels are not as in 0.10: refused");
		return false;
	}
	return known.remote_max_packet >= MAX_PACKET_MIN;
}

/* 0: success, as libssh's callbacks have it. */
static int
answer(struct ssh_session_channel *channel, const char *name,
    const struct request_args *args)
{
	if (channel->state != CHANNEL_OPEN || channel->peer_closed ||
	    !request_accept(&channel->session, name, args))
		return 1;
	channel->connection->dirty = true;
	return 0;
}

/* A request that will have output. */
static int
answer_opening(struct ssh_session_channel *channel, const char *name,
    const struct request_args *args)
{
	if (!may_write_packets(channel))
		return 1;
	return answer(channel, name, args);
}

static int
on_env(ssh_session ssh, ssh_channel channel, const char *name,
    const char *value, void *data)
{
	const struct request_args args = {.name = name, .value = value};

	(void)ssh;
	(void)channel;
	return answer(data, "env", &args);
}

static int
on_exec(ssh_session ssh, ssh_channel channel, const char *command, void *data)
{
	const struct request_args args = {.command = command};

	(void)ssh;
	(void)channel;
	return answer_opening(data, "exec", &args);
}

static int
on_shell(ssh_session ssh, ssh_channel channel, void *data)
{
	const struct request_args args = {0};

	(void)ssh;
	(void)channel;
	return answer_opening(data, "shell", &args);
}

static int
on_subsystem(ssh_session ssh, ssh_channel channel, const char *name, void *data)
{
	const struct request_args args = {.name = name};

	(void)ssh;
	(void)channel;
	return answer_opening(data, "subsystem", &args);
}

static void
on_signal(ssh_session ssh, ssh_channel channel, const char *name, void *data)
{
	const struct request_args args = {.name = name};

	(void)ssh;
	(void)channel;
	(void)answer(data, "signal", &args);
}

void
channel_request_callbacks(struct ssh_channel_callbacks_struct *callbacks)
{
	callbacks->channel_env_request_function = on_env;
	callbacks->channel_exec_request_function = on_exec;
	callbacks->channel_shell_request_function = on_shell;
	callbacks->channel_subsystem_request_function = on_subsystem;
	callbacks->channel_signal_function = on_signal;
}

static struct ssh_session_channel *
find(const struct connection *connection, ssh_channel ssh)
{
	struct ssh_session_channel *channel = connection->channels;

	while (channel != NULL && channel->ssh != ssh)
		channel = channel->next;
	return channel;
}

bool
channel_request_message(struct connection *connection, ssh_message message)
{
	int kind = ssh_message_type(message) == SSH_REQUEST_CHANNEL
	               ? ssh_message_subtype(message)
	               : -1;
	struct ssh_session_channel *channel;
	struct request_args args = {0};

	if (kind != SSH_CHANNEL_REQUEST_PTY &&
	    kind != SSH_CHANNEL_REQUEST_WINDOW_CHANGE)
		return false;
	channel =
	    find(connection, ssh_message_channel_request_channel(message));
	args.rows = ssh_message_channel_request_pty_height(message);
	args.cols = ssh_message_channel_request_pty_width(message);
	if (kind == SSH_CHANNEL_REQUEST_PTY)
		args.name = ssh_message_channel_request_pty_term(message);
	if (channel == NULL ||
	    answer(channel,
	        kind == SSH_CHANNEL_REQUEST_PTY ? "pty-req" : "window-change",
	        &args) != 0)
		return false;
	(void)ssh_message_channel_request_reply_success(message);
	return true;
}
