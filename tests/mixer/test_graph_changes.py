"""Another graph while it sounds: no click, no cut tail, and what stays sounds as if nothing had happened."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.commands import (
    AddBus,
    AddInsert,
    AddSend,
    AddTrack,
    MoveInsert,
    RemoveBus,
    RemoveDuck,
    RemoveInsert,
    RemoveSend,
    RemoveTrack,
    SetDuckLookAhead,
    SetStripGain,
)
from engine.errors import StoryError
from engine.mixer.graph import Graph, compile_graph
from engine.mixer.handover import FADE_SECONDS
from engine.mixer.mixer import Mixer
from engine.mixer.regraph import regraph, swept
from engine.realtime.records import ENTRY, Kind, Report, records
from engine.story.edit import apply_edit
from engine.story.model import Bus, Duck, Effect, Master, Send, Story, Strip, Track

RATE, BLOCK = 48000, 256


def effect(name: str, **params: float) -> Effect:
    return Effect(effect=name, params=params)


class Stage:
    """One mixer at a time, playing a sine on the first track, and the story it has."""

    def __init__(self, story: Story, sound: NDArray[np.float32]) -> None:
        self.story, self.graph = story, compile_graph(story)
        self.arena = sound
        self.mixer = self._mixer(self.graph)
        self.told: list[int] = []

    def _mixer(self, graph: Graph, before: Mixer | None = None) -> Mixer:
        return Mixer(graph, sample_rate=RATE, arena=self.arena, max_block_frames=1024, max_players=8, before=before)

    def start(self, strip: int = 0, length: int | None = None, player: int = 1) -> None:
        record = records(1)
        record["kind"], record["channels"], record["gain"], record["strip"] = Kind.START_PLAYER, 1, 1.0, strip
        record["length"], record["player"], record["fade_in_frames"] = length or len(self.arena), player, 480
        self.mixer.dispatch(record)

    def turn(self, kind: Kind, **fields: float) -> None:
        record = records(1)
        record["kind"] = kind
        for name, value in fields.items():
            record[name] = value
        self.mixer.dispatch(record)

    def play(self, frames: int) -> NDArray[np.float32]:
        """Return the left channel of the next ``frames``."""
        blocks = []
        for _ in range(frames // BLOCK):
            blocks.append(self.mixer.process(BLOCK)[:, 0].copy())
            self.told.extend(self.mixer.take_reports()["kind"].tolist())
        return np.concatenate(blocks)

    def edit(self, *commands: object) -> NDArray[np.float32]:
        """Change the mix as the engine does; return what was heard until the new graph plays."""
        for command in commands:
            story = apply_edit(self.story, command)
            self.graph = regraph(self.graph, self.story, story)
            self.story = story
        return self.swap(self.graph)

    def swap(self, graph: Graph) -> NDArray[np.float32]:
        self.graph = graph
        following = self._mixer(graph, self.mixer)
        until = self.mixer.part(following)
        heard = [np.zeros(0, np.float32)]
        while self.mixer.frame < until:
            heard.append(self.play(BLOCK))
        following.adopt(self.mixer)
        self.mixer = following
        return np.concatenate(heard)


def sine(seconds: float = 4.0) -> NDArray[np.float32]:
    return (0.25 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def story(*inserts: Effect, sends: tuple[Send, ...] = (), buses: tuple[Bus, ...] = ()) -> Story:
    track = Track(id="voice", strip=Strip(inserts=inserts, sends=sends))
    return Story(title="t", tracks=(track, Track(id="other")), buses=buses, master=Master(limiter_db=None))


def roughness(heard: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(heard.astype(np.float64), 2)).max())


HALL = Bus(id="hall", strip=Strip(inserts=(effect("reverb", dry_level=0.0, wet_level=0.6),)))


@pytest.mark.parametrize(
    ("before", "commands"),
    [
        (story(), [AddInsert(strip="voice", effect="distortion")]),
        (story(), [AddInsert(strip="voice", effect="reverb")]),
        (story(effect("distortion", drive_db=20.0)), [RemoveInsert(strip="voice", insert=1)]),
        (story(effect("delay", mix=0.5)), [RemoveInsert(strip="voice", insert=1)]),
        (story(effect("distortion"), effect("delay")), [MoveInsert(strip="voice", insert=1, position=2)]),
        (story(buses=(HALL,)), [AddSend(strip="voice", bus="hall", gain_db=6.0)]),
        (story(sends=(Send(to="hall", gain_db=6.0),), buses=(HALL,)), [RemoveSend(strip="voice", bus="hall")]),
        (story(sends=(Send(to="hall", gain_db=6.0),), buses=(HALL,)), [RemoveBus(bus="hall")]),
        (story(), [AddBus(bus="new"), AddSend(strip="voice", bus="new", gain_db=0.0)]),
        (story(), [RemoveTrack(track="voice")]),
        (story(), [AddTrack(track="third"), AddInsert(strip="master", effect="chorus")]),
    ],
)  # fmt: skip
def test_no_edit_clicks(before: Story, commands: list[object]) -> None:
    stage = Stage(before, sine())
    stage.start()
    stage.play(96 * BLOCK)
    before_it = stage.play(32 * BLOCK)
    heard = np.concatenate([stage.play(BLOCK), stage.edit(*commands), stage.play(64 * BLOCK)])
    after_it = stage.play(32 * BLOCK)
    corner = np.abs(heard).max() / (FADE_SECONDS * RATE)  # where a straight fade begins or ends
    assert roughness(heard) < 1.5 * max(roughness(before_it), roughness(after_it)) + corner


def test_a_mixer_that_was_followed_is_freed_without_a_collector() -> None:
    stage = Stage(story(effect("delay"), effect("reverb"), buses=(HALL,)), sine())
    gc.disable()  # as in the audio process
    try:
        before = [weakref.ref(each) for each in (stage.mixer, stage.mixer._rack, *stage.mixer._rack.chains.values())]
        stage.edit(RemoveInsert(strip="voice", insert=1), AddInsert(strip="voice", effect="compressor"))
        stage.edit(RemoveBus(bus="hall"))
        assert [each() for each in before] == [None] * len(before)
    finally:
        gc.enable()


def test_what_stays_is_not_touched_to_the_last_bit() -> None:
    before = story(effect("delay"), effect("compressor", threshold_db=-30.0), sends=(Send(to="hall"),), buses=(HALL,))
    touched, untouched = Stage(before, sine()), Stage(before, sine())
    for stage in (touched, untouched):
        stage.start()
        stage.play(50 * BLOCK)
    heard = touched.edit(AddTrack(track="third"), AddBus(bus="plate"), AddInsert(strip="other", effect="reverb"))
    heard = np.concatenate([heard, touched.play(100 * BLOCK)])
    np.testing.assert_array_equal(heard, untouched.play(len(heard)))


def test_inserts_around_a_new_one_keep_their_sound() -> None:
    before = story(effect("delay", delay_seconds=0.3, feedback=0.6), effect("reverb"))
    stage, untouched = Stage(before, sine(0.2)), Stage(before, sine(0.2))
    for each in (stage, untouched):
        each.start()
        each.play(60 * BLOCK)
    heard = np.concatenate([stage.edit(AddInsert(strip="voice", effect="invert", position=2)), stage.play(200 * BLOCK)])
    reference = untouched.play(len(heard))
    assert np.abs(reference[-50 * BLOCK :]).max() > 1e-3  # the echoes still sound
    after = slice(40 * BLOCK, None)  # what was in the reverb when the polarity turned sounds on as it was
    assert np.abs(heard[after]).max() > 0.5 * np.abs(reference[after]).max()


def test_a_removed_reverb_rings_out_as_long_as_it_would_have() -> None:
    before = story(effect("reverb", room_size=0.9, dry_level=0.0, wet_level=0.8))
    stage, untouched = Stage(before, sine(0.3)), Stage(before, sine(0.3))
    for each in (stage, untouched):
        each.start()
        each.play(64 * BLOCK)  # the clip is over, its tail sounds
    heard = np.concatenate([stage.edit(RemoveInsert(strip="voice", insert=1)), stage.play(300 * BLOCK)])
    np.testing.assert_allclose(heard, untouched.play(len(heard)), atol=1e-6)


def test_a_removed_bus_rings_out_and_is_then_swept() -> None:
    before = story(sends=(Send(to="hall"),), buses=(HALL,))
    stage, untouched = Stage(before, sine(0.3)), Stage(before, sine(0.3))
    for each in (stage, untouched):
        each.start()
        each.play(64 * BLOCK)
    heard = np.concatenate([stage.edit(RemoveBus(bus="hall")), stage.play(100 * BLOCK)])
    reference = untouched.play(len(heard))
    np.testing.assert_allclose(heard, reference, atol=1e-6)
    assert np.abs(reference[-BLOCK:]).max() > 1e-4
    assert stage.mixer.buses[2] == "" and stage.mixer.strip_ids[2] == "hall"
    np.testing.assert_allclose(stage.mixer.strip_output(2)[:, 0], reference[-BLOCK:], atol=1e-6)  # on ports of its own
    stage.swap(swept(stage.graph))
    assert stage.mixer.strip_ids[2] == ""
    assert not stage.play(20 * BLOCK)[-BLOCK:].any()
    assert [s.kind for s in stage.graph.strips] == ["track", "track", "gone", "master"]


def test_one_strip_can_be_swept_while_another_rings_out() -> None:
    stage = Stage(story(buses=(HALL,)), sine())
    stage.edit(RemoveTrack(track="other"))
    stage.edit(RemoveBus(bus="hall"))
    stage.swap(swept(stage.graph, (1,)))
    assert [(s.kind, s.leaving) for s in stage.graph.strips] == [
        ("track", False), ("gone", False), ("bus", True), ("master", False)
    ]  # fmt: skip


def test_a_new_strip_takes_a_free_place_and_others_never_move() -> None:
    stage = Stage(story(buses=(HALL,)), sine())
    stage.edit(RemoveBus(bus="hall"))
    stage.edit(AddBus(bus="plate"))
    assert [s.id for s in stage.graph.strips] == ["voice", "other", "hall", "master", "plate"]
    stage.swap(swept(stage.graph))
    stage.edit(AddTrack(track="third"))
    assert [s.id for s in stage.graph.strips] == ["voice", "other", "third", "master", "plate"]
    assert (stage.graph.index("third"), stage.graph.master) == (2, 3)


def test_a_clip_on_a_track_that_is_being_added_is_played_and_a_long_timeline_is_not_copied() -> None:
    stage = Stage(story(), sine())
    entries = np.zeros(1, ENTRY)
    entries["start_frame"], entries["length"], entries["channels"], entries["gain"] = 20 * BLOCK, 9600, 1, 1.0
    entries["strip"] = 3  # of the track that is built meanwhile
    stage.mixer.set_timeline(entries, 1)
    stage.turn(Kind.PLAY)
    stage.edit(AddTrack(track="third"))
    assert stage.mixer._playback._entries is entries, "a callback has no time for that"
    assert np.abs(stage.play(30 * BLOCK)).max() > 0.2
    stage.edit(RemoveTrack(track="other"))
    stage.swap(swept(stage.graph))
    assert stage.mixer._playback._entries is entries, "no clip lies on what is gone"


def test_effects_that_nobody_plays_any_more_are_let_go_one_by_one() -> None:
    stage = Stage(story(effect("reverb"), effect("distortion")), sine(0.1))
    stage.start()
    stage.edit(RemoveInsert(strip="voice", insert=2))
    stage.play(RATE)  # it has rung out
    former = stage.mixer
    stage.edit(AddTrack(track="third"))
    assert len(list(former.take_apart(stage.mixer))) == 4, "twins and spares of one effect"
    stage.start(length=4800)
    assert np.abs(stage.play(20 * BLOCK)).max() > 0.02, "the other one is played on"


def test_players_and_scheduled_records_of_a_removed_track_end() -> None:
    stage = Stage(story(), sine())
    stage.start()
    stage.play(4 * BLOCK)
    heard = np.concatenate([stage.edit(RemoveTrack(track="voice")), stage.play(20 * BLOCK)])
    assert not heard[-BLOCK:].any()
    assert Report.ENDED in stage.told


def test_a_glide_goes_on_and_a_scheduled_move_waits_for_its_frame() -> None:
    one, two = Stage(story(), np.ones(4 * RATE, np.float32)), Stage(story(), np.ones(4 * RATE, np.float32))
    for stage in (one, two):
        stage.start()
        stage.turn(Kind.SET_GAIN, value=0.5, ramp_frames=RATE)
        stage.turn(Kind.SET_PAN, value=1.0, frame=60000, ramp_frames=5000)
        stage.story = apply_edit(stage.story, SetStripGain(strip="voice", gain_db=20 * np.log10(0.5)))
        stage.play(20 * BLOCK)
    heard = np.concatenate([one.edit(AddTrack(track="third")), one.play(400 * BLOCK)])
    np.testing.assert_array_equal(heard, two.play(len(heard)))


def test_a_knob_of_an_insert_that_moved_up_is_still_its_own() -> None:
    stage = Stage(story(effect("invert"), effect("gain")), np.ones(4 * RATE, np.float32))
    stage.start()
    stage.turn(Kind.SET_INSERT, index=1, param=0, value=-20.0, frame=30000)
    stage.play(4 * BLOCK)
    stage.edit(RemoveInsert(strip="voice", insert=1))
    assert stage.graph.strips[0].insert_keys == (1,)
    np.testing.assert_allclose(stage.play(200 * BLOCK)[-BLOCK:], 0.1, atol=1e-6)


def test_a_ring_of_sends_is_refused_by_name() -> None:
    plate = Bus(id="plate", strip=Strip(sends=(Send(to="hall"),)))
    before = story(buses=(HALL, plate))
    after = apply_edit(before, AddSend(strip="hall", bus="plate"))
    with pytest.raises(StoryError, match=r"circle: (hall → plate → hall|plate → hall → plate)"):
        regraph(compile_graph(before), before, after)


def test_another_master_ceiling_and_level_come_without_a_step() -> None:
    stage = Stage(story(), sine())
    stage.start()
    stage.play(40 * BLOCK)
    louder = replace(stage.story, master=Master(strip=Strip(gain_db=-6.0), limiter_db=-20.0))
    graph = regraph(stage.graph, stage.story, louder)
    heard = np.concatenate([stage.swap(graph), stage.play(64 * BLOCK)])
    assert roughness(heard) < 6e-4
    assert np.abs(heard[-BLOCK:]).max() <= 10 ** (-20 / 20)


def looking_ahead(*milliseconds: float) -> Story:
    """A voice that ducks as many tracks of music, the first of which sounds; 0: look-ahead of nothing."""
    ducks = [Duck(by=("key",), depth_db=-12.0, look_ahead_ms=each, hold_ms=1000.0) for each in milliseconds]
    music = [Track(id=f"music-{number}", strip=Strip(duck=duck)) for number, duck in enumerate(ducks)]
    return Story(title="t", tracks=(*music, Track(id="key")), master=Master(limiter_db=None))


@pytest.mark.parametrize(("before_ms", "after_ms"), [(0.0, 20.0), (20.0, 0.0), (0.0, 100.0), (20.0, 50.0)])
def test_another_look_ahead_is_faded_into(before_ms: float, after_ms: float) -> None:
    """Sound that is heard later, or sooner, from a moment on: blended, with nothing missing and no step."""
    stage = Stage(looking_ahead(before_ms), sine())
    stage.start()
    calm = stage.play(9600)
    change = [stage.edit(SetDuckLookAhead(strip="music-0", look_ahead_ms=after_ms)), stage.play(9600)]
    change += [stage.edit(AddBus(bus="hall")), stage.play(9600)]
    heard = np.concatenate([calm, *change])
    assert roughness(heard[1000:]) < 3.0 * roughness(calm[1000:])  # a step would be twenty times that
    late = stage.mixer.latency_frames
    assert late == round(after_ms * 48)
    np.testing.assert_array_equal(heard[-4800:], stage.arena[len(heard) - late - 4800 : len(heard) - late])


def test_what_is_ducked_stays_so_while_the_mix_changes_around_it() -> None:
    """Its gain comes later than another's, which looks further ahead: the gains on their way go on, too."""
    stage = Stage(looking_ahead(0.0, 40.0), np.ones(4 * RATE, np.float32))
    stage.start()
    stage.start(strip=2, length=RATE, player=2)
    assert stage.play(19200)[-1] == pytest.approx(10 ** (-12 / 20) + 1.0, abs=1e-3)
    heard = stage.edit(AddBus(bus="hall"))
    heard = np.concatenate([heard, stage.play(4800)])
    np.testing.assert_allclose(heard, heard[0], atol=1e-3)
    heard = stage.edit(SetDuckLookAhead(strip="music-1", look_ahead_ms=0.0))
    heard = np.concatenate([heard, stage.play(4800)])
    np.testing.assert_allclose(heard, heard[0], atol=1e-3)


def test_what_nobody_ducks_any_more_comes_back_up_for_good() -> None:
    """However quickly: the block in which it arrived was heard over and over."""
    duck = Duck(by=("key",), depth_db=-12.0, attack_ms=1.0, hold_ms=0.0, release_ms=1.0)
    tracks = (Track(id="music", strip=Strip(duck=duck)), Track(id="key"))
    stage = Stage(Story(title="t", tracks=tracks, master=Master(limiter_db=None)), np.ones(4 * RATE, np.float32))
    stage.start()
    stage.start(strip=1, player=2)
    stage.play(4800)
    stage.edit(RemoveDuck(strip="music", by="key"))
    stage.play(24000)
    assert (stage.play(4800) == 2.0).all()
