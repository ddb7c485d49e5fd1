"""A mixer under test: clips in its arena, records by name, blocks put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.effects import EFFECTS
from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.realtime.records import ENTRY, NOW, Kind, Report, records
from engine.story.model import Effect, Master, Story, Strip, Track
from tests.signals import RATE, Audio

FADE = 240
"""The mixer's shortest fade at this rate: 5 ms."""

BLOCKS = (64, 128, 333, 480, 1024, 8192)


class Heard(NamedTuple):
    """What came out: out and premaster (frames, 2), strips (strips, frames, 2)."""

    out: Audio
    premaster: Audio
    strips: Audio


def bare(*tracks: str, **strip: Any) -> Story:
    """Return a story of tracks with the same strip, its limiter off."""
    strips = tuple(Track(id=name, strip=Strip(**strip)) for name in tracks or ("a",))
    return Story(title="bare", tracks=strips, master=Master(limiter_db=None))


def with_effect(*effects: Effect) -> Story:
    """Return a story of one track with inserts, its limiter off."""
    return bare("a", inserts=effects)


class Rig:
    """Drives one Mixer. clips: (frames,) or (frames, 2), named by their place in the argument list."""

    def __init__(self, story: Story, *clips: Audio, max_players: int = 64, max_block_frames: int = 8192) -> None:
        self.graph = compile_graph(story)
        self.clips = clips
        self.offsets = [0, *np.cumsum([clip.size for clip in clips]).tolist()]
        self.arena = np.concatenate([np.zeros(0, np.float32), *(clip.reshape(-1) for clip in clips)])
        self.options: dict[str, Any] = {
            "sample_rate": RATE, "arena": self.arena, "max_players": max_players, "max_block_frames": max_block_frames
        }  # fmt: skip
        self.mixer = Mixer(self.graph, **self.options)
        self.told: list[NDArray[np.void]] = []

    def send(self, kind: Kind, frame: int = NOW, strip: str | int = 0, **fields: Any) -> None:
        """Dispatch one record."""
        record = records(1)
        record["kind"], record["frame"], record["strip"] = kind, frame, self._index(strip)
        for name, value in fields.items():
            record[name] = value
        self.mixer.dispatch(record)

    def start(
        self, clip: int, frame: int = NOW, strip: str | int = 0, *, trim: int = 0, length: int | None = None,
        gain: float = 1.0, player: int = 1, **fields: Any,
    ) -> None:  # fmt: skip
        """Start a player of ``clip``."""
        channels = self.clips[clip].ndim
        self.send(
            Kind.START_PLAYER, frame, strip, player=player, serial=player, channels=channels, gain=gain,
            offset=self.offsets[clip] + trim * channels,
            length=len(self.clips[clip]) - trim if length is None else length, **fields,
        )  # fmt: skip

    def move(self, strip: str | int, insert: int, param: str, value: float, frame: int = NOW, ramp: int = 0) -> None:
        """Move a knob of an insert, by its name."""
        effect = self.graph.strips[self._index(strip)].inserts[insert].effect
        index = EFFECTS[effect].param_index(param, effect)
        self.send(Kind.SET_INSERT, frame, strip, index=insert, param=index, value=value, ramp_frames=ramp)

    def timeline(self, *rows: dict[str, Any], generation: int = 1) -> None:
        """Set a timeline of rows: clip, start, and what else an ENTRY has."""
        entries = np.zeros(len(rows), ENTRY)
        for entry, row in zip(entries, sorted(rows, key=lambda row: row["start"]), strict=True):
            clip, trim = self.clips[row["clip"]], row.get("trim", 0)
            entry["player"] = row.get("player", row["clip"] + 1)
            entry["start_frame"], entry["channels"] = row["start"], clip.ndim
            entry["length"] = row.get("length", len(clip) - trim)
            entry["offset"] = self.offsets[row["clip"]] + trim * clip.ndim
            entry["strip"], entry["gain"] = self._index(row.get("strip", 0)), row.get("gain", 1.0)
            for name in ("pan", "fade_in_frames", "fade_out_frames"):
                entry[name] = row.get(name, 0)
        self.mixer.set_timeline(entries, generation)

    def play(self, frames: int, block: int = 256) -> Heard:
        """Return the next ``frames``, in blocks of ``block``."""
        whole, rest = divmod(frames, block)
        return self.play_blocks([block] * whole + [rest] * (rest > 0))

    def play_blocks(self, blocks: Iterable[int]) -> Heard:
        """Return the next blocks, joined."""
        out, premaster, strips = [], [], []
        for frames in blocks:
            out.append(self.mixer.process(frames).copy())
            premaster.append(self.mixer.premaster.copy())
            strips.append([self.mixer.strip_output(i).copy() for i in range(self.mixer.strips)])
            self.told.append(self.mixer.take_reports())
        return Heard(np.concatenate(out), np.concatenate(premaster), np.concatenate(strips, axis=1))

    def reports(self, kind: Report) -> NDArray[np.void]:
        """Return every report of ``kind`` so far."""
        self.told.append(self.mixer.take_reports())
        told = np.concatenate(self.told)
        return told[told["kind"] == kind]

    def becomes(self, story: Story) -> Mixer:
        """Let a mixer of ``story`` adopt this one's; return the old one."""
        old, self.graph = self.mixer, compile_graph(story)
        self.mixer = Mixer(self.graph, **self.options)
        self.mixer.adopt(old)
        return old

    def _index(self, strip: str | int) -> int:
        return strip if isinstance(strip, int) else self.graph.index(strip)
