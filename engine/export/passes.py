"""Passes: what else is bounced beside the mix: dry tracks, and stems per voice, scene or cue with their returns.

Each pass is a plan of its own, with the story changed so that only what belongs there sounds; the mixer is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec

from engine.export.options import StemSet
from engine.export.plan import Plan, Stem, stem_files
from engine.export.taps import PREMASTER
from engine.mixer.graph import compile_graph
from engine.story.model import At, Clip, Cue, FireCues, PlayClip, PlaySection, SendMessages, SpeakLine, Story, Strip
from engine.story.timeline import Placed

SOUNDS = "sounds"
"""What clips that no voice speaks are called in a set per voice."""

PRINTED = "post-fader, its share of the returns in it; before the master"
DRY = "dry: clips with their gain, pan and fades; before inserts, fader, pan, mute, solo and sends"


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """A bounce. set: which stems it prints. is_timeline: they lie on the timeline and are as long as the mix."""

    set: StemSet
    plan: Plan
    is_timeline: bool = True


def extra_passes(plan: Plan) -> tuple[Pass, ...]:
    """Return the passes that the options of ``plan`` ask for beside the one that gives the mix."""
    options = plan.options
    if "stems" not in options.formats:
        return ()
    found: list[Pass] = []
    if options.dry and "track" in options.per:
        found.append(_dry(plan))
    elif options.sends == "printed" and "track" in options.per:
        found += _groups(plan, "track", _by_track(plan))
    if "voice" in options.per:
        found += _groups(plan, "voice", _by_voice(plan))
    if "scene" in options.per:
        found += _groups(plan, "scene", _by_scene(plan))
    if "cue" in options.per:
        found += _cues(plan)
    return tuple(found)


def _dry(plan: Plan) -> Pass:
    """One pass with every strip open and empty."""
    tracks = tuple(msgspec.structs.replace(track, strip=Strip()) for track in plan.story.tracks)
    story = msgspec.structs.replace(plan.story, tracks=tracks, buses=())
    graph = compile_graph(story)
    names = _names(plan, "track", [track.name or track.id for track in tracks])
    stems = tuple(
        Stem(
            tap=graph.index(track.id),
            role="track",
            strip=track.id,
            name=track.name or track.id,
            file=file,
            tap_text=DRY,
        )
        for track, file in zip(tracks, names, strict=True)
    )
    return Pass(set="track", plan=msgspec.structs.replace(plan, story=story, graph=graph, stems=stems))


def _groups(plan: Plan, kind: StemSet, groups: Mapping[str, list[Placed]]) -> Iterator[Pass]:
    """One pass per group: nothing else sounds, and what goes to the master is printed."""
    wanted = {name: placed for name, placed in groups.items() if placed}
    files = _names(plan, kind, list(wanted))
    for (name, placed), file in zip(wanted.items(), files, strict=True):
        stem = Stem(tap=PREMASTER, role=kind, strip="", name=name, file=file, tap_text=PRINTED)
        yield Pass(set=kind, plan=msgspec.structs.replace(plan, placed=tuple(placed), stems=(stem,)))


def _by_track(plan: Plan) -> dict[str, list[Placed]]:
    groups: dict[str, list[Placed]] = {}
    for track in plan.story.tracks:
        groups.setdefault(track.name or track.id, []).extend(p for p in plan.placed if p.track.id == track.id)
    return groups


def _by_voice(plan: Plan) -> dict[str, list[Placed]]:
    groups: dict[str, list[Placed]] = {}
    for placed in plan.placed:
        groups.setdefault(placed.clip.line.voice if placed.clip.line else SOUNDS, []).append(placed)
    return groups


def _by_scene(plan: Plan) -> dict[str, list[Placed]]:
    """Markers begin scenes; what starts before the first is a scene of its own."""
    names = {marker.id: marker.name or marker.id for marker in plan.story.markers}
    starts = sorted((frame, names[key]) for key, frame in plan.markers.items())
    edges = [(0, "before"), *starts, (plan.end_frame + 1, "")]
    groups: dict[str, list[Placed]] = {}
    for (begin, name), (end, _) in pairwise(edges):
        groups.setdefault(name, []).extend(p for p in plan.placed if begin <= p.start_frame < end)
    return groups


def _cues(plan: Plan) -> Iterator[Pass]:
    """One pass per cue, from 0 and as long as it takes, its gain on every clip; automation belongs to the timeline."""
    story = _without_automation(plan.story)
    graph = compile_graph(story)
    cues = [(cue, placed) for cue in plan.story.cues if (placed := _of_cue(plan, cue))]
    files = _names(plan, "cue", [f"{cue.id}_{cue.name}" if cue.name else cue.id for cue, _ in cues])
    for (cue, placed), file in zip(cues, files, strict=True):
        first = min(each.start_frame for each in placed)
        moved = tuple(_moved(each, first, cue.gain_db) for each in placed)
        stem = Stem(tap=PREMASTER, role="cue", strip="", name=cue.name or cue.id, file=file, tap_text=PRINTED)
        alone = msgspec.structs.replace(plan, story=story, graph=graph, placed=moved, stems=(stem,), markers={})
        yield Pass(set="cue", plan=alone, is_timeline=False)


def _without_automation(story: Story) -> Story:
    tracks = tuple(msgspec.structs.replace(track, strip=_still(track.strip)) for track in story.tracks)
    buses = tuple(msgspec.structs.replace(bus, strip=_still(bus.strip)) for bus in story.buses)
    master = msgspec.structs.replace(story.master, strip=_still(story.master.strip))
    return msgspec.structs.replace(story, tracks=tracks, buses=buses, master=master)


def _still(strip: Strip) -> Strip:
    return msgspec.structs.replace(strip, automation=())


def _moved(placed: Placed, by_frames: int, gain_db: float) -> Placed:
    clip = msgspec.structs.replace(placed.clip, gain_db=placed.clip.gain_db + gain_db)
    return msgspec.structs.replace(placed, clip=clip, start_frame=placed.start_frame - by_frames)


def _of_cue(plan: Plan, cue: Cue) -> list[Placed]:
    match cue.target:
        case PlayClip(clip=clip_id):
            return [placed for placed in plan.placed if placed.clip.id == clip_id]
        case SpeakLine(line=line, track=track_id):
            track = next(track for track in plan.story.tracks if track.id == track_id)
            clip = Clip(id=f"cue-{cue.id}", start=At(frame=0), line=line)
            medium = plan.media[line]
            return [Placed(clip=clip, track=track, start_frame=0, length_frames=medium.frames)]
        case PlaySection(from_marker=begin, to_marker=end):
            last = plan.end_frame + 1 if end is None else plan.markers[end]
            return [placed for placed in plan.placed if plan.markers[begin] <= placed.start_frame < last]
        case FireCues() | SendMessages():  # a group's cues have stems of their own; messages sound nowhere here
            return []


def _names(plan: Plan, kind: StemSet, names: list[str]) -> list[str]:
    """Return the file names of a set's stems."""
    return stem_files(plan.options, plan.story.title, [(kind, name, "stem") for name in names])
