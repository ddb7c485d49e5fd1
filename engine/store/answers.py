"""Answers questions from the database, the cache of takes and the files behind them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.errors import Busy, NotReady
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
    NextSeed,
    NoteJobs,
    NoteTake,
    PinTake,
    PruneLibrary,
    Question,
    ReadVoice,
    RemarkTake,
    RemoveProfile,
    Row,
    SearchLibrary,
    Shelves,
    ShowProfile,
    UnlockTake,
    WordSample,
)
from engine.render.cache import TakeCache
from engine.render.locks import Locks
from engine.store import archive
from engine.store.database import Database
from engine.store.jobs import Jobs
from engine.store.kept_profile import Profile
from engine.store.library import Library
from engine.store.media import Media
from engine.store.profile_keys import effects_of, effects_text, settings_text, with_key, with_text
from engine.store.profiles import Profiles
from engine.store.pruning import Rule, prune
from engine.store.samples import Finding, read_sample
from engine.store.takes import Takes
from engine.store.usage import usage
from engine.story.model import Line
from engine.voices.catalog import load_catalog

Rows = tuple[Row, ...]


class Answers:
    """The store as it is asked. Raises EngineError: StoreError where the database fails."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        takes_folder = Path(shelves.takes_folder)
        data = Path(shelves.data_folder)
        media = Media(Path(shelves.media_folder) if shelves.media_folder else data / "media", flac=shelves.flac)
        self._database, self._media = Database(data, shelves.database), media
        voices = [Path(folder) for folder in shelves.voice_folders]
        self._takes, self._profiles = Takes(self._database, media), Profiles(self._database, data, media, voices)
        self._cache, self._locks = TakeCache(takes_folder), Locks(takes_folder)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def answer(self, question: Question) -> Rows:
        """Return what is asked for, or do it."""
        match question:
            case ListTakes(line=line):
                return self._list(line)
            case NextSeed(line=line):
                return ((self._takes.next_seed(line), len(self._takes.of(line))),)
            case NoteTake(line=line, digest=digest):
                return self._note(line, digest)
            case FindTake(line=line, number=number):
                return self._find(line, number)
            case RemarkTake(line=line, number=number, note=note):
                self._takes.remark(line, number, note)
            case LockTake(line=line, number=number):
                return self._lock(line, number)
            case UnlockTake(line=line):
                self._locks.unlock(line)
            case ReadVoice(voice=voice):
                folders = [Path(folder) for folder in self._shelves.voice_folders]
                preset = load_catalog(folders, self._shelves.speak_with).get(voice)
                return ((msgspec.json.encode(preset).decode(),),)
            case PruneLibrary():
                return self._prune(question)
            case SearchLibrary() | PinTake() | LibraryUsage():
                return self._look(question)
            case NoteJobs(jobs=jobs, pid=pid):
                Jobs(self._database).note(jobs, pid)
            case ListJobs(limit=limit):
                return _jobs(Jobs(self._database), limit)
            case _:
                return self._profile(question)
        return ()

    def _look(self, question: SearchLibrary | PinTake | LibraryUsage) -> Rows:
        library = Library(self._database)
        match question:
            case SearchLibrary(words=words, voice=voice, before=before, limit=limit):
                found = library.page(words=words, voice=voice, before=before or None, limit=limit)
                return tuple((e.id, e.voice, e.seconds, int(e.pinned), e.text, e.note) for e in found)
            case PinTake(entry=entry, pinned=pinned):
                library.pin(entry, pinned)
                return ()
            case LibraryUsage():
                used = usage(self._database, self._media.folder, self._cache.folder)
                sizes = (used.whole.bytes, used.pinned.bytes, used.cached_bytes, used.free_bytes)
                return ((used.takes, used.whole.sounds, *(size / 1e6 for size in sizes)),)

    def _prune(self, question: PruneLibrary) -> Rows:
        rule = Rule(
            max_bytes=question.max_bytes,
            unused_days=question.unused_days or None,
            locked=tuple(self._locks.digests.values()),
        )
        done = prune(self._database, self._media, rule)
        return ((len(done.leaving), done.bytes, done.over_bytes),)

    def _profile(self, question: Question) -> Rows:
        match question:
            case ListProfiles():
                return tuple(_told(profile) for profile in self._profiles.all())
            case ShowProfile(profile=profile):
                return _shown(self._profiles.get(profile))
            case CheckSample(file=file):
                return _found(read_sample(Path(file)).findings)
            case AddProfile():
                return self._add(question)
            case ChangeProfile(profile=profile, key=key, value=value):
                self._profiles.change(with_key(self._profiles.get(profile), key, value))
            case WordSample(profile=profile, number=number, text=text):
                self._profiles.change(with_text(self._profiles.get(profile), number, text))
            case ExportProfile(profile=profile, file=file):
                archive.export_profile(self._profiles, profile, Path(file))
            case ImportProfile(profile=profile, file=file):
                return ((archive.import_profile(self._profiles, Path(file), profile).id,),)
            case RemoveProfile(profile=profile):
                self._profiles.remove(profile)
        return ()

    def _list(self, line: Line) -> Rows:
        locked, rows = self._locks.get(line), []
        for kept in self._takes.of(line):
            state = "locked" if locked == kept.digest else "chosen" if kept.seed == line.delivery.seed else ""
            made = kept.made_at.isoformat(sep=" ", timespec="seconds")
            here = int(self._cache.get(kept.digest) is not None)
            rows.append((kept.number, kept.seed, state, made, here, kept.note))
        return tuple(rows)

    def _note(self, line: Line, digest: str) -> Rows:
        take = self._cache.get(digest)
        if take is None:
            raise NotReady(f"the take {digest} is not in the cache")
        folders = [Path(folder) for folder in self._shelves.voice_folders]
        preset = load_catalog(folders, self._shelves.speak_with).get(line.voice)
        kept = self._takes.note(line, preset, take, self._cache.audio_path(digest))
        return ((kept.number, kept.seed),)

    def _find(self, line: Line, number: int) -> Rows:
        kept = self._takes.get(line, number)
        if self._locks.get(line) not in (None, kept.digest):
            raise Busy("another take of this line is locked; unlock it first")
        if self._cache.get(kept.digest) is None:
            self._takes.bring_back(kept, self._cache)
        return ((kept.seed,),)

    def _lock(self, line: Line, number: int) -> Rows:
        kept = self._takes.get(line, number)
        if self._cache.get(kept.digest) is None and self._takes.bring_back(kept, self._cache) is None:
            raise NotReady(f"the sound of take {number} is not here any more; choose it, and lock it once it is there")
        self._locks.lock(line, kept.digest)
        return ((kept.seed,),)

    def _add(self, question: AddProfile) -> Rows:
        files = [Path(file) for file in question.files]
        made = self._profiles.make(
            Profile(
                id=question.profile,
                name=question.name or question.profile,
                backend=question.backend,
                language=question.language,
                consent=question.consent,
                settings={},
                effects=effects_of(question.effects),
                samples=(),
            ),
            files,
            question.texts or [""] * len(files),
        )
        return tuple(row for sample in made.samples for row in _found(sample.findings))


def _jobs(jobs: Jobs, limit: int) -> Rows:
    return tuple(
        (
            j.id, j.name, j.verb, j.what, j.state, j.fraction, j.stage, j.result, j.client, j.made_by,
            j.begun_at.isoformat(sep=" ", timespec="seconds"),
        )
        for j in jobs.newest(limit)
    )  # fmt: skip


def _told(profile: Profile) -> Row:
    seconds = sum(sample.frames / sample.sample_rate for sample in profile.samples)
    return profile.id, profile.name, profile.backend, profile.language, len(profile.samples), round(seconds, 3)


def _shown(profile: Profile) -> Rows:
    samples = ((s.number, s.name, round(s.frames / s.sample_rate, 3), s.text) for s in profile.samples)
    return ((profile.consent, effects_text(profile.effects), settings_text(profile)), *samples)


def _found(findings: Iterable[Finding]) -> Rows:
    return tuple((each.what, float(each.value), each.unit, each.advice) for each in findings)
