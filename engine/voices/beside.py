"""Words beside a sound: what is said in a file and when, as ``NAME.json`` next to ``NAME.wav`` tells it.

Captures have such a file, and so has every take of the cache: a copy of one keeps its words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace

from engine.errors import MediaError
from engine.voices.take import Word

MOST_BYTES = 8 << 20
CLOSING = frozenset(".,;:!?…\"'”’)]»")
"""Signs behind a word that are its own: a sentence ends with them."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is said in a file. words: in frames of ``sample_rate``."""

    text: str
    sample_rate: Annotated[int, msgspec.Meta(gt=0)]
    words: tuple[Word, ...]


def beside(path: Path) -> Path:
    """Return where the words of a sound file stand, or would."""
    return path.with_suffix(".json")


def keep_beside(path: Path, said: Said) -> Path:
    """Write down what is said in a sound file; return where. Raises MediaError, also where a file is there already."""
    place = beside(path)
    part = place.with_name(f".{place.name}.part")
    if place.exists():
        raise MediaError(f"{place} is there already; it is not overwritten")
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=1))
        part.replace(place)
    except OSError as error:
        raise MediaError(f"{place} can't be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return place


def said_beside(path: Path) -> Said | None:
    """Return what the file beside a sound file says; None: there is none, or it is another program's."""
    try:
        if beside(path).stat().st_size > MOST_BYTES:
            return None
        return msgspec.json.decode(beside(path).read_bytes(), type=Said)
    except (OSError, msgspec.MsgspecError):
        return None


def words_beside(path: Path, sample_rate: int, frames: int) -> tuple[Word, ...]:
    """Return the words of a sound file that lasts ``frames`` at ``sample_rate``, in order, each with its signs behind.

    There are none where nothing beside it tells them.
    """
    said = said_beside(path)
    if said is None:
        return ()
    words = tuple(_word(word, said, sample_rate, frames) for word in said.words)
    return tuple(word for word in words if 0 <= word.start_frame < word.end_frame)


def _word(word: Word, said: Said, sample_rate: int, frames: int) -> Word:
    start, end = (round(frame * sample_rate / said.sample_rate) for frame in (word.start_frame, word.end_frame))
    last = word.text_end
    while 0 <= last < len(said.text) and said.text[last] in CLOSING:
        last += 1
    signs = said.text[word.text_end : last] if word.text_end >= 0 else ""
    return replace(word, text=word.text + signs, start_frame=start, end_frame=min(end, frames))
