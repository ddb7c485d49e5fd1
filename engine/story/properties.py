"""Edits of single properties of cues, slots and clips: a story and a command give a new story."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast, get_args

from msgspec.structs import asdict, replace

from engine.commands import RenumberCue, SetClip, SetCue, SetSlot
from engine.errors import BadRange, BadType, StoryError, UnknownThing
from engine.params import CLIP_GAIN, PAN, SEED, SEMITONES, WAIT_SECONDS
from engine.story.fitting import check_pressed
from engine.story.model import (
    MAIN_LIST,
    Clip,
    Cue,
    CueColor,
    FireCues,
    Follow,
    Line,
    PlayClip,
    PlaySection,
    Quantise,
    SendMessages,
    Slot,
    SlotMode,
    SpeakLine,
    Story,
    Track,
)
from engine.story.rules import check_id, check_text

MAX_NAME_CHARACTERS = 200

Thing = TypeVar("Thing", Cue, Slot)


def set_properties(story: Story, command: SetCue | SetSlot | SetClip) -> Story:
    """Return the story with what ``command`` gives set; the rest stays.

    Raises UnknownThing, BadRange, BadType or StoryError; never changes anything in part.
    """
    match command:
        case SetCue():
            return _set_cue(story, command)
        case SetSlot():
            return _set_slot(story, command)
        case SetClip():
            return _set_clip(story, command)


def renumber_cue(story: Story, command: RenumberCue) -> Story:
    """Return the story with a cue's id changed. Raises UnknownThing, BadRange, StoryError."""
    cuelist, cue = find_cue(story, command.cue, command.cuelist)
    for problem in check_id(("cue",), "number", command.number):
        raise BadRange(f"cue {cue.id} number: {problem.text}")
    if command.number in {each.id for each in story.cue_lists()[cuelist]}:
        raise StoryError(f"the list {cuelist!r} has a cue {command.number!r} already")

    def renumbered(each: Cue) -> Cue:
        if each is cue:
            each = replace(each, id=command.number)
        if isinstance(each.target, FireCues) and cue.id in each.target.cues:
            members = tuple(command.number if member == cue.id else member for member in each.target.cues)
            each = replace(each, target=FireCues(cues=members))
        return each

    return _with_cues(story, cuelist, renumbered)


def renumbered_cues(before: Story, after: Story) -> tuple[tuple[str, str, str], ...]:
    """Return list, number before and number now of cues that stand where they stood, under another number."""
    if before.cues is after.cues and before.cuelists is after.cuelists:
        return ()
    now = after.cue_lists()
    pairs = (
        (cuelist, pair[0].id, pair[1].id)
        for cuelist, cues in before.cue_lists().items()
        if len(cues) == len(now.get(cuelist, ()))
        for pair in zip(cues, now[cuelist], strict=True)
    )
    return tuple(each for each in pairs if each[1] != each[2])


def property_target(command: SetCue | SetSlot | SetClip) -> tuple[object, ...]:
    """Return what an edit sets: a later one of the same target replaces it."""
    ids = ("cue", "cuelist", "bank", "index", "clip")
    given = ((name, value if name in ids else None) for name, value in asdict(command).items() if value is not None)
    return type(command), *given


def with_cue(story: Story, cuelist: str, changed: Cue) -> Story:
    """Return the story with a cue of a list in place of the one that has its id."""
    return _with_cues(story, cuelist, lambda cue: changed if cue.id == changed.id else cue)


def _with_cues(story: Story, cuelist: str, change: Callable[[Cue], Cue]) -> Story:
    """Return the story with every cue of a list changed."""
    if cuelist == MAIN_LIST and cuelist not in {each.id for each in story.cuelists}:
        return replace(story, cues=tuple(map(change, story.cues)))
    lists = (
        replace(each, cues=tuple(map(change, each.cues))) if each.id == cuelist else each for each in story.cuelists
    )
    return replace(story, cuelists=tuple(lists))


def find_cue(story: Story, cue: str, cuelist: str | None) -> tuple[str, Cue]:
    """Return the list (None: the first one) and the cue in it. Raises UnknownThing."""
    lists = story.cue_lists()
    name = next(iter(lists)) if cuelist is None else cuelist
    if name not in lists:
        raise UnknownThing("cue list", name, lists)
    cues = {each.id: each for each in lists[name]}
    if cue not in cues:
        raise UnknownThing("cue", cue, cues)
    return name, cues[cue]


def spoken_line(story: Story, clip: str) -> Line:
    """Return the line that a clip speaks. Raises UnknownThing, and StoryError for one that plays a file."""
    line = find_clip(story, clip)[1].line
    if line is None:
        raise StoryError(f"clip {clip} plays a file: there is nothing to speak")
    return line


def find_clip(story: Story, clip: str) -> tuple[Track, Clip]:
    """Return the track and the clip of that id, without looking at more than it takes. Raises UnknownThing."""
    for track in story.tracks:
        for each in track.clips:
            if each.id == clip:
                return track, each
    raise UnknownThing("clip", clip, story.clips())


def _set_cue(story: Story, command: SetCue) -> Story:
    cuelist, cue = find_cue(story, command.cue, command.cuelist)
    what = f"cue {cue.id}"
    if command.name is not None:
        cue = replace(cue, name=_name(command.name, what))
    if command.gain_db is not None:
        if command.gain_db and isinstance(cue.target, SendMessages):
            raise StoryError(f"{what} only sends: it has no gain; fire both with a group")
        cue = replace(cue, gain_db=CLIP_GAIN.check(command.gain_db, f"{what} gain_db"))
    if command.pre_wait_frames is not None:
        cue = replace(cue, pre_wait_frames=_wait(command.pre_wait_frames, story, f"{what} pre-wait"))
    if command.post_wait_frames is not None:
        cue = replace(cue, post_wait_frames=_wait(command.post_wait_frames, story, f"{what} post-wait"))
    if command.follow is not None:
        follow = cast(Follow, _choice("follow", command.follow, get_args(Follow)))
        if follow != "none" and _is_grouped(story, cuelist, cue.id):
            raise StoryError(f"a group fires cue {cue.id}; what follows is the group's to say")
        cue = replace(cue, follow=follow)
    return with_cue(story, cuelist, _set_look(_set_sound(cue, command, story), command))


def _set_sound(cue: Cue, command: SetCue, story: Story) -> Cue:
    what = f"cue {cue.id}"
    if (command.pan or command.bus) and not isinstance(cue.target, PlayClip | SpeakLine):
        raise StoryError(f"{what} plays neither a clip nor a line: it has no pan and no bus")
    if command.pan is not None:
        cue = replace(cue, pan=PAN.check(command.pan, f"{what} pan"))
    if command.bus is not None:
        if command.bus and command.bus not in (strips := story.strips()):
            raise UnknownThing("strip", command.bus, strips)
        cue = replace(cue, bus=command.bus or None)
    return cue


def _set_look(cue: Cue, command: SetCue) -> Cue:
    if command.armed is not None:
        cue = replace(cue, armed=command.armed)
    if command.color is not None:
        color = cast(CueColor, _choice("color", command.color, get_args(CueColor))) if command.color else None
        cue = replace(cue, color=color)
    return cue


def _set_slot(story: Story, command: SetSlot) -> Story:
    slots = {(slot.bank, slot.index): slot for slot in story.slots}
    key = command.bank, command.index
    if key not in slots:
        raise UnknownThing("slot", f"{command.bank}/{command.index}", [f"{bank}/{index}" for bank, index in slots])
    slot, what = slots[key], f"slot {command.bank}/{command.index}"
    if command.name is not None:
        slot = replace(slot, name=_name(command.name, what))
    if command.gain_db is not None:
        slot = replace(slot, gain_db=CLIP_GAIN.check(command.gain_db, f"{what} gain_db"))
    if command.mode is not None:
        slot = replace(slot, mode=cast(SlotMode, _choice("mode", command.mode, get_args(SlotMode))))
    if command.choke is not None:
        for problem in check_id((what,), "choke", command.choke) if command.choke else ():
            raise BadRange(f"{what} choke: {problem.text}")
        slot = replace(slot, choke=command.choke or None)
    if command.quantise is not None:
        slot = replace(slot, quantise=cast(Quantise, _choice("quantise", command.quantise, get_args(Quantise))))
    if command.semitones is not None:
        slot = _in_manner(slot, what, semitones=SEMITONES.check(command.semitones, f"{what} semitones"))
    if command.loop is not None:
        slot = _in_manner(slot, what, loop=command.loop, **({"repeat": 1} if command.loop else {}))
    if any(midi.bank == slot.bank for midi in story.midi):
        for problem in check_pressed((what,), slot):
            raise StoryError(problem.text)
    return replace(story, slots=_swapped(story.slots, lambda each: (each.bank, each.index) == key, slot))


def _in_manner(slot: Slot, what: str, **fields: float) -> Slot:
    """Return the slot with its target played otherwise. Raises StoryError: a section is played as it lies."""
    target = slot.target
    if isinstance(target, PlaySection):
        raise StoryError(f"{what} plays a section, which has no {next(iter(fields))}; clips and lines have")
    return replace(slot, target=replace(target, manner=replace(target.manner, **fields)))


def _set_clip(story: Story, command: SetClip) -> Story:
    track, old = find_clip(story, command.clip)
    changed = _changed_clip(old, command)
    clips_now = tuple(changed if clip is old else clip for clip in track.clips)
    tracks = (replace(each, clips=clips_now) if each is track else each for each in story.tracks)
    return replace(story, tracks=tuple(tracks))


def _changed_clip(clip: Clip, command: SetClip) -> Clip:
    what = f"clip {clip.id}"
    if command.name is not None:
        clip = replace(clip, name=_name(command.name, what))
    if command.gain_db is not None:
        clip = replace(clip, gain_db=CLIP_GAIN.check(command.gain_db, f"{what} gain_db"))
    if command.pan is not None:
        clip = replace(clip, pan=PAN.check(command.pan, f"{what} pan"))
    if command.mute is not None:
        clip = replace(clip, mute=command.mute)
    if command.seed is not None:
        if clip.line is None:
            raise StoryError(f"{what} is a file, not a line; only lines have seeds")
        seed = round(SEED.check(command.seed, f"{what} seed"))
        clip = replace(clip, line=replace(clip.line, delivery=replace(clip.line.delivery, seed=seed)))
    return clip


def _swapped(things: tuple[Thing, ...], chosen: Callable[[Thing], bool], new: Thing) -> tuple[Thing, ...]:
    return tuple(new if chosen(thing) else thing for thing in things)


def _is_grouped(story: Story, cuelist: str, cue: str) -> bool:
    targets = (each.target for each in story.cue_lists()[cuelist])
    return any(cue in target.cues for target in targets if isinstance(target, FireCues))


def _name(name: str, what: str) -> str:
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadRange(f"{what} name: {len(name)} characters; at most {MAX_NAME_CHARACTERS}")
    for problem in check_text((what,), "name", name):
        raise BadType(f"{what} name: {problem.text}")
    return name


def _wait(frames: int, story: Story, what: str) -> int:
    WAIT_SECONDS.check(frames / story.sample_rate, what)
    return frames


def _choice(kind: str, word: str, known: Iterable[str]) -> str:
    if word not in known:
        raise UnknownThing(kind, word, known)
    return word
