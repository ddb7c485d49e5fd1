"""What can be asked of takes and profiles: one method per ``handler`` of the address table, each answered later."""

from __future__ import annotations

import re

from bridge.clients import Client
from bridge.errors import BadArguments
from bridge.message import Message, Value
from bridge.port import EnginePort
from engine.commands import SetClip
from engine.errors import BadRange, StoryError
from engine.questions import (
    AddProfile,
    ChangeProfile,
    CheckSample,
    ExportProfile,
    FindTake,
    ImportProfile,
    LibraryUsage,
    ListJobs,
    ListProfiles,
    ListTakes,
    LockTake,
    PinTake,
    RemarkTake,
    RemoveProfile,
    Row,
    SearchLibrary,
    ShowProfile,
    UnlockTake,
    WordSample,
)
from engine.story.model import Line

MAX_NOTE_CHARACTERS = 1000
BACKEND, LANGUAGE = "pocket", "en"

Values = tuple[Value, ...]


class StoreQuestions:
    """Asks the store for clients. Each method takes the client and the row's arguments by name."""

    def __init__(self, port: EnginePort) -> None:
        self._port = port

    async def takes(self, client: Client, clip: str) -> Values:
        """Tell every take of a clip's line."""
        rows = await self._port.consult(ListTakes(line=self._line(clip)))
        return _told(client, "/takes", rows, clip)

    async def take_choose(self, client: Client, clip: str, take: int) -> Values:
        """Have a clip play a take: its seed is an edit of the story."""
        ((seed,),) = await self._port.consult(FindTake(line=self._line(clip), number=take))
        self._port.apply(SetClip(clip=clip, seed=int(seed)), None, client.shown)
        return (int(seed),)

    async def take_lock(self, client: Client, clip: str, take: int) -> Values:
        """Have a clip keep a take."""
        ((seed,),) = await self._port.consult(LockTake(line=self._line(clip), number=take))
        self._port.apply(SetClip(clip=clip, seed=int(seed)), None, client.shown)
        return (int(seed),)

    async def take_unlock(self, client: Client, clip: str) -> Values:  # noqa: ARG002
        """Let a clip's line be spoken as its voice is."""
        await self._port.consult(UnlockTake(line=self._line(clip)))
        return ()

    async def take_note(self, client: Client, clip: str, take: int, note: str) -> Values:  # noqa: ARG002
        """Write a note beside a take."""
        if len(note) > MAX_NOTE_CHARACTERS:
            raise BadRange(f"note: {len(note)} characters; at most {MAX_NOTE_CHARACTERS}")
        await self._port.consult(RemarkTake(line=self._line(clip), number=take, note=note))
        return ()

    async def profiles(self, client: Client) -> Values:
        """Tell every profile."""
        return _told(client, "/profiles", await self._port.consult(ListProfiles()))

    async def profile_show(self, client: Client, profile: str) -> Values:
        """Tell a profile's samples, its note of consent, its effects and settings."""
        (facts, *samples) = await self._port.consult(ShowProfile(profile=profile))
        return (*_told(client, "/profiles/show", tuple(samples), profile), *facts)

    async def profile_check(self, client: Client, file: str) -> Values:
        """Tell what is to be said of a sample."""
        return _told(client, "/profiles/check", await self._port.consult(CheckSample(file=file)), file)

    async def profile_add(
        self,
        client: Client,
        profile: str,
        consent: str,
        files: str,
        name: str = "",
        backend: str = BACKEND,
        language: str = LANGUAGE,
        listen: str = "",
        effects: str = "",
        texts: str = "",
    ) -> Values:
        """Make a voice of samples."""
        paths = tuple(filter(None, (path.strip() for path in re.split(r"[\n,]", files))))
        if not paths:
            raise BadArguments("files: name the samples, with commas between or as an array")
        if listen and texts.strip():
            raise BadArguments("texts: give either these, or what is to listen to the samples")
        rows = await self._port.consult(
            AddProfile(
                profile=profile,
                consent=consent,
                files=paths,
                name=name,
                backend=backend,
                language=language,
                listen=listen,
                effects=effects,
                texts=_texts(texts, len(paths)),
            )
        )
        return _told(client, "/profiles/check", rows, profile)

    async def profile_set(self, client: Client, profile: str, key: str, value: str) -> Values:  # noqa: ARG002
        """Give a profile another value."""
        await self._port.consult(ChangeProfile(profile=profile, key=key, value=value))
        return ()

    async def profile_text(self, client: Client, profile: str, number: int, text: str) -> Values:  # noqa: ARG002
        """Say what is said in a sample."""
        await self._port.consult(WordSample(profile=profile, number=number, text=text))
        return ()

    async def profile_export(self, client: Client, profile: str, file: str) -> Values:  # noqa: ARG002
        """Write a profile into an archive."""
        await self._port.consult(ExportProfile(profile=profile, file=file))
        return (file,)

    async def profile_import(self, client: Client, file: str, profile: str = "") -> Values:  # noqa: ARG002
        """Keep the profile of an archive."""
        ((kept,),) = await self._port.consult(ImportProfile(file=file, profile=profile))
        return (str(kept),)

    async def profile_remove(self, client: Client, profile: str) -> Values:  # noqa: ARG002
        """Forget a profile."""
        await self._port.consult(RemoveProfile(profile=profile))
        return ()

    async def library_search(
        self, client: Client, words: str = "", voice: str = "", before: int = 0, limit: int = 50
    ) -> Values:
        """Tell takes of the library by the words of their lines."""
        question = SearchLibrary(words=words, voice=voice, before=before, limit=limit)
        return _told(client, "/library/search", await self._port.consult(question))

    async def library_pin(self, client: Client, entry: int) -> Values:  # noqa: ARG002
        """Keep a take's sound."""
        await self._port.consult(PinTake(entry=entry, pinned=True))
        return ()

    async def library_unpin(self, client: Client, entry: int) -> Values:  # noqa: ARG002
        """Let a take's sound be pruned."""
        await self._port.consult(PinTake(entry=entry, pinned=False))
        return ()

    async def library_usage(self, client: Client) -> Values:  # noqa: ARG002
        """Tell what is taken of the disk."""
        (row,) = await self._port.consult(LibraryUsage())
        return row

    async def library_jobs(self, client: Client, limit: int = 50) -> Values:
        """Tell the jobs that the library knows."""
        return _told(client, "/library/jobs", await self._port.consult(ListJobs(limit=limit)))

    def _line(self, clip: str) -> Line:
        line = self._port.clip(clip).clip.line
        if line is None:
            raise StoryError(f"clip {clip} plays a file: it has no takes")
        return line


def _texts(said: str, samples: int) -> tuple[str, ...]:
    """Return what is said in each sample, nothing where that is not told."""
    texts = tuple(text.strip() for text in said.split("\n")) if said.strip() else ()
    if texts and len(texts) != samples:
        raise BadArguments(f"texts: there are {samples} samples and {len(texts)} texts; give one for each, or none")
    return texts


def _told(client: Client, address: str, rows: tuple[Row, ...], *about: str) -> Values:
    """Send a message per row; return what the last one says: what it was about, and how many there were."""
    for row in rows:
        client.send(Message(address, row))
    return (*about, len(rows))
