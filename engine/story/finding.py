"""Finding what is said: a text in the lines and recordings of a story, and where in their clips it begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec

from engine.errors import BadRange
from engine.story.known import Known
from engine.story.model import Clip, Story
from engine.story.words import numbered


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A place where something is said. word: as it is named. offset_frames: in the clip, None: not known (yet)."""

    clip: str
    word: str
    offset_frames: int | None


def find_text(story: Story, text: str, known: Known) -> tuple[Found, ...]:
    """Return where words in a row are said, in the order of the story; case and what is around words do not matter.

    The last word may be the beginning of one. Words that a clip's trim leaves out are not found.
    """
    wanted = [word for word in map(_plain, text.split()) if word]
    if not wanted:
        raise BadRange("there is nothing to look for in an empty text")
    found: list[Found] = []
    for track in story.tracks:
        for clip in track.clips:
            if clip.line is None:
                found.extend(_in_clip(clip, "", wanted, known))
            elif wanted[0] in clip.line.text.casefold():
                found.extend(_in_clip(clip, clip.line.text, wanted, known))
    return tuple(found)


def _in_clip(clip: Clip, text: str, wanted: list[str], known: Known) -> list[Found]:
    first = clip.trim_start_frames
    stop = None if clip.length_frames is None else first + clip.length_frames
    heard = [w for w in known.words(clip) if w.start_frame >= first and (stop is None or w.start_frame < stop)]
    words = [w.text for w in heard] if heard else text.split()
    names = numbered(words)
    return [
        Found(clip=clip.id, word=names[i], offset_frames=heard[i].start_frame - first if heard else None)
        for i in _places(words, wanted)
    ]


def _places(words: Sequence[str], wanted: list[str]) -> list[int]:
    plain = [_plain(word) for word in words]
    count = len(wanted)
    return [
        i
        for i in range(len(plain) - count + 1)
        if plain[i : i + count - 1] == wanted[:-1] and plain[i + count - 1].startswith(wanted[-1])
    ]


def _plain(word: str) -> str:
    folded = unicodedata.normalize("NFC", word).replace("’", "'").casefold()
    return "".join(sign for sign in folded if sign.isalnum() or sign == "'").strip("'")
