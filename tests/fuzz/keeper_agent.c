/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that lies to its keeper, in any state, at any byte. The keeper lives
 * on and goes on keeping to its own rules: whoever started a command hears
 * started once, output only then and before its end, the ends before the exit,
 * and one last word.
 */
#include "tests/fuzz/keeper_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define STREAMS 8u /* of the gate, each with one command */
#define EXECS   4u /* of these run at once, the last on a terminal */

static const char *const lies[] = {
    "{\"type\":\"started\",\"pid\":7}",
    "{\"type\":\"refused\",\"reason\":\"not_found\",\"text\":\"%u\"}",
    "{\"type\":\"exit\",\"code\":%u}",
    "{\"type\":\"exit\",\"signal\":\"KILL\",\"core\":true}",
    "{\"type\":\"exit\",\"code\":0,\"rusage\":{\"user_ms\":%u,\"system_ms\":%u,"
    "\"max_rss\":%u}}",
    "{\"type\":\"terminal\",\"echo\":true,\"canonical\":false}",
    "{\"type\":\"hello\",\"protocol\":1,\"version\":\"x\"}",
    "{\"type\":\"hello\",\"protocol\":1,\"version\":\"x\",\"execs\":%u}",
    "{\"type\":\"hello\",\"protocol\":%u,\"version\":\"x\"}",
    "{\"type\":\"held\",\"stdout\":%u,\"stderr\":%u}",
    "{\"type\":\"held\",\"stdin\":%u,\"credit\":%u}",
    "{\"type\":\"exec\",\"argv\":[\"a\"]}",
    "{\"type\":\"resume\",\"stdout\":%u}",
    "{\"type\":\"forget\"}",
    "{\"type\":\"kill\"}",
    "{\"type\":\"%u\"}",
};

struct hearing {
	bool told[STREAMS][FRAME_KINDS]; /* by the agent: CONTROL that it was
	                                    started, STDIN its exit, else the
	                                    end of that stream */
	bool has_started[STREAMS];
	bool has_eof[STREAMS][FRAME_KINDS];
	bool is_over[STREAMS];
};

static bool
is_output(enum frame_kind kind)
{
	return kind == FRAME_STDOUT || kind == FRAME_STDERR ||
	       kind == FRAME_PTY;
}

/* The first half of the streams have pipes, the others a terminal. */
static void
check_exit(const struct hearing *hearing, uint32_t stream)
{
	const bool *eof = hearing->has_eof[stream];

	if (!hearing->has_started[stream])
		abort();
	if (stream < STREAMS / 2 ? !eof[FRAME_STDOUT] || !eof[FRAME_STDERR]
	                         : !eof[FRAME_PTY])
		abort();
}

static void
hear(struct hearing *hearing, const struct frame *frame)
{
	uint32_t stream = frame->stream;

	if (stream >= STREAMS || hearing->is_over[stream])
		abort();
	if (frame_is(frame, "started")) {
		if (hearing->has_started[stream])
			abort();
		hearing->has_started[stream] = true;
	}
	if (is_output(frame->kind)) {
		if (!hearing->has_started[stream] ||
		    hearing->has_eof[stream][frame->kind])
			abort();
		hearing->has_eof[stream][frame->kind] = frame->len == 0;
	}
	if (frame_is(frame, "exit"))
		check_exit(hearing, stream);
	if (frame_is(frame, "exit") ||
	    (frame_is(frame, "refused") && !hearing->has_started[stream]))
		hearing->is_over[stream] = true;
}

static void
play(struct world *world)
{
	struct peer *gate = &world->gates[0];
	struct frame frame;
	size_t used;

	while (peer_look(gate, &frame, &used)) {
		hear(world->data, &frame);
		buffer_consume(&gate->in, used);
	}
	while (peer_look(&world->agent, &frame, &used))
		buffer_consume(&world->agent.in, used);
}

static void
begin(struct world *world)
{
	static const char pipes[] = "{\"type\":\"start\",\"argv\":[\"a\"],"
	                            "\"stdin\":\"open\"}";
	static const char pty[] = "{\"type\":\"start\",\"login\":true,"
	                          "\"pty\":{\"rows\":5,\"cols\":20}}";
	uint32_t stream;

	world_begin(world);
	world_admit(world, 0, "honest");
	for (stream = 1; stream < STREAMS; stream++) {
		peer_say(&world->gates[0], stream,
		    stream < STREAMS / 2 ? pipes : pty);
		peer_frame(&world->gates[0], FRAME_STDIN, stream, "typed", 5);
	}
	world_settle(world);
}

/* What an agent may say of a command next: a lie among much that is true gets
 * further than one alone. */
static void
tell(struct world *world, struct script *script)
{
	static const uint8_t text[256];
	struct hearing *hearing = world->data;
	uint8_t what = script_byte(script);
	uint32_t exec = 1 + what % EXECS;
	bool *told = hearing->told[exec];
	enum frame_kind kind = exec == EXECS ? FRAME_PTY
	                       : what < 128  ? FRAME_STDOUT
	                                     : FRAME_STDERR;
	bool is_over = exec == EXECS ? told[FRAME_PTY]
	                             : told[FRAME_STDOUT] && told[FRAME_STDERR];
	size_t len = what % 32 == 0 ? 0 : script_byte(script) + 1u;

	if (told[FRAME_CONTROL] && !told[FRAME_STDIN] && is_over) {
		peer_say(&world->agent, exec, "{\"type\":\"exit\",\"code\":7}");
		told[FRAME_STDIN] = true;
	} else if (!told[FRAME_CONTROL]) {
		peer_say(&world->agent, exec, lies[0]);
		told[FRAME_CONTROL] = true;
	} else if (!told[kind]) {
		peer_frame(&world->agent, kind, exec, text, len);
		told[kind] = len == 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct world world;
	struct hearing hearing = {0};
	struct script script = {bytes, len};

	world.play = play;
	world.data = &hearing;
	begin(&world);
	if (script_byte(&script) % 4 != 0)
		peer_say(&world.agent, 0,
		    "{\"type\":\"hello\",\"protocol\":1,\"version\":\"x\"}");
	while (script.len > 0) {
		uint8_t next = script_byte(&script);

		if (next % 16 != 0)
			tell(&world, &script);
		else
			peer_lie(&world.agent, &script, lies,
			    sizeof(lies) / sizeof(*lies));
		if (next >= 192)
			(void)world_turn(&world);
	}
	world.agent.hold = 0;
	world_settle(&world);
	if (world.keeper.is_stopped)
		abort();
	world_end(&world);
	return 0;
}
