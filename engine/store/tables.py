"""The tables. What they change to is a migration in ``migrations/versions``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """All tables."""


class TakeRow(Base):
    """A take of a line. number: from 1, within the line. recipe: all that shaped it, as JSON. See ``takes``."""

    __tablename__ = "take"
    __table_args__ = (UniqueConstraint("line", "number"), UniqueConstraint("line", "digest"))

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
    """A sample of a profile; its sound lies in the profile's folder. findings: what was found on import, as JSON."""

    __tablename__ = "sample"
    __table_args__ = (UniqueConstraint("profile_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[str] = mapped_column(ForeignKey("profile.id", ondelete="CASCADE"))
    number: Mapped[int]
    name: Mapped[str]
    text: Mapped[str]
    sha256: Mapped[str]
    frames: Mapped[int]
    sample_rate: Mapped[int]
    findings: Mapped[str]
    profile: Mapped[ProfileRow] = relationship(back_populates="samples")
