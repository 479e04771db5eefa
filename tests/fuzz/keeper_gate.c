/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gates that lie to a keeper, in any state, at any byte. Nobody else suffers: a
 * honest gate's command, whose agent is honest too, gives every byte and its
 * exit while they do.
 */
#include "tests/fuzz/keeper_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define LIAR   0 /* may write */
#define HONEST 1
#define READER 2 /* may read, and lies too */

#define OUTPUT_BYTES 200000u
#define PIECE_BYTES  7001u

static const char *const lies[] = {
    "{\"type\":\"start\",\"argv\":[\"a\"]}",
    "{\"type\":\"start\",\"argv\":[\"a\"],\"stdin\":\"open\",\"tied\":true}",
    "{\"type\":\"start\",\"argv\":[\"a\"],\"stdin\":{\"data\":\"x%u\"}}",
    "{\"type\":\"start\",\"argv\":[\"a\"],\"token\":\"t%u\"}",
    "{\"type\":\"start\",\"argv\":[\"a\"],\"overflow\":\"drop\"}",
    "{\"type\":\"start\",\"login\":true,\"pty\":{\"rows\":%u,\"cols\":%u},"
    "\"tied\":true,\"view\":{\"kind\":\"client\",\"rows\":%u,\"cols\":80}}",
    "{\"type\":\"session\",\"login\":true,\"name\":\"s\",\"pty\":{\"rows\":9,"
    "\"cols\":9},\"view\":{\"kind\":\"client\",\"rows\":%u,\"cols\":%u}}",
    "{\"type\":\"attach\",\"exec\":\"t-%u\"}",
    "{\"type\":\"attach\",\"exec\":\"t-1\",\"from\":{\"stdout\":%u,"
    "\"stderr\":%u}}",
    "{\"type\":\"attach\",\"exec\":\"t-%u\",\"from\":\"live\",\"tied\":true}",
    "{\"type\":\"attach\",\"exec\":\"t-%u\",\"from\":\"none\"}",
    "{\"type\":\"attach\",\"session\":\"s\",\"view\":{\"kind\":\"watch\","
    "\"rows\":%u,\"cols\":%u}}",
    "{\"type\":\"attach\",\"exec\":\"t-%u\",\"view\":{\"kind\":\"client\","
    "\"rows\":%u,\"cols\":9}}",
    "{\"type\":\"signal\",\"signal\":\"KILL\",\"tree\":true}",
    "{\"type\":\"signal\",\"signal\":\"TERM\"}",
    "{\"type\":\"resize\",\"rows\":%u,\"cols\":%u}",
    "{\"type\":\"screen\",\"ask\":%u}",
    "{\"type\":\"screen\",\"ask\":%u,\"format\":\"cells\",\"scrollback\":%u}",
    "{\"type\":\"keys\",\"ask\":%u,\"keys\":[\"Enter\",\"C-c\"]}",
    "{\"type\":\"keys\",\"ask\":%u,\"paste\":\"%u\","
    "\"wait\":{\"until\":[{\"text\":\"a\"}],\"timeout_ms\":1}}",
    "{\"type\":\"wait\",\"ask\":%u,\"until\":[{\"regex\":\"(a*)*b\"},"
    "{\"exit\":true}],\"timeout_ms\":%u}",
    "{\"type\":\"wait\",\"ask\":%u,\"until\":[{\"quiet_ms\":%u}]}",
    "{\"type\":\"cancel\",\"ask\":%u}",
    "{\"type\":\"terminals\",\"ask\":%u}",
    "{\"type\":\"detach\"}",
    "{\"type\":\"play\"}",
    "{\"type\":\"admit\",\"principal\":\"root\",\"right\":\"write\"}",
    "{\"type\":\"take\"}",
    "{\"type\":\"exit\",\"code\":%u}",
    "{\"type\":\"%u\"}",
};

/* What the honest gate has had of its command, and the agent has sent. */
struct course {
	size_t sent;
	size_t credit;
	size_t got;
	uint32_t number; /* of the honest command */
	bool has_ended;
	bool is_over;
};

static uint8_t
byte_at(size_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8));
}

/* An agent that does what it is told: each command is started; that of the
 * honest gate, which is the first, writes; a killed one ends. */
static void
hear_as_agent(struct world *world, const struct frame *frame)
{
	struct course *course = world->data;
	struct peer *agent = &world->agent;

	if (frame_is(frame, "exec")) {
		if (course->number == 0)
			course->number = frame->stream;
		peer_say(
		    agent, frame->stream, "{\"type\":\"started\",\"pid\":7}");
	} else if (frame->kind == FRAME_WINDOW &&
	           frame->stream == course->number) {
		course->credit += frame_credit(frame);
	} else if (frame->kind == FRAME_STDIN && frame->len > 0 &&
	           frame->stream != course->number) {
		peer_credit(agent, frame->stream, (uint32_t)frame->len);
	}
}

static void
write_as_agent(struct world *world)
{
	struct course *course = world->data;
	uint8_t piece[PIECE_BYTES];
	size_t len = OUTPUT_BYTES - course->sent;
	size_t i;

	if (course->number == 0 || course->has_ended)
		return;
	if (len > course->credit)
		len = course->credit;
	if (len > sizeof(piece))
		len = sizeof(piece);
	for (i = 0; i < len; i++)
		piece[i] = byte_at(course->sent + i);
	if (len > 0)
		peer_frame(
		    &world->agent, FRAME_STDOUT, course->number, piece, len);
	course->sent += len;
	course->credit -= len;
	if (course->sent < OUTPUT_BYTES)
		return;
	peer_frame(&world->agent, FRAME_STDOUT, course->number, NULL, 0);
	peer_frame(&world->agent, FRAME_STDERR, course->number, NULL, 0);
	peer_say(
	    &world->agent, course->number, "{\"type\":\"exit\",\"code\":42}");
	course->has_ended = true;
}

static void
hear_as_gate(struct world *world, const struct frame *frame)
{
	struct course *course = world->data;
	size_t i;

	for (i = 0; frame->kind == FRAME_STDOUT && i < frame->len; i++) {
		if (frame->payload[i] != byte_at(course->got++))
			abort();
	}
	if (!frame_is(frame, "exit"))
		return;
	if (course->got != OUTPUT_BYTES ||
	    memmem(frame->payload, frame->len, "\"code\":42", 9) == NULL)
		abort();
	course->is_over = true;
}

static void
play(struct world *world)
{
	struct frame frame;
	size_t used, i;

	while (peer_look(&world->agent, &frame, &used)) {
		hear_as_agent(world, &frame);
		buffer_consume(&world->agent.in, used);
	}
	write_as_agent(world);
	for (i = 0; i < WORLD_GATES; i++) {
		while (peer_look(&world->gates[i], &frame, &used)) {
			if (i == HONEST)
				hear_as_gate(world, &frame);
			buffer_consume(&world->gates[i].in, used);
		}
	}
}

static void
begin(struct world *world)
{
	world_begin(world);
	world_admit(world, LIAR, "liar");
	world_admit(world, HONEST, "honest");
	world_admit(world, READER, "reader");
	peer_say(&world->agent, 0,
	    "{\"type\":\"hello\",\"protocol\":1,\"version\":\"x\"}");
	peer_say(&world->gates[HONEST], 1,
	    "{\"type\":\"start\",\"argv\":[\"honest\"]}");
	while (((struct course *)world->data)->number == 0)
		(void)world_turn(world);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct world world;
	struct course course = {.credit = WINDOW_OUTPUT};
	struct script script = {bytes, len};
	int turn;

	world.play = play;
	world.data = &course;
	begin(&world);
	while (script.len > 0) {
		size_t who = script_byte(&script) % 8;

		if (who == 0)
			(void)world_turn(&world);
		if (who == 1) {
			peer_close(&world.gates[LIAR]);
			world_admit(&world, LIAR, "liar");
		}
		peer_lie(&world.gates[who % 2 == 0 ? LIAR : READER], &script,
		    lies, sizeof(lies) / sizeof(*lies));
		if (who > 5)
			(void)world_turn(&world);
	}
	for (turn = 0; turn < 1000 && !course.is_over; turn++)
		(void)world_turn(&world);
	if (!course.is_over)
		abort();
	world_end(&world);
	return 0;
}
