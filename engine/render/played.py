"""Played: what a performer played as no clip can say it, made a sound file by the mixer that made it sound."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import RECORD
from engine.voices.media import load, probe
from engine.voices.stretch import stretch

BLOCK_FRAMES = 8192


class PlayedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One file to be written. source: the sound's file; speed: at which it was stretched before.

    records: RECORDs, by frame: what starts a player at frame 0 of whatever lies at float 0, and what befell it. frames:
    how long the file becomes.
    """

    to: str
    source: str
    speed: float
    sample_rate: int
    records: bytes
    frames: int


def print_played(order: PlayedOrder) -> None:
    """Write one file, float32, beside its place first. Raises EngineError, OSError. Not where sound is made live."""
    from engine.export.wav import WavWriter  # the mixer's kernels come with it

    audio = _source(order)
    block = _play(order, np.ascontiguousarray(audio).reshape(-1))
    sound = block if audio.shape[1] > 1 else np.ascontiguousarray(block[:, :1])
    target = Path(order.to)
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    writer = WavWriter(part, sample_rate=order.sample_rate, encoding="float32", channels=sound.shape[1])
    try:
        writer.write(sound)
        writer.finish(len(sound))
    finally:
        writer.close()
    part.replace(target)


def _source(order: PlayedOrder) -> NDArray[np.float32]:
    path = Path(order.source)
    facts = probe(path, order.sample_rate)
    audio = np.zeros(facts.frames * facts.channels, np.float32)
    load(path, order.sample_rate, audio)
    return stretch(audio.reshape(-1, facts.channels), order.speed, order.sample_rate)


def _play(order: PlayedOrder, arena: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the mixer makes of it on a strip that does nothing, (frames, 2)."""
    from engine.mixer.graph import compile_graph
    from engine.mixer.mixer import Mixer
    from engine.story.model import Master, Story, Track

    story = Story(
        title="played",
        sample_rate=order.sample_rate,
        tracks=(Track(id="played"),),
        master=Master(limiter_db=None),
    )
    mixer = Mixer(compile_graph(story), sample_rate=order.sample_rate, arena=arena, max_players=1)
    mixer.dispatch(np.frombuffer(order.records, RECORD).copy())  # compiled for records that can be written
    out = np.zeros((order.frames, 2), np.float32)
    for place in range(0, order.frames, BLOCK_FRAMES):
        frames = min(BLOCK_FRAMES, order.frames - place)
        mixer.process(frames)
        out[place : place + frames] = mixer.strip_output(0)
        mixer.take_reports()
    return out
