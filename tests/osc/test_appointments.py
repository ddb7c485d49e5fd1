"""What waits for a place of the timeline: at its exact frame, however the timeline is sent about."""

import re

import msgspec
import pytest
from counter import Counter
from fake_engine import RATE

from bridge.message import Message, TimeTag
from bridge.scheduler import MAX_SCHEDULED
from engine import commands as do
from engine import events as told
from engine.errors import UnknownThing


@pytest.fixture
def counter():
    return Counter()


def run(counter, playing=True, timeline_frame=0):
    """Have the timeline run, or rest, from now on."""
    engine = counter.engine
    engine.since = engine.clock.frame_at(counter.time.now())
    engine.transport = msgspec.structs.replace(engine.transport, playing=playing, timeline_frame=timeline_frame)
    engine.tell(told.TransportChanged(playing=playing, timeline_frame=timeline_frame))


def test_a_place_is_met_at_its_frame(counter):
    run(counter, timeline_frame=RATE)
    assert counter.send("/atpos", 3.5, "/cue/1/go") == []
    counter.time.advance(2.3)
    assert counter.engine.applied == []
    counter.time.advance(1.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), round(2.5 * RATE))]


def test_a_beat_is_a_place(counter):
    run(counter)
    counter.send("/atbeat", 4.0, "/strip/voice/gain", -6.0)
    counter.time.advance(10.0)
    assert counter.engine.applied == [(do.SetStripGain(strip="voice", gain_db=-6.0), 2 * RATE)]


def test_it_waits_while_the_timeline_rests(counter):
    counter.send("/atpos", 1.0, "/cue/1/go")
    counter.time.advance(100.0)
    assert counter.engine.applied == []
    run(counter)
    counter.time.advance(1.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), 101 * RATE)]


def test_a_place_that_was_passed_waits_for_the_next_time(counter):
    run(counter, timeline_frame=5 * RATE)
    counter.send("/atpos", 2.0, "/cue/1/go")
    counter.time.advance(20.0)
    assert counter.engine.applied == []
    run(counter, timeline_frame=0)
    counter.time.advance(3.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), 22 * RATE)]


def test_stopping_before_a_place_keeps_it_and_locating_moves_it(counter):
    run(counter)
    counter.send("/atpos", 2.0, "/cue/1/go")
    counter.time.advance(1.0)
    run(counter, playing=False, timeline_frame=RATE)
    counter.time.advance(5.0)
    assert counter.engine.applied == []
    run(counter, timeline_frame=RATE)
    counter.time.advance(0.5)
    run(counter, timeline_frame=0)
    counter.time.advance(1.5)
    assert counter.engine.applied == []
    counter.time.advance(1.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), round(8.5 * RATE))]


def test_the_place_where_the_timeline_starts_is_met_too(counter):
    counter.send("/atpos", 1.0, "/cue/1/go")
    run(counter, timeline_frame=RATE)
    counter.time.advance(0.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), 0)]


def test_places_are_met_in_their_order_and_a_bundle_as_one(counter):
    run(counter)
    counter.send("/atpos", 3.0, "/cue/2/go")
    counter.bundle(Message("/atpos", (1.0, "/cue/1/go")), Message("/atpos", (1.0, "/strip/voice/mute", 1)))
    counter.time.advance(5.0)
    assert [frame for _, frame in counter.engine.applied] == [RATE, RATE, 3 * RATE]
    assert len(counter.engine.groups) == 1


def test_what_waits_can_be_cleared_and_a_panic_clears_it_as_it_begins(counter):
    counter.send("/atpos", 1.0, "/cue/1/go")
    counter.send("/atpos", 1.0, "/cue/2/go")
    assert counter.send("/clearsched", "/cue/1/*") == [("/clearsched", 1)]
    counter.send("/at", 2.0, "/cue/2/go")
    run(counter)
    counter.engine.tell(told.PanicBegun())
    counter.send("/at", 2.5, "/cue/1/go")
    counter.time.advance(2.2)
    counter.engine.tell(told.Panicked())  # after a fade; what was asked for meanwhile is kept, as what is started is
    counter.time.advance(5.0)
    assert counter.engine.applied == [(do.GoCue(cue="1"), round(2.5 * RATE))]


def test_a_panic_forgets_what_comes_due_in_its_fade(counter):
    counter.send("/at", 2.0, "/cue/2/go")
    counter.time.advance(1.0)
    counter.send("/panic", 1, 3.0)
    counter.time.advance(5.0)
    assert counter.engine.applied == [(do.Panic(fade_seconds=3.0), None)]


def test_there_is_an_end_to_what_may_wait(counter):
    for _ in range(MAX_SCHEDULED):
        counter.router.appointments.add(counter_place(1), ["x"])
    ((address, _, status, code, _),) = counter.send("/atpos", 1.0, "/cue/1/go")
    assert (address, status, code) == ("/reply/cue/1/go", "error", "queue_full")


def counter_place(frame):
    from bridge.appointments import Place

    return Place(frame)


@pytest.mark.parametrize("args", [(), (1.0,), ("1", "/cue/1/go"), (-1.0, "/cue/1/go"), (1.0, "cue"), (1.0, 2)])
def test_a_wrong_wrapper_is_answered(counter, args):
    ((_, _, status, _, _),) = counter.send("/atpos", *args)
    assert status == "error"


LINE = do.Say(voice="anna", text="Noon.", job="1")


def test_a_line_is_made_at_once_and_spoken_at_its_time_or_beat(counter):
    run(counter)
    counter.send("/say/at", TimeTag.from_unix(counter.time.now() + 3.0), "anna", "Noon.")
    counter.send("/say/at", 8.0, "anna", "Noon.")
    made = (do.PrepareLine(voice="anna", text="Noon."), None)
    assert counter.engine.applied == [made, made]
    counter.time.advance(10.0)
    spoken = counter.engine.applied[2:]
    assert spoken == [(LINE, 3 * RATE), (msgspec.structs.replace(LINE, job="2"), 4 * RATE)]


def test_a_line_whose_time_has_passed_is_late_and_spoken_unless_its_sender_says_no(counter):
    past = TimeTag.from_unix(counter.time.now() - 0.5)
    late, *_ = counter.send("/say/at", past, "anna", "Noon.")
    assert (*late[:2], round(late[2])) == ("/late", "/say/at", 500)
    assert counter.engine.applied == [(LINE, None)]
    counter.send("/clock/late", "drop")
    assert counter.send("/say/at", past, "anna", "Noon.")[-1][3] == "too_late"
    assert len(counter.engine.applied) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((True, "anna", "Noon."), "when: expected a time tag or a beat, got True"),
        ((-1.0, "anna", "Noon."), "when: -1 is outside 0 to 1e\\+06 beats"),
        ((float("nan"), "anna", "Noon."), "when: nan is no number"),
        (("noon", "anna", "Noon."), "when: expected a time tag or a beat, got the text 'noon'"),
        ((1.0, "anna"), "expects t:when s:voice s:text"),
    ],
)
def test_a_wrong_time_of_a_line_is_told(counter, args, said):
    (reply,) = counter.send("/say/at", *args)
    assert reply[0] == "/reply/say/at" and re.search(said, reply[4])
    assert counter.engine.applied == []


def test_what_stands_against_a_line_is_told_at_once(counter):
    counter.engine.refusal = UnknownThing("voice", "nobody", ["anna"])
    (reply,) = counter.send("/at", 5.0, "/say", "nobody", "Noon.")
    assert reply[2:4] == ("error", "no_such_thing")
    counter.engine.refusal = None
    counter.time.advance(10.0)
    assert counter.engine.applied == []
