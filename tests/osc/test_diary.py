"""What was to be done later is done by the hub that follows, at its frame, and whoever asked is answered."""

import msgspec
from counter import Counter
from fake_engine import RATE, WallClock

from bridge.message import Message
from engine import commands as do
from engine import events as told

LATER = RATE * 5


def successor(gone):
    """Return who follows a counter that was killed this moment."""
    counter = Counter()
    counter.time, counter.engine.notes = gone.time, gone.engine.notes
    counter.router = type(counter.router)(
        counter.engine, counter.tree, counter.clients, counter.feedback,
        call_later=gone.time.call_later, wall=gone.time.now, version="1.2.3",
    )  # fmt: skip
    gone.router.close()
    counter.router.diary.lasts = lambda _: True
    counter.router.recall(lambda source: counter.client(source[1]))
    return counter


def first():
    counter = Counter()
    counter.router.diary.lasts = lambda _: True
    return counter


def test_a_bundle_is_done_by_the_successor_at_its_frame_in_one_piece():
    gone = first()
    gone.bundle(Message("/req", (7, "/cue/1/go")), Message("/strip/voice/gain", (-6.0,)), at=5.0)
    gone.time.advance(2.0)
    counter = successor(gone)
    counter.time.advance(2.8)
    assert counter.engine.applied == []
    counter.time.advance(0.2)
    assert counter.engine.applied == [
        (do.GoCue(cue="1"), LATER),
        (do.SetStripGain(strip="voice", gain_db=-6.0), LATER),
    ]
    assert len(counter.engine.groups) == 1
    assert counter.wire.take() == [("/reply/cue/1/go", 7, "ok")]
    assert gone.engine.applied == [] and counter.engine.notes == {}


def test_what_came_due_meanwhile_is_done_late():
    gone = first()
    gone.send("/cue/1/go", at=5.0)
    kept = dict(gone.engine.notes)
    gone.time.advance(6.0)
    assert gone.engine.notes == {}, "what is done is no longer kept"
    gone.engine.notes = kept
    assert successor(gone).engine.applied == [(do.GoCue(cue="1"), LATER)]


def test_what_was_cleared_is_not_kept():
    gone = first()
    gone.send("/cue/1/go", at=5.0)
    gone.send("/strip/voice/gain", -6.0, at=6.0)
    gone.send("/atpos", 100.0, "/cue/2/go")
    gone.send("/clearsched", "/cue/1/*")
    counter = successor(gone)
    assert len(counter.engine.notes) == 2
    counter.time.advance(10.0)
    assert [command for command, _ in counter.engine.applied] == [do.SetStripGain(strip="voice", gain_db=-6.0)]
    assert len(counter.router.appointments) == 1


def test_the_numbers_of_jobs_go_on_and_whoever_is_gone_hears_nothing():
    gone = first()
    gone.router.diary.lasts = lambda _: False
    gone.send("/say", "narrator", "Later.", at=5.0)
    counter = successor(gone)
    counter.time.advance(5.0)
    prepared, said = (command for command, _ in counter.engine.applied)
    assert (prepared, said.job) == (do.PrepareLine(voice="narrator", text="Later."), "1")
    assert counter.router.jobs == 1
    assert counter.wire.take() == []


def test_what_the_mixer_may_have_at_once_is_not_kept():
    counter = first()
    counter.send("/cue/1/go", at=0.03)
    assert counter.engine.notes == {}
    assert counter.engine.applied == [(do.GoCue(cue="1"), round(0.03 * RATE))]
    assert counter.time.now() == WallClock.START


def run(counter, timeline_frame=0):
    """Have the timeline run from now on."""
    engine = counter.engine
    engine.since = engine.clock.frame_at(counter.time.now())
    engine.transport = msgspec.structs.replace(engine.transport, playing=True, timeline_frame=timeline_frame)
    engine.tell(told.TransportChanged(playing=True, timeline_frame=timeline_frame))


def heir(gone, seconds):
    """Return who follows a counter that was killed ``seconds`` ago, while the timeline went on."""
    kept = dict(gone.engine.notes)
    gone.router.close()
    gone.time.advance(seconds)
    gone.engine.notes = kept
    follower = Counter()
    follower.time, follower.engine = gone.time, gone.engine
    follower.router = type(follower.router)(
        gone.engine, follower.tree, follower.clients, follower.feedback,
        call_later=gone.time.call_later, wall=gone.time.now, version="1.2.3",
    )  # fmt: skip
    follower.router.diary.lasts = lambda _: True
    follower.router.recall(lambda source: follower.client(source[1]))
    return follower


def test_a_place_that_was_passed_meanwhile_is_done_late_and_told():
    gone = first()
    run(gone)
    gone.send("/atpos", 2.0, "/v1/cue/1/go")
    gone.send("/atpos", 3.0, "/cue/2/go")
    gone.time.advance(1.0)
    counter = heir(gone, 1.5)
    assert counter.engine.applied == [(do.GoCue(cue="1"), 2 * RATE)]
    ((address, what, late_ms, _),) = counter.wire.take()
    assert (address, what, round(late_ms)) == ("/late", "/v1/cue/1/go", 500)
    counter.time.advance(1.0)
    assert counter.engine.applied[1:] == [(do.GoCue(cue="2"), 3 * RATE)]
    assert counter.engine.notes == {}


def test_a_place_that_was_passed_before_it_was_asked_for_waits_on():
    gone = first()
    run(gone, timeline_frame=5 * RATE)
    gone.time.advance(1.0)
    gone.send("/atpos", 2.0, "/cue/1/go")
    counter = heir(gone, 1.0)
    counter.time.advance(10.0)
    assert counter.engine.applied == [] and counter.wire.take() == []
    run(counter)
    counter.time.advance(3.0)
    assert [command for command, _ in counter.engine.applied] == [do.GoCue(cue="1")]
