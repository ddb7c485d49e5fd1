"""Feedback: what subscribers hear, when, and what they are spared."""

import msgspec
import pytest
from fake_engine import FakeEngine
from hand_time import HandTime, KeptMessages

from bridge.clients import MAX_CLIENTS, MAX_SUBSCRIPTIONS, Clients
from bridge.ears import EVENTS_PER_FLUSH, MAX_POURS, STEPS_PER_SLICE
from bridge.errors import Busy, NoSuchAddress
from bridge.feedback import Feedback
from bridge.message import Message
from bridge.routes import PUSHES, ROUTES
from bridge.tree import AddressTree
from engine import commands as do
from engine import events as told

FLUSH = 0.02


class Bench:
    """A feedback with time, transport and engine in the test's hand."""

    def __init__(self, engine=None):
        self.time = HandTime(now=0.0)
        self.wire = KeptMessages()
        self.engine = engine or FakeEngine()
        self.clients = Clients(self.time.now)
        self.feedback = Feedback(
            self.engine, AddressTree(ROUTES), PUSHES, self.clients,
            call_later=self.time.call_later, now=self.time.now,
        )  # fmt: skip

    def client(self, port=9000):
        return self.clients.heard(("127.0.0.1", port), self.wire)

    def listen(self, pattern, port=9000, interval=0.0, lease=60.0):
        """Subscribe and return what is told at first."""
        client = self.client(port)
        self.feedback.listen(client, self.clients.subscribe(client, pattern, interval, lease))
        self.time.advance(0.5)
        return self.wire.take(port)

    def gain(self, strip, gain_db):
        self.engine.apply(do.SetStripGain(strip=strip, gain_db=gain_db))

    def heard(self, seconds=1.0, port=None):
        self.time.advance(seconds)
        return self.wire.take(port)


@pytest.fixture
def bench():
    return Bench()


def test_present_values_come_first_and_then_their_count(bench):
    assert bench.listen("/strip/{voice,master}/gain") == [
        ("/strip/voice/gain", 0.0),
        ("/strip/master/gain", 0.0),
        ("/subscribed", "/strip/{voice,master}/gain", 2),
    ]


def test_a_limiter_that_is_switched_is_told_with_its_ceiling(bench):
    present = bench.listen("/master//")
    assert present[:2] == [("/master/limiter", 1), ("/master/ceiling", -1.0)]
    bench.engine.apply(do.SetLimiter(limiter=False, ceiling_db=-12.0))
    assert bench.heard() == [("/master/limiter", 0), ("/master/ceiling", -12.0), ("/master/ceiling/norm", 0.5)]


def test_nothing_matches_yet(bench):
    assert bench.listen("/cue/99/state") == [("/subscribed", "/cue/99/state", 0)]
    bench.engine.cues["99"] = "ready"
    bench.engine.tell(told.CueChanged(cue="99", state="ready"))
    assert bench.heard() == [("/cue/99/state", "ready")]


def test_a_change_is_told_on_every_address_that_shows_it(bench):
    bench.listen("/strip/voice//")
    bench.listen("/strip/voice/gain//", port=9001)
    bench.gain("voice", 12.0)
    bench.time.advance(1.0)
    changes = [("/strip/voice/gain", 12.0), ("/strip/voice/gain/norm", 1.0)]
    for port in (9000, 9001):
        assert [(m.address, *m.args) for to, m in bench.wire.sent if to[1] == port] == changes


def test_only_what_one_subscribed_to(bench):
    bench.listen("/strip/voice/gain")
    bench.listen("/strip/spook/gain", port=9001)
    bench.gain("voice", -1.0)
    bench.gain("master", -2.0)
    bench.time.advance(1.0)
    assert {(to[1], m.address, *m.args) for to, m in bench.wire.sent} == {(9000, "/strip/voice/gain", -1.0)}


def test_the_first_change_is_told_at_once_and_the_rest_at_fifty_hertz(bench):
    bench.listen("/strip/voice/gain")
    bench.gain("voice", -1.0)
    assert bench.heard(0.0) == [("/strip/voice/gain", -1.0)]
    for step in range(1000):
        bench.gain("voice", -step / 100.0)
        bench.time.advance(0.001)
    bench.time.advance(1.0)
    heard = bench.wire.take()
    assert 45 <= len(heard) <= 56
    assert heard[-1] == ("/strip/voice/gain", -9.99)


def test_an_interval_is_kept(bench):
    bench.listen("/strip/voice/gain", interval=0.25)
    for step in range(100):
        bench.gain("voice", -step / 10.0)
        bench.time.advance(0.01)
    assert 4 <= len(heard := bench.heard()) <= 6
    assert heard[-1] == ("/strip/voice/gain", -9.9)


def test_of_several_patterns_the_quickest_counts(bench):
    bench.listen("/strip/voice/gain", interval=10.0)
    bench.listen("/strip/*/gain", interval=0.0)
    for step in range(10):
        bench.gain("voice", -float(step))
        bench.time.advance(0.05)
    assert len(bench.heard()) == 10


def test_who_takes_nothing_hears_the_newest_value_and_how_many_events_are_lost(bench):
    bench.listen("//")
    bench.listen("/strip/voice/gain", port=9001)
    bench.wire.full.add(9000)
    for step in range(500):
        bench.gain("voice", -step / 10.0)
        bench.engine.tell(told.Panicked())
        bench.time.advance(0.01)
    assert len(bench.wire.take(9001)) > 200, "others are told as ever"
    bench.wire.full.clear()
    told_later = bench.heard(0.1, port=9000)
    assert told_later.count(("/strip/voice/gain", -49.9)) == 1
    assert ("/event/lost", 500) in told_later


def test_unsubscribing_is_the_end(bench):
    bench.listen("/strip/voice/gain")
    bench.gain("voice", -1.0)
    bench.client().subscriptions.clear()
    bench.feedback.ignore(bench.client())
    bench.gain("voice", -2.0)
    assert bench.heard() == []
    assert not bench.time.armed, "nobody listens, nothing ticks"


def test_a_lease_ends_and_that_is_told(bench):
    bench.listen("/strip/voice/gain", lease=5.0)
    assert ("/lease_expired", "/strip/voice/gain") in bench.heard(6.0)
    bench.gain("voice", -1.0)
    assert bench.heard() == []


def test_any_traffic_renews_leases(bench):
    bench.listen("/strip/voice/gain", lease=5.0)
    for _ in range(10):
        bench.time.advance(3.0)
        bench.client()
    bench.gain("voice", -1.0)
    assert bench.heard() == [("/strip/voice/gain", -1.0)]


def test_meters_come_thirty_times_a_second_and_only_when_they_move(bench):
    bench.listen("/strip/voice/meter")
    bench.heard()
    count = 0
    for step in range(1000):
        bench.engine.meter_db = -step / 100.0
        bench.time.advance(0.001)
    count = len(bench.wire.take())
    assert 24 <= count <= 31
    bench.heard(0.1)
    assert bench.heard() == []


def test_many_who_hear_the_same_meters_are_looked_for_once(bench):
    """Who comes later, or takes nothing for a while, hears what is, then what moves, as all the others."""
    looks, meter = [], bench.engine.meter
    bench.engine.meter = lambda strip: looks.append(strip) or meter(strip)
    for port in range(9000, 9010):
        bench.listen("/strip/{voice,spook}/meter", port=port)
    bench.listen("/strip/{voice,spook}/meter", port=9010, interval=0.2)
    bench.heard()
    looks.clear()
    bench.wire.full.add(9003)
    for step in range(10):
        bench.engine.meter_db = -1.0 - step
        bench.time.advance(0.1)
    assert len(looks) <= 2 * 40, "twice thirty times a second, and five times for who hears less"
    bench.wire.full.clear()
    bench.time.advance(0.1)
    heard = {port: [m.args[0] for to, m in bench.wire.sent if to[1] == port] for port in range(9000, 9011)}
    assert heard[9000] == [-1.0 - step for step in range(10) for _ in "vs"]
    assert heard[9003] == [-10.0, -10.0]
    assert all(heard[port] == heard[9000] for port in (9001, 9002, *range(9004, 9010)))
    assert heard[9010][-2:] == [-10.0, -10.0] and 8 <= len(heard[9010]) <= 14
    bench.wire.sent.clear()
    assert ("/strip/voice/meter", -10.0, -10.0, -100.0, -100.0) in bench.listen("/strip/voice/meter", port=9011)
    assert bench.heard() == []


def test_the_position_moves_while_playing(bench):
    bench.listen("/transport/position")
    for frame in range(0, 4800, 480):
        bench.engine.transport = msgspec.structs.replace(bench.engine.transport, timeline_frame=frame, playing=True)
        bench.time.advance(0.04)
    positions = [m[1] for m in bench.wire.take()]
    assert positions == sorted(set(positions))
    assert len(positions) >= 8


def test_events_come_at_once_with_the_time_they_are_heard(bench):
    bench.listen("/event//*")
    bench.engine.tell(told.CueStarted(cue="1", requested_frame=48_000, actual_frame=48_000))
    ((address, cue, tag),) = bench.wire.take()
    assert (address, cue, tag.unix) == ("/event/cue/started", "1", bench.engine.clock.time_at(48_000))


def test_a_storm_of_events_is_cut_and_the_rest_counted(bench):
    bench.listen("/event/panic")
    for _ in range(EVENTS_PER_FLUSH + 50):
        bench.engine.tell(told.Panicked())
    heard = bench.heard()
    assert heard.count(("/event/panic",)) == EVENTS_PER_FLUSH
    assert heard[-1] == ("/event/lost", 50)


def test_the_news_of_a_job_go_to_who_asked_and_to_who_listens(bench):
    asker = bench.client(9005)
    bench.listen("/job/*", port=9001)
    bench.listen("/fail", port=9002)
    bench.feedback.own("7", asker, "say")
    bench.engine.tell(told.JobProgressed(job="7", verb="say", fraction=0.5, stage="speaking"))
    bench.engine.tell(
        told.WordHeard(job="7", text="hi", start_seconds=0.5, end_seconds=1.0, source="dtw", confidence=0.5)
    )
    bench.engine.tell(told.JobDone(job="7", verb="say", result="abc", seconds=1.5))
    bench.engine.tell(told.JobFailed(job="8", verb="say", code="voice_failed", text="mute"))
    sent = [(to[1], m.address, *m.args) for to, m in bench.wire.sent]
    assert sent == [
        (9005, "/progress", "/say", 7, 0.5, "speaking"),
        (9001, "/progress", "/say", 7, 0.5, "speaking"),
        (9005, "/word", 7, 0.5, 1.0, "hi", "dtw", 0.5),
        (9001, "/word", 7, 0.5, 1.0, "hi", "dtw", 0.5),
        (9005, "/done", "/say", 7, "abc", 1.5),
        (9001, "/done", "/say", 7, "abc", 1.5),
        (9001, "/fail", "/say", 8, "voice_failed", "mute"),
        (9002, "/fail", "/say", 8, "voice_failed", "mute"),
    ]


def test_another_story_is_told_anew(bench):
    bench.listen("/cue/*/state")
    bench.engine.cues = {"x": "ready"}
    bench.engine.tell(told.StoryReloaded(path="story.yaml"))
    assert bench.heard() == [("/cue/x/state", "ready"), ("/subscribed", "/cue/*/state", 1)]


def test_what_exists_no_more_is_not_told(bench):
    bench.listen("/cue/*/state")
    bench.engine.tell(told.CueChanged(cue="gone", state="ready"))
    assert bench.heard() == []


def test_thousands_of_values_come_in_slices_and_others_are_told_in_between():
    bench = Bench(FakeEngine(cues=[str(n) for n in range(5000)]))
    bench.listen("/strip/voice/gain", port=9001)
    client = bench.client()
    bench.feedback.listen(client, bench.clients.subscribe(client, "/cue/*/state", 0.0, 60.0))
    bench.time.advance(0.05)
    assert 0 < len(bench.wire.take(9000)) < 20 * STEPS_PER_SLICE
    bench.gain("voice", -1.0)
    bench.time.advance(2 * FLUSH)
    assert ("/strip/voice/gain", -1.0) in [(m.address, *m.args) for to, m in bench.wire.sent if to[1] == 9001]
    bench.time.advance(10.0)
    assert bench.wire.sent[-1][1] == Message("/subscribed", ("/cue/*/state", 5000))


def test_thousands_of_changes_come_in_slices():
    bench = Bench(FakeEngine(cues=[str(n) for n in range(1000)]))
    bench.listen("/cue/*/state")
    bench.heard(5.0)
    for cue in bench.engine.cues:
        bench.engine.tell(told.CueChanged(cue=cue, state="ready"))
    bench.time.advance(0.0)
    assert len(bench.wire.sent) <= STEPS_PER_SLICE
    bench.time.advance(1.0)
    assert len(bench.wire.sent) == 1000


def test_what_changes_while_others_are_told_of_it_is_told_to_everybody(bench):
    bench.listen("/strip/voice/gain", port=1)
    bench.listen("/strip/voice/gain", port=2)
    plain = bench.wire.send

    def send(to, messages):
        plain(to, messages)
        bench.wire.send = plain
        bench.gain("voice", -7.0)

    bench.wire.send = send
    bench.gain("voice", -5.0)
    bench.time.advance(1.0)
    gains = {port: [m.args[0] for (_, to), m in bench.wire.sent if to == port] for port in (1, 2)}
    assert gains == {1: [-5.0, -7.0], 2: [-7.0]}


def test_another_subscription_counts_at_once(bench):
    bench.listen("/strip/voice/gain", interval=1.0)
    bench.gain("voice", -1.0)
    assert bench.heard(0.1) == [("/strip/voice/gain", -1.0)]
    bench.listen("/strip/*/gain", interval=0.0)
    bench.gain("voice", -2.0)
    assert bench.heard(0.1) == [("/strip/voice/gain", -2.0)]


def test_resync_tells_all_again(bench):
    bench.listen("/strip/voice/gain")
    bench.listen("/strip/voice/pan")
    bench.feedback.resync(bench.client())
    assert [m[0] for m in bench.heard()] == ["/strip/voice/gain", "/subscribed", "/strip/voice/pan", "/subscribed"]


def test_closing_ends_it_all(bench):
    bench.listen("/strip/voice/gain")
    bench.feedback.close()
    bench.gain("voice", -1.0)
    assert bench.heard() == []
    assert not bench.time.armed


def test_there_is_an_end_to_subscriptions(bench):
    client = bench.client()
    for number in range(MAX_SUBSCRIPTIONS):
        bench.clients.subscribe(client, f"/x/{number}", 0.0, 60.0)
    bench.clients.subscribe(client, "/x/0", 0.0, 60.0)
    with pytest.raises(Busy):
        bench.clients.subscribe(client, "/x/more", 0.0, 60.0)


def test_there_is_an_end_to_subscribers_and_idle_clients_make_room(bench):
    idle = bench.client(8000)
    for port in range(9000, 9000 + MAX_CLIENTS):
        client = bench.client(port)
        bench.clients.subscribe(client, "/x", 0.0, 60.0)
    assert idle not in list(bench.clients)
    assert len(bench.clients) == MAX_CLIENTS
    with pytest.raises(Busy, match="64 clients"):
        bench.clients.subscribe(bench.client(8001), "/x", 0.0, 60.0)
    bench.time.advance(61.0)
    bench.clients.expired()
    bench.clients.subscribe(bench.client(8001), "/x", 0.0, 60.0)


def test_there_is_an_end_to_long_answers(bench):
    client = bench.client()
    with pytest.raises(Busy):
        for _ in range(MAX_POURS + 1):
            bench.feedback.pour(client, iter(()))


def test_errors_are_not_amplified_and_none_is_forgotten(bench):
    client = bench.client()
    for _ in range(1000):
        client.refuse("/x", 0, NoSuchAddress("nothing there"))
    told_at_once = len(bench.wire.take())
    assert told_at_once < 400
    bench.time.advance(1.0)
    client.refuse("/x", 0, NoSuchAddress("nothing there"))
    first, _ = bench.wire.take()
    assert first[:4] == ("/reply", 0, "error", "busy")
    assert first[4].startswith(str(1000 - told_at_once))
