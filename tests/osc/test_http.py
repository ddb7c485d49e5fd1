"""HTTP beside OSC: the same table, the same words, and nobody else's pages."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import socket

import pytest
from served import Running
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bridge.access import Access, Right, answer
from bridge.http.guard import Guard
from bridge.http.server import HttpServer
from bridge.message import Message
from bridge.osc import codec
from engine import commands as do
from engine import events as told
from engine.errors import EngineError, VoiceError
from engine.questions import ListTakes

WAIT_SECONDS = 30.0


class Web:
    """A client that knows only HTTP."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.server = running.call(HttpServer, running.hub, (running.host, running.port))
        _, self.port = running.wait(self.server.start("127.0.0.1", 0))

    def ask(self, method, path, body=None, **headers):
        """Return status, headers and body."""
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        wire.request(method, path, content, names)
        answer = wire.getresponse()
        with contextlib.closing(wire):
            return answer.status, answer.headers, answer.read()

    def json(self, method, path, body=None, **headers):
        status, _, data = self.ask(method, path, body, **headers)
        return status, json.loads(data)

    def events(self, query, **headers):
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        wire.request("GET", f"/events?{query}", headers={n.replace("_", "-"): v for n, v in headers.items()})
        return Events(wire, wire.getresponse())


class Events:
    def __init__(self, wire, response):
        self.wire, self.response = wire, response
        self.id = ""

    def next(self, address=None):
        """Return address and arguments of the next event (of that address)."""
        data = None
        while True:
            line = self.response.fp.readline() if not self.response.chunked else self.line()
            if line.startswith("id: "):
                self.id = line[4:].strip()
            if line.startswith("data: "):
                data = json.loads(line[6:])
                if address in (None, data["address"]):
                    return data["address"], *data["args"]

    def line(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.response.read(1)
            assert byte, "the stream ended"
            line += byte
        return line.decode()

    def close(self):
        self.response.close()
        self.wire.close()


@pytest.fixture
def web(running):
    web = Web(running)
    yield web
    running.wait(web.server.close())


def test_a_command_is_done(web):
    assert web.json("POST", "/command", {"address": "/strip/voice/gain", "args": [-6]}) == (
        200, {"address": "/strip/voice/gain", "status": "ok"},
    )  # fmt: skip
    assert web.running.engine.commands == [do.SetStripGain(strip="voice", gain_db=-6.0)]
    assert web.json("POST", "/command", {"address": "/strip/voice/gain"})[1]["values"] == [-6.0]


def test_an_answer_that_comes_later_is_waited_for(web):
    command = {"address": "/takes", "args": ["hello"]}
    web.running.engine.answers[ListTakes] = ((1, 7, "", "noon", 0, ""),)
    status, answer = web.json("POST", "/command", command)
    assert (status, answer["status"], answer["values"]) == (200, "ok", ["hello", 1])
    assert answer["messages"] == [["/takes", 1, 7, "", "noon", 0, ""]]
    web.running.engine.answers[ListTakes] = EngineError("the disk is full")
    status, answer = web.json("POST", "/command", command)
    assert (status, answer["text"]) == (500, "the disk is full")


def test_several_take_effect_together(web):
    orders = [{"address": "/cue/1/go"}, {"address": "/strip/voice/mute", "args": [True]}]
    status, told_back = web.json("POST", "/command", {"commands": orders})
    assert status == 200
    assert [a["status"] for a in told_back["answers"]] == ["ok", "ok"]
    assert len(web.running.engine.groups[0]) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"address": "/strip/voice/gian"}, 404, "no_such_address"),
        ({"address": "/strip/nobody/gain", "args": [0]}, 404, "no_such_thing"),
        ({"address": "/strip/voice/gain", "args": [99]}, 400, "bad_range"),
        ({"address": "/strip/voice/gain", "args": ["loud"]}, 400, "bad_type"),
        ({"address": "strip"}, 400, "bad_type"),
        ({"address": "/ping", "args": [{}]}, 400, "bad_type"),
        ({"adress": "/ping"}, 400, "bad_type"),
        ({}, 400, "bad_type"),
        ([], 400, "bad_type"),
        ("{", 400, "bad_type"),
        (b"\xff\xfe", 400, "bad_type"),
        ({"address": "/subscribe", "args": ["//"]}, 400, "bad_type"),
        ({"address": "/x" * 40_000}, 413, "too_big"),
    ],
)
def test_an_error_has_its_word_and_its_status(web, body, status, code):
    got = web.json("POST", "/command", body)
    assert (got[0], got[1]["code"]) == (status, code)


def test_a_long_list_comes_whole(web):
    status, told_back = web.json("POST", "/command", {"address": "/list", "args": ["/strip//*"]})
    assert status == 200
    assert told_back["messages"][-1][:2] == ["/list/end", "/strip//*"]
    assert told_back["messages"][-1][2] == len(told_back["messages"]) - 1


def test_what_is_for_later_is_accepted(web):
    at = web.running.engine.clock.START + 2_000_000_000
    assert web.json("POST", "/command", {"address": "/cue/1/go", "at": at})[1]["code"] == "too_far"


def test_events_come_as_they_are(web):
    events = web.events("pattern=/strip/voice/gain&pattern=/event//*")
    assert events.next() == ("/strip/voice/gain", 0.0)
    web.running.call(web.running.engine.apply, do.SetStripGain(strip="voice", gain_db=-3.0))
    assert events.next("/strip/voice/gain") == ("/strip/voice/gain", -3.0)
    web.running.call(web.running.engine.tell, told.CueEnded(cue="12a"))
    assert events.next("/event/cue/ended") == ("/event/cue/ended", "12a")
    events.close()


def test_who_was_away_hears_what_it_missed(web):
    events = web.events("pattern=/event//*")
    events.next("/subscribed")
    for cue in ("1", "2"):
        web.running.call(web.running.engine.tell, told.CueEnded(cue=cue))
    assert events.next()[1] == "1"
    mark = events.id
    events.close()
    web.running.call(web.running.engine.tell, told.CueEnded(cue="3"))
    events = web.events("pattern=/event//*", Last_Event_ID=mark)
    assert [events.next()[1] for _ in range(2)] == ["2", "3"]
    events.close()
    events = web.events("pattern=/event//*", Last_Event_ID="another-17")
    assert events.next()[0] == "/event/lost"
    events.close()


def test_who_leaves_is_forgotten(web):
    events = web.events("pattern=//")
    events.next()
    events.close()
    while web.running.call(lambda: any(c.subscriptions for c in web.running.hub.clients)):
        pass


@pytest.mark.parametrize("query", ["pattern=strip", "pattern=/[", "interval_ms=x"])
def test_a_wrong_subscription_is_refused(web, query):
    assert web.ask("GET", f"/events?{query}")[0] == 400


@pytest.mark.parametrize("host", ["evil.example", "cuevox.evil.example:80", "192.0.2.1", "", "[", "localhost.evil"])
def test_another_name_is_not_served(web, host):
    assert web.ask("GET", "/", Host=host)[0] in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:7480", "LOCALHOST:1"])
def test_our_own_names_are(web, host):
    assert web.ask("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_pages_of_others_are_not_served(web, origin):
    assert web.ask("POST", "/command", {"address": "/cue/1/go"}, Origin=origin)[0] == 403
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{web.port}/", origin=origin)
    assert web.running.engine.applied == []


def test_our_own_page_is_served(web):
    status, headers, page = web.ask("GET", "/", Accept="text/html", Origin=f"http://127.0.0.1:{web.port}")
    assert (status, page[:15]) == (200, b"<!doctype html>")
    assert "access-control-allow-origin" not in headers


def test_oscquery_tells_a_node(web):
    _, node = web.json("GET", "/strip/voice/gain")
    assert node["TYPE"] == "f"
    assert (node["VALUE"], node["ACCESS"], node["UNIT"]) == ([0.0], 3, ["dB"])
    assert node["RANGE"] == [{"MIN": -100.0, "MAX": 12.0}]
    assert node["CONTENTS"]["norm"]["FULL_PATH"] == "/strip/voice/gain/norm"


def test_oscquery_tells_one_attribute_or_says_why_not(web):
    assert web.json("GET", "/strip/voice/gain?VALUE") == (200, {"VALUE": [0.0]})
    assert web.ask("GET", "/cue/1/go?VALUE")[0] == 204
    assert web.ask("GET", "/cue/1/go?COLOUR")[0] == 400
    assert web.ask("GET", "/cue/99")[0] == 404
    _, host = web.json("GET", "/strip?HOST_INFO")
    assert (host["OSC_PORT"], host["EXTENSIONS"]["LISTEN"]) == (web.running.port, True)


def test_oscquery_tells_the_whole_tree(web):
    _, tree = web.json("GET", "/")

    def nodes(node):
        yield node
        for child in node.get("CONTENTS", {}).values():
            yield from nodes(child)

    for node in nodes(tree):
        if "TYPE" in node:
            count = len(node["TYPE"])
            for name in ("RANGE", "UNIT", "VALUE", "CLIPMODE"):
                assert len(node.get(name, [None] * count)) == count, node["FULL_PATH"]
    addresses = {n["FULL_PATH"] for n in nodes(tree)}
    assert {"/cue/12a/go", "/strip/spook/insert/1/cutoff_hz/norm", "/transport/play"} <= addresses


def test_a_websocket_speaks_osc_and_oscquery(web):
    with connect(f"ws://127.0.0.1:{web.port}/") as socket_:
        socket_.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/strip/voice/gain"}))
        assert heard(socket_, "/strip/voice/gain") == (0.0,)
        socket_.send(codec.encode(Message("/strip/voice/gain", (-9.0,))))
        assert heard(socket_, "/strip/voice/gain") == (-9.0,)
        socket_.send("/ping 7 ")
        assert heard(socket_, "/pong")[0] == 7
        socket_.send(json.dumps({"COMMAND": "IGNORE", "DATA": "/strip/voice/gain"}))
        socket_.send('{"COMMAND": "DANCE"}')
        assert heard(socket_, "/reply")[1:3] == ("error", "bad_packet")
        assert not web.running.call(lambda: any(c.subscriptions for c in web.running.hub.clients))


def test_a_websocket_hears_of_addresses_that_come_and_go(web):
    with connect(f"ws://127.0.0.1:{web.port}/") as socket_:
        socket_.send("/ping 1")
        heard(socket_, "/pong")
        web.running.engine.cues["99"] = "ready"
        del web.running.engine.cues["2"]
        web.running.call(web.running.engine.tell, told.StoryReloaded(path="x"))
        commands = next_commands(socket_, 2)
        assert {"COMMAND": "PATH_ADDED", "DATA": "/cue/99/go"} in commands
        assert {"COMMAND": "PATH_REMOVED", "DATA": "/cue/2/go"} in commands


def test_a_websocket_hears_of_a_cue_that_is_renumbered(web):
    engine = web.running.engine
    with connect(f"ws://127.0.0.1:{web.port}/") as socket_:
        socket_.send("/ping 1")
        heard(socket_, "/pong")
        engine.cues = {"7" if cue == "2" else cue: state for cue, state in engine.cues.items()}
        web.running.call(engine.tell, told.CueRenumbered(cue="2", number="7"))
        commands = next_commands(socket_, 2)
        assert commands == [
            {"COMMAND": "PATH_RENAMED", "DATA": {"OLD": "/cue/2", "NEW": "/cue/7"}},
            {"COMMAND": "PATH_RENAMED", "DATA": {"OLD": "/cuelist/main/cue/2", "NEW": "/cuelist/main/cue/7"}},
        ]


def test_a_websocket_hears_of_inserts_that_may_have_other_ranges_and_of_critical_nodes(web):
    with connect(f"ws://127.0.0.1:{web.port}/") as socket_:
        socket_.send("/ping 1")
        heard(socket_, "/pong")
        web.running.call(web.running.engine.tell, told.InsertsChanged(strip="spook"))
        commands = next_commands(socket_, 1)
    assert commands == [{"COMMAND": "PATH_CHANGED", "DATA": "/strip/spook/insert"}]
    _, node = web.json("GET", "/cue/1/go")
    assert node["CRITICAL"] is True


def next_commands(socket_, count):
    """Return the next commands of OSCQuery, so many at least and all before the answer to a further question."""
    texts, asked, answered = [], False, False
    while not answered:
        data = socket_.recv(timeout=WAIT_SECONDS)
        texts += [data] if isinstance(data, str) else []
        answered = isinstance(data, bytes) and any(m.address == "/pong" for b in codec.parse(data) for m in b.messages)
        if len(texts) >= count and not asked:
            asked = True
            socket_.send("/ping 2")
    return [json.loads(text) for text in texts]


def heard(socket_, address):
    while True:
        data = socket_.recv(timeout=WAIT_SECONDS)
        for message in [m for b in codec.parse(data) for m in b.messages] if isinstance(data, bytes) else ():
            if message.address == address:
                return message.args


def test_a_text_is_spoken_into_the_response(web):
    wish = {"model": "tts-1", "input": "good evening all", "voice": "anna"}
    status, headers, sound = web.ask("POST", "/v1/audio/speech", wish)
    assert (status, headers["content-type"]) == (200, "audio/wav")
    assert re.fullmatch(rb"RIFF....WAVEfmt .{20}data....good +evening +all +", sound, re.DOTALL)
    pcm = web.ask("POST", "/v1/audio/speech", {**wish, "response_format": "pcm"})[2]
    assert pcm.split() == [b"good", b"evening", b"all"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"voice": "nobody"}, 404), ({"input": ""}, 400), ({"input": " "}, 400), ({"response_format": "mp3"}, 400),
     ({"speed": 2.0}, 400), ({"input": "x" * 6000}, 400), ({"input": "x" * 70_000}, 413)],
)  # fmt: skip
def test_a_text_that_can_not_be_spoken_is_answered(web, change, status):
    wish = {"input": "good evening", "voice": "anna"}
    assert web.json("POST", "/v1/audio/speech", wish | change)[0] == status


def test_a_voice_that_fails_is_answered(web):
    web.running.engine.refusal = VoiceError("no breath")
    status, problem = web.json("POST", "/v1/audio/speech", {"input": "x", "voice": "anna"})
    assert (status, problem["code"]) == (500, "voice_failed")


def test_the_description_describes_what_is_there(web):
    _, document = web.json("GET", "/openapi.json")
    assert set(document["paths"]) == {"/command", "/connect", "/events", "/v1/audio/speech"}
    assert "/strip/{strip}/gain" in document["paths"]["/command"]["post"]["description"]


def test_a_caller_afar_needs_a_token():
    async def app(scope, receive, send):
        raise AssertionError

    async def guarded():
        now = asyncio.get_running_loop().time
        return Guard(app, Access({"do-everything": Right.ADMIN}, now), open=True)

    guard = asyncio.run(guarded())
    assert guard.right("127.0.0.1", "") is Right.ADMIN
    assert guard.right("192.0.2.7", "") is Right.NONE
    assert guard.right("192.0.2.7", "Bearer do-everything") is Right.TRIGGER, "it travels as it is"
    token = guard.admit("192.0.2.7", Right.ADMIN)
    assert guard.right("192.0.2.7", f"Bearer {token}") is Right.ADMIN
    with pytest.raises(Exception, match="not known"):
        guard.right("192.0.2.8", f"Bearer {token}")


def test_a_caller_afar_that_asks_too_much_is_told():
    answers = []

    async def app(scope, receive, send):
        answers.append(200)

    async def send(event):
        answers.append(event.get("status"))

    async def ask_often():
        guard = Guard(app, Access({}, asyncio.get_running_loop().time), open=True)
        for _ in range(5000):
            scope = {"type": "http", "client": ("192.0.2.7", 1), "headers": [(b"host", b"192.0.2.1")]}
            await guard(scope, None, send)
            if 429 in answers:
                break

    asyncio.run(ask_often())
    assert answers.count(200) >= 200
    assert 429 in answers


def test_a_challenge_is_answered_for_a_token(web):
    web.running.hub.access._passcodes["do-everything"] = Right.ADMIN
    _, asked = web.json("POST", "/connect", {})
    proof = {"response": answer("do-everything", asked["challenge"])}
    status, granted = web.json("POST", "/connect", proof)
    assert (status, granted["right"]) == (200, "admin")
    assert granted["token"]
    assert web.json("POST", "/connect", proof)[0] == 403


def test_it_is_served_over_ipv6(web):
    with socket.create_connection(("::1", web.port), WAIT_SECONDS) as wire:
        wire.sendall(b"GET /?HOST_INFO HTTP/1.0\r\nHost: [::1]\r\n\r\n")
        assert wire.makefile("rb").readline().split()[1] == b"200"
