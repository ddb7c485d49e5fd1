"""A Reaper project (.rpp) of a plan: tracks, items with fades and words, sends, markers, tempo.

All times are written from whole frames, in seconds, so that nothing moves when somebody edits the tempo. Effects don't
exist in Reaper under our names: they stand in the project's notes, and what they do is in the printed stems, which lie
muted in a folder of their own; plug-ins can be kept, for people who have them. Identifiers are made from names, so
exporting again changes only what changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from engine.export.colours import track_colour
from engine.export.plan import Plan, Stem
from engine.export.sessions.base import Session, SessionFormat, clip_title
from engine.export.sessions.identity import clip_note
from engine.export.sessions.reaper_plugins import chain
from engine.export.shelf import link_or_copy
from engine.export.taps import MIX
from engine.story.model import MASTER, Strip, TempoPoint
from engine.story.tempo import TempoMap
from engine.story.timeline import Placed
from engine.units import db_to_gain

MEDIA_FOLDER = "media"

_NAMESPACE = uuid.UUID("6f0d1a5e-3c0e-5b1e-9a51-0c7e0c0e70f5")
_POST_FADER = 0
_SHAPES = {"linear": 0, "equal_power": 1, "s_curve": 5, "exponential": 4}
"""Reaper's nearest fade shapes: linear, fast start, slow start and end, slow start (steep)."""
_PAN_LAW_0_DB = 1
_BALANCE = 3
_QUARTER = 4
_COLOURED = 1 << 24
_STEMS_FOLDER = "Stems (printed)"


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.title_file}.rpp",)


def write(session: Session) -> None:
    """Write the project, the media of its clips and, where there are any, links of the stems."""
    plan = session.plan
    for source in plan.media:
        session.shelf.put(source, session.folder / MEDIA_FOLDER)
    for stem in _printed(plan):
        link_or_copy(session.root / stem.file, session.folder / stem.file)
    text = "\n".join(_indented(_project(session))) + "\n"
    (session.folder / _files(plan)[0]).write_text(text, encoding="utf-8", newline="\r\n")


FORMAT = SessionFormat(
    what="Reaper project", files=_files, write=write, has=frozenset({"sends", "mutes", "solos"}),
    fades=frozenset({"linear"}),
)  # fmt: skip


def _printed(plan: Plan) -> list[Stem]:
    return [stem for stem in plan.stems if stem.tap != MIX]


def _project(session: Session) -> Iterator[str]:
    plan, story = session.plan, session.plan.story
    yield f'<REAPER_PROJECT 0.1 "7.0/cuevox" {int(plan.made_at.timestamp())}'
    yield from _notes(session)
    yield f"PANLAW {_PAN_LAW_0_DB}"
    yield f"PANMODE {_BALANCE}"
    yield "AUTOXFADE 0"
    yield "TIMEMODE 1 5 -1 30 0 0 -1"
    yield f"SAMPLERATE {story.sample_rate} 1 0"
    yield from _tempo(plan)
    yield f"MASTER_VOLUME {_volume(story.master.strip)} -1 -1 1"
    yield f"MASTERMUTESOLO {int(story.master.strip.mute)}"
    yield from _plugins(session, MASTER, "MASTERFXLIST")
    yield from _markers(plan)
    yield from _regions(session)
    for number, track in enumerate(story.tracks):
        yield from _strip(session, number, track.id, track.name, track.strip)
        for placed in (each for each in plan.placed if each.track.id == track.id):
            yield from _item(plan, placed)
        yield ">"
    for number, bus in enumerate(story.buses, len(story.tracks)):
        yield from _strip(session, number, bus.id, bus.name, bus.strip)
        yield ">"
    yield from _printed_stems(plan, session.frames)
    yield ">"


def _notes(session: Session) -> Iterator[str]:
    yield "<NOTES 0 2"
    for line in _note_lines(session):
        yield f"|{line}"
    yield ">"


def _note_lines(session: Session) -> Iterator[str]:
    plan = session.plan
    yield f"{plan.story.title}, made by Cuevox."
    yield f"The muted folder {_STEMS_FOLDER!r} holds what Cuevox plays, effects printed: unmute it and mute the rest."
    for strip_id, strip in plan.story.strips().items():
        for number, effect in enumerate(strip.inserts):
            if (strip_id, number) in session.kept:
                continue
            params = "".join(f" {name}={value:g}" for name, value in effect.params.items())
            yield f"Effect on {strip_id}, not in this project: {effect.effect}{params}{' (bypassed)' * effect.bypass}"
    if plan.story.master.limiter_db is not None:
        yield f"Limiter on {MASTER}, not in this project: {plan.story.master.limiter_db:g} dBTP"


def _tempo(plan: Plan) -> Iterator[str]:
    points = sorted(plan.story.tempo, key=lambda point: point.bar) or [TempoPoint()]
    tempo = TempoMap(plan.story.tempo, plan.story.sample_rate)
    yield f"TEMPO {points[0].tempo_bpm:.10g} {points[0].beats_per_bar} {_QUARTER}"
    yield "<TEMPOENVEX"
    yield f"EGUID {_guid(plan, 'tempo')}"
    yield "ACT 1 -1"
    yield "VIS 1 0 1"
    for number, point in enumerate(points):
        seconds = _seconds(plan, tempo.frame(point.bar if number else 1))
        yield f'PT {seconds} {point.tempo_bpm:.10g} 1 {_QUARTER << 16 | point.beats_per_bar} 0 1 0 ""'
    yield ">"


def _markers(plan: Plan) -> Iterator[str]:
    for number, marker in enumerate(plan.story.markers, 1):
        at, name = _seconds(plan, plan.markers[marker.id]), _quoted(marker.name or marker.id)
        yield f"MARKER {number} {at} {name} 0 0 1 B {_guid(plan, 'marker', marker.id)} 0"


def _regions(session: Session) -> Iterator[str]:
    """Scenes; a region is two lines, the second one without a name."""
    plan = session.plan
    for number, (begin, end, name) in enumerate(session.scenes(), 1):
        guid = _guid(plan, "region", name, str(number))
        yield f"MARKER {number} {_seconds(plan, begin)} {_quoted(name)} 1 0 1 R {guid} 0"
        yield f'MARKER {number} {_seconds(plan, end)} "" 1'


def _plugins(session: Session, strip_id: str, tag: str) -> Iterator[str]:
    """The plug-ins of a strip that are kept."""
    places = ((place, plugin) for place, plugin in session.kept.items() if place[0] == strip_id)
    return chain(
        [(plugin, _guid(session.plan, "insert", strip_id, str(number))) for (_, number), plugin in places], tag, _quoted
    )


def _strip(session: Session, number: int, strip_id: str, name: str, strip: Strip) -> Iterator[str]:
    """Open a track with everything but its items; tracks and buses have the mixer's numbers."""
    plan = session.plan
    yield f"<TRACK {_guid(plan, 'strip', strip_id)}"
    yield f"NAME {_quoted(name or strip_id)}"
    red, green, blue = track_colour(number)
    yield f"PEAKCOL {_COLOURED | blue << 16 | green << 8 | red}"
    yield "BEAT 0"
    yield f"VOLPAN {_volume(strip)} -1 -1 1"
    yield f"MUTESOLO {int(strip.mute)} {2 * strip.solo} 0"
    yield "NCHAN 2"
    yield f"TRACKID {_guid(plan, 'strip', strip_id)}"
    for source, sender in enumerate(plan.graph.strips):
        for send in sender.sends:
            if send.to == number:
                yield f"AUXRECV {source} {_POST_FADER} {db_to_gain(send.gain_db):.10g} 0 0 0 0 0 0 -1:U 0 -1 ''"
    yield "MAINSEND 1 0"
    yield from _plugins(session, strip_id, "FXCHAIN")


def _item(plan: Plan, placed: Placed) -> Iterator[str]:
    clip, medium = placed.clip, plan.medium(placed)
    yield from _item_head(plan, "clip", clip.id, placed.start_frame, placed.length_frames)
    shape_in, shape_out = _SHAPES[clip.fade_in_shape], _SHAPES[clip.fade_out_shape]
    yield f"FADEIN {shape_in} {_seconds(plan, clip.fade_in_frames)} 0 {shape_in} 0 0 0"
    yield f"FADEOUT {shape_out} {_seconds(plan, clip.fade_out_frames)} 0 {shape_out} 0 0 0"
    yield f"NAME {_quoted(clip_title(placed))}"
    yield f"VOLPAN {db_to_gain(clip.gain_db):.10g} {clip.pan:.10g} 1 {_PAN_LAW_0_DB}"
    yield f"SOFFS {_seconds(plan, clip.trim_start_frames)}"
    yield from _source(plan, ("clip", clip.id), f"{MEDIA_FOLDER}/{medium.name}")
    yield from ("<NOTES", f"|{clip_note(placed, medium)}", ">")
    for word in medium.words:
        yield f"TKM {_seconds(plan, word.start_frame)} {_quoted(word.text)} 0"
    yield ">"


def _printed_stems(plan: Plan, frames: int) -> Iterator[str]:
    """A muted folder of tracks, each with one stem."""
    stems = _printed(plan)
    if not stems:
        return
    yield f"<TRACK {_guid(plan, 'stems')}"
    yield f"NAME {_quoted(_STEMS_FOLDER)}"
    yield from ("BEAT 0", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 1 0 0", "ISBUS 1 1", "NCHAN 2", "MAINSEND 1 0", ">")
    for stem in stems:
        yield f"<TRACK {_guid(plan, 'stem', stem.strip)}"
        yield f"NAME {_quoted(stem.name)}"
        yield from ("BEAT 0", "VOLPAN 1 0 -1 -1 1", "MUTESOLO 0 0 0")
        yield "ISBUS 2 -1" if stem is stems[-1] else "ISBUS 0 0"
        yield from ("NCHAN 2", "MAINSEND 1 0")
        yield from _item_head(plan, "stem", stem.strip, 0, frames)
        yield f"NAME {_quoted(stem.name)}"
        yield f"VOLPAN 1 0 1 {_PAN_LAW_0_DB}"
        yield "SOFFS 0"
        yield from _source(plan, ("stem", stem.strip), stem.file)
        yield from (">", ">")


def _item_head(plan: Plan, kind: str, item: str, start_frame: int, length_frames: int) -> Iterator[str]:
    yield "<ITEM"
    yield f"POSITION {_seconds(plan, start_frame)}"
    yield "SNAPOFFS 0"
    yield f"LENGTH {_seconds(plan, length_frames)}"
    yield from ("LOOP 0", "ALLTAKES 0", "MUTE 0 0")
    yield f"IGUID {_guid(plan, 'item', kind, item)}"


def _source(plan: Plan, names: tuple[str, ...], path: str) -> Iterator[str]:
    yield "PLAYRATE 1 1 0 -1 0 0.0025"
    yield "CHANMODE 0"
    yield f"GUID {_guid(plan, 'take', *names)}"
    yield "<SOURCE WAVE"
    yield f"FILE {_quoted(path)}"
    yield ">"


def _volume(strip: Strip) -> str:
    return f"{db_to_gain(strip.gain_db):.10g} {strip.pan:.10g}"


def _seconds(plan: Plan, frames: int) -> str:
    """Fifteen digits hold any frame of a day to a billionth of a second."""
    return f"{frames / plan.story.sample_rate:.15g}"


def _guid(plan: Plan, *names: str) -> str:
    return f"{{{uuid.uuid5(_NAMESPACE, '/'.join((plan.story.title, *names)))}}}".upper()


def _quoted(text: str) -> str:
    """Quote as Reaper does: by whichever mark the text does not contain."""
    flat = " ".join(text.split())
    for mark in "\"'`":
        if mark not in flat:
            return f"{mark}{flat}{mark}"
    return f"`{flat.replace('`', chr(39))}`"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    depth = 0
    for line in lines:
        depth -= line == ">"
        yield "  " * depth + line
        depth += line.startswith("<")
