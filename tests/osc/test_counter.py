"""What the bridge answers: nearest addresses, clock stamps, late bundles, where answers go, what is dumped."""

import asyncio

import pytest
from counter import Counter
from fake_engine import WallClock
from hand_time import KeptMessages

from bridge.access import Right
from bridge.clients import Clients
from bridge.errors import Denied
from bridge.hub import Hub
from bridge.message import Message, TimeTag
from engine import commands as do


@pytest.fixture
def counter():
    return Counter()


@pytest.mark.parametrize(
    ("sent", "near"),
    [
        ("/strip/voice/gian", "/strip/voice/gain"),
        ("/strp/voice/gain", "/strip/voice/gain"),
        ("/strip/voice/gain/nrm", "/strip/voice/gain/norm"),
        ("/transport/plya", "/transport/play"),
        ("/trnsport/play", "/transport/play"),
        ("/slot/a/one/trigger", "/slot/a/1/trigger"),
        ("/go/on", "/go"),
    ],
)
def test_an_unknown_address_is_answered_with_the_nearest(counter, sent, near):
    ((address, _, status, code, text),) = counter.send(sent, 1.0)
    assert (address, status, code) == (f"/reply{sent}", "error", "no_such_address")
    assert text.endswith(f"the nearest is {near}")


@pytest.mark.parametrize("sent", ["/", "/x" * 100, "/" + "y" * 200, "/strip", "/éé/ü", "//"])
def test_whatever_it_is_there_is_one_answer(counter, sent):
    ((_, _, status, code, _),) = counter.send(sent)
    assert (status, code) == ("error", "no_such_address")


def test_a_clock_ping_has_four_stamps(counter):
    counter.client().heard_at = WallClock.START - 0.25
    sent_at = TimeTag(12345 << 32)
    ((address, number, t0, t1, t2),) = counter.send("/clock/ping", 7, sent_at)
    assert (address, number, t0) == ("/clock/pong", 7, sent_at)
    assert (t1.unix, t2.unix) == (WallClock.START - 0.25, WallClock.START)


def test_what_comes_late_plays_and_is_told(counter):
    assert counter.send("/cue/1/go", at=-0.5) == [("/late", "/cue/1/go", pytest.approx(500.0, abs=1e-3), 1)]
    assert counter.engine.applied == [(do.GoCue(cue="1"), None)]


def test_what_comes_late_is_dropped_where_that_is_wanted(counter):
    counter.send("/clock/late", "drop")
    late, refusal = counter.send("/cue/1/go", at=-0.5)
    assert late[0] == "/late"
    assert refusal[:4] == ("/reply/cue/1/go", 0, "error", "too_late")
    assert counter.engine.applied == []
    assert counter.send("/cue/1/go", at=-0.5, port=9001)[0][0] == "/late", "others have their own rule"
    assert len(counter.engine.applied) == 1


def test_a_request_that_is_dropped_as_late_hears_so_by_its_number(counter):
    counter.send("/clock/late", "drop")
    _, refusal = counter.send("/req", 7, "/cue/1/go", at=-0.5)
    assert refusal[:4] == ("/reply/cue/1/go", 7, "error", "too_late")
    _, refusal = counter.send("/req", 8, "/edit/on", 3, "/undo", at=-0.5)
    assert refusal[:4] == ("/reply/undo", 8, "error", "too_late")


def test_every_request_is_answered_however_many_of_them_are_refused(counter):
    answered = [counter.send("/req", number, "/nothing")[0][1:4] for number in range(1, 1001)]
    assert answered == [(number, "error", "no_such_address") for number in range(1, 1001)]


def test_what_comes_a_little_late_plays(counter):
    assert counter.send("/clock/late", "play_within", 100.0) == [("/clock/late", "play_within", 100.0)]
    counter.send("/cue/1/go", at=-0.05)
    counter.send("/cue/2/go", at=-0.2)
    assert [command for command, _ in counter.engine.applied] == [do.GoCue(cue="1")]
    assert counter.send("/clock/late") == [("/clock/late", "play_within", 100.0)]


def test_without_midi_there_is_no_clock_to_follow(counter):
    own = ("/clock/source", "internal", "internal", "stopped", "internal")
    assert counter.send("/clock/source") == counter.send("/clock/source", "internal") == [own]
    ((_, _, status, code, _),) = counter.send("/clock/source", "mtc")
    assert (status, code) == ("error", "no_midi")
    ((_, _, status, code, text),) = counter.send("/clock/source", "never")
    assert (status, code) == ("error", "bad_range") and "auto, mtc, clock, link, jack" in text


def test_a_rule_that_is_none_is_refused(counter):
    ((_, _, status, code, text),) = counter.send("/clock/late", "never")
    assert (status, code) == ("error", "bad_range")
    assert "play_within" in text


@pytest.mark.parametrize("tag", [1, 0])
def test_an_immediate_bundle_is_never_late(counter, tag):
    from bridge.message import Bundle

    counter.router.receive(Bundle(tag=TimeTag(tag), messages=(Message("/cue/1/go"),)), counter.client())
    assert counter.wire.take() == []


@pytest.mark.parametrize("year_seconds", [2_085_978_500.0, 4_102_444_800.0])
def test_a_time_beyond_2036_is_too_far_and_not_late(counter, year_seconds):
    ((_, _, status, code, _),) = counter.send("/cue/1/go", at=year_seconds - WallClock.START)
    assert (status, code) == ("error", "too_far")


def test_answers_go_where_a_url_says(counter):
    assert counter.send("/client/url", "osc.udp://127.0.0.1:9123/") == []
    counter.router.receive(bundle("/ping", 1), counter.client())
    assert counter.wire.take(9123)[0][0] == "/pong"
    counter.send("/client/url", "")
    assert counter.send("/ping", 1)[0][0] == "/pong"


def test_answers_go_to_another_port_of_the_sender_until_it_says_otherwise(counter):
    assert counter.send("/client/replyport", 9123) == []
    counter.router.receive(bundle("/ping", 1), counter.client())
    assert counter.wire.take(9123)[0][0] == "/pong"
    counter.router.receive(bundle("/client/replyport", 7400), counter.client())
    assert counter.wire.take(9123)[0][2:] == ("error", "bad_range", "port 7400 is our own")
    assert counter.send("/ping", 1, port=9001)[0][0] == "/pong", "others are answered where they are"
    counter.send("/client/replyport", 0)
    assert counter.send("/ping", 1)[0][0] == "/pong"


def test_a_barrier_and_what_one_is_subscribed_to(counter):
    counter.send("/subscribe", "/strip/*/gain", 100, 30.0)
    counter.send("/subscribe", "/event//*")
    assert counter.send("/subscriptions") == [
        ("/subscriptions", "/strip/*/gain", 100, 30.0), ("/subscriptions", "/event//*", 0, 60.0),
        ("/subscriptions/end", 2),
    ]  # fmt: skip
    assert counter.send("/sync", 7) == [("/synced", 7)]


@pytest.mark.parametrize(
    "url", ["9000", "osc.udp://:1/", "http://127.0.0.1:80/", "osc.udp://host:x/", "osc.udp://a:1/"]
)
def test_a_url_that_is_none_is_refused(counter, url):
    assert counter.send("/client/url", url)[0][2:4] == ("error", "bad_range")


def test_another_machine_can_not_have_us_talk_to_a_third(counter):
    client = counter.client(9000, host="192.0.2.7")
    client.right = Right.ADMIN
    counter.router.receive(bundle("/client/url", "osc.udp://192.0.2.8:9/"), client)
    assert counter.wire.take()[0][2:4] == ("denied", "denied")
    counter.router.receive(bundle("/client/url", "osc.udp://192.0.2.7:9/"), client)
    assert client.address == ("192.0.2.7", 9)


def bundle(address, *args):
    from bridge.message import IMMEDIATELY, Bundle

    return Bundle(tag=IMMEDIATELY, messages=(Message(address, args),))


def test_a_client_has_a_name(counter):
    assert counter.send("/client/name", "tablet") == [("/client/name", "tablet")]
    assert counter.client().shown == "tablet"
    assert counter.client(9001).shown == "127.0.0.1:9001"


def overheard(engine, *steps):
    """Return what 9000 hears of each step: who sends, the message, where from."""

    async def done():
        hub, wire = Hub(engine, version="1"), KeptMessages()
        heard = []
        for port, *message, host in steps:
            hub.receive(bundle(*message), hub.client((host, port), wire))
            heard.append(wire.take(9000))
        hub.close()
        return heard

    return asyncio.run(done())


def test_who_dumps_hears_of_everything_that_comes_in_but_passcodes(engine):
    here = "127.0.0.1"
    _, heard, secret, wrapped, _, later = overheard(
        engine,
        (9000, "/dump", 1, here),
        (9001, "/no/such", 1.5, "a b", here),
        (9001, "/connect", "stage-door-12", here),
        (9001, "/req", 3, "/v1/connect", "stage-door-12", here),
        (9000, "/dump", 0, here),
        (9001, "/ping", here),
    )
    assert heard == [("/dump/heard", "127.0.0.1:9001", '/no/such 1.5 "a b"')]
    assert secret == [("/dump/heard", "127.0.0.1:9001", '/connect "…"')]
    assert wrapped == [("/dump/heard", "127.0.0.1:9001", '/req 3 "/v1/connect" "…"')]
    assert later == []


def test_what_others_send_is_heard_by_its_name_only_and_by_who_may_do_everything(engine):
    here = "127.0.0.1"
    *_, heard = overheard(engine, (9000, "/subscribe", "//", here), (9001, "/ping", 1, here))
    assert heard == []
    clients = Clients(lambda: 0.0)
    viewer = clients.heard(("192.0.2.7", 9000), KeptMessages())
    viewer.right = Right.EDIT
    with pytest.raises(Denied, match="admin"):
        clients.subscribe(viewer, "/dump/heard", 0.0, 60.0)


def test_the_status_is_what_its_row_says(counter):
    row = counter.tree.find("/status").route
    (answer,) = counter.send("/req", 1, "/status")
    types = {"i": int, "f": float, "s": str}
    assert [type(value) for value in answer[3:]] == [types[word[0]] for word in row.answers.split()]
