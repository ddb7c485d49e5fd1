"""Rules of how a story's parts fit together; a story is checked by them as it is read, and edits keep them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.story.model import At, Beat, Manner, PlaySection, Slot, Story
from engine.story.positions import MOST_SECONDS
from engine.story.problems import Path, Problem, allowed_text
from engine.story.rules import problem
from engine.units import frames_to_seconds


def check_private_sends(story: Story) -> Iterator[Problem]:
    """Report sends that would bring to the audience what is for the operator only."""
    buses, private = {bus.id for bus in story.buses}, story.private_buses()
    for i, bus in enumerate(story.buses):
        for send in bus.strip.sends if bus.private else ():
            if send.to in buses and send.to not in private:
                yield problem(("buses", i, "sends", send.to), "a private bus may only send to private ones")


def check_prompter_bus(story: Story) -> Iterator[Problem]:
    """Report a prompter that has no private bus to speak on."""
    prompter, private = story.prompter, story.private_buses()
    if prompter is None:
        return
    if not private:
        yield problem(("prompter",), "needs a private bus to speak on: give a bus private: true")
    elif prompter.bus is not None and prompter.bus not in private:
        there = allowed_text(private)
        yield problem(("prompter", "bus"), f"there is no private bus {prompter.bus!r}; there is: {there}")


def check_pressed(path: Path, slot: Slot) -> Iterator[Problem]:
    """Report a slot that no MIDI file on the timeline can press."""
    name = f"slot {slot.bank}/{slot.index}"
    if isinstance(slot.target, PlaySection):
        yield problem(path, f"{name} plays a section: no file on the timeline can press it")
    elif slot.target.manner != Manner() or slot.velocity_word:
        text = f"{name} plays words, or at another pitch or speed: a file on the timeline plays whole sounds"
        yield problem(path, text)


def check_frame(path: Path, place: At, sample_rate: int) -> Iterator[Problem]:
    """Report a place before the timeline, or too far away."""
    rate = max(1, sample_rate)
    if place.frame < 0:
        yield problem(path, f"{frames_to_seconds(-place.frame, rate):g} s before the start of the timeline")
    elif place.frame > MOST_SECONDS * rate:
        yield problem(path, f"more than {MOST_SECONDS:g} s away")


def check_beat(path: Path, place: Beat, beats_per_bar: int) -> Iterator[Problem]:
    """Report a beat that its bar does not have."""
    if not 1.0 <= place.beat < beats_per_bar + 1:
        text = f"bar {place.bar} has no beat {place.beat:g}: it has {beats_per_bar}, counted from 1"
        yield problem(path, text)
