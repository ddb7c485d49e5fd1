"""Clips that are played while they are made: the same bits as warm, never a frame too far, never a click."""

import numpy as np
import pytest

from engine.realtime.memory import Segment
from engine.realtime.records import STREAMED, Kind, Report
from engine.realtime.stream import HEADER_FLOATS, StreamHeader
from tests.mixer.mixer_rig import FADE, Rig, bare
from tests.signals import RATE

LENGTH = RATE // 2
ROOM = 2 * LENGTH
LARGEST_STEP = 2.5 * np.pi * 441 / RATE
"""Of a tone with a fade of 5 ms on it."""


def tone(channels: int = 1) -> np.ndarray:
    time = np.arange(LENGTH) / RATE
    wave = np.sin(2 * np.pi * 441 * time).astype(np.float32)
    return wave if channels == 1 else np.stack([wave, 0.5 * wave], axis=1)


class Pour:
    """A rig whose only clip is made by the test, part by part."""

    def __init__(self, sound: np.ndarray, **need) -> None:
        self.sound = sound
        self.channels = sound.ndim
        self.segment = Segment.create(4 * (HEADER_FLOATS + ROOM))
        self.rig = Rig(bare("a"))
        self.rig.options["arena"] = self.segment.view(np.float32)
        self.rig.becomes(bare("a"))
        self.header = StreamHeader(self.segment.view(np.float32), 0)
        self.header.open()
        if need:
            self.header.need(**need)

    def make(self, frames: int, *, last: bool = False) -> None:
        start, end = self.header.ready * self.channels, frames * self.channels
        sound = self.segment.view(np.float32)[HEADER_FLOATS:]
        sound[start:end] = self.sound.reshape(-1)[start:end]
        sound[end:] = np.nan if end < len(sound) and not last else sound[end:]
        self.header.publish(frames, self.channels)
        if last:
            self.header.finish(frames)

    def start(self, frame: int = -1, trim: int = 0, length: int = ROOM, player: int = 1, **fields) -> None:
        self.rig.send(
            Kind.START_PLAYER, frame, 0, player=player, serial=player, channels=1, gain=1.0, flags=STREAMED, value=0.0,
            offset=HEADER_FLOATS, length=length, loop_start=trim, **fields,
        )  # fmt: skip

    def heard(self, frames: int, block: int = 256) -> np.ndarray:
        return self.rig.play(frames, block).premaster[:, 0]

    def reports(self, kind: Report) -> list[tuple[int, float]]:
        return [(int(r["actual_frame"]), float(r["value"])) for r in self.rig.reports(kind)]


def warm(sound: np.ndarray, frames: int, block: int, trim: int = 0, **fields) -> np.ndarray:
    rig = Rig(bare("a"), sound)
    rig.start(0, trim=trim, **fields)
    return rig.play(frames, block).premaster


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block", [64, 333, 1024])
@pytest.mark.parametrize("trim", [0, 700])
def test_what_never_runs_dry_is_the_same_to_the_last_bit(channels, block, trim):
    sound = tone(channels)
    pour = Pour(sound, ahead=2000, share=0.0, expected=0)
    pour.start(trim=trim, fade_in_frames=100, fade_out_frames=3000)
    out, made = [], 0
    while sum(map(len, out)) < LENGTH:
        made = min(LENGTH, max(made, sum(map(len, out)) + trim + 3000 + 2000 + 2 * block))
        pour.make(made, last=made == LENGTH)
        out.append(pour.rig.play(block, block).premaster)
    expected = warm(sound, sum(map(len, out)), block, trim, fade_in_frames=100, fade_out_frames=3000)
    np.testing.assert_array_equal(np.concatenate(out), expected)
    assert not pour.reports(Report.UNDERRUN)
    assert pour.reports(Report.ENDED) == [(LENGTH - trim, 0.0)]


def test_it_begins_when_there_is_enough_and_says_when():
    pour = Pour(tone(), ahead=1000, share=0.5, expected=4000)
    pour.start(frame=100)
    pour.make(2999)
    assert not pour.heard(512).any()
    assert not pour.reports(Report.STARTED)
    pour.make(3000)
    np.testing.assert_array_equal(pour.heard(256), tone()[:256])
    (started,) = pour.rig.reports(Report.STARTED)
    assert (started["requested_frame"], started["actual_frame"]) == (100, 512)


def test_what_is_whole_begins_on_its_frame():
    pour = Pour(tone(), ahead=1 << 30, share=0.0, expected=0)
    pour.make(LENGTH, last=True)
    pour.start(frame=100)
    heard = pour.heard(1024)
    np.testing.assert_array_equal(heard[100:], tone()[:924])


def test_who_ends_in_the_same_block_does_not_shorten_its_fade():
    pour = Pour(tone(), ahead=500, share=0.0, expected=0)
    pour.make(3000)
    pour.rig.send(Kind.START_PLAYER, player=9, channels=1, offset=HEADER_FLOATS, length=2700)
    pour.start()
    pour.heard(4096)
    (dry,) = pour.rig.reports(Report.UNDERRUN)
    assert (dry["requested_frame"], dry["actual_frame"]) == (3000 - FADE, 3000)


@pytest.mark.parametrize("block", [64, 256, 1000])
@pytest.mark.parametrize("ready", [3000, 3333])
def test_running_dry_is_a_fade_before_the_last_frame_and_is_told(block, ready):
    pour = Pour(tone(), ahead=500, share=0.0, expected=0)
    pour.make(ready)
    pour.start()
    heard = pour.heard(6 * 1000, block)
    np.testing.assert_array_equal(heard[: ready - FADE], tone()[: ready - FADE])
    assert not heard[ready:].any() and np.isfinite(heard).all()
    assert np.abs(np.diff(heard)).max() < LARGEST_STEP
    assert pour.reports(Report.UNDERRUN) == [(ready, float(ready))]
    pour.make(LENGTH, last=True)
    on = pour.heard(1000, block)
    np.testing.assert_array_equal(on[FADE:], tone()[ready + FADE : ready + 1000])
    assert np.abs(np.diff(on)).max() < LARGEST_STEP and abs(on[0]) < LARGEST_STEP
    assert pour.reports(Report.REFILLED) == [(6000, float(6000 - ready))]


def test_it_does_not_go_on_before_the_prebuffer_is_full_again():
    pour = Pour(tone(), ahead=2000, share=0.0, expected=0)
    pour.make(3000)
    pour.start()
    pour.heard(4096)
    pour.make(4999)
    assert not pour.heard(512).any()
    pour.make(5000)
    assert pour.heard(512).any()


def test_stopping_and_pausing_what_waits_or_is_dry():
    pour = Pour(tone(), ahead=2000, share=0.0, expected=0)
    pour.start()
    pour.heard(256)
    pour.rig.send(Kind.STOP_PLAYER, player=1, ramp_frames=FADE)
    pour.heard(1024)
    assert len(pour.reports(Report.ENDED)) == 1 and not pour.reports(Report.STARTED)
    pour.make(4000)
    pour.start(player=2)
    pour.heard(5120)
    pour.rig.send(Kind.PAUSE_PLAYER, player=2, ramp_frames=FADE)
    pour.make(LENGTH, last=True)
    assert not pour.heard(512).any()
    pour.rig.send(Kind.RESUME_PLAYER, player=2, ramp_frames=FADE)
    np.testing.assert_array_equal(pour.heard(512)[FADE:], tone()[4000 + FADE : 4512])
    pour.rig.send(Kind.STOP_PLAYER, player=2, ramp_frames=FADE)
    pour.heard(512)
    assert len(pour.reports(Report.ENDED)) == 2


def test_pausing_what_flows_and_going_on_never_plays_what_is_not_there():
    pour = Pour(tone(), ahead=2000, share=0.0, expected=0)
    pour.make(2100)
    pour.start()
    pour.heard(1024)
    pour.rig.send(Kind.PAUSE_PLAYER, player=1, ramp_frames=FADE)
    pour.heard(512)
    pour.rig.send(Kind.RESUME_PLAYER, player=1, ramp_frames=FADE)
    heard = pour.heard(1024)
    assert not heard.any()
    pour.make(LENGTH, last=True)
    heard = pour.heard(1024)
    np.testing.assert_array_equal(heard[FADE:], tone()[1024 + 2 * FADE : 2048 + FADE])
