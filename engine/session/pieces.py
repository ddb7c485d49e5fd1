"""Pieces: what a player did, as clips can say it: stretches of its sound, each played plainly between two fades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from engine.session.library import Stretched
from engine.session.players import Sound
from engine.story.model import FadeShape

MOST = 256
"""More clips than this say less than one file would."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A pause: a player fades from an engine frame on, and is silent until it comes back (None: never), fading in."""

    start_frame: int
    fade_frames: int
    end_frame: int | None = None
    attack_frames: int = 0

    @property
    def silent_frame(self) -> int:
        """The engine frame from which on it is silent."""
        return self.start_frame + self.fade_frames


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when a player sounded, in engine frames. skip: the frames of its sound before that.

    stop_frame: its end, or where nobody listens any more. stopped: it is its end. faded: the fade with which it was
    stopped, at fade_frame.
    """

    start_frame: int
    stop_frame: int
    skip: int = 0
    stopped: bool = True
    faded: int = 0
    fade_frame: int | None = None
    holds: tuple[Hold, ...] = ()


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """at: frames since the player began. first: frames of its sound, from its trim on, that come before."""

    at: int
    first: int
    frames: int
    fade_in_frames: int = 0
    fade_out_frames: int = 0
    fade_in_shape: FadeShape = "linear"
    fade_out_shape: FadeShape = "linear"

    @property
    def end(self) -> int:
        """The frame behind its last one."""
        return self.at + self.frames


class NoClip(Exception):
    """No clips sound like that."""


def pieces_of(sound: Sound, life: Life, declick_frames: int, *, exact: bool = True) -> tuple[Piece, ...]:
    """Return what was heard of ``sound``; its own fades are those of the first and the last piece.

    Raises NoClip where clips can't say it: pitch, speed, direction, and fades that ran into one another. exact: False
    lets the latter pass.
    """
    if sound.rate != 1.0 or isinstance(sound.source, Stretched):
        raise NoClip
    faded = _last_fade(life, exact=exact)
    rest = tuple(_played(sound, _heard(life), life.stopped))
    if life.skip:
        rest = _from(rest, life.skip, declick_frames, exact=False)
    found: list[Piece] = []
    gap = -life.skip
    for hold in life.holds:
        if hold.end_frame is not None and hold.end_frame < hold.silent_frame:
            continue
        place = hold.silent_frame - life.start_frame - gap
        found += _shifted(_until(rest, place, hold.fade_frames, exact=exact), gap)
        if hold.end_frame is None or hold.end_frame >= life.stop_frame:
            return _checked(found, life, exact=exact)
        rest = _from(rest, place, hold.attack_frames, exact=exact)
        gap += hold.end_frame - hold.silent_frame
    found += _shifted(_until(rest, life.stop_frame - life.start_frame - gap, faded, exact=exact), gap)
    return _checked(found, life, exact=exact)


def _last_fade(life: Life, *, exact: bool) -> int:
    """Return the fade with which the last piece ends; NoClip where another end, or a pause, comes into it."""
    whole = life.fade_frame is not None and life.fade_frame + life.faded == life.stop_frame
    before = life.stop_frame if life.fade_frame is None else life.fade_frame
    turned = any(hold.end_frame is not None and hold.end_frame < hold.silent_frame for hold in life.holds)
    if exact and ((life.faded and not whole) or turned or any(hold.silent_frame > before for hold in life.holds)):
        raise NoClip
    return life.faded if whole else 0


def _heard(life: Life) -> int:
    """Return how many frames of its sound a player was through by its end."""
    return life.stop_frame - life.start_frame + life.skip - sum(_silences(life))


def _silences(life: Life) -> Iterator[int]:
    for hold in life.holds:
        end = life.stop_frame if hold.end_frame is None else min(hold.end_frame, life.stop_frame)
        yield max(0, end - hold.silent_frame)


def _played(sound: Sound, heard: int, stopped: bool) -> Iterator[Piece]:
    """Yield the sound as it is played, round its loop, until ``heard`` frames are."""
    frames = heard if sound.loaded.making else sound.frames
    fade_in, shape = (sound.fade_in_frames, sound.fade_in_shape)
    if sound.attack_frames > fade_in:
        fade_in, shape = sound.attack_frames, "linear"
    fade_out = 0 if sound.loaded.making and not stopped else sound.fade_out_frames
    start, length, seam = sound.loop_start_frames, sound.loop_frames, sound.seam_frames
    last = sound.rounds - 1 if length else 0
    if length and (2 * seam > length or seam > start or heard > MOST * length):
        raise NoClip
    number = 0
    while number == 0 or start + number * length - seam < heard:
        first = max(0, start - seam) if number else 0
        yield Piece(
            at=start + number * length - seam if number else 0,
            first=first,
            frames=(frames if number == last else start + length) - first,
            fade_in_frames=seam if number else fade_in,
            fade_in_shape="linear" if number else shape,
            fade_out_frames=fade_out if number == last else seam,
            fade_out_shape=sound.fade_out_shape if number == last else "linear",
        )
        if number == last:
            return
        number += 1


def _until(pieces: Sequence[Piece], place: int, fade: int, *, exact: bool) -> tuple[Piece, ...]:
    """Return what sounds before ``place``, where a fade has come to nothing."""
    found: list[Piece] = []
    for piece in pieces:
        if piece.at >= place:
            continue
        if piece.end <= place - fade or (piece.end <= place and not fade):
            found.append(piece)
            continue
        if exact and fade and piece.end - piece.fade_out_frames < place:
            raise NoClip
        cut = replace(piece, frames=min(piece.frames, place - piece.at), fade_out_frames=fade, fade_out_shape="linear")
        found.append(cut)
    return tuple(found)


def _from(pieces: Sequence[Piece], place: int, attack: int, *, exact: bool) -> tuple[Piece, ...]:
    """Return what sounds from ``place`` on, where a fade-in begins."""
    found: list[Piece] = []
    for piece in pieces:
        if piece.end <= place:
            continue
        if piece.at >= place + attack:
            found.append(piece)
            continue
        early = max(0, place - piece.at)
        if exact and (piece.at > place or piece.fade_in_frames > early):
            raise NoClip
        found.append(
            replace(
                piece,
                at=piece.at + early,
                first=piece.first + early,
                frames=piece.frames - early,
                fade_in_frames=attack,
                fade_in_shape="linear",
            )
        )
    return tuple(found)


def _shifted(pieces: Sequence[Piece], gap: int) -> Iterator[Piece]:
    return (replace(piece, at=piece.at + gap) for piece in pieces)


def _checked(pieces: Sequence[Piece], life: Life, *, exact: bool) -> tuple[Piece, ...]:
    """Raise NoClip where a clip's fades would take longer than it lasts; nobody minds at the end of listening."""
    if life.stopped and exact and any(p.fade_in_frames + p.fade_out_frames > p.frames for p in pieces):
        raise NoClip
    return tuple(pieces)
