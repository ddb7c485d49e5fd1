"""Edits of what cues send."""

from __future__ import annotations

from msgspec.structs import replace

from engine.commands import AddCueMessage, RemoveCueMessage
from engine.errors import StoryError, UnknownThing
from engine.story.dump import flow_text
from engine.story.message_checks import check_messages
from engine.story.message_reader import read_message
from engine.story.messages import Outgoing
from engine.story.model import SendMessages, Story
from engine.story.problems import story_error
from engine.story.properties import find_cue, with_cue
from engine.story.tree import message_tree


def edit_messages(story: Story, command: AddCueMessage | RemoveCueMessage) -> Story:
    """Return the story with one message more or less. Raises StoryError, UnknownThing; changes nothing in part."""
    name, cue = find_cue(story, command.cue, command.cuelist)
    if not isinstance(cue.target, SendMessages):
        raise StoryError(f"cue {cue.id} sounds, or fires others; only a cue with send: has messages")
    messages = _edited(cue.target.messages, cue.id, command, story.sample_rate)
    changed = replace(cue, target=SendMessages(messages=messages))
    return with_cue(story, name, changed)


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
