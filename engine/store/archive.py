"""A profile as one file: a zip of ``profile.json`` and its samples. What comes from elsewhere is not believed."""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from pathlib import Path

import msgspec

from engine.errors import BadRange, MediaError
from engine.store.kept_profile import Profile
from engine.store.profile_sound import wav_facts
from engine.store.profiles import MOST_SAMPLES, Profiles

FACTS = "profile.json"
VERSION = 1
MOST_FACTS_BYTES = 1 << 20
MOST_SAMPLE_BYTES = 200 << 20
MOST_BYTES = 1 << 30
"""Unpacked, all of it."""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """What ``profile.json`` says."""

    kind: str
    version: int
    profile: Profile


def export_profile(profiles: Profiles, id_: str, path: Path) -> None:
    """Write a profile into one file. Raises UnknownThing, MediaError; never leaves half a file."""
    profile = profiles.get(id_)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as archive:
            facts = Archive(kind="profile", version=VERSION, profile=profile)
            archive.writestr(FACTS, msgspec.json.format(msgspec.json.encode(facts), indent=2))
            for sample in profile.samples:
                archive.write(profiles.sample_file(id_, sample), sample.file)
        temporary.replace(path)
    except OSError as error:
        raise MediaError(f"the profile can't be written into {path}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def import_profile(profiles: Profiles, path: Path, id_: str = "") -> Profile:
    """Keep the profile in an archive, under ``id_`` if that is given. Raises MediaError, BadRange, UnknownThing.

    Nothing is written at a path that the archive names: only files that its facts ask for are read, by number.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            profile = _facts(archive, path)
            sounds = [_sound(archive, sample.file, sample.sha256, path) for sample in profile.samples]
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise MediaError(f"{path} is no archive of a profile: {error}") from error
    for sample, sound in zip(profile.samples, sounds, strict=True):
        if wav_facts(sound, sample.file) != (sample.frames, sample.sample_rate):
            raise MediaError(f"{path}: {sample.file} is not as {FACTS} says")
    return profiles.add(msgspec.structs.replace(profile, id=id_ or profile.id), sounds)


def _facts(archive: zipfile.ZipFile, path: Path) -> Profile:
    whole = sum(member.file_size for member in archive.infolist())
    if whole > MOST_BYTES:
        raise BadRange(f"{path} holds {whole / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} MB are read")
    try:
        facts = msgspec.json.decode(read_member(archive, FACTS, MOST_FACTS_BYTES, path), type=Archive)
    except msgspec.MsgspecError as error:
        raise MediaError(f"{path}: {FACTS} can't be read: {error}") from error
    if facts.kind != "profile" or facts.version != VERSION:
        raise MediaError(f"{path} is a {facts.kind} of version {facts.version}, not a profile of version {VERSION}")
    numbers = [sample.number for sample in facts.profile.samples]
    if not 1 <= len(numbers) <= MOST_SAMPLES or numbers != list(range(1, len(numbers) + 1)):
        raise MediaError(f"{path}: its samples are not numbered from 1 to at most {MOST_SAMPLES}")
    return facts.profile


def _sound(archive: zipfile.ZipFile, name: str, sha256: str, path: Path) -> bytes:
    sound = read_member(archive, name, MOST_SAMPLE_BYTES, path)
    if hashlib.sha256(sound).hexdigest() != sha256:
        raise MediaError(f"{path}: {name} is damaged")
    return sound


def read_member(archive: zipfile.ZipFile, name: str, most: int, path: Path) -> bytes:
    """Return a member; one that unpacks to more than it says, or than is allowed, is not unpacked further."""
    try:
        with archive.open(name) as file:
            data = file.read(most + 1)
    except KeyError as error:
        raise MediaError(f"{path} has no {name}") from error
    if len(data) > most:
        raise BadRange(f"{path}: {name} has more than {most / 1e6:,.0f} MB")
    return data
