"""Edits of what cues send."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import AddCueMessage, RemoveCueMessage
from engine.errors import StoryError, UnknownThing
from engine.story.dump import flow_text
from engine.story.message_checks import check_messages
from engine.story.message_reader import read_message
from engine.story.messages import Outgoing
from engine.story.model import MAIN_LIST, Cue, SendMessages, Story
from engine.story.problems import story_error
from engine.story.tree import message_tree


def edit_messages(story: Story, command: AddCueMessage | RemoveCueMessage) -> Story:
    """Return the story with one message more or less. Raises StoryError, UnknownThing; changes nothing in part."""
    lists = story.cue_lists()
    name = next(iter(lists)) if command.cuelist is None else command.cuelist
    if name not in lists:
        raise UnknownThing("cue list", name, lists)
    cues = {cue.id: cue for cue in lists[name]}
    if command.cue not in cues:
        raise UnknownThing("cue", command.cue, cues)
    cue = cues[command.cue]
    if not isinstance(cue.target, SendMessages):
        raise StoryError(f"cue {cue.id} sounds, or fires others; only a cue with send: has messages")
    messages = _edited(cue.target.messages, cue.id, command, story.sample_rate)
    changed = replace(cue, target=SendMessages(messages=messages))
    return _with_cue(story, name, changed)


def message_text(message: Outgoing, sample_rate: int) -> str:
    """Return a message as the story file writes it, without the braces."""
    return flow_text(message_tree(message, sample_rate))[1:-1]


def _edited(
    messages: tuple[Outgoing, ...], cue: str, command: AddCueMessage | RemoveCueMessage, rate: int
) -> tuple[Outgoing, ...]:
    if isinstance(command, RemoveCueMessage):
        if not 1 <= command.number <= len(messages):
            raise UnknownThing(f"message of cue {cue}", command.number, range(1, len(messages) + 1))
        if len(messages) == 1:
            raise StoryError(f"cue {cue} would have nothing to send; it keeps its last message")
        return (*messages[: command.number - 1], *messages[command.number :])
    message = read_message(command.message, rate)
    if problems := tuple(check_messages((message,), ("send",), rate)):
        raise story_error("message", problems)
    return (*messages, message)


def _with_cue(story: Story, cuelist: str, changed: Cue) -> Story:
    def swapped(cues: tuple[Cue, ...]) -> tuple[Cue, ...]:
        return tuple(changed if cue.id == changed.id else cue for cue in cues)

    if cuelist == MAIN_LIST and cuelist not in {each.id for each in story.cuelists}:
        return replace(story, cues=swapped(story.cues))
    lists = (replace(each, cues=swapped(each.cues)) if each.id == cuelist else each for each in story.cuelists)
    return replace(story, cuelists=tuple(lists))
