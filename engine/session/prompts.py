"""What only the operator hears: prompts of cues, lines read ahead, auditions. On a private bus, in no master."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from engine.errors import BadRange, EngineError, NotReady
from engine.events import Dropped, Event, Prompted
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.library import Source
from engine.session.players import PrivateOwner, Sound
from engine.session.speech import MAX_TEXT_CHARACTERS
from engine.story.model import Cue, CueTarget, Line, PlayClip, SpeakLine, Story


class Prompts:
    """Speaks prompts, the newest cutting off the last, and plays auditions likewise."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: Source | None = None

    def stand_by(self, cue: Cue) -> tuple[Event, ...]:
        """Prompt for a cue that stands by now. It is told as an event too, for those who read it."""
        text = prompt_of(self._context.story, cue)
        if not text:
            return ()
        told = Prompted(cue=cue.id, text=text)
        return (told, *self._speak(text)) if self._context.story.prompter is not None else (told,)

    def say(self, text: str) -> tuple[Event, ...]:
        """Speak a prompt now. NotReady without a prompter."""
        if self._context.story.prompter is None:
            raise NotReady("this story has no prompter; give it one: prompter: {voice: …}, and a private bus")
        if not text.strip():
            raise BadRange("prompt: there is no text to speak")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise BadRange(f"prompt: {len(text)} characters; at most {MAX_TEXT_CHARACTERS} at once")
        return (Prompted(cue="", text=text), *self._speak(text))

    def audition(self, target: CueTarget, gain_db: float, at_frame: int | None) -> None:
        """Play a target for the operator only. NotReady without a private bus."""
        if not isinstance(target, (PlayClip, SpeakLine)):
            raise BadRange("an audition plays a clip or a line; sections and groups, and what is sent, are for all")
        sound = replace(self._context.sound(target), strip=self._bus())
        self._play("audition", sound, gain_db, at_frame)

    def stop_audition(self, at_frame: int | None) -> None:
        """End an audition."""
        playing = self._context.players.of(PrivateOwner(what="audition"))
        self._context.stop(playing, DECLICK_SECONDS, at_frame)

    def forget(self) -> None:
        """Let no prompt be spoken that still waits for its take."""
        self._waiting = None

    def ready(self, source: Source) -> tuple[Event, ...]:
        """Speak the prompt that had to wait for all of ``source``."""
        if source != self._waiting or not isinstance(source, Line):
            return ()
        return self._speak(source.text)

    def failed(self, source: Source, error: EngineError) -> tuple[Event, ...]:
        """Tell that a prompt can't be spoken."""
        if source != self._waiting:
            return ()
        self._waiting = None
        return (Dropped(what="prompt", code=error.code, text=str(error)),)

    def _speak(self, text: str) -> tuple[Event, ...]:
        prompter = self._context.story.prompter
        if prompter is None:
            return ()
        line = self._context.story.line(text, prompter.voice)
        try:
            loaded, self._waiting = self._context.library.begin(line), None
        except NotReady:
            self._waiting = line
            return ()
        try:
            sound = Sound(source=line, loaded=loaded, strip=self._bus())
            self._play("prompt", sound, 0.0, None)
        except EngineError as error:
            return (Dropped(what="prompt", code=error.code, text=str(error)),)
        return ()

    def _play(self, what: Literal["prompt", "audition"], sound: Sound, gain_db: float, at_frame: int | None) -> None:
        owner = PrivateOwner(what=what)
        fade = self._context.frames(DECLICK_SECONDS)
        stops = self._context.players.stop(self._context.players.of(owner), fade, at_frame)
        self._context.play(owner, sound, at_frame, gain_db, first=stops)

    def _bus(self) -> int:
        story = self._context.story
        buses = story.private_buses()
        if not buses:
            raise NotReady("this story has no private bus; give a bus private: true")
        wanted = story.prompter.bus if story.prompter is not None else None
        return self._context.strip(wanted or buses[0])


def prompt_of(story: Story, cue: Cue) -> str:
    """Return what is said when ``cue`` stands by: its prompt, or its line where the prompter reads ahead."""
    if cue.prompt or story.prompter is None or not story.prompter.read_ahead:
        return cue.prompt
    match cue.target:
        case SpeakLine(line=line):
            return line.text
        case PlayClip(clip=clip) if (placed := story.clips().get(clip)) and placed[1].line is not None:
            return placed[1].line.text
    return ""


def prompt_lines(story: Story) -> Iterator[Line]:
    """Iterate over the lines that the prompter will speak."""
    if story.prompter is None:
        return
    for cues in story.cue_lists().values():
        for cue in cues:
            if text := prompt_of(story, cue):
                yield story.line(text, story.prompter.voice)
