"""Who may do what: this machine everything, others what they have proved, and nobody may try for long."""

import asyncio
import contextlib
import hashlib
import hmac

import pytest
from fake_engine import FakeEngine
from hand_time import HandTime, KeptMessages

from bridge.access import ALL_TRIES_AT_ONCE, TRIES_AT_ONCE, Access, Right, answer, needed, parse_passcodes
from bridge.clients import REMOTE_AT_ONCE, Clients
from bridge.errors import BadValue, Busy, Denied
from bridge.feedback import Feedback
from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle, Message
from bridge.router import Router
from bridge.routes import PUSHES, ROUTES
from bridge.tree import AddressTree

CODES = {"look-at-it": Right.VIEW, "press-the-pads": Right.TRIGGER, "do-everything": Right.ADMIN}
AFAR = ("192.0.2.7", 9000)


class Gate:
    def __init__(self, connected=False):
        self.time = HandTime(now=0.0)
        self.wire = KeptMessages()
        self.wire.connected = connected
        self.engine = FakeEngine()
        self.clients = Clients(self.time.now)
        tree = AddressTree(ROUTES)
        feedback = Feedback(self.engine, tree, PUSHES, self.clients, call_later=self.time.call_later, now=self.time.now)
        self.router = Router(
            self.engine, tree, self.clients, feedback,
            call_later=self.time.call_later, wall=self.time.now, version="1", access=Access(CODES, self.time.now),
        )  # fmt: skip

    def send(self, address, *args, source=AFAR):
        bundle = Bundle(tag=IMMEDIATELY, messages=(Message("/req", (1, address, *args)),))
        self.router.receive(bundle, self.clients.heard(source, self.wire))
        self.time.advance(0.0)
        return self.wire.take()[0][2:]


@pytest.fixture
def gate():
    return Gate()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_do_everything(gate, host):
    assert gate.send("/strip/voice/gain", -3.0, source=(host, 9000)) == ("ok",)
    assert gate.send("/mix/bus/add", "x", source=(host, 9000)) == ("ok",)


@pytest.mark.parametrize("address", ["/strip/voice/gain", "/cue/1/go", "/list", "/subscribe", "/status", "/quit"])
def test_others_may_do_nothing_at_first(gate, address):
    args = ("//",) if address == "/subscribe" else ()
    status, code, text = gate.send(address, *args)
    assert (status, code) == ("denied", "denied")
    assert "/connect" in text
    assert gate.engine.applied == []


def test_anybody_may_ask_who_is_there(gate):
    assert gate.send("/ping", 1)[0] == "ok"
    assert gate.send("/version")[0] == "ok"


def test_a_passcode_grants_what_it_grants(gate):
    assert gate.send("/connect", "look-at-it") == ("ok", "view", "")
    assert gate.send("/strip/voice/gain") == ("ok", 0.0)
    assert gate.send("/strip/voice/gain", -3.0)[0] == "denied"
    assert gate.send("/clock/source")[0] == "ok"
    assert gate.send("/clock/source", "internal")[0] == "denied"
    assert gate.send("/connect", "press-the-pads") == ("ok", "trigger", "")
    assert gate.send("/clock/source", "internal")[0] == "ok"
    assert gate.send("/strip/voice/gain", -3.0) == ("ok",)
    assert gate.send("/mix/bus/add", "x")[0] == "denied"


def test_a_passcode_as_it_is_never_grants_more_than_to_trigger(gate):
    assert gate.send("/connect", "do-everything") == ("ok", "trigger", "")
    assert gate.send("/session/save")[0] == "denied"


def test_what_is_shown_to_be_let_in_is_in_no_log(gate, caplog):
    caplog.set_level("DEBUG")
    for passcode in (*CODES, "not-a-passcode"):
        gate.send("/connect", passcode)
        gate.send("/connect", passcode, 1.0)
        gate.send("/connect/response", passcode)
        assert passcode not in caplog.text


def test_a_right_is_bound_to_address_and_port(gate):
    gate.send("/connect", "do-everything")
    assert gate.send("/cue/1/go") == ("ok",)
    assert gate.send("/cue/1/go", source=("192.0.2.7", 9001))[0] == "denied"
    assert gate.send("/cue/1/go", source=("192.0.2.8", 9000))[0] == "denied"


def test_a_remembered_message_is_denied_too(gate):
    message = Message("/cue/1/go")
    bundle = Bundle(tag=IMMEDIATELY, messages=(message,))
    gate.router.receive(bundle, gate.clients.heard(("127.0.0.1", 1), gate.wire))
    gate.router.receive(bundle, gate.clients.heard(AFAR, gate.wire))
    assert len(gate.engine.applied) == 1


def test_a_challenge_needs_a_connection(gate):
    _, _, challenge = gate.send("/connect")
    assert gate.send("/connect/response", answer("do-everything", challenge))[0] == "denied"


def test_a_challenge_grants_everything_once():
    gate = Gate(connected=True)
    _, right, challenge = gate.send("/connect")
    assert right == "none"
    response = hmac.new(b"do-everything", challenge.encode(), hashlib.sha256).hexdigest()
    assert gate.send("/connect/response", response) == ("ok", "admin")
    assert gate.send("/mix/bus/add", "x") == ("ok",)
    assert gate.send("/connect/response", response, source=("192.0.2.9", 1))[0] == "denied", "it is used up"


def test_tries_are_limited_and_others_are_not_locked_out(gate):
    for _ in range(int(TRIES_AT_ONCE)):
        assert gate.send("/connect", "a wrong one")[:2] == ("denied", "denied")
    assert gate.send("/connect", "press-the-pads")[:2] == ("error", "busy")
    assert gate.send("/connect", "press-the-pads", source=("192.0.2.8", 1))[0] == "ok"
    gate.time.advance(11.0)
    assert gate.send("/connect", "press-the-pads")[0] == "ok"


def test_a_try_that_is_right_counts_as_none(gate):
    for port in range(3 * int(ALL_TRIES_AT_ONCE)):
        assert gate.send("/connect", "press-the-pads", source=("192.0.2.8", port))[0] == "ok"
    for _ in range(int(TRIES_AT_ONCE)):
        assert gate.send("/connect", "a wrong one", source=("192.0.2.8", 1))[1] == "denied"
    assert gate.send("/connect", "press-the-pads", source=("192.0.2.8", 1))[1] == "busy"


def test_from_many_addresses_there_are_no_more_tries_either(gate):
    answers = [gate.send("/connect", "a wrong one", source=(f"192.0.2.{n}", 1))[1] for n in range(60)]
    assert answers.count("denied") <= 20
    assert answers[-1] == "busy"


@pytest.mark.parametrize("text", ["admin", "admin:short", "root:long-enough", "admin:, view:long-enough"])
def test_passcodes_that_are_none_are_refused_and_not_shown(text):
    with pytest.raises(BadValue) as refusal:
        parse_passcodes(text)
    assert "long-enough" not in str(refusal.value)
    assert "short" not in str(refusal.value)


def test_passcodes_are_read():
    assert parse_passcodes(" view:look-at-it , admin:a:b:c:d:e ") == {
        "look-at-it": Right.VIEW,
        "a:b:c:d:e": Right.ADMIN,
    }
    assert parse_passcodes("") == {}


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.address)
def test_to_read_is_never_more_than_to_write(route):
    assert needed(route, writes=False) <= needed(route, writes=True)
    if route.command and not route.trigger:
        assert needed(route, writes=True) >= Right.TRIGGER


def test_what_a_host_has_not_asked_for_proves_nothing():
    access = Access(CODES, lambda: 0.0)
    with pytest.raises(Denied):
        access.prove("192.0.2.7", "", answer("do-everything", ""))
    with pytest.raises(Busy):
        for _ in range(10):
            with contextlib.suppress(Denied):
                access.prove("192.0.2.7", "x", answer("do-everything", "y"))


async def flooded():
    hub = Hub(FakeEngine(), version="1")
    wire = KeptMessages()
    bundle = Bundle(tag=IMMEDIATELY, messages=(Message("/ping"),))
    for _ in range(50 * int(REMOTE_AT_ONCE)):
        hub.receive(bundle, hub.client(AFAR, wire))
        if hub.counters.dropped_messages == 100:
            break
        hub.receive(bundle, hub.client(("127.0.0.1", 1), wire))
    hub.close()
    return hub, wire


def test_a_client_afar_that_sends_too_much_is_told_and_counted():
    hub, wire = asyncio.run(flooded())
    assert hub.counters.dropped_messages == 100
    told = wire.take(9000)
    assert any(m[0] == "/reply" and m[3] == "busy" for m in told)


def test_who_only_looks_can_take_nothing_away_from_others():
    rows = {route.address: route for route in ROUTES}
    for address in ("/clearsched", "/loudness/reset"):
        assert needed(rows[address], writes=True) is Right.TRIGGER
