/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the campaign runs in its sandboxes, and as a shared library what its
 * driver knows of it: every byte of a stream follows from the stream's letter,
 * the command's seed and the offset, and says so itself.
 *
 *   load SEED KIND OUT ERR PACE_US CHILDREN IN END
 *     KIND      t text, b any bytes
 *     OUT ERR   bytes to write to stdout and stderr, in pieces
 *     PACE_US   pause between two pieces, which are small then; 0 none
 *     CHILDREN  processes that are left behind, with the pipes open, for 2 s
 *     IN        r stdin is read to its end and told in a line behind OUT, or -
 *     END       xCODE or sSIGNAL
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define BLOCK      64
#define HEAD       25 /* letter, seed, number of the block */
#define PIECE_MAX  65536
#define DRIP_MAX   200
#define CHILD_SECS 2
#define LEDGER     "/tmp/ran"
#define ARGUMENTS  9
#define MIX_A      0xbf58476d1ce4e5b9u
#define MIX_B      0x94d049bb133111ebu
#define MIX_STEP   0x9e3779b97f4a7c15u

struct stream {
	uint64_t seed;
	char letter; /* o stdout, e stderr, i stdin */
	bool is_text;
};

struct writer {
	struct stream stream;
	int fd;
	uint64_t at, end;
};

static uint64_t
mix(uint64_t x)
{
	x += MIX_STEP;
	x = (x ^ (x >> 30)) * MIX_A;
	x = (x ^ (x >> 27)) * MIX_B;
	return x ^ (x >> 31);
}

static void
make_block(const struct stream *stream, uint64_t number, unsigned char *block)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	char head[HEAD + 1];
	uint64_t noise = mix(stream->seed ^ mix(number)) + stream->letter;

	(void)snprintf(head, sizeof(head), "%c%016" PRIx64 "%08" PRIx32,
	    stream->letter, stream->seed, (uint32_t)number);
	memcpy(block, head, HEAD);
	for (size_t i = HEAD; i < BLOCK; i++) {
		noise = mix(noise);
		block[i] =
		    (unsigned char)(stream->is_text
		                        ? (unsigned char)digits[noise % 32]
		                        : noise & 0xff);
	}
	if (stream->is_text)
		memcpy(block + BLOCK - 2, "\r\n", 2);
}

void campaign_fill(uint64_t seed, char letter, int is_text, uint64_t offset,
    unsigned char *out, size_t len);

/* The bytes of a stream from offset on: what the driver calls. */
void
campaign_fill(uint64_t seed, char letter, int is_text, uint64_t offset,
    unsigned char *out, size_t len)
{
	struct stream stream = {seed, letter, is_text != 0};
	unsigned char block[BLOCK];

	while (len > 0) {
		size_t from = (size_t)(offset % BLOCK);
		size_t part = BLOCK - from < len ? BLOCK - from : len;

		make_block(&stream, offset / BLOCK, block);
		memcpy(out, block + from, part);
		out += part;
		len -= part;
		offset += part;
	}
}

static void
write_all(int fd, const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, bytes, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			_exit(250); /* nobody plans this one */
		bytes += done;
		len -= (size_t)done;
	}
}

/* One more piece of a stream, its size by the stream's own dice. */
static void
write_piece(struct writer *writer, uint64_t dice, bool is_slow)
{
	static unsigned char piece[PIECE_MAX];
	uint64_t most = is_slow ? DRIP_MAX : PIECE_MAX;
	uint64_t len = dice % (dice & 1 ? most : DRIP_MAX) + 1;

	if (len > writer->end - writer->at)
		len = writer->end - writer->at;
	campaign_fill(writer->stream.seed, writer->stream.letter,
	    writer->stream.is_text, writer->at, piece, (size_t)len);
	write_all(writer->fd, piece, (size_t)len);
	writer->at += len;
}

static void
write_streams(struct writer *out, struct writer *err, useconds_t pace)
{
	uint64_t dice = out->stream.seed;

	while (out->at < out->end || err->at < err->end) {
		dice = mix(dice);
		write_piece(
		    (dice & 2 && out->at < out->end) || err->at == err->end
		        ? out
		        : err,
		    dice >> 2, pace > 0);
		if (pace > 0)
			(void)usleep(pace);
	}
}

/* Read stdin to its end and say what came: how much, and where it was wrong. */
static void
tell_stdin(const struct stream *of, int to)
{
	static unsigned char got[PIECE_MAX], wanted[PIECE_MAX];
	uint64_t at = 0;
	int64_t wrong = -1;
	char line[80];
	ssize_t n;
	int len;

	while ((n = read(STDIN_FILENO, got, sizeof(got))) > 0) {
		campaign_fill(
		    of->seed, 'i', of->is_text, at, wanted, (size_t)n);
		if (wrong < 0 && memcmp(got, wanted, (size_t)n) != 0)
			wrong = (int64_t)at;
		at += (uint64_t)n;
	}
	len = snprintf(line, sizeof(line),
	    "stdin %" PRIu64 " wrong %" PRId64 "\n", at, wrong);
	write_all(to, (unsigned char *)line, (size_t)len);
}

/* That this command ran is written where its output does not go. */
static void
note_start(uint64_t seed)
{
	int fd = open(LEDGER, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	char line[32];
	int len = snprintf(line, sizeof(line), "%016" PRIx64 "\n", seed);

	if (fd < 0)
		_exit(251);
	write_all(fd, (unsigned char *)line, (size_t)len);
	(void)close(fd);
}

static void
leave_behind(int count)
{
	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			if (i % 2 == 1)
				(void)setsid();
			(void)sleep(CHILD_SECS);
			_exit(0);
		}
	}
}

static void
make_raw(void)
{
	struct termios termios;

	if (tcgetattr(STDOUT_FILENO, &termios) != 0)
		return; /* a pipe */
	cfmakeraw(&termios);
	(void)tcsetattr(STDOUT_FILENO, TCSANOW, &termios);
}

static void
end_as(const char *how)
{
	int number = (int)strtol(how + 1, NULL, 10);

	if (*how == 'x')
		_exit(number);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
	_exit(252);
}

int
main(int argc, char **argv)
{
	struct stream stream;

	if (argc != ARGUMENTS) {
		(void)fputs("usage: load SEED KIND OUT ERR PACE_US CHILDREN IN "
		            "END\n",
		    stderr);
		return 2;
	}
	stream =
	    (struct stream){strtoull(argv[1], NULL, 16), 'o', *argv[2] == 't'};
	struct writer out = {
	    stream, STDOUT_FILENO, 0, strtoull(argv[3], NULL, 10)};
	struct writer err = {
	    stream, STDERR_FILENO, 0, strtoull(argv[4], NULL, 10)};

	err.stream.letter = 'e';
	note_start(stream.seed);
	make_raw();
	leave_behind((int)strtol(argv[6], NULL, 10));
	write_streams(&out, &err, (useconds_t)strtoul(argv[5], NULL, 10));
	if (*argv[7] == 'r')
		tell_stdin(&stream, STDOUT_FILENO);
	end_as(argv[8]);
}
