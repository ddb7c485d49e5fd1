"""Manner: a sound narrowed to some of its words, sped up, turned round or looped, as a target wants it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from engine.errors import BadRange
from engine.params import SEMITONES
from engine.session.library import describe
from engine.session.players import Sound
from engine.story.model import Manner
from engine.story.words import find_word
from engine.units import frames_to_seconds, seconds_to_frames
from engine.voices.take import Word

SEAM_SECONDS = 0.005
"""How long a loop's end and its beginning blend, and how long a word rings on after its end, fading."""
ATTACK_SECONDS = 0.002
"""The fade-in of what starts inside a sound."""


class Span(NamedTuple):
    """Frames of a sound, from its trim on: what is played is first to stop, what is repeated first to again."""

    first: int
    again: int
    stop: int


def in_manner(sound: Sound, manner: Manner, sample_rate: int) -> Sound:
    """Return ``sound`` as ``manner`` says; its speed is what the source has already.

    Raises UnknownThing for a word that it does not have, BadRange for one that ends before it starts, and for a start
    behind its end.
    """
    if manner == Manner(speed=manner.speed):
        return sound
    seam = seconds_to_frames(SEAM_SECONDS, sample_rate)
    attack = seconds_to_frames(ATTACK_SECONDS, sample_rate)
    span = _span(sound, manner, sample_rate)
    rate = 2.0 ** (SEMITONES.check(manner.semitones, "semitones") / 12.0)
    if manner.reverse:
        narrow = _backwards(sound, span, seam, attack, rate)
        span = Span(span.first, span.stop, span.stop)
    else:
        narrow = replace(_forwards(sound, span, seam, attack), rate=rate)
    if not manner.loop and manner.repeat == 1:
        return narrow
    return _repeated(narrow, span.again - span.first, 0 if manner.loop else manner.repeat, seam)


def begun_at(manner: Manner, word: str | None, frame: int | None) -> Manner:
    """Return ``manner`` from a word on (None: from a frame, or from the beginning) to the end."""
    return replace(manner, from_word=word, to_word=None, from_frame=frame or 0)


def words_of(sound: Sound) -> tuple[Word, ...]:
    """Return the words that ``sound`` plays any of."""
    start, stop = sound.trim_start_frames, sound.trim_start_frames + sound.frames
    return tuple(w for w in sound.loaded.words if w.end_frame > start and w.start_frame < stop)


def _span(sound: Sound, manner: Manner, sample_rate: int) -> Span:
    what = describe(sound.source)
    if manner.from_word is None:
        if not 0 <= manner.from_frame < max(1, sound.frames):
            lasts, wanted = (frames_to_seconds(f, sample_rate) for f in (sound.frames, manner.from_frame))
            raise BadRange(f"{what} lasts {lasts:.3f} s; it can't be started {wanted:.3f} s behind its beginning")
        return Span(manner.from_frame, sound.frames, sound.frames)
    words = words_of(sound)
    texts = [w.text for w in words]
    start = find_word(texts, manner.from_word, what)
    first, again = _place(sound, words[start].start_frame), _place(sound, words[start].end_frame)
    if manner.to_word is None:
        return Span(first, again, sound.frames)
    end = start if manner.to_word == manner.from_word else find_word(texts, manner.to_word, what, after=start)
    if end < start:
        raise BadRange(f"{manner.to_word!r} comes before {manner.from_word!r} in {what}")
    stop = _place(sound, words[end].end_frame)
    return Span(first, stop, stop)


def _place(sound: Sound, source_frame: int) -> int:
    return min(sound.frames, max(0, source_frame - sound.trim_start_frames))


def _forwards(sound: Sound, span: Span, seam: int, attack: int) -> Sound:
    stop = sound.frames if span.stop == sound.frames else min(sound.frames, span.stop + seam)
    narrow = replace(sound, trim_start_frames=sound.trim_start_frames + span.first, length_frames=stop - span.first)
    if span.first > 0:
        narrow = replace(narrow, attack_frames=attack, fade_in_frames=0)
    return replace(narrow, fade_out_frames=seam) if span.stop < sound.frames else narrow


def _backwards(sound: Sound, span: Span, seam: int, attack: int, rate: float) -> Sound:
    first = max(0, span.first - seam)
    narrow = replace(
        sound,
        rate=-rate,
        trim_start_frames=sound.trim_start_frames + first,
        length_frames=span.stop - first,
        fade_in_frames=sound.fade_out_frames,
        fade_in_shape=sound.fade_out_shape,
        fade_out_frames=sound.fade_in_frames,
        fade_out_shape=sound.fade_in_shape,
    )
    if span.stop < sound.frames:
        narrow = replace(narrow, attack_frames=attack, fade_in_frames=0)
    return replace(narrow, fade_out_frames=seam) if span.first > 0 else narrow


def _repeated(sound: Sound, round_frames: int, rounds: int, seam: int) -> Sound:
    """Return ``sound`` with its first ``round_frames`` played ``rounds`` times; 0: for ever.

    Where there is sound enough behind them a round is exactly that long; else it is shorter by its seam.
    """
    seam = min(seam, round_frames // 4)
    frames = min(round_frames, sound.frames - seam)
    return replace(sound, loop_start_frames=seam, loop_frames=frames, seam_frames=seam, rounds=rounds)
