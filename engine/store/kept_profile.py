"""A profile as it is kept: what is known of it and its samples, and the rows that hold that."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.store.history import now
from engine.store.samples import Finding
from engine.store.tables import ProfileRow, SampleRow

Effects = list[dict[str, dict[str, float]]]
"""One name with its parameters each."""


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
    effects: Effects
    samples: tuple[KeptSample, ...]


def row_of(profile: Profile, media: Sequence[str | None]) -> ProfileRow:
    """Return what the database keeps of a profile. media: the names of its samples' sound."""
    return ProfileRow(
        id=profile.id,
        name=profile.name,
        backend=profile.backend,
        language=profile.language,
        consent=profile.consent,
        settings=msgspec.json.encode(profile.settings).decode(),
        effects=msgspec.json.encode(profile.effects).decode(),
        made_at=now(),
        samples=[
            SampleRow(
                number=sample.number,
                name=sample.name,
                text=sample.text,
                sha256=sample.sha256,
                frames=sample.frames,
                sample_rate=sample.sample_rate,
                findings=msgspec.json.encode(sample.findings).decode(),
                media=name,
            )
            for sample, name in zip(profile.samples, media, strict=True)
        ],
    )


def fill_row(row: ProfileRow, profile: Profile) -> None:
    """Put into a row what of its profile can be changed."""
    row.name, row.backend, row.language = profile.name, profile.backend, profile.language
    row.settings = msgspec.json.encode(profile.settings).decode()
    row.effects = msgspec.json.encode(profile.effects).decode()
    for kept, sample in zip(row.samples, profile.samples, strict=True):
        kept.text = sample.text


def profile_of(row: ProfileRow) -> Profile:
    """Return the profile that a row tells of."""
    return Profile(
        id=row.id,
        name=row.name,
        backend=row.backend,
        language=row.language,
        consent=row.consent,
        settings=msgspec.json.decode(row.settings, type=dict[str, str | float]),
        effects=msgspec.json.decode(row.effects, type=Effects),
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
