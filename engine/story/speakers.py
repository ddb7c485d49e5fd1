"""Whatever speaks a line of a story, by name: a clip's id, ``cue:12a``, ``cue:LIST/12a``, ``slot:BANK/1``. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import SetClip
from engine.errors import StoryError, UnknownThing
from engine.story.edit import apply_edit
from engine.story.model import Line, SpeakLine, Story
from engine.story.properties import find_cue, with_cue

CUE, SLOT = "cue:", "slot:"


def spoken_by(story: Story, name: str) -> Line:
    """Return the line that ``name`` speaks. Raises UnknownThing, and StoryError for what speaks none of its own."""
    lines = _lines(story)
    if name not in lines:
        raise UnknownThing("clip, cue or slot", name, lines)
    line = lines[name]
    if line is None:
        raise StoryError(f"{name} has no line of its own: there is nothing to speak")
    return line


def with_seed(story: Story, name: str, seed: int) -> Story:
    """Return the story with another take of the line that ``name`` speaks. Raises as ``spoken_by``."""
    spoken_by(story, name)
    if name.startswith(CUE):
        cuelist, _, number = name.removeprefix(CUE).rpartition("/")
        found, cue = find_cue(story, number, cuelist or None)
        if isinstance(cue.target, SpeakLine):
            story = with_cue(story, found, replace(cue, target=_again(cue.target, seed)))
        return story
    if name.startswith(SLOT):
        slots = (
            replace(slot, target=_again(slot.target, seed))
            if name == _slot_name(slot.bank, slot.index) and isinstance(slot.target, SpeakLine)
            else slot
            for slot in story.slots
        )
        return replace(story, slots=tuple(slots))
    return apply_edit(story, SetClip(clip=name, seed=seed))


def _again(target: SpeakLine, seed: int) -> SpeakLine:
    return replace(target, line=replace(target.line, delivery=replace(target.line.delivery, seed=seed)))


def _lines(story: Story) -> dict[str, Line | None]:
    lines: dict[str, Line | None] = {clip.id: clip.line for track in story.tracks for clip in track.clips}
    for number, (cuelist, cues) in enumerate(story.cue_lists().items()):
        for cue in cues:
            name = f"{CUE}{cuelist}/{cue.id}" if number else f"{CUE}{cue.id}"
            lines[name] = cue.target.line if isinstance(cue.target, SpeakLine) else None
    for slot in story.slots:
        lines[_slot_name(slot.bank, slot.index)] = slot.target.line if isinstance(slot.target, SpeakLine) else None
    return lines


def _slot_name(bank: str, index: int) -> str:
    return f"{SLOT}{bank}/{index}"
