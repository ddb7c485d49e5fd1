"""Plan: all that an export needs to know, found out and checked before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from engine.errors import ExportError
from engine.export.aac import check_aac
from engine.export.manifest import Role, cuevox_version
from engine.export.media import Medium, Source, TakeFiles, find_media, source_of
from engine.export.naming import file_name, unique
from engine.export.options import ExportOptions
from engine.export.rates import story_at
from engine.export.taps import MIX
from engine.export.wav import SAMPLE_BYTES
from engine.mixer.graph import Graph, compile_graph
from engine.story.midi_clips import midi_lines, with_midi_clips
from engine.story.model import MASTER, Line, SpeakLine, Story
from engine.story.timeline import Placed, marker_frames, place, story_end_frame
from engine.units import seconds_to_frames
from engine.voices.take import Take

OVERVIEW_FILE = "overview.png"
STEMS_FOLDER = "stems"
README_FILE = "README.txt"
WORKSPACE = ".workspace"
"""A folder of the export being made; it goes away before anybody sees it."""

MAX_FRAMES = 0xFFFFFFFF
"""Cue points count frames in 32 bits."""

_EXPECTED_TAIL_SECONDS = 2.0
_MEDIA_SAMPLE_BYTES = 4


class Stem(msgspec.Struct, frozen=True, kw_only=True):
    """One audio file to be. tap: the strip's index, MIX or PREMASTER. tap_text: that in words, "" for its role's."""

    tap: int
    role: Role
    strip: str
    name: str
    file: str
    tap_text: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will be exported. placed: without clips whose trim leaves nothing; markers: frame by id."""

    story: Story
    graph: Graph
    placed: tuple[Placed, ...]
    silent: tuple[str, ...]
    markers: Mapping[str, int]
    media: Mapping[Source, Medium]
    stems: tuple[Stem, ...]
    options: ExportOptions
    made_at: datetime

    @property
    def end_frame(self) -> int:
        """Where the story ends, tails not counted: after its last clip and its last marker."""
        return max(story_end_frame(self.placed), *self.markers.values(), 0)

    @property
    def start_frame(self) -> int:
        """Where on the timeline stems and mix begin."""
        return seconds_to_frames(self.options.start_seconds or 0.0, self.story.sample_rate)

    @property
    def stop_frame(self) -> int | None:
        """Where on the timeline stems and mix end; None: where the last tail has died away."""
        seconds = self.options.end_seconds
        if seconds is not None:
            return seconds_to_frames(seconds, self.story.sample_rate)
        return None if self.options.tails else self.end_frame

    @property
    def key(self) -> str:
        """A digest of all that the export is made from; when it is made is not part of it."""
        media = [(medium.path, medium.path.stat(), medium.take or medium.words) for medium in self.media.values()]
        facts: list[object] = [(str(path), stat.st_size, stat.st_mtime_ns, said) for path, stat, said in media]
        if self.options.live_template:
            stat = Path(self.options.live_template).stat()
            facts.append((stat.st_size, stat.st_mtime_ns))
        return hashlib.sha256(msgspec.json.encode((cuevox_version(), self.story, self.options, facts))).hexdigest()

    @property
    def title_file(self) -> str:
        """The story's title as a file name without its ending."""
        return file_name(self.story.title)

    def medium(self, placed: Placed) -> Medium:
        """Return what a placed clip plays."""
        return self.media[source_of(placed.clip)]

    def stems_bytes(self) -> int:
        """Return about how much room stems and mix take."""
        frames = self.end_frame + round(_EXPECTED_TAIL_SECONDS * self.story.sample_rate)
        return len(self.stems) * frames * 2 * SAMPLE_BYTES[self.options.encoding]

    def media_bytes(self) -> int:
        """Return how much room the media of a session take."""
        return sum(medium.frames * medium.channels * _MEDIA_SAMPLE_BYTES for medium in self.media.values())


def make_plan(
    story: Story,
    base_folder: Path,
    takes: Mapping[Line, Take],
    cache: TakeFiles,
    options: ExportOptions,
    made_at: datetime,
) -> Plan:
    """Return the plan of an export, or raise what stands against it; writes nothing. Private buses are not in it."""
    if options.file_format == "aac":
        check_aac()
    story = story.public()
    if options.sample_rate is not None:
        story = story_at(story, options.sample_rate)
    graph = compile_graph(story)
    cues = tuple(cue_lines(story)) if "cue" in options.per else ()
    media = find_media(story, base_folder, takes, cache, (*cues, *midi_lines(story)))
    story = with_midi_clips(story, lambda clip: media[source_of(clip)].frames)
    placed = place(story, {clip.id: media[source_of(clip)].frames for track in story.tracks for clip in track.clips})
    plan = Plan(
        story=story,
        graph=graph,
        placed=tuple(each for each in placed if each.length_frames > 0 and not each.clip.mute),
        silent=tuple(each.clip.id for each in placed if each.length_frames <= 0),
        markers=marker_frames(story, placed),
        media=media,
        stems=_stems(story, graph, options),
        options=options,
        made_at=made_at,
    )
    if not plan.placed:
        raise ExportError(f"nothing to export: no clip of {story.title!r} sounds on the timeline")
    if plan.start_frame >= max(plan.end_frame, 1):
        raise ExportError(f"nothing to export: {options.start_seconds:g} s lies after the end of {story.title!r}")
    if plan.end_frame > MAX_FRAMES:
        raise ExportError(f"{story.title!r} is too long to export: {plan.end_frame} frames, {MAX_FRAMES} are allowed")
    return plan


def _stems(story: Story, graph: Graph, options: ExportOptions) -> tuple[Stem, ...]:
    """Tracks and buses in the mixer's order, numbered through, then the mix; nothing where only sessions are wanted."""
    mix = Stem(tap=MIX, role="mix", strip=MASTER, name=story.title, file=mix_file(options))
    if "stems" not in options.formats:
        return (mix,) if "mix" in options.formats else ()
    lanes: list[tuple[Role, str, str]] = []
    if "track" in options.per and not options.dry and options.sends != "printed":
        lanes += [("track", track.id, track.name or track.id) for track in story.tracks]
    if ("bus" in options.per or lanes) and options.sends == "returns":
        lanes += [("bus", bus.id, bus.name or bus.id) for bus in story.buses]
    files = stem_files(options, story.title, [(role, name, strip) for role, strip, name in lanes])
    stems = [
        Stem(tap=graph.index(strip), role=role, strip=strip, name=name, file=file)
        for (role, strip, name), file in zip(lanes, files, strict=True)
    ]
    return (*stems, mix)


def mix_file(options: ExportOptions) -> str:
    """Return the name of the mix."""
    return f"mix.{options.file_ending}"


def stem_files(options: ExportOptions, title: str, stems: Sequence[tuple[Role, str, str]]) -> list[str]:
    """Return file names by the options' template, of (set, name, fallback); they differ even for who ignores case."""
    digits = max(2, len(str(len(stems))))
    names = []
    for number, (role, name, fallback) in enumerate(stems, 1):
        fields = {"track": "", "voice": "", "scene": "", "cue": ""} | {"track" if role == "bus" else role: name}
        filled = options.name.format(
            **fields, nn=f"{number:0{digits}}", name=file_name(name, fallback), set=role, title=title
        )
        folder = STEMS_FOLDER if role in ("track", "bus") else f"{STEMS_FOLDER}/{role}s"
        names.append((folder, file_name(filled, fallback)))
    different = unique("/".join(parts) for parts in names)
    return [f"{name}.{options.file_ending}" for name in different]


def cue_lines(story: Story) -> Iterator[Line]:
    """Iterate over the lines that only cues speak; their stems need the takes."""
    known = {source_of(clip) for track in story.tracks for clip in track.clips}
    for cue in story.cues:
        if isinstance(cue.target, SpeakLine) and cue.target.line not in known:
            yield cue.target.line
