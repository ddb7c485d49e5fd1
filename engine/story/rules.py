"""Rules for single values: ids, texts, ranges, paths. Each gives the problems of one value at its path."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Hashable, Iterable, Iterator
from pathlib import PurePosixPath, PureWindowsPath

from engine.errors import BadRange, BadType
from engine.params import LINE_SECONDS, SEED, SEMITONES, SPEED, TEMPERATURE, ParamSpec
from engine.speech.markup import read_markup
from engine.speech.parts import MarkupError
from engine.story.model import RESERVED_IDS, Delivery, Pronunciation
from engine.story.problems import Path, Problem, allowed_text

_ID = re.compile(r"[a-z0-9_][a-z0-9_-]*")

ANY_NUMBER = ParamSpec(low=-1e12, high=1e12, default=0.0)
"""For values whose range nobody knows here."""


def problem(path: Path, text: str) -> Problem:
    """Return a problem that has no line yet."""
    return Problem(path=path, text=text)


def check_range(path: Path, key: str, value: object, spec: ParamSpec) -> Iterator[Problem]:
    """Report a number outside its range."""
    if type(value) is float and spec.low <= value <= spec.high:
        return
    try:
        spec.check(value, "")
    except (BadRange, BadType) as error:
        yield problem((*path, key), str(error).removeprefix(": "))


def check_text(path: Path, key: str, text: str) -> Iterator[Problem]:
    """Report text that no file can hold."""
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        yield problem((*path, key), "holds half a character (a lone surrogate), which can't be written")


def check_line(path: Path, text: str) -> Iterator[Problem]:
    """Report a line that gives a voice nothing to say."""
    if not text.strip():
        yield problem((*path, "say"), "there is nothing to say")
    yield from check_text(path, "say", text)
    try:
        read_markup(text)
    except MarkupError as error:
        yield problem((*path, "say"), str(error))


def check_delivery(path: Path, delivery: Delivery) -> Iterator[Problem]:
    """Report what no voice could do; what the line's own voice can't, is told when it is rendered."""
    if delivery == Delivery():
        return
    where = (*path, "delivery")
    yield from check_range(where, "speed", delivery.speed, SPEED)
    yield from check_range(where, "pitch", delivery.pitch_semitones, SEMITONES)
    yield from check_range(where, "seed", delivery.seed, SEED)
    if delivery.temperature is not None:
        yield from check_range(where, "temperature", delivery.temperature, TEMPERATURE)
    if delivery.seconds is not None:
        yield from check_range(where, "seconds", delivery.seconds, LINE_SECONDS)
    yield from check_text(where, "instruct", delivery.instruct)


def check_pronunciation(entry: Pronunciation) -> Iterator[Problem]:
    """Report an entry of the dictionary that says nothing, or says it so that no voice reads it."""
    path = ("pronounce", entry.word)
    if not any(sign.isalnum() for sign in entry.word):
        yield problem(path, "is no word")
    if not entry.phonemes.strip() and not entry.say.strip():
        yield problem(path, "needs phonemes, or {say: …}")
    if any(sign in "[]/" or not sign.isprintable() for sign in entry.phonemes):
        yield problem(path, "phonemes are espeak-ng's, without brackets and slashes")
    for key in ("phonemes", "say"):
        yield from check_text(path, key, getattr(entry, key))


def check_id(path: Path, key: str, name: str) -> Iterator[Problem]:
    """Report an id that addresses and files can't carry."""
    if not _ID.fullmatch(name):
        yield problem((*path, key), f"{name!r} is no id: small letters, digits, _ and -, not - in front")
    elif name in RESERVED_IDS:
        reserved = allowed_text(sorted(RESERVED_IDS))
        yield problem((*path, key), f"{name!r} is a word of the addresses; not allowed are {reserved}")


def check_unique(kind: str, key: str, things: Iterable[tuple[Hashable, Path]]) -> Iterator[Problem]:
    """Report ids that are none, and those that stand there a second time."""
    seen: set[Hashable] = set()
    for name, path in things:
        if isinstance(name, str):
            yield from check_id(path, key, name)
        if name in seen:
            shown = " ".join(str(part) for part in name) if isinstance(name, tuple) else name
            yield problem((*path, key), f"there is another {kind} {shown!r} above; each needs its own")
        seen.add(name)


def state_is_whole(state: str) -> bool:
    """Return whether a plug-in's state is base64."""
    try:
        base64.b64decode(state, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def check_audio_path(path: Path, audio: str, key: str = "audio", what: str = "a sound file") -> Iterator[Problem]:
    """Report a path that leads out of the story's folder; links are looked at where the file is opened."""
    where = (*path, key)
    if not audio or "\0" in audio:
        yield problem(where, f"needs the path of {what}, from the story's folder on")
        return
    yield from check_text(path, key, audio)
    ways = (PurePosixPath(audio), PureWindowsPath(audio))
    if any(way.anchor or ".." in way.parts for way in ways):
        yield problem(where, f"{audio!r} leads out of the story's folder; sounds lie inside it")
