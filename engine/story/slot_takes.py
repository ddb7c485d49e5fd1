"""The takes of a slot: seeds of the same words, picked by how hard it is pressed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from engine.story.model import Clip, Line, PlayClip, PlaySection, Slot, SpeakLine, Story, Target


def targets(slot: Slot) -> tuple[Target, ...]:
    """Return what a slot may play, from the softest press to the hardest: its target, or each take of it."""
    target = slot.target
    if isinstance(target, PlaySection) or not slot.velocity_take:
        return (target,)
    if isinstance(target, PlayClip):
        return tuple(replace(target, take=seed) for seed in slot.velocity_take)
    return tuple(replace(target, line=_spoken(target.line, seed)) for seed in slot.velocity_take)


def share(count: int, velocity: float) -> int:
    """Return which of ``count`` equal shares of the way from soft to hard a velocity (0 to 1) falls into, from 0."""
    return min(count - 1, int(velocity * count))


def in_take(clip: Clip, seed: int | None) -> Clip:
    """Return a clip with another take of its line; None: with its own."""
    if seed is None or clip.line is None:
        return clip
    return replace(clip, line=_spoken(clip.line, seed))


def slot_lines(story: Story, slot: Slot) -> Iterator[Line]:
    """Iterate over the lines that a slot speaks besides those of the clips."""
    for target in targets(slot):
        if isinstance(target, SpeakLine):
            yield target.line
        elif isinstance(target, PlayClip) and target.take is not None:
            clip = in_take(story.clips()[target.clip][1], target.take)
            if clip.line is not None:
                yield clip.line


def _spoken(line: Line, seed: int) -> Line:
    return replace(line, delivery=replace(line.delivery, seed=seed))
