/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay that adds a delay, for kernels without netem:
 *   delay MS PORT
 * prints the port that it listens on, forwards each connection to
 * 127.0.0.1:PORT, and holds every byte back for MS milliseconds each way.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HELD_MAX   (64u << 20) /* bytes on the way, each direction */
#define PIECES_MAX 65536u
#define READ_MAX   65536u

struct piece {
	double due_ms;
	size_t end; /* position of its last byte in the direction */
};

/* Bytes on their way from one socket to the other. */
struct direction {
	int from;
	int to;
	unsigned char *held; /* ring of HELD_MAX */
	size_t read;         /* bytes ever read */
	size_t sent;
	struct piece *pieces; /* ring of PIECES_MAX */
	size_t first;
	size_t last;
	bool ended;
};

static double
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
direction_init(struct direction *way, int from, int to)
{
	memset(way, 0, sizeof(*way));
	way->from = from;
	way->to = to;
	way->held = malloc(HELD_MAX);
	way->pieces = calloc(PIECES_MAX, sizeof(*way->pieces));
	if (way->held == NULL || way->pieces == NULL)
		abort();
}

static bool
has_room(const struct direction *way)
{
	return !way->ended && way->read - way->sent + READ_MAX <= HELD_MAX &&
	       way->last - way->first < PIECES_MAX;
}

static void
take_in(struct direction *way, double delay_ms)
{
	size_t at = way->read % HELD_MAX;
	size_t room = HELD_MAX - at < READ_MAX ? HELD_MAX - at : READ_MAX;
	ssize_t got = read(way->from, way->held + at, room);

	if (got <= 0) {
		way->ended = true;
		return;
	}
	way->read += (size_t)got;
	way->pieces[way->last++ % PIECES_MAX] =
	    (struct piece){now_ms() + delay_ms, way->read};
}

/* Send what is due; false when the other side is gone. */
static bool
give_out(struct direction *way)
{
	while (way->first != way->last) {
		const struct piece *piece =
		    &way->pieces[way->first % PIECES_MAX];
		size_t at = way->sent % HELD_MAX;
		size_t want = piece->end - way->sent;
		ssize_t put;

		if (piece->due_ms > now_ms())
			return true;
		if (want > HELD_MAX - at)
			want = HELD_MAX - at;
		put = send(way->to, way->held + at, want, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		way->sent += (size_t)put;
		if (way->sent == piece->end)
			way->first++;
	}
	if (way->ended)
		(void)shutdown(way->to, SHUT_WR);
	return true;
}

static void
relay(int client, int server, double delay_ms)
{
	struct direction ways[2];
	int i;

	direction_init(&ways[0], client, server);
	direction_init(&ways[1], server, client);
	while (!ways[0].ended || !ways[1].ended ||
	       ways[0].first != ways[0].last || ways[1].first != ways[1].last) {
		struct pollfd polls[2] = {
		    {has_room(&ways[0]) ? client : -1, POLLIN, 0},
		    {has_room(&ways[1]) ? server : -1, POLLIN, 0}};

		(void)poll(polls, 2, 1);
		for (i = 0; i < 2; i++) {
			if (polls[i].revents != 0)
				take_in(&ways[i], delay_ms);
			if (!give_out(&ways[i]))
				return;
		}
	}
}

static int
loopback_socket(in_port_t port, struct sockaddr_in *address)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = port,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in here;
	struct sockaddr_in there;
	socklen_t size = sizeof(here);
	int listener = loopback_socket(0, &here);
	int server;
	int client;

	if (argc != 3 ||
	    bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &size) != 0) {
		(void)fprintf(stderr, "usage: delay MS PORT\n");
		return 2;
	}
	(void)printf("%u\n", ntohs(here.sin_port));
	(void)fflush(stdout);
	while ((client = accept(listener, NULL, NULL)) >= 0) {
		if (fork() != 0) {
			(void)close(client);
			continue;
		}
		server = loopback_socket(
		    htons((uint16_t)strtoul(argv[2], NULL, 10)), &there);
		if (connect(server, (struct sockaddr *)&there, sizeof(there)) ==
		    0)
			relay(client, server, strtod(argv[1], NULL));
		return 0;
	}
	return 0;
}
