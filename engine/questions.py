"""Questions: what can be asked of the store, and what it answers: rows of texts and numbers. No database here."""

from __future__ import annotations

import msgspec

from engine.story.model import Line

Row = tuple[str | int | float, ...]


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all questions share."""


class ListTakes(Base, frozen=True, kw_only=True):
    """Rows: number, seed, state (locked, chosen or empty), when it was made, whether its sound is here, note."""

    line: Line


class NextSeed(Base, frozen=True, kw_only=True):
    """One row: a seed that no take of the line has, and how many takes there are."""

    line: Line


class NoteTake(Base, frozen=True, kw_only=True):
    """Keep the take of that digest, which lies in the cache. One row: its number and its seed."""

    line: Line
    digest: str


class FindTake(Base, frozen=True, kw_only=True):
    """One row: the seed of a take. Raises Busy while another one is locked."""

    line: Line
    number: int


class RemarkTake(Base, frozen=True, kw_only=True):
    """Write a note beside a take."""

    line: Line
    number: int
    note: str


class LockTake(Base, frozen=True, kw_only=True):
    """Have a line keep a take. One row: its seed."""

    line: Line
    number: int


class UnlockTake(Base, frozen=True, kw_only=True):
    """Let a line be spoken as its voice is."""

    line: Line


class ListProfiles(Base, frozen=True, kw_only=True):
    """Rows: id, name, backend, language, how many samples, how many seconds of them."""


class ShowProfile(Base, frozen=True, kw_only=True):
    """Rows: the note of consent, effects and settings; then number, name, seconds and text of each sample."""

    profile: str


class CheckSample(Base, frozen=True, kw_only=True):
    """Rows: what was found in an audio file, its value and unit, and what to do about it (empty: nothing)."""

    file: str


class AddProfile(Base, frozen=True, kw_only=True):
    """Make a voice of samples. Rows: what is to be told of them, as CheckSample's.

    texts: what is said in each, none: unknown. listen: the model that writes that down, see ``StoreDesk``. effects: of
    every take, as a preset's list has them.
    """

    profile: str
    consent: str
    files: tuple[str, ...]
    name: str
    backend: str
    language: str
    texts: tuple[str, ...] = ()
    listen: str = ""
    effects: str = ""


class ChangeProfile(Base, frozen=True, kw_only=True):
    """Give a profile another value. key: name, language, backend, effects, settings.NAME; value: as in a preset."""

    profile: str
    key: str
    value: str


class WordSample(Base, frozen=True, kw_only=True):
    """Say what is said in a sample of a profile."""

    profile: str
    number: int
    text: str


class ExportProfile(Base, frozen=True, kw_only=True):
    """Write a profile into an archive."""

    profile: str
    file: str


class ImportProfile(Base, frozen=True, kw_only=True):
    """Keep the profile of an archive, under another id if one is given. One row: its id."""

    file: str
    profile: str = ""


class RemoveProfile(Base, frozen=True, kw_only=True):
    """Forget a profile and its samples."""

    profile: str


class ReadVoice(Base, frozen=True, kw_only=True):
    """One row: the preset of a voice, as JSON."""

    voice: str


class PruneLibrary(Base, frozen=True, kw_only=True):
    """Remove sounds by age and size, see ``pruning``. One row: sounds and bytes that are gone, bytes still too many.

    unused_days: 0: any time.
    """

    max_bytes: int
    unused_days: int = 0


class SearchLibrary(Base, frozen=True, kw_only=True):
    """Rows: number in the library, voice, seconds, whether it is pinned, text and note of takes, the newest first.

    words: that their lines hold, the last may be a beginning; empty: any. voice: empty: any. before: 0: the newest.
    """

    words: str = ""
    voice: str = ""
    before: int = 0
    limit: int = 50


class PinTake(Base, frozen=True, kw_only=True):
    """Keep the sound of a take of the library from being pruned, or no longer."""

    entry: int
    pinned: bool


class LibraryUsage(Base, frozen=True, kw_only=True):
    """One row: takes, sounds, their MB, those of pinned ones, MB of the cache of takes, MB that are free."""


class JobNews(msgspec.Struct, frozen=True, kw_only=True):
    """How a job fares. key: its own, for ever; name: what its events call it. what: it is about; client: who wants it.

    state: running, done, failed, cancelled, interrupted. fraction: 0 to 1 of ``stage``. result: what was made, or why
    nothing was.
    """

    key: str
    name: str
    verb: str
    what: str
    client: str = ""
    state: str = "running"
    fraction: float = 0.0
    stage: str = ""
    result: str = ""


class NoteJobs(Base, frozen=True, kw_only=True):
    """Write down how jobs fare. pid: of the process whose they are."""

    jobs: tuple[JobNews, ...]
    pid: int


class ListJobs(Base, frozen=True, kw_only=True):
    """Rows: id, name, verb, what, state, fraction, stage, result, client, who began it where, when. Newest first."""

    limit: int = 50


Question = (
    ListTakes | NextSeed | NoteTake | FindTake | RemarkTake | LockTake | UnlockTake | ListProfiles | ShowProfile
    | CheckSample | AddProfile | ChangeProfile | WordSample | ExportProfile | ImportProfile | RemoveProfile | ReadVoice
    | PruneLibrary | SearchLibrary | PinTake | LibraryUsage | NoteJobs | ListJobs
)  # fmt: skip


class Shelves(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything lies; paths as text. database: URL of one that is shared. media_folder: "": with the data.

    flac: whether new sounds are kept as FLAC.
    """

    data_folder: str
    takes_folder: str
    voice_folders: tuple[str, ...]
    speak_with: str
    database: str = ""
    media_folder: str = ""
    flac: bool = False


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """What came of a question."""

    rows: tuple[Row, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """Nothing was done; why, as bridges say it."""

    code: str
    text: str


Outcome = Answered | Refused
