"""What a running engine may do with the store: files stay in the project, voices that come and go are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.control.clerk import Clerk, project_file
from engine.errors import NotReady, StoryError
from engine.events import Event, VoicesChanged
from engine.questions import (
    AddProfile,
    ChangeProfile,
    CheckSample,
    ExportProfile,
    ImportProfile,
    Question,
    ReadVoice,
    RemoveProfile,
    Row,
    WordSample,
)
from engine.story.model import SpeakLine, Story
from engine.voices.catalog import Catalog
from engine.voices.preset import Preset

Hear = Callable[[str, str, str], Awaitable[str]]
"""Returns what is said in a file: its path, the code of its language, the model that listens."""


async def deaf(_file: str, _language: str, _model: str) -> str:
    """Refuse."""
    raise NotReady("nothing here listens to samples; give their texts")


class StoreDesk:
    """Passes questions on to the clerk. folder: of the project. Set ``tell``, ``story`` and ``hear`` first."""

    def __init__(self, clerk: Clerk, catalog: Catalog, folder: Path) -> None:
        self.clerk, self._catalog, self._folder = clerk, catalog, folder
        self.tell: Callable[[tuple[Event, ...]], object] = lambda _: None
        self.story: Callable[[], Story] = lambda: Story(title="")
        self.hear: Hear = deaf

    async def ask(self, question: Question) -> tuple[Row, ...]:
        """Return what the store answers. Raises EngineError."""
        question = self._placed(question)
        if isinstance(question, RemoveProfile):
            self._refuse_needed(question.profile)
        if isinstance(question, AddProfile) and question.listen:
            texts = [await self.hear(file, question.language, question.listen) for file in question.files]
            question = replace(question, texts=tuple(texts), listen="")
        rows = await self.clerk.ask(question)
        match question:
            case AddProfile(profile=profile):
                await self._welcome(profile)
            case ChangeProfile(profile=profile) | WordSample(profile=profile) if profile in self._catalog.presets:
                await self._welcome(profile)
            case ImportProfile():
                await self._welcome(str(rows[0][0]))
            case RemoveProfile(profile=profile):
                self._catalog.presets.pop(profile, None)
                self.tell((VoicesChanged(),))
        return rows

    def _placed(self, question: Question) -> Question:
        """Return a question with its files' whole paths. Raises BadRange."""
        match question:
            case AddProfile(files=files):
                return replace(question, files=tuple(project_file(self._folder, file) for file in files))
            case CheckSample(file=file) | ExportProfile(file=file) | ImportProfile(file=file):
                return replace(question, file=project_file(self._folder, file))
        return question

    async def _welcome(self, voice: str) -> None:
        """Have a new voice speak from now on."""
        ((preset,),) = await self.clerk.ask(ReadVoice(voice=voice))
        self._catalog.presets[voice] = msgspec.json.decode(str(preset), type=Preset)
        self.tell((VoicesChanged(),))

    def _refuse_needed(self, voice: str) -> None:
        story = self.story()
        lines = [clip.line for _, clip in story.clips().values() if clip.line is not None]
        targets = [c.target for each in story.cue_lists().values() for c in each] + [s.target for s in story.slots]
        lines += [target.line for target in targets if isinstance(target, SpeakLine)]
        needed = any(line.voice == voice for line in lines) or any(track.voice == voice for track in story.tracks)
        if needed or (story.prompter is not None and story.prompter.voice == voice):
            raise StoryError(f"the story needs the voice {voice!r}; give its lines another one first")
