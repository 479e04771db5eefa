#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stream-json's requests: each is answered once, whatever it says."""
import os
import signal
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from peers import (CREDIT, LINE, TASK, Peer, Session, cases, refusal)
from tap import check, done, equal, run


def the_gateway_speaks_first_and_names_its_limits():
    with Session() as session:
        hello = session.hello
        equal((hello["type"], hello["protocol"]), ("hello", 1),
              "the first line is hello, protocol 1")
        equal(hello["limits"]["line"], LINE, "hello names the line limit")


def lines_that_are_no_request_are_refused_by_name():
    rows = [
        (b"", None, "invalid", "an empty line"),
        (b"{", None, "invalid", "broken JSON"),
        (b"[1]", None, "invalid", "not an object"),
        (b"{} {}", None, "invalid", "two values"),
        (b'{"type":"ping"}', None, "invalid", "no id", "id"),
        (b'{"id":"x"}', "x", "invalid", "no type", "type"),
        (b'{"type":"nope","id":"x"}', "x", "invalid", "an unknown type",
         "nope"),
        (b'{"type":7,"id":"x"}', "x", "invalid", "a type that is a number"),
        (b'{"type":"ping","id":7}', None, "invalid",
         "an id that is a number", "id"),
        (b'{"type":"ping","id":""}', None, "limit", "an empty id", "id"),
        (b'{"type":"ping","id":"' + b"i" * 65 + b'"}', None, "limit",
         "an id of 65 bytes", "id", "64"),
        (b'{"type":"ping","id":"x","id":"x"}', None, "invalid",
         "a repeated member", "id"),
        (b'{"type":"ping","id":"x","color":1}', "x", "invalid",
         "an unknown member", "color"),
        (b'{"type":"exec","id":"x","argv":["a"]}', "x", "invalid",
         "a missing member", "task"),
        (b'{"type":"exec","id":"x","task":"t"}', "x", "invalid",
         "neither argv nor command", "argv"),
        (b'{"type":"exec","id":"x","task":"t","argv":["a"],"command":"b"}',
         "x", "invalid", "argv and command", "argv"),
        (b'{"type":"exec","id":"x","task":"t","argv":"a"}', "x", "invalid",
         "argv that is a string", "argv"),
        (b'{"type":"exec","id":"x","task":"t","argv":["a\\u0000"]}', "x",
         "invalid", "a NUL in argv", "argv"),
        (b'{"type":"exec","id":"x","task":"t","argv":["a"],'
         b'"timeout_ms":1e3}', "x", "invalid", "a fractional time-out",
         "timeout_ms"),
        (b'{"type":"exec","id":"x","task":"t","argv":["a"],'
         b'"timeout_ms":99999999999999}', "x", "limit",
         "a time-out of three thousand years", "timeout_ms"),
        (b'{"type":"exec","id":"x","task":"t","argv":["a"],"pty":{}}', "x",
         "invalid", "a terminal without a size", "pty.rows"),
        (b'{"type":"stdin","id":"x","exec":"t-1"}', "x", "invalid",
         "stdin of nothing", "data"),
        (b'{"type":"stdin","id":"x","exec":"t-1","base64":"*"}', "x",
         "invalid", "what is not base64", "base64"),
        (b'{"type":"stdin","id":"x","exec":"t-1","data":"\xff"}', None,
         "invalid", "invalid UTF-8"),
        (b'{"type":"attach","id":"x","exec":"t-1","from":"end"}', "x",
         "invalid", "an unknown place", "from"),
        (b'{"type":"attach","id":"x","exec":"t-1","from":{"stdout":-1}}',
         "x", "limit", "a negative offset", "stdout"),
        (b'{"type":"attach","id":"x","exec":"t"}', "x", "invalid",
         "an exec id without a number", "exec"),
        (b'{"type":"signal","id":"x","exec":"t-1","signal":"TERM"}', "x",
         "state", "an exec not attached to", "attach"),
        (b'{"type":"stdin","id":"x","exec":"t-1","data":"a"}', "x", "state",
         "stdin of an exec not attached to", "attach"),
        (b'{"type":"detach","id":"x","exec":"t-1"}', "x", "state",
         "leaving an exec not attached to", "attach"),
        (b'{"type":"cancel","id":"x","request":"y"}', "x", "not_found",
         "a cancel of nothing", "request"),
        (b'{"type":"cancel","id":"x","request":"x"}', "x", "not_found",
         "a cancel of itself", "request"),
    ]
    with Session() as session:
        for line, ident, code, what, *words in rows:
            session.raw(line + b"\n")
            reply = session.read()
            check(reply["id"] == ident and refusal(reply, code, *words),
                  "refused: " + what, reply)
        check(session.ask("after", "ping")["ok"],
              "the connection goes on after all of them")


def answer_everything(session, stop):
    """A manager that refuses all there is to ask."""
    while not stop.is_set():
        try:
            _, _, asked = session.manager.recv()
        except (EOFError, OSError):
            return
        session.manager.say(0, "answer", request=asked["request"],
                            code="system", text="not today")


def every_vector_gets_its_one_reply():
    vectors = os.path.join(HERE, "..", "vectors",
                           "stream-json-requests.tsv")
    with open(vectors, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file
                if not line.startswith("#")]
    stop = threading.Event()
    wrong = []
    with Session() as session:
        manager = threading.Thread(target=answer_everything,
                                   args=(session, stop))
        manager.start()
        for kind, line, *words in rows:
            session.raw(line.encode() + b"\n")
            reply = session.read()
            error = reply.get("error", {"code": "", "message": ""})
            if kind == "refused" and (reply["ok"] or
                                      words[0] not in error["message"]):
                wrong.append((line[:200], words, reply))
            # attach and cancel look at the id's form and at what is open
            if kind == "valid" and error["code"] in ("invalid", "limit"):
                wrong.append((line[:200], reply))
        check(session.ask("last", "ping")["ok"], "the connection goes on")
        stop.set()
        session.manager.sock.shutdown(0)
        manager.join()
    check(not wrong and len(rows) > 100,
          f"each of {len(rows)} vectors is taken or refused as it says",
          wrong)


def a_line_over_the_limit_is_skipped_to_its_end():
    with Session() as session:
        head, tail = b'{"type":"ping","id":"', b'"}'
        session.raw(b'{"type":"ping","id":"a"}' +
                    b" " * (LINE - 24) + b"\n")
        check(session.read()["ok"], "a line of exactly the limit passes")
        session.raw(b'{"type":"ping","id":"a"}' + b" " * (LINE - 23) + b"\n")
        reply = session.read()
        check(reply["id"] is None and refusal(reply, "limit", str(LINE)),
              "one byte more is refused and names the limit", reply)
        session.raw(b"x" * (5 * LINE) + b"\n" + head + b"b" + tail + b"\n")
        check(refusal(session.read(), "limit"), "five megabytes are, once")
        equal(session.read()["id"], "b", "the next line is read")


def requests_arrive_one_byte_at_a_time():
    with Session() as session:
        for byte in b'{"type":"ping","id":"\xc3\xa9"}\n':
            session.raw(bytes([byte]))
        equal(session.read()["id"], "\u00e9", "a dribbled line is a line")


def the_last_line_needs_no_newline_and_the_session_ends():
    session = Session()
    with session:
        session.raw(b'{"type":"ping","id":"z"}')
        session.close_input()
        check(session.reply("z")["ok"], "a last line without its newline")
        equal(session.process.stdout.read(), b"", "then the session ends")
    equal(session.process.returncode, 0, "with status 0")


def cancel_by_type():
    with Session() as session:
        session.send({"type": "task.create", "id": "c"})
        _, asked = session.manager.expect("task.create")
        check(session.ask("x", "cancel", request="c")["ok"],
              "a create in progress is canceled")
        check(refusal(session.events.pop(), "canceled"), "and answered")
        session.manager.say(0, "answer", request=asked["request"],
                            task="new1")
        _, asked = session.manager.expect("task.destroy")
        equal(asked["task"], "new1", "what it made is destroyed")
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["x"]})
        keeper = session.attach()
        stream, _ = keeper.expect("start")
        check(session.ask("y", "cancel", request="e")["ok"], "an exec is")
        session.events.pop()
        keeper.say(stream, "started", exec="abc-1", pid=2)
        _, asked = keeper.expect("signal")
        equal((asked["signal"], asked.get("tree")), ("KILL", True),
              "it is killed as soon as it has started")
        keeper.expect("detach")
        keeper.say(stream, "taken")
        keeper.say(stream, "detached")
        keeper, stream = session.started("f", 2, stdin="open")
        session.send({"type": "stdin", "id": "s", "exec": "abc-2",
                      "data": "x" * (CREDIT + 10)})
        check(session.ask("z", "cancel", request="s")["ok"],
              "a stdin that waits for credit is canceled")
        check(refusal(session.events.pop(), "canceled", str(CREDIT),
                      str(CREDIT + 10)), "and says how much was sent")
        session.send({"type": "signal", "id": "k", "exec": "abc-2",
                      "signal": "TERM"})
        check(refusal(session.ask("w", "cancel", request="k"), "state",
                      "signal"), "a signal cannot be")


def ids_are_unique_while_open_and_limited():
    with Session() as session:
        session.send({"type": "task.get", "id": "a", "task": "t"})
        session.manager.expect("task.get")
        reply = session.ask("a", "ping")
        check(refusal(reply, "invalid", "id"),
              "an id that is open is refused with that id", reply)
        for i in range(1023):
            session.send({"type": "task.get", "id": f"n{i}", "task": "t"})
        check(refusal(session.ask("over", "ping"), "limit", "1024"),
              "the 1025th open request is refused, naming the limit")
        asked = [session.manager.expect("task.get")[1]["request"]
                 for _ in range(1023)]
        for request in asked:
            session.manager.say(0, "answer", request=request, code="system",
                                text="tired")
        for i in range(1023):
            session.reply(f"n{i}")
        check(session.ask("ok", "ping")["ok"], "then there is room again")


def tasks_are_listed_and_their_events_shown():
    with Session() as session:
        session.send({"type": "task.list", "id": "l"})
        _, asked = session.manager.expect("task.list")
        for name in ("t1", "t2"):
            session.manager.say(0, "task", request=asked["request"],
                                **{**TASK, "task": name})
        session.manager.say(0, "answer", request=asked["request"])
        reply = session.reply("l")
        equal([t["task"] for t in reply["tasks"]], ["t1", "t2"],
              "a list has its tasks", )
        session.send({"type": "task.list", "id": "m"})
        _, asked = session.manager.expect("task.list")
        session.manager.say(0, "answer", request=asked["request"])
        equal(session.reply("m")["tasks"], [], "an empty list is one")
        session.send({"type": "task.get", "id": "g", "task": "t1"})
        _, asked = session.manager.expect("task.get")
        session.manager.say(0, "task", request=asked["request"], **TASK)
        session.manager.say(0, "answer", request=asked["request"], task="t1")
        reply = session.reply("g")
        equal((reply["task"], reply["info"]["state"]), ("t1", "ready"),
              "a task's reply has its view")
        session.send({"type": "lease", "id": "h", "task": "t1",
                      "ttl_ms": 5000})
        _, asked = session.manager.expect("lease")
        equal((asked["task"], asked["ttl_ms"], asked["principal"]),
              ("t1", 5000, "alice"), "a lease is asked for by its principal")
        session.manager.say(0, "task", request=asked["request"], **TASK,
                            lease_ms=5000)
        session.manager.say(0, "answer", request=asked["request"], task="t1")
        equal(session.reply("h")["info"]["lease_ms"], 5000,
              "and its reply says for how long")
        session.send({"type": "task.update", "id": "u", "task": "t1",
                      "idle_ms": 7})
        equal(session.manager.expect("task.update")[1]["idle_ms"], 7,
              "an idle time is passed on")
        session.manager.say(0, "task", request=0, **TASK, warning="ttl",
                            ends_in_ms=10000)
        equal(session.event()["ends_in_ms"], 10000, "so is a warning")
        session.manager.say(0, "task", request=0, **TASK)
        equal((session.event()["type"]), "task", "own tasks' events come")
        session.manager.say(0, "task", request=0, **{**TASK, "owner": "bob"})
        session.ask("p", "ping")
        check(not session.events, "other people's do not")


def an_attachment_goes_to_the_one_that_asked_for_it():
    with Session() as session:
        session.send({"type": "task.list", "id": "l"})
        session.send({"type": "exec", "id": "e", "task": "abc",
                      "argv": ["x"]})
        _, listing = session.manager.expect("task.list")
        _, asked = session.manager.expect("attach")
        ours, theirs = socket.socketpair()
        # both answers in one read: a descriptor comes with the read's end
        os.kill(session.process.pid, signal.SIGSTOP)
        session.manager.say(0, "answer", request=listing["request"])
        session.manager.say(0, "answer", [theirs.fileno()],
                            request=asked["request"], task="abc")
        theirs.close()
        os.kill(session.process.pid, signal.SIGCONT)
        keeper = session.keepers["abc"] = Peer(ours)
        check(session.reply("l")["ok"], "a list is answered")
        stream, _ = keeper.expect("start")
        keeper.say(stream, "started", exec="abc-1", pid=2)
        check(session.reply("e")["ok"],
              "and takes no attachment that comes right behind its answer")


def main():
    run(cases(sys.modules["__main__"]))
    done()


main()
