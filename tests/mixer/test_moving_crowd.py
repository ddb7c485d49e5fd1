"""Many inserts that begin to move at once: one after the other, in larger steps, and all of them arrive."""

import numpy as np
import pytest
from mixer_rig import Rig

from engine.mixer.automation import compile_automation
from engine.mixer.effects import EFFECTS
from engine.mixer.pace import FEW, MANY, STEP_FRAMES, WAKE_FRAMES, Pace, Way
from engine.mixer.players import PLAYER
from engine.mixer.plugins import Caller
from engine.mixer.state import STAND, MixerState
from engine.realtime.records import NOW, Kind, Report, records
from engine.story.model import At, Effect, Lane, Master, Point, Story, Strip, Track
from tests.signals import noise, sine

TRACKS = 20
EFFECT = ("highpass", "peak", "compressor")


def crowd(norm: float = 0.5) -> Story:
    """Return a story of sixty inserts whose knobs are all at ``norm``."""
    inserts = tuple(
        Effect(effect=name, params={param: row.spec.from_norm(norm) for param, row in EFFECTS[name].params.items()})
        for name in EFFECT
    )
    tracks = tuple(Track(id=f"t{number}", strip=Strip(inserts=inserts)) for number in range(TRACKS))
    return Story(title="crowd", tracks=tracks, master=Master(limiter_db=None))


def snapshot(norm: float, ramp_frames: int) -> np.ndarray:
    """Return records that turn all of its knobs to ``norm``."""
    turned = [
        (strip, place, index, row.spec.from_norm(norm))
        for strip in range(TRACKS)
        for place, name in enumerate(EFFECT)
        for index, row in enumerate(EFFECTS[name].params.values())
    ]
    told = records(len(turned))
    told["kind"], told["ramp_frames"] = Kind.SET_INSERT, ramp_frames
    told["strip"], told["index"], told["param"], told["value"] = np.array(turned).T
    return told


def test_few_move_on_the_fine_grid_many_on_the_coarse_one_and_the_rest_of_a_crowd_in_one_step():
    pace = Pace(lambda frame: 3)
    ways = [pace.way(100) for _ in range(MANY)]
    assert ways == [Way.FINE] * (FEW - 3) + [Way.COARSE] * (MANY - FEW) + [Way.STEP] * 3
    assert pace.way(101) is Way.FINE


def test_twins_wake_so_many_at_a_time():
    pace = Pace(lambda frame: 0)
    wakes = [pace.wake_frame(1000, Way.COARSE) for _ in range(33)]
    assert wakes == [1000] * 16 + [1024] * 16 + [1024 + WAKE_FRAMES]
    assert pace.wake_frame(1100, Way.COARSE) == 1024 + WAKE_FRAMES
    assert pace.wake_frame(5003, Way.COARSE) == 5003
    assert [pace.wake_frame(5003, Way.STEP) for _ in range(9)] == [5003] * 8 + [2 * STEP_FRAMES]


def test_a_crowd_of_knobs_arrives_where_it_was_sent():
    clip = noise(120_000)
    moved, there = Rig(crowd(0.3), clip), Rig(crowd(0.6), clip)
    for rig in (moved, there):
        for strip in range(TRACKS):
            rig.start(0, strip=strip, player=strip + 1)
    moved.mixer.dispatch(snapshot(0.6, 9000))
    moving, still = moved.play(100_000).strips, there.play(100_000).strips
    off = abs(moving - still).max(axis=(0, 2))
    assert off[:4096].max() > 0.1
    assert off[90_000:].max() < 1e-4


def test_records_that_come_together_do_what_they_do_one_by_one():
    together, apart = Rig(crowd(0.3), sine(30_000, 440.0)), Rig(crowd(0.3), sine(30_000, 440.0))
    told = snapshot(0.6, 2000)
    told[["kind", "strip", "index", "value"]][50] = Kind.SET_BYPASS, 3, 1, 1.0
    told[["kind", "strip", "value"]][70] = Kind.SET_GAIN, 4, 0.5
    for rig in (together, apart):
        rig.start(0, strip=3)
        rig.start(0, strip=4, player=2)
    together.mixer.dispatch(told)
    for place in range(len(told)):
        apart.mixer.dispatch(told[place : place + 1])
    assert np.array_equal(together.play(20_000).out, apart.play(20_000).out)
    held = [np.frombuffer(rig.mixer.packed().knobs, told.dtype) for rig in (together, apart)]
    assert np.array_equal(*held)


def test_a_block_wakes_no_more_twins_than_it_may(monkeypatch):
    rig = Rig(crowd(0.3))
    rig.play(512)
    called: list[object] = []
    run = Caller.run
    monkeypatch.setattr(Caller, "run", lambda self, plugin, block: called.append(plugin) or run(self, plugin, block))
    rig.mixer.dispatch(snapshot(0.6, 48_000))
    inserts = TRACKS * len(EFFECT)
    twins = []
    for _ in range(5 * STEP_FRAMES // 256):
        called.clear()
        rig.play(256)
        twins.append(len(set(map(id, called))) - inserts)
    assert twins[0] <= FEW + 16 + 8
    assert max(twins) <= MANY + 8


@pytest.mark.parametrize("at", [NOW, 1000])
def test_turns_wait_for_their_frame_and_keep_their_order_whatever_comes(at):
    """What is turned after a snapshot is newer than all of it; a panic clears what is scheduled, but no turn."""
    told = Rig(crowd(0.3))
    turns = snapshot(0.6, 2000)
    turns["frame"] = at
    told.mixer.dispatch(turns)
    told.move("t19", 2, "ratio", 10.0, at, ramp=300)
    if at != NOW:
        told.play(at + 64)
    assert told.mixer.packed().waiting.nbytes > 0
    told.send(Kind.PANIC, ramp_frames=100)
    told.play(3000, 333)
    assert told.mixer.packed().waiting.nbytes == 0
    rows = np.frombuffer(told.mixer.packed().knobs, records(0).dtype)
    rows = rows[rows["kind"] == Kind.SET_INSERT]
    newest = {(row["strip"], row["index"], row["param"]): row["value"] for row in rows}
    assert len(newest) == len(turns)
    assert newest[19, 2, EFFECTS["compressor"].param_index("ratio", "")] == 10.0


def test_what_the_timeline_moves_is_the_same_in_any_company():
    """Nobody waits or goes in larger steps: an export on several cores mixes some of the strips only."""

    def heard(tracks: int) -> np.ndarray:
        points = tuple(Point(at=At(frame=frame), value=hz) for frame, hz in ((1000, 100.0), (30_000, 4000.0)))
        strip = Strip(
            inserts=(Effect(effect="highpass"),), automation=(Lane(target="insert.1.cutoff_hz", points=points),)
        )
        tracks_ = tuple(Track(id=f"t{number}", strip=strip) for number in range(tracks))
        story = Story(title="moving", tracks=tracks_, master=Master(limiter_db=None))
        rig = Rig(story, noise(40_000))
        rig.mixer.set_automation(compile_automation(story, rig.graph, 240), 1)
        rig.start(0)
        rig.send(Kind.PLAY)
        return rig.play(40_000).strips[0]

    assert np.array_equal(heard(1), heard(MANY + 10))


def test_a_successor_s_inserts_are_where_they_had_gone():
    """What had arrived is there from its first frame on; what had not arrives when it would have."""
    clip = noise(60_000)
    first, heir, there = Rig(crowd(0.3), clip), Rig(crowd(0.3), clip), Rig(crowd(0.6), clip)
    first.mixer.dispatch(snapshot(0.6, 2000))
    first.play(60_000)
    packed = first.mixer.packed()
    dtype = records(0).dtype
    heir.mixer.resume(
        MixerState(
            np.frombuffer(packed.stand, STAND),
            np.zeros(0, PLAYER),
            np.frombuffer(packed.waiting, dtype),
            np.frombuffer(packed.knobs, dtype),
        )
    )
    for rig in (heir, there):
        rig.start(0, strip=19)
    assert np.array_equal(heir.play(5000).strips[19], there.play(5000).strips[19])


def test_each_turn_that_comes_too_late_is_told():
    rig = Rig(crowd(0.3))
    rig.play(1000)
    turns = snapshot(0.6, 2000)[:5]
    turns["frame"] = [10, 20, NOW, 30, 40]
    rig.mixer.dispatch(turns)
    assert rig.reports(Report.LATE)["requested_frame"].tolist() == [10, 20, 30, 40]
