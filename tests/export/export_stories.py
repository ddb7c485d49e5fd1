"""Small stories with takes made by arithmetic, for the tests of export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from engine.export.exporter import export_story
from engine.export.manifest import Manifest
from engine.export.options import ExportOptions
from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.realtime.records import ENTRY, Kind, Shape, records
from engine.render.cache import TakeCache
from engine.story.model import (
    After,
    At,
    Beat,
    Bus,
    Clip,
    Effect,
    Line,
    Marker,
    Master,
    Send,
    Story,
    Strip,
    TempoPoint,
    Track,
)
from engine.story.timeline import Placed, place
from engine.units import db_to_gain
from engine.voices.resample import Resampler
from engine.voices.take import Take, Word

RATE = 48000
MADE_AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def sound(frames: int, seed: int, channels: int = 1, level: float = 0.2) -> np.ndarray:
    """Noise whose loudness swells and falls, (frames, channels)."""
    noise = np.random.default_rng(seed).standard_normal((frames, channels))
    swell = 0.55 - 0.45 * np.cos(np.arange(frames) / RATE * 2 * np.pi * 1.7)
    return np.clip(noise * swell[:, None] * level, -0.99, 0.99).astype(np.float32)


class Workshop:
    """A story's folder with a take cache: makes takes, audio files and exports below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "story"
        self.base.mkdir()
        self.cache = TakeCache(folder / "cache")
        self.takes: dict[Line, Take] = {}

    def line(self, text: str, audio: np.ndarray, voice: str = "narrator") -> Line:
        """Return a line whose take is ``audio``, its words evenly spread."""
        line = Line(text=text, voice=voice)
        words = text.split()
        step = len(audio) // max(1, len(words))
        take = Take(
            digest=f"{len(self.takes):064x}",
            text=text,
            voice=voice,
            sample_rate=RATE,
            frames=len(audio),
            channels=audio.shape[1],
            words=tuple(
                Word(text=word, start_frame=i * step, end_frame=(i + 1) * step, text_start=0, text_end=1)
                for i, word in enumerate(words)
            ),
        )
        self.cache.put(take, audio)
        self.takes[line] = take
        return line

    def file(self, name: str, audio: np.ndarray, rate: int = RATE, subtype: str = "PCM_24") -> str:
        """Write an audio file into the story's folder and return its name."""
        (self.base / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(self.base / name, audio, rate, subtype=subtype)
        return name

    def export(self, story: Story, to: str = "out", progress=None, **options) -> Manifest:
        return export_story(
            story,
            base_folder=self.base,
            takes=self.takes,
            cache=self.cache,
            out_folder=self.folder / to,
            options=ExportOptions(**options),
            progress=progress,
            made_at=MADE_AT,
        )

    def source(self, clip: Clip) -> np.ndarray:
        """Return the whole audio that ``clip`` is made of, at the project's rate."""
        path = self.cache.audio_path(self.takes[clip.line].digest) if clip.line else self.base / str(clip.audio)
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        resampler = Resampler(rate, RATE, audio.shape[1])
        return np.concatenate((resampler.feed(audio), resampler.finish()))

    def read(self, name: str, to: str = "out") -> np.ndarray:
        """Return a stem, or another file by its path."""
        path = self.folder / to / name
        path = path if path.exists() else path.with_name("stems") / name
        return soundfile.read(path, dtype="float32", always_2d=True)[0]


def scene(shop: Workshop) -> Story:
    """Three tracks and a return: takes, a mono and a stereo file, fades, gains, pans, sends, inserts, markers."""
    first = shop.line("The lamp is lit again.", sound(60000, 1))
    second = shop.line("Who lit it?", sound(33333, 2), voice="keeper")
    bed = shop.file("sounds/bed.wav", sound(200000, 3, channels=2, level=0.05))
    bell = shop.file("sounds/bell.wav", sound(20000, 4, level=0.3))
    return Story(
        title="The Lamp",
        sample_rate=RATE,
        tempo=(TempoPoint(tempo_bpm=97.0), TempoPoint(bar=2, tempo_bpm=120.0, beats_per_bar=3)),
        tracks=(
            Track(
                id="narrator",
                name="Narrator",
                voice="narrator",
                strip=Strip(gain_db=-3.0, pan=-0.25, sends=(Send(to="room", gain_db=-9.0),)),
                clips=(
                    Clip(id="n1", start=At(frame=4801), line=first, fade_in_frames=700, fade_out_frames=5000),
                    Clip(
                        id="n2", start=After(gap_frames=-1000), line=first, trim_start_frames=1234, length_frames=20001
                    ),
                ),
            ),
            Track(
                id="keeper",
                name="Keeper / „Ünï“",
                voice="keeper",
                strip=Strip(
                    inserts=(Effect(effect="highpass", params={"cutoff_hz": 200.0}), Effect(effect="compressor")),
                    sends=(Send(to="room", gain_db=-6.0),),
                ),
                clips=(Clip(id="k1", start=At(frame=72777), line=second, gain_db=2.5, pan=0.6),),
            ),
            Track(
                id="bed",
                name="Bed",
                clips=(
                    Clip(id="b1", start=At(frame=0), audio=bed, fade_in_frames=48000, fade_out_frames=96000),
                    Clip(id="b2", start=At(frame=31000), audio=bell, name="Bell", gain_db=-6.0),
                ),
            ),
        ),
        buses=(
            Bus(
                id="room",
                name="Room",
                strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0, "wet_level": 0.4}),)),
            ),
        ),
        master=Master(strip=Strip(gain_db=1.5), limiter_db=-1.0),
        markers=(Marker(id="start", at=At(frame=0), name="Start"), Marker(id="who", at=At(frame=72777), name="Who?")),
    )


class Played(NamedTuple):
    """What a mixer gave when it was driven as the audio process drives it, the limiter's delay taken out."""

    strips: dict[str, np.ndarray]
    premaster: np.ndarray
    mix: np.ndarray


def play_live(story: Story, shop: Workshop, frames: int, block: int = 128) -> Played:
    """Play ``story``'s compiled timeline from an arena that holds every source whole, in blocks of ``block``."""
    arena, entries = live_timeline(story, shop)
    mixer = Mixer(compile_graph(story), sample_rate=story.sample_rate, arena=arena, max_block_frames=block)
    mixer.set_timeline(entries, 1)
    start = records(1)
    start["kind"] = Kind.PLAY
    mixer.dispatch(start)
    ids = list(story.strips())[:-1]
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in (*ids, "premaster", "mix")}
    for _ in range(-(-(frames + mixer.latency_frames) // block)):
        blocks["mix"].append(mixer.process(block).copy())
        blocks["premaster"].append(mixer.premaster.copy())
        for index, name in enumerate(ids):
            blocks[name].append(mixer.strip_output(index).copy())
        mixer.take_reports()
    whole = {name: np.concatenate(parts) for name, parts in blocks.items()}
    return Played(
        {name: whole[name][:frames] for name in ids},
        whole["premaster"][:frames],
        whole["mix"][mixer.latency_frames :][:frames],
    )


def live_timeline(story: Story, shop: Workshop) -> tuple[np.ndarray, np.ndarray]:
    """Return an arena with every source in full, and the entries that the session would compile."""
    sources, offset, parts = {}, 0, []
    for track in story.tracks:
        for clip in track.clips:
            audio = shop.source(clip)
            sources[clip.id] = (offset, audio)
            parts.append(audio.reshape(-1))
            offset += audio.size
    rows = []
    for player, placed in enumerate(place(story, {key: len(audio) for key, (_, audio) in sources.items()}), 1):
        clip, (first, audio) = placed.clip, sources[placed.clip.id]
        channels = audio.shape[1]
        strip = [track.id for track in story.tracks].index(placed.track.id)
        rows.append((
            placed.start_frame, placed.length_frames, first + clip.trim_start_frames * channels, player, 0, channels,
            strip, db_to_gain(clip.gain_db), clip.pan, clip.fade_in_frames, clip.fade_out_frames,
            Shape[clip.fade_in_shape.upper()], Shape[clip.fade_out_shape.upper()],
        ))  # fmt: skip
    return np.concatenate(parts), np.array(rows, ENTRY)


ODD_NAMES = (
    'He said "no"',
    'It\'s "both"',
    "all three: \"a\" 'b' `c`",
    "Grüße aus Köln – „fünf“",
    "🎙 Mikrofon 🧜",
    "שלום עולם",
    "مرحبا بالعالم",
    "<&>]]> %s \\ | ; , #",
    "語り手",
)
"""Names that files, quotes and XML trip over."""


def nasty(shop: Workshop) -> Story:
    """Return what readers trip over: odd names, odd tempos, a clip of one frame, all of mute, solo, pan and send."""
    tracks = tuple(
        Track(
            id=f"t{number}",
            name=name,
            strip=Strip(
                gain_db=-1.25 * number,
                pan=number / 8 - 0.5,
                mute=number == 2,
                solo=number == 4,
                sends=(Send(to="b1", gain_db=-3.5 * number),) if number % 2 else (),
            ),
            clips=(
                Clip(
                    id=f"c{number}",
                    name=name,
                    start=At(frame=4801 + 7919 * number),
                    line=shop.line(f"{name} word", sound(30001 + number, number, channels=1 + number % 2)),
                    trim_start_frames=101 * number,
                    length_frames=None if number % 2 else 20011,
                    gain_db=number - 4.0,
                    pan=0.6 - number / 6,
                    fade_in_frames=313 * number,
                    fade_out_frames=0 if number % 3 else 5003,
                ),
            ),
        )
        for number, name in enumerate(ODD_NAMES)
    )
    tick = Clip(id="tick", start=Beat(bar=4, beat=2.5), audio=shop.file("tick.wav", sound(90, 99)), length_frames=1)
    buses = (
        Bus(id="b1", name="Hall „groß“", strip=Strip(gain_db=-2.0, pan=0.1, sends=(Send(to="b2", gain_db=-6.0),))),
        Bus(id="b2", name="Second"),
    )
    return Story(
        title="„Nasty“ <tale> & 'more' 🎧",
        sample_rate=RATE,
        tempo=(
            TempoPoint(tempo_bpm=97.3),
            TempoPoint(bar=3, tempo_bpm=131.7, beats_per_bar=3),
            TempoPoint(bar=7, tempo_bpm=61.05, beats_per_bar=5),
        ),
        tracks=(*tracks, Track(id="ticks", name="", clips=(tick,))),
        buses=buses,
        master=Master(strip=Strip(gain_db=-0.5)),
        markers=tuple(
            Marker(id=f"m{number}", at=Beat(bar=number + 1), name=name) for number, name in enumerate(ODD_NAMES)
        ),
    )


def placed_in(story: Story, shop: Workshop) -> dict[str, Placed]:
    """Return the story's clips as they are placed, by id."""
    frames = {clip.id: len(shop.source(clip)) for track in story.tracks for clip in track.clips}
    return {placed.clip.id: placed for placed in place(story, frames)}
