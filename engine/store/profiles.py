"""Profiles: cloned voices made of samples. Each has a folder with its sound, rows in the database, and a preset.

The preset is an ordinary one, so that the engine needs no database to speak with a profile.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from sqlalchemy import select

from engine.errors import BadRange, MediaError, UnknownThing
from engine.settings import PROFILE_VOICES
from engine.store.database import Database
from engine.store.samples import Finding, Sample, read_sample
from engine.store.tables import ProfileRow, SampleRow
from engine.voices.base import Text
from engine.voices.registry import backend
from engine.voices.resample import Resampler

ID = re.compile(r"[a-z0-9_-]{1,64}")
MOST_SAMPLES = 100
GAP_SECONDS = 0.25
"""Between samples, where the model hears them as one."""

REFERENCE = "reference.wav"


class KeptSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample as it is kept. name: of the file that it was. text: what is said in it."""

    number: int
    name: str
    text: str
    sha256: str
    frames: int
    sample_rate: int
    findings: tuple[Finding, ...]

    @property
    def file(self) -> str:
        """Its file in the profile's folder."""
        return f"{self.number:03}.wav"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A cloned voice. consent: who agreed to it, and when. settings, effects: of its preset, beside the sample."""

    id: str
    name: str
    backend: str
    language: str
    consent: str
    settings: dict[str, str | float]
    effects: list[dict[str, dict[str, float]]]
    samples: tuple[KeptSample, ...]


class Profiles:
    """The profiles in ``folder``. Raises StoreError where the database fails, MediaError where the disk does."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def sample_file(self, profile: str, sample: KeptSample) -> Path:
        """Return where a sample's sound lies."""
        return self._folder / "profiles" / profile / sample.file

    def all(self) -> tuple[Profile, ...]:
        """Return every profile, by id."""
        with self._database.session() as session:
            return tuple(_profile(row) for row in session.scalars(select(ProfileRow).order_by(ProfileRow.id)))

    def get(self, id_: str) -> Profile:
        """Return one. Raises UnknownThing."""
        profiles = {profile.id: profile for profile in self.all()}
        if id_ not in profiles:
            raise UnknownThing("profile", id_, profiles)
        return profiles[id_]

    def make(self, profile: Profile, files: Sequence[Path], texts: Sequence[str]) -> Profile:
        """Make a profile of audio files with what is said in each ("": not known). Raises MediaError, BadRange."""
        if not 1 <= len(files) <= MOST_SAMPLES:
            raise BadRange(f"a profile has 1 to {MOST_SAMPLES} samples, not {len(files)}")
        samples = [read_sample(file) for file in files]
        kept = [
            _kept(number, sample, file.name, text)
            for number, (sample, file, text) in enumerate(zip(samples, files, texts, strict=True), 1)
        ]
        whole = msgspec.structs.replace(profile, samples=tuple(kept))
        return self.add(whole, [_wav(sample.audio, sample.sample_rate) for sample in samples])

    def add(self, profile: Profile, sounds: Sequence[bytes]) -> Profile:
        """Keep a profile with the sound of each of its samples, as WAV files; nothing is kept in part."""
        self._check(profile)
        place = self._folder / "profiles" / profile.id
        temporary = place.with_name(f".{profile.id}.{secrets.token_hex(4)}")
        try:
            temporary.mkdir(parents=True)
            for sample, sound in zip(profile.samples, sounds, strict=True):
                (temporary / sample.file).write_bytes(sound)
            (temporary / REFERENCE).write_bytes(_joined(sounds))
            with self._database.session() as session:
                session.add(_row(profile))
                session.flush()
                self._write_preset(profile)
                temporary.rename(place)
        except OSError as error:
            self._preset_file(profile.id).unlink(missing_ok=True)
            raise MediaError(f"the profile can't be kept in {place}: {error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return profile

    def remove(self, id_: str) -> None:
        """Forget a profile, with its sound and its preset. Raises UnknownThing."""
        self.get(id_)
        with self._database.session() as session:
            session.delete(session.get_one(ProfileRow, id_))
        self._preset_file(id_).unlink(missing_ok=True)
        shutil.rmtree(self._folder / "profiles" / id_, ignore_errors=True)

    def _check(self, profile: Profile) -> None:
        if not ID.fullmatch(profile.id):
            raise BadRange(f"a profile's id is made of a to z, digits, _ and -, not {profile.id!r}")
        if not profile.consent.strip():
            raise BadRange("a profile needs a note of consent: who agreed to be cloned, and when")
        if profile.id in {each.id for each in self.all()}:
            raise BadRange(f"there is a profile {profile.id!r} already; remove it first, or choose another id")
        table = backend(profile.backend).settings
        if "sample" not in table:
            raise BadRange(f"the backend {profile.backend!r} clones no voice; pocket does")
        for name, value in profile.settings.items():
            if name not in table:
                raise UnknownThing(f"setting of {profile.backend}", name, table)
            table[name].check(value, name)

    def _preset_file(self, id_: str) -> Path:
        return self._folder / PROFILE_VOICES / f"{id_}.yaml"

    def _write_preset(self, profile: Profile) -> None:
        """Write the preset; JSON is YAML, too."""
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
        path = self._preset_file(profile.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(preset), indent=2))
        temporary.replace(path)


def wav_facts(sound: bytes, name: str) -> tuple[int, int]:
    """Return frames and rate of a WAV file. Raises MediaError."""
    try:
        info = soundfile.info(io.BytesIO(sound))
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{name} is no sound: {error}") from error
    return info.frames, info.samplerate


def _kept(number: int, sample: Sample, name: str, text: str) -> KeptSample:
    return KeptSample(
        number=number,
        name=name,
        text=text,
        sha256=hashlib.sha256(_wav(sample.audio, sample.sample_rate)).hexdigest(),
        frames=len(sample.audio),
        sample_rate=sample.sample_rate,
        findings=sample.findings,
    )


def _wav(audio: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, subtype="PCM_24", format="WAV")
    return file.getvalue()


def _joined(sounds: Sequence[bytes]) -> bytes:
    """Return all samples as one, at the first one's rate."""
    parts: list[np.ndarray] = []
    rate = 0
    for sound in sounds:
        audio, own = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
        rate = rate or own
        if own != rate:
            resampler = Resampler(own, rate, 1)
            audio = np.concatenate([resampler.feed(audio), resampler.finish()])
        parts += [audio, np.zeros((round(GAP_SECONDS * rate), 1), np.float32)]
    return _wav(np.concatenate(parts[:-1]), rate)


def _row(profile: Profile) -> ProfileRow:
    return ProfileRow(
        id=profile.id,
        name=profile.name,
        backend=profile.backend,
        language=profile.language,
        consent=profile.consent,
        settings=msgspec.json.encode(profile.settings).decode(),
        effects=msgspec.json.encode(profile.effects).decode(),
        made_at=datetime.now(UTC).replace(tzinfo=None),
        samples=[
            SampleRow(
                number=sample.number,
                name=sample.name,
                text=sample.text,
                sha256=sample.sha256,
                frames=sample.frames,
                sample_rate=sample.sample_rate,
                findings=msgspec.json.encode(sample.findings).decode(),
            )
            for sample in profile.samples
        ],
    )


def _profile(row: ProfileRow) -> Profile:
    return Profile(
        id=row.id,
        name=row.name,
        backend=row.backend,
        language=row.language,
        consent=row.consent,
        settings=msgspec.json.decode(row.settings, type=dict[str, str | float]),
        effects=msgspec.json.decode(row.effects, type=list[dict[str, dict[str, float]]]),
        samples=tuple(
            KeptSample(
                number=sample.number,
                name=sample.name,
                text=sample.text,
                sha256=sample.sha256,
                frames=sample.frames,
                sample_rate=sample.sample_rate,
                findings=msgspec.json.decode(sample.findings, type=tuple[Finding, ...]),
            )
            for sample in row.samples
        ),
    )
