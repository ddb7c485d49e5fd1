"""Profiles: cloned voices made of samples. Each has a folder with its sound, rows in the database, and a preset.

The preset is an ordinary one, so that the engine needs no database to speak with a profile.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from engine.errors import BadRange, Busy, MediaError, UnknownThing
from engine.settings import PROFILE_VOICES
from engine.store.database import Database
from engine.store.history import tell
from engine.store.kept_profile import KeptSample, Profile, fill_row, profile_of, row_of
from engine.store.media import MEDIA, Media
from engine.store.profile_sound import joined, kept_sample, wav_bytes
from engine.store.samples import read_sample
from engine.store.tables import MediaRow, ProfileRow, SampleRow
from engine.voices.base import Text
from engine.voices.catalog import Catalog, load_catalog, read_preset
from engine.voices.registry import backend

ID = re.compile(r"[a-z0-9_-]{1,64}")
MOST_SAMPLES = 100
REFERENCE = "reference.wav"


class Profiles:
    """The profiles in ``folder``. Raises StoreError where the database fails, MediaError where the disk does.

    voice_folders: of presets whose ids are not free; none: any id is.
    """

    def __init__(
        self, database: Database, folder: Path, media: Media | None = None, voice_folders: Sequence[Path] = ()
    ) -> None:
        self._database, self._folder, self._voice_folders = database, folder, voice_folders
        self._media = media or Media(folder / "media")

    def sample_file(self, profile: str, sample: KeptSample) -> Path:
        """Return where a sample's sound lies."""
        return self.folder(profile) / sample.file

    def all(self) -> tuple[Profile, ...]:
        """Return every profile, by id."""
        asked = select(ProfileRow).order_by(ProfileRow.id).options(selectinload(ProfileRow.samples))
        with self._database.session() as session:
            return tuple(profile_of(row) for row in session.scalars(asked))

    def get(self, id_: str) -> Profile:
        """Return one. Raises UnknownThing."""
        with self._database.session() as session:
            row = session.get(ProfileRow, id_)
            if row is not None:
                return profile_of(row)
            raise UnknownThing("profile", id_, session.scalars(select(ProfileRow.id)))

    def make(self, profile: Profile, files: Sequence[Path], texts: Sequence[str]) -> Profile:
        """Make a profile of audio files with what is said in each ("": not known). Raises MediaError, BadRange."""
        if not 1 <= len(files) <= MOST_SAMPLES:
            raise BadRange(f"a profile has 1 to {MOST_SAMPLES} samples, not {len(files)}")
        samples = [read_sample(file) for file in files]
        kept = [
            kept_sample(number, sample, file.name, text)
            for number, (sample, file, text) in enumerate(zip(samples, files, texts, strict=True), 1)
        ]
        whole = msgspec.structs.replace(profile, samples=tuple(kept))
        return self.add(whole, [wav_bytes(sample.audio, sample.sample_rate) for sample in samples])

    def add(self, profile: Profile, sounds: Sequence[bytes]) -> Profile:
        """Keep a profile with the sound of each of its samples, as WAV files; nothing is kept in part."""
        self._refuse_taken(profile.id)
        self._check(profile)
        place = self.folder(profile.id)
        with self._made(profile, sounds) as temporary, self._database.session(alone=MEDIA) as session:
            self._refuse_second(session, profile.id)
            session.add(row_of(profile, self._kept(session, temporary, profile)))
            tell(session, "made", "profile", profile.id, profile.consent)
            session.flush()
            self._write_preset(profile)
            _put_aside(place)  # of a profile whose row is gone: its program was killed between the two
            temporary.rename(place)
        return profile

    def change(self, profile: Profile) -> None:
        """Keep a profile as it is now; its samples' sound and its consent stay. Raises UnknownThing, BadRange."""
        self.get(profile.id)
        self._check(profile)
        try:
            with self._database.session(alone=MEDIA) as session:
                if (row := session.get(ProfileRow, profile.id)) is None:
                    return  # somebody has removed it meanwhile
                fill_row(row, profile)
                tell(session, "changed", "profile", profile.id)
                session.flush()
                if self.here(profile.id):
                    self._write_preset(profile)
        except OSError as error:
            raise MediaError(f"the profile can't be kept in {self._preset_file(profile.id)}: {error}") from error

    def remove(self, id_: str) -> None:
        """Forget a profile, with its sound and its preset. Raises UnknownThing.

        Nobody adds one of that name meanwhile: its folder would be gone then, too.
        """
        self.get(id_)
        with self._database.session(alone=MEDIA) as session:
            if (row := session.get(ProfileRow, id_)) is None:
                return  # somebody else was quicker
            session.delete(row)
            tell(session, "removed", "profile", id_)
            session.flush()
            self._preset_file(id_).unlink(missing_ok=True)
            _put_aside(self.folder(id_))

    def restore(self, id_: str) -> bool:
        """Make a profile's folder and preset again where this machine lacks them; False: its sound is not kept.

        A profile of a shared library comes here that way. Raises UnknownThing, MediaError.
        """
        profile = self.get(id_)
        if self.here(id_):
            return True
        place = self.folder(id_)
        sounds = self._sounds(id_)
        if sounds is None:
            return False
        with self._made(profile, sounds) as temporary, self._database.session(alone=MEDIA):
            self._write_preset(profile)
            _put_aside(place)
            temporary.rename(place)
        return True

    @contextmanager
    def _made(self, profile: Profile, sounds: Sequence[bytes]) -> Iterator[Path]:
        """Lend a folder with the sound of a profile, to be put in its place. Raises MediaError where the disk fails."""
        place = self.folder(profile.id)
        temporary = place.with_name(f".{profile.id}.{secrets.token_hex(4)}")
        try:
            temporary.mkdir(parents=True)
            for sample, sound in zip(profile.samples, sounds, strict=True):
                (temporary / sample.file).write_bytes(sound)
            (temporary / REFERENCE).write_bytes(joined(sounds))
            yield temporary
        except OSError as error:
            raise MediaError(f"the profile can't be kept in {place}: {error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def folder(self, id_: str) -> Path:
        """Return where the sound of a profile lies on this machine, or would."""
        return self._folder / "profiles" / id_

    def here(self, id_: str) -> bool:
        """Return whether this machine can speak with a profile."""
        return (self.folder(id_) / REFERENCE).exists() and self._preset_file(id_).exists()

    def _refuse_second(self, session: Session, id_: str) -> None:
        if session.get(ProfileRow, id_) is not None:
            raise BadRange(f"there is a profile {id_!r} already; remove it first, or choose another id")

    def _kept(self, session: Session, folder: Path, profile: Profile) -> list[str | None]:
        """Return the names under which the library keeps the samples in a folder."""
        names: list[str | None] = []
        for sample in profile.samples:
            with self._media.incoming(folder / sample.file) as (sound, copy):
                names.append(self._media.keep(session, sound, copy))
        return names

    def _sounds(self, id_: str) -> list[bytes] | None:
        asked = select(SampleRow, MediaRow).join(MediaRow, SampleRow.media == MediaRow.sha256)
        with self._database.session() as session:
            rows = session.execute(asked.where(SampleRow.profile_id == id_).order_by(SampleRow.number)).all()
            paths = [self._media.path(media.sha256, media.suffix) for _, media in rows]
        if not paths or not all(path.exists() for path in paths):
            return None
        return [path.read_bytes() for path in paths]

    def _check(self, profile: Profile) -> None:
        if not ID.fullmatch(profile.id):
            raise BadRange(f"a profile's id is made of a to z, digits, _ and -, not {profile.id!r}")
        if not profile.consent.strip():
            raise BadRange("a profile needs a note of consent: who agreed to be cloned, and when")
        table = backend(profile.backend).settings
        if "sample" not in table:
            raise BadRange(f"the backend {profile.backend!r} clones no voice; pocket does")
        for name, value in profile.settings.items():
            if name not in table:
                raise UnknownThing(f"setting of {profile.backend}", name, table)
            table[name].check(value, name)
        # a preset that can't be read would stop all others
        read_preset(self._preset(profile).decode(), profile.id, f"profile {profile.id}")

    def _refuse_taken(self, id_: str) -> None:
        with self._database.session() as session:
            self._refuse_second(session, id_)
        catalog = load_catalog(self._voice_folders) if self._voice_folders else Catalog(presets={})
        if catalog.origins.get(id_, own := str(self._preset_file(id_))) != own:
            raise Busy(f"there is a voice {id_!r} already; choose another id")

    def _preset_file(self, id_: str) -> Path:
        return self._folder / PROFILE_VOICES / f"{id_}.yaml"

    def _preset(self, profile: Profile) -> bytes:
        """Return the preset; JSON is YAML, too."""
        settings: dict[str, object] = {**profile.settings, "sample": f"../profiles/{profile.id}/{REFERENCE}"}
        text = " ".join(sample.text for sample in profile.samples)
        if isinstance(backend(profile.backend).settings.get("sample_text"), Text):
            settings["sample_text"] = text
        preset = {
            "kind": "voice",
            "version": 1,
            "name": profile.name,
            "language": profile.language,
            "backend": profile.backend,
            "settings": settings,
            "effects": profile.effects,
        }
        return msgspec.json.format(msgspec.json.encode(preset), indent=2)

    def _write_preset(self, profile: Profile) -> None:
        path = self._preset_file(profile.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(self._preset(profile))
        temporary.replace(path)


def _put_aside(place: Path) -> None:
    """Have a folder be gone at once, however long it takes to empty it."""
    if place.exists():
        aside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.gone")
        place.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
