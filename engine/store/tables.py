"""The tables. What they change to is a migration in ``migrations/versions``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, desc
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """All tables."""


class MediaRow(Base):
    """A sound, named by what is in it; the file lies in the media folder. What refers to it are takes and samples."""

    __tablename__ = "media"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    suffix: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    frames: Mapped[int] = mapped_column(BigInteger)
    sample_rate: Mapped[int]
    channels: Mapped[int]
    made_at: Mapped[datetime]


class TakeRow(Base):
    """A take of a line. number: from 1, within the line. recipe: all that shaped it, as JSON. See ``takes``.

    search_text: its words as they are looked for, see ``words``. origin: what made it. facts: what is known of it, as
    JSON. media: its sound, if it is kept.
    """

    __tablename__ = "take"
    __table_args__ = (
        UniqueConstraint("line", "number"),
        UniqueConstraint("line", "digest"),
        Index("ix_take_voice", "voice", desc("id")),
        Index("ix_take_media", "media"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(index=True)
    number: Mapped[int]
    digest: Mapped[str]
    seed: Mapped[int]
    voice: Mapped[str]
    text: Mapped[str]
    recipe: Mapped[str]
    made_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(default="")
    search_text: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)
    pinned: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[str] = mapped_column(default="")
    facts: Mapped[str] = mapped_column(default="")
    used_at: Mapped[datetime]
    media: Mapped[str | None] = mapped_column(ForeignKey("media.sha256", name="fk_take_media"))


class ProfileRow(Base):
    """A cloned voice. settings, effects: of its preset, as JSON."""

    __tablename__ = "profile"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    backend: Mapped[str]
    language: Mapped[str]
    consent: Mapped[str]
    settings: Mapped[str]
    effects: Mapped[str]
    made_at: Mapped[datetime]
    samples: Mapped[list[SampleRow]] = relationship(
        back_populates="profile", order_by="SampleRow.number", cascade="all, delete-orphan"
    )


class SampleRow(Base):
    """A sample of a profile. findings: what was found on import, as JSON. media: its sound, once it is kept there."""

    __tablename__ = "sample"
    __table_args__ = (UniqueConstraint("profile_id", "number"), Index("ix_sample_media", "media"))

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[str] = mapped_column(ForeignKey("profile.id", ondelete="CASCADE"))
    number: Mapped[int]
    name: Mapped[str]
    text: Mapped[str]
    sha256: Mapped[str]
    frames: Mapped[int]
    sample_rate: Mapped[int]
    findings: Mapped[str]
    media: Mapped[str | None] = mapped_column(ForeignKey("media.sha256", name="fk_sample_media"))
    profile: Mapped[ProfileRow] = relationship(back_populates="samples")


class PresetRow(Base):
    """A preset that a studio shares: a voice, a mix, a surface, as the text of its file."""

    __tablename__ = "preset"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class JobRow(Base):
    """A piece of work: what it is, how far it is, how it ended. See ``JobNews``. owner: whose it is, see ``jobs``."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_key", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    verb: Mapped[str]
    what: Mapped[str]
    state: Mapped[str]
    made_by: Mapped[str]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(default="")
    fraction: Mapped[float] = mapped_column(default=0.0)
    stage: Mapped[str] = mapped_column(default="")
    client: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")


class HistoryRow(Base):
    """What was done to the library: who did what, to which thing, when."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_thing", "kind", "thing"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    verb: Mapped[str]
    kind: Mapped[str]
    thing: Mapped[str]
    said: Mapped[str] = mapped_column(default="")
