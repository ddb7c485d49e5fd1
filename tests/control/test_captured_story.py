"""What was played becomes a story: its export nulls against the recording of the same moments."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engine.commands import (
    AddInsert,
    AddSend,
    AddTrack,
    ClearAutomation,
    Command,
    GoCue,
    Locate,
    PauseAll,
    Play,
    ResumeAll,
    SetInsertParam,
    SetLimiter,
    SetLoop,
    SetPoint,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    StartRecording,
    Stop,
    StopRecording,
    StopSlot,
    TriggerSlot,
)
from engine.control.io_link import IoLink
from engine.control.tape_deck import TapeDeck
from engine.errors import Busy, EngineError, NotReady, UnknownThing
from engine.events import Dropped, Event, RecordingEnded, RecordingStarted
from engine.export.exporter import export_story
from engine.export.options import ExportOptions
from engine.io.messages import Lane as TapeLane
from engine.io.messages import Record, Recorded, Told
from engine.io.recorder import Recorder
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.render.cache import TakeCache
from engine.render.played import PlayedOrder, print_played
from engine.session.deck import Printed, Reel, printed_file
from engine.session.library import AudioFile, Loaded, Source, Stretched
from engine.session.recording import Recorded as End
from engine.session.session import Session
from engine.story.document import StoryDocument
from engine.story.model import (
    At,
    Bus,
    Clip,
    Cue,
    Curve,
    Effect,
    Lane,
    Manner,
    Master,
    PlayClip,
    Point,
    Send,
    Slot,
    Story,
    Strip,
    Track,
)
from engine.story.strips import with_strip
from engine.voices.stretch import stretch
from tests.signals import RATE, noise

NOISE_FLOOR = 10.0 ** (-120 / 20)


def story() -> Story:
    drums = Clip(
        id="drums", start=At(frame=0), audio="drums.wav", gain_db=-3.0, fade_in_frames=400, fade_out_frames=900
    )
    pad = Clip(id="pad", start=At(frame=20_000), audio="pad.wav", trim_start_frames=500, pan=-0.4, fade_out_frames=2000)
    slots = (
        Slot(bank="a", index=1, target=PlayClip(clip="drums"), mode="layer"),
        Slot(bank="a", index=2, target=PlayClip(clip="pad", manner=Manner(semitones=3.0)), mode="layer"),
        Slot(bank="a", index=3, target=PlayClip(clip="drums", manner=Manner(repeat=3)), mode="layer"),
        Slot(bank="a", index=4, target=PlayClip(clip="pad", manner=Manner(reverse=True)), mode="layer"),
        Slot(bank="a", index=5, target=PlayClip(clip="drums", manner=Manner(speed=0.8)), mode="layer"),
        Slot(bank="a", index=6, target=PlayClip(clip="pad", manner=Manner(semitones=-5.0, loop=True)), mode="layer"),
    )
    return Story(
        title="Live",
        tracks=(
            Track(id="one", clips=(drums,), strip=Strip(gain_db=-2.0, sends=(Send(to="hall", gain_db=-6.0),))),
            Track(id="two", clips=(pad,)),
        ),
        buses=(Bus(id="hall"),),
        master=Master(limiter_db=None),
        slots=slots,
        cues=(
            Cue(id="1", target=PlayClip(clip="pad")),
            Cue(id="2", target=PlayClip(clip="pad"), bus="hall"),
        ),
    )


class Shelves:
    """A loader for which the test has loaded everything."""

    capacity_floats = 1 << 30

    def request(self, source: Source, *, urgent: bool) -> None:
        """Do nothing."""

    def prefer(self, sources: Sequence[Source]) -> None:
        """Do nothing."""

    def cancel(self, source: Source) -> None:
        """Do nothing."""

    def release(self, loaded: Loaded) -> None:
        """Do nothing."""


class Studio:
    """A session, an audio core and a recorder in one process; also the deck."""

    def __init__(self, folder: Path, played: Story | None = None) -> None:
        self.folder = folder
        self.memory = EngineMemory.create(MemoryConfig(arena_bytes=4 << 20, pool_bytes=1 << 17))
        self.link = AudioLink(self.memory)
        self.session = Session(played or story(), self.link, Shelves(), deck=self, soon=lambda: sum(map(len, self.out)))
        self.core = AudioCore(self.memory, self.session.context.graph, sample_rate=RATE)
        self.told: list[Told] = []
        self.events: list[Event] = []
        self.recorder = Recorder(self.memory.tape, RATE, self.told.append)
        self.kept: Story | None = None
        self.out: list[NDArray[np.float32]] = []
        self.session.listen(lambda events: self.events.extend(events))
        for name, frames in (("drums", 30_000), ("pad", 50_000)):
            self._load(name, frames)
        self.session.open()

    def _load(self, name: str, frames: int) -> None:
        audio = noise(frames, seed=frames, channels=2, level=0.3)
        soundfile.write(self.folder / f"{name}.wav", audio, RATE, subtype="FLOAT")
        self._lay(AudioFile(path=f"{name}.wav"), audio)
        slow = Stretched(source=AudioFile(path=f"{name}.wav"), speed=0.8)
        self._lay(slow, np.ascontiguousarray(stretch(audio, 0.8, RATE)))

    def _lay(self, source: Source, audio: NDArray[np.float32]) -> None:
        frames = len(audio)
        offset = self.link.arena.allocate(audio.size)
        self.memory.arena.view(np.float32)[offset : offset + audio.size] = audio.reshape(-1)
        self.session.known(source, frames)
        self.session.loaded(source, Loaded(offset=offset, frames=frames, channels=2, digest=""))

    def begin(self, name: str, strips: Sequence[str]) -> Reel:
        folder = self.folder / "recordings" / (name or "unnamed")
        lanes = tuple(TapeLane(strip=strip, file=f"{strip}.wav", master=strip == "master") for strip in strips)
        self.recorder.record(Record(take=9, folder=str(folder), name=name, story="live.yaml", lanes=lanes))
        return Reel(number=9, name=name, folder=str(folder))

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Nobody goes on here."""

    def keep(self, reel: Reel, story: Callable[[], Story], printed: Sequence[Printed]) -> str:
        for each in printed:
            source = each.sound.source
            stretched = isinstance(source, Stretched)
            plain = source.source if isinstance(source, Stretched) else source
            assert isinstance(plain, AudioFile)
            print_played(
                PlayedOrder(
                    to=str(self.folder / printed_file(reel, each.clip)),
                    source=str(self.folder / plain.path),
                    speed=source.speed if stretched else 1.0,
                    sample_rate=RATE,
                    records=each.records,
                    frames=each.frames,
                )
            )
        self.kept = StoryDocument.create(self.folder / f"live {reel.name}.yaml", story()).story
        return "live.yaml"

    def do(self, command: Command, frame: int | None = None) -> None:
        self.session.apply(command, frame)

    def play(self, frames: int, block: int = 256) -> None:
        for _ in range(frames // block):
            self.out.append(self.core.render(block).copy())
            self.session.hear(self.link.reports())
            self.recorder.look()
            for told in self.told:
                if isinstance(told, Recorded):
                    self.session.recorded(
                        End(number=told.take, since=told.since, until=told.until, lost_frames=told.lost)
                    )
            self.told.clear()

    @property
    def ended(self) -> RecordingEnded:
        (event,) = (event for event in self.events if isinstance(event, RecordingEnded))
        return event

    def recorded(self, strip: str) -> NDArray[np.float32]:
        audio: NDArray[np.float32] = soundfile.read(
            self.folder / "recordings" / "take" / f"{strip}.wav", dtype="float32", always_2d=True
        )[0]
        return audio

    def exported(self) -> dict[str, NDArray[np.float32]]:
        assert self.kept is not None
        to = self.folder / "out"
        options = ExportOptions(formats=("stems",), overview=False, encoding="float32", name="{track}")
        export_story(
            self.kept,
            base_folder=self.folder,
            takes={},
            cache=TakeCache(self.folder / "cache"),
            out_folder=to,
            options=options,
            made_at=datetime(2026, 5, 4, tzinfo=UTC),
        )
        return {path.stem: soundfile.read(path, dtype="float32", always_2d=True)[0] for path in to.rglob("*.wav")}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.memory.close()


def assert_nulls(got: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    frames = min(len(got), len(expected))
    assert np.abs(expected).max() > 0.05
    assert np.abs(got[:frames] - expected[:frames]).max() < NOISE_FLOOR
    assert not np.abs(got[frames:]).max(initial=0.0) > NOISE_FLOOR
    assert not np.abs(expected[frames:]).max(initial=0.0) > NOISE_FLOOR


def test_plain_shots_null_against_the_recording(studio: Studio) -> None:
    studio.play(2560)
    studio.do(StartRecording(name="take"), 3000)
    studio.do(TriggerSlot(bank="a", index=1, velocity=0.6), 4001)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 9002)
    studio.play(10_240)
    studio.do(GoCue(cue="1"))
    studio.play(12_800)
    studio.do(StopSlot(bank="a", index=1, fade_seconds=0.1), 27_003)
    studio.do(Locate(timeline_frame=12_345))
    studio.do(Play(), 30_000)
    studio.play(40_960)
    studio.do(Stop(), 68_000)
    studio.do(StopRecording(), 110_000)
    studio.play(51_200)
    ended = studio.ended
    assert (ended.name, ended.left_out, ended.text) == ("take", (), "")
    assert ended.seconds == (110_000 - 3000) / RATE
    stems = studio.exported()
    for strip, stem in (("one", "one"), ("two", "two"), ("hall", "hall"), ("master", "mix")):
        assert_nulls(stems[stem], studio.recorded(strip))
    np.testing.assert_array_equal(studio.recorded("master"), np.concatenate(studio.out)[3000:110_000])


def test_what_sounds_already_and_what_sounds_on_is_cut(studio: Studio) -> None:
    studio.do(GoCue(cue="1"), 100)
    studio.play(5120)
    studio.do(StartRecording(name="take"), 10_000)
    studio.do(StopRecording(), 30_000)
    studio.play(51_200)
    assert studio.kept is not None
    (clip,) = studio.kept.tracks[1].clips
    assert (clip.start, clip.trim_start_frames, clip.length_frames) == (At(frame=0), 500 + 9900, 20_000)
    assert_nulls(studio.exported()["two"][:19_900], studio.recorded("two")[:19_900])


def test_a_moved_fader_is_automation(studio: Studio) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(GoCue(cue="1"), 1000)
    studio.do(SetStripGain(strip="two", gain_db=-12.0, ramp_seconds=0.1), 10_000)
    studio.do(StopRecording(), 50_000)
    studio.play(51_200)
    stem, recorded = studio.exported()["two"], studio.recorded("two")
    assert_nulls(stem[:9900], recorded[:9900])
    np.testing.assert_allclose(stem[16_000:40_000], recorded[16_000:40_000], atol=1e-5)


@pytest.mark.parametrize(
    "fade",
    [
        lambda gain_db: SetStripGain(strip="one", gain_db=gain_db, ramp_seconds=0.4),
        lambda gain_db: SetSendGain(strip="one", bus="hall", gain_db=gain_db, ramp_seconds=0.4),
    ],
    ids=["fader", "send"],
)
def test_a_fade_that_is_cut_short_is_the_fade_that_was_heard(studio: Studio, fade: Callable[[float], Command]) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 1000)
    studio.do(fade(-30.0), 4000)
    studio.play(14_080)
    studio.do(fade(-3.0), 15_000)
    studio.do(StopRecording(), 40_000)
    studio.play(40_960)
    stems = studio.exported()
    for strip in ("one", "hall"):
        np.testing.assert_allclose(stems[strip][:30_000], studio.recorded(strip)[:30_000], atol=5e-4)


@pytest.mark.parametrize(
    ("slot", "clips"),
    [(2, ["p1"]), (3, ["p1-1", "p1-2", "p1-3"]), (4, ["p1"]), (5, ["p1"])],
    ids=["another pitch", "repeated", "backwards", "stretched"],
)
def test_what_was_played_otherwise_nulls_too(studio: Studio, slot: int, clips: list[str]) -> None:
    studio.do(StartRecording(name="take"), 1000)
    studio.do(TriggerSlot(bank="a", index=slot, velocity=0.8), 2000)
    studio.do(StopRecording(), 100_000)
    studio.play(102_400)
    assert studio.kept is not None and studio.ended.left_out == ()
    track = next(track for track in studio.kept.tracks if track.clips)
    assert [clip.id for clip in track.clips] == clips
    assert_nulls(studio.exported()[track.id], studio.recorded(track.id))


def test_a_loop_that_is_stopped_nulls_and_is_cut_where_listening_began(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=6, velocity=0.8), 2000)
    studio.do(StartRecording(name="take"), 10_000)
    studio.do(StopSlot(bank="a", index=6, fade_seconds=0.2), 90_000)
    studio.do(StopRecording(), 105_000)
    studio.play(107_520)
    assert_nulls(studio.exported()["two"], studio.recorded("two"))


@pytest.mark.parametrize("slot", [1, 2, 3], ids=["plain", "another pitch", "repeated"])
def test_a_pause_nulls(studio: Studio, slot: int) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(TriggerSlot(bank="a", index=slot, velocity=1.0), 2000)
    studio.do(PauseAll(), 12_345)
    studio.do(ResumeAll(), 30_001)
    studio.do(PauseAll(), 35_000)
    studio.do(ResumeAll(), 36_000)
    studio.do(StopRecording(), 120_000)
    studio.play(122_880)
    assert studio.kept is not None and studio.kept.markers == ()
    track = next(track for track in studio.kept.tracks if track.clips)
    assert_nulls(studio.exported()[track.id], studio.recorded(track.id))


def test_fades_that_run_into_one_another_null(studio: Studio) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 2000)
    studio.do(PauseAll(), 31_500)
    studio.do(ResumeAll(), 31_600)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 40_000)
    studio.do(StopSlot(bank="a", index=1, fade_seconds=0.5), 69_700)
    studio.do(StopRecording(), 100_000)
    studio.play(102_400)
    assert_nulls(studio.exported()["one"], studio.recorded("one"))


def test_switches_are_markers_and_what_is_refused_is_nothing(studio: Studio) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(SetStripMute(strip="two", mute=True), 3000)
    studio.do(SetLimiter(limiter=True, ceiling_db=-3.0), 4000)
    with pytest.raises(EngineError):
        studio.do(SetStripPan(strip="nobody", pan=1.0))
    studio.do(StopRecording(), 10_000)
    studio.play(12_800)
    assert studio.kept is not None
    assert [(marker.at, marker.name) for marker in studio.kept.markers] == [
        (At(frame=3000), "two muted"),
        (At(frame=4000), "limiter at -3 dBTP"),
    ]
    assert studio.ended.left_out == ("two muted", "limiter at -3 dBTP")
    assert not any(strip.automation for strip in studio.kept.strips().values())


def test_what_sounds_on_a_bus_is_a_marker(studio: Studio) -> None:
    studio.do(GoCue(cue="2"), 500)
    studio.do(StartRecording(name="take"), 1000)
    studio.do(GoCue(cue="2"), 3000)
    studio.do(GoCue(cue="1"), 4000)
    studio.do(StopRecording(), 60_000)
    studio.play(61_440)
    assert studio.kept is not None
    assert [(marker.at, marker.name) for marker in studio.kept.markers] == [
        (At(frame=0), "audio file 'pad.wav' on hall left out"),
        (At(frame=2000), "audio file 'pad.wav' on hall left out"),
    ]
    assert studio.ended.left_out == ("audio file 'pad.wav' on hall left out",) * 2
    assert [len(track.clips) for track in studio.kept.tracks] == [0, 1]


def automate(studio: Studio, strip: str, target: str, *points: tuple[int, float] | tuple[int, float, Curve]) -> None:
    for frame, value, *curve in points:
        studio.do(
            SetPoint(
                strip=strip, target=target, timeline_frame=frame, value=value, curve=curve[0] if curve else "linear"
            )
        )


FADE: tuple[tuple[int, float], ...] = ((4000, -24.0), (40_000, 6.0))
DIP: tuple[tuple[int, float] | tuple[int, float, Curve], ...] = (
    (3000, 0.0, "smooth"), (20_000, -20.0, "hold"), (30_000, -3.0)
)  # fmt: skip
STEEP = ((10_000, 0.0), (12_000, -40.0), (20_000, -40.0), (20_100, 0.0), (26_000, -6.0))


@pytest.mark.parametrize("points", [FADE, DIP, ((9000, -6.0),)], ids=["fade", "dip", "one"])
@pytest.mark.parametrize("target", ["gain_db", "send.hall"])
def test_what_the_timeline_turns_nulls(studio: Studio, target: str, points: tuple[tuple[int, float], ...]) -> None:
    automate(studio, "one", target, *points)
    studio.play(2560)
    studio.do(StartRecording(name="take"), 3000)
    studio.do(Play(), 4000)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 20_001)
    studio.do(StopRecording(), 60_000)
    studio.play(61_440)
    assert studio.kept is not None and studio.ended.left_out == ()
    stems = studio.exported()
    for strip, stem in (("one", "one"), ("two", "two"), ("hall", "hall"), ("master", "mix")):
        assert_nulls(stems[stem], studio.recorded(strip))


def test_what_is_steeper_than_points_can_be_is_nearly_as_it_was(studio: Studio) -> None:
    automate(studio, "one", "gain_db", *STEEP)
    studio.do(StartRecording(name="take"), 0)
    studio.do(Play(), 1000)
    studio.do(StopRecording(), 50_000)
    studio.play(51_200)
    stem, recorded = studio.exported()["one"], studio.recorded("one")
    np.testing.assert_allclose(stem[:49_000], recorded[:49_000], atol=2e-3)


@pytest.mark.parametrize("target", ["gain_db", "send.hall", "pan"])
@pytest.mark.parametrize("curve", ["linear", "smooth"])
def test_a_timeline_that_jumps_about_is_cut_where_it_was(studio: Studio, target: str, curve: Curve) -> None:
    values = (-1.0, 1.0) if target == "pan" else (-30.0, 3.0)
    automate(studio, "one", target, (4000, values[0], curve), (40_000, values[1]))
    studio.do(Locate(timeline_frame=9000))
    studio.do(Play(), 1000)
    studio.do(StartRecording(name="take"), 3000)
    studio.do(TriggerSlot(bank="a", index=3, velocity=1.0), 3500)
    studio.do(SetLoop(start_frame=10_000, end_frame=20_001), 9000)
    studio.play(30_720)
    studio.do(SetLoop(), 32_000)
    studio.do(Locate(timeline_frame=35_200), 40_000)
    studio.do(Stop(), 43_000)
    studio.do(Locate(timeline_frame=2_000), 50_000)
    studio.do(Play(), 60_000)
    studio.do(StopRecording(), 85_000)
    studio.play(61_440)
    assert studio.kept is not None and studio.ended.left_out == ()
    stems = studio.exported()
    for strip, stem in (("one", "one"), ("hall", "hall"), ("master", "mix")):
        assert_nulls(stems[stem][:84_000], studio.recorded(strip))


def test_clips_of_a_timeline_that_loops_are_there_in_every_round(studio: Studio) -> None:
    studio.do(SetLoop(start_frame=10_000, end_frame=25_001))
    studio.do(Play(), 1000)
    studio.do(StartRecording(name="take"), 3000)
    studio.do(Locate(timeline_frame=21_000), 50_000)
    studio.do(StopRecording(), 70_000)
    studio.play(71_680)
    assert studio.kept is not None
    assert [len(track.clips) for track in studio.kept.tracks] == [6, 4]
    stems = studio.exported()
    for strip, stem in (("one", "one"), ("two", "two"), ("hall", "hall"), ("master", "mix")):
        assert_nulls(stems[stem][:66_900], studio.recorded(strip)[:66_900])


def test_a_knob_stays_with_whoever_turned_it_until_the_timeline_moves(studio: Studio) -> None:
    automate(studio, "one", "gain_db", (4000, -30.0), (60_000, 3.0))
    studio.do(SetStripGain(strip="one", gain_db=-20.0), 500)
    studio.do(StartRecording(name="take"), 3000)
    studio.do(TriggerSlot(bank="a", index=3, velocity=1.0), 3500)
    studio.play(5120)
    studio.do(Stop(), 6000)
    studio.do(Play(), 10_000)
    studio.do(SetStripGain(strip="one", gain_db=-9.0, ramp_seconds=0.1), 30_000)
    studio.play(25_600)
    studio.do(Stop(), 45_000)
    studio.do(Locate(timeline_frame=20_000), 55_000)
    studio.play(30_720)
    studio.do(SetStripGain(strip="one", gain_db=-3.0, ramp_seconds=0.1), 65_000)
    studio.do(Play(), 70_000)
    studio.do(StopRecording(), 90_000)
    studio.play(30_720)
    assert studio.kept is not None and studio.ended.left_out == ()
    stem, recorded = studio.exported()["one"], studio.recorded("one")
    np.testing.assert_allclose(stem[:26_990], recorded[:26_990], atol=NOISE_FLOOR)
    np.testing.assert_allclose(stem[26_990:32_000], recorded[26_990:32_000], atol=5e-4)
    assert_nulls(stem[32_000:61_990], recorded[32_000:61_990])
    np.testing.assert_allclose(stem[61_990:66_990], recorded[61_990:66_990], atol=2e-3)
    assert_nulls(stem[66_990:], recorded[66_990:])


def test_lanes_that_are_drawn_while_they_are_recorded(studio: Studio) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(TriggerSlot(bank="a", index=3, velocity=1.0), 500)
    studio.do(Play(), 1000)
    studio.play(10_240)
    automate(studio, "one", "gain_db", (0, -20.0), (40_000, 0.0))
    studio.play(20_480)
    studio.do(ClearAutomation(strip="one", target="gain_db"))
    studio.do(StopRecording(), 60_000)
    studio.play(30_720)
    assert studio.kept is not None and studio.ended.left_out == ()
    stem, recorded = studio.exported()["one"], studio.recorded("one")
    assert_nulls(stem[:10_000], recorded[:10_000])
    assert_nulls(stem[12_000:59_000], recorded[12_000:59_000])


def test_an_effect_goes_where_the_timeline_turned_it(tmp_path: Path) -> None:
    points = Point(at=At(frame=0), value=-20.0), Point(at=At(frame=30_000), value=0.0)
    lane = Lane(target="insert.1.gain_db", points=points)
    strip = Strip(inserts=(Effect(effect="gain"),), automation=(lane,))
    studio = Studio(tmp_path, with_strip(story(), "one", lambda _: strip))
    studio.do(StartRecording(name="take"), 0)
    studio.do(TriggerSlot(bank="a", index=1, velocity=1.0), 640)
    studio.do(Play(), 640)
    studio.do(SetInsertParam(strip="one", insert=1, param="gain_db", value=-30.0, ramp_seconds=0.05), 16_000)
    studio.do(StopRecording(), 50_000)
    studio.play(51_200)
    studio.memory.close()
    assert studio.kept is not None and studio.ended.left_out == ()
    np.testing.assert_allclose(studio.exported()["one"][:49_000], studio.recorded("one")[:49_000], atol=1e-3)


def test_the_tape_can_be_told_what_to_do(studio: Studio) -> None:
    with pytest.raises(UnknownThing, match="no strip named 'nobody'"):
        studio.do(StartRecording(strips=("nobody",)))
    with pytest.raises(NotReady, match="nothing is being recorded"):
        studio.do(StopRecording())
    studio.do(StartRecording(name="take", strips=("two",)))
    (started,) = (event for event in studio.events if isinstance(event, RecordingStarted))
    assert started.strips == ("master", "two")
    with pytest.raises(Busy, match="'take' is under way"):
        studio.do(StartRecording())
    studio.play(2560)
    assert studio.session.recording.status().state == "on"
    studio.do(StopRecording())
    studio.play(2560)
    assert studio.session.recording.status().state == "off"
    assert studio.ended.seconds == 2560 / RATE
    assert sorted(path.name for path in (studio.folder / "recordings" / "take").iterdir()) == [
        "master.wav",
        "recording.json",
        "two.wav",
    ]


def test_knobs_that_the_mix_had_not_when_the_recording_began_are_markers(studio: Studio) -> None:
    studio.do(StartRecording(name="take"), 0)
    studio.do(AddSend(strip="two", bus="hall"))
    studio.do(AddInsert(strip="one", effect="highpass"))
    studio.do(AddTrack(track="three"))
    studio.do(SetSendGain(strip="two", bus="hall", gain_db=-6.0), 2000)
    studio.do(SetSendGain(strip="two", bus="hall", gain_db=-9.0), 3000)
    studio.do(SetInsertParam(strip="one", insert=1, param="cutoff_hz", value=200.0), 4000)
    studio.do(SetStripGain(strip="two", gain_db=-12.0), 5000)
    studio.do(SetStripGain(strip="three", gain_db=-3.0), 6000)
    studio.do(StopRecording(), 50_000)
    studio.play(51_200)
    assert studio.kept is not None
    assert [(marker.at, marker.name) for marker in studio.kept.markers] == [
        (At(frame=2000), "automation of two left out: send.hall"),
        (At(frame=4000), "automation of one left out: insert.1.cutoff_hz"),
        (At(frame=6000), "automation of three left out: gain_db"),
    ]
    assert [lane.target for lane in studio.kept.strips()["two"].automation] == ["gain_db"]


def test_a_session_without_a_deck_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="nowhere to record"):
        Session(story(), Studio(tmp_path).link, Shelves()).apply(StartRecording())


def test_a_story_of_what_was_played_that_finds_no_room_is_told(tmp_path: Path) -> None:
    told: list[Event] = []

    async def keep() -> None:
        io = IoLink(lambda _: None)
        deck = TapeDeck(io, tmp_path / "gone" / "story.yaml", tmp_path, TakeCache(tmp_path / "takes"))
        deck.tell = told.extend
        deck.keep(Reel(number=1, name="take", folder=str(tmp_path)), lambda: Story(title="t"), ())
        await deck.close()

    asyncio.run(keep())
    (dropped,) = told
    assert isinstance(dropped, Dropped) and dropped.what == "recording take"
    assert "story take.yaml" in dropped.text


def test_the_story_of_what_was_played_is_made_beside_the_event_loop(tmp_path: Path) -> None:
    threads: list[int] = []

    def made() -> Story:
        threads.append(threading.get_ident())
        return Story(title="made")

    async def keep() -> str:
        deck = TapeDeck(IoLink(lambda _: None), tmp_path / "story.yaml", tmp_path, TakeCache(tmp_path / "takes"))
        path = deck.keep(Reel(number=1, name="take", folder=str(tmp_path)), made, ())
        await deck.close()
        return path

    assert StoryDocument.load(Path(asyncio.run(keep()))).story.title == "made"
    assert threads and threads != [threading.get_ident()]
