"""Capture: what was played, as a story: a clip for every player, from the frame at which it was heard.

Clips hold what was played plainly, with its trim, gain, pan and fades, and with the fade of whoever stopped it. What a
clip can't say is left out and becomes a marker with a name that tells it: another pitch or speed, loops, backwards.
Faders that were moved become automation.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable

import msgspec
import numpy as np

from engine.commands import Command, SetInsertParam, SetSendGain, SetStripGain, SetStripPan
from engine.mixer.effects import EFFECTS
from engine.realtime.notes import Notes
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.library import AudioFile, Stretched, describe
from engine.session.players import Sound
from engine.session.transport import Transport
from engine.story.model import MASTER, At, Clip, Effect, FadeShape, Lane, Line, Marker, Point, Story, Strip
from engine.units import seconds_to_frames

LONGEST_NAME = 60
PLAYED, OVER, MOVED = "captured/playing/", "captured/over/", "captured/moved/"
"""How notes begin that a session leaves which goes on after this one."""


class Played(msgspec.Struct, kw_only=True):
    """One player. start: the engine frame of its first sound; skip: the frames of the clip before that; end: None
    while it sounds. faded: the fade with which it was stopped."""

    track: str
    sound: Sound
    gain_db: float
    start: int | None = None
    skip: int = 0
    end: int | None = None
    faded: int = 0


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A knob that was turned at an engine frame, within so many frames."""

    strip: str
    target: str
    frame: int
    frames: int
    before: float
    value: float


class Capture:
    """Follows every player; what has ended is kept while something is being recorded."""

    def __init__(self, context: Context, transport: Transport, notes: Notes) -> None:
        self._context, self._transport, self._notes = context, transport, notes
        self._players: dict[int, Played] = {}
        self._over: list[Played] = []
        self._moves: list[Move] = []
        self._before: Story | None = None
        context.on_play = self._plays

    def begin(self) -> None:
        """Keep everything from now on."""
        self._over.clear()
        self._moves.clear()
        self._before = self._context.story
        for player, played in self._players.items():
            self._notes.set(f"{PLAYED}{player}", pickle.dumps(played))

    def rest(self) -> None:
        """Keep only what sounds."""
        self._over.clear()
        self._before = None
        for prefix in (PLAYED, OVER, MOVED):
            for name in self._notes.all(prefix):
                self._notes.forget(f"{prefix}{name}")

    def recall(self) -> None:
        """Go on with what a session that is gone has kept. Its faders are taken to have stood where they are now."""
        self._before = self._context.story
        self._players = {int(name): pickle.loads(note) for name, note in self._notes.all(PLAYED).items()}
        self._over = [pickle.loads(note) for note in self._notes.all(OVER).values()]
        self._moves = [pickle.loads(note) for note in self._notes.all(MOVED).values()]

    def turned(self, command: Command, at_frame: int | None) -> None:
        """Hear of a command before it is carried out."""
        if self._before is None:
            return
        match command:
            case SetStripGain(strip=strip, gain_db=value, ramp_seconds=ramp):
                self._move(strip, "gain_db", self._strip(strip).gain_db, value, ramp, at_frame)
            case SetStripPan(strip=strip, pan=value, ramp_seconds=ramp):
                self._move(strip, "pan", self._strip(strip).pan, value, ramp, at_frame)
            case SetSendGain(strip=strip, bus=bus, gain_db=value, ramp_seconds=ramp):
                sends = {send.to: send.gain_db for send in self._strip(strip).sends}
                if bus in sends:
                    self._move(strip, f"send.{bus}", sends[bus], value, ramp, at_frame)
            case SetInsertParam(strip=strip, insert=insert, param=param, value=value, ramp_seconds=ramp):
                inserts = self._strip(strip).inserts
                if 0 < insert <= len(inserts) and (before := _param(inserts[insert - 1], param)) is not None:
                    self._move(strip, f"insert.{insert}.{param}", before, value, ramp, at_frame)

    def started(self, report: np.void) -> None:
        """Hear that a player sounds (a STARTED report)."""
        player, skip = int(report["player"]), 0
        played = self._players.get(player)
        if played is None:
            played, skip = self._from_timeline(player), int(report["value"])
        if played is not None:
            played.start, played.skip = int(report["actual_frame"]), skip
            self._players[player] = played
            if self._before is not None:
                self._notes.set(f"{PLAYED}{player}", pickle.dumps(played))

    def ended(self, report: np.void) -> None:
        """Hear that a player sounds no more (an ENDED report)."""
        player = int(report["player"])
        played = self._players.pop(player, None)
        if played is not None and played.start is not None and self._before is not None:
            played.end, played.faded = int(report["actual_frame"]), int(report["value"])
            self._over.append(played)
            self._notes.set(f"{OVER}{len(self._over)}", pickle.dumps(played))
            self._notes.forget(f"{PLAYED}{player}")

    def story(self, story: Story, name: str, since: int, until: int) -> tuple[Story, tuple[str, ...]]:
        """Return what sounded between two engine frames as a story, and what could not be made a clip."""
        before = self._before or story
        heard = sorted(
            (p for p in (*self._over, *self._players.values()) if _overlaps(p, since, until)),
            key=lambda p: p.start or 0,
        )
        plain = [p for p in heard if _is_plain(p, until)]
        odd = [p for p in heard if not _is_plain(p, until)]
        clips: dict[str, list[Clip]] = {}

        def moved(id: str, strip: Strip) -> Strip:
            return self._with_moves(id, strip, since, until)

        for number, played in enumerate(plain, 1):
            clips.setdefault(played.track, []).append(self._clip(played, f"p{number}", since, until))
        markers = tuple(
            Marker(id=f"m{number}", at=At(frame=max(0, (p.start or 0) - since)), name=_what(p))
            for number, p in enumerate(odd, 1)
        )
        tracks = (
            msgspec.structs.replace(t, clips=tuple(clips.get(t.id, ())), strip=moved(t.id, t.strip))
            for t in before.tracks
        )
        buses = (msgspec.structs.replace(bus, strip=moved(bus.id, bus.strip)) for bus in before.buses)
        captured = msgspec.structs.replace(
            before,
            title=f"{story.title} ({name})",
            tracks=tuple(tracks),
            buses=tuple(buses),
            master=msgspec.structs.replace(before.master, strip=moved(MASTER, before.master.strip)),
            cues=(), cuelists=(), slots=(), snapshots=(), markers=markers,
        )  # fmt: skip
        return captured, tuple(_what(played) for played in odd)

    def _plays(self, player: int, sound: Sound, gain_db: float) -> None:
        strip = self._context.graph.strips[sound.strip]
        if strip.kind == "track":
            self._players[player] = Played(track=strip.id, sound=sound, gain_db=gain_db)

    def _from_timeline(self, player: int) -> Played | None:
        name = self._transport.clip_of(player)
        found = self._context.index.clips.get(name.removeprefix("clip ")) if name else None
        if found is None:
            return None
        track, clip = found
        sound = self._context.clip_sound(clip, self._context.strip(track))
        return Played(track=track, sound=sound, gain_db=0.0)

    def _clip(self, played: Played, id: str, since: int, until: int) -> Clip:
        sound, start, end = played.sound, played.start or 0, played.end
        early, late = max(0, since - start), end is None or end > until
        length = (until if end is None else min(end, until)) - start - early
        fade_in, shape = self._fade_in(played)
        fade_out, out_shape = (played.faded, _LINEAR) if played.faded else (sound.fade_out_frames, sound.fade_out_shape)
        line, audio = (sound.source, None) if isinstance(sound.source, Line) else (None, sound.source)
        return Clip(
            id=id,
            name=_text(played)[:LONGEST_NAME],
            start=At(frame=start + early - since),
            line=line,
            audio=audio.path if isinstance(audio, AudioFile) else None,
            trim_start_frames=sound.trim_start_frames + played.skip + early,
            length_frames=length,
            gain_db=sound.gain_db + played.gain_db,
            pan=sound.pan,
            fade_in_frames=min(length, max(0, fade_in - early)),
            fade_in_shape=shape,
            fade_out_frames=0 if late else min(length, fade_out),
            fade_out_shape=out_shape,
        )

    def _fade_in(self, played: Played) -> tuple[int, FadeShape]:
        sound = played.sound
        if played.skip:
            return self._context.frames(DECLICK_SECONDS), _LINEAR
        if sound.attack_frames > sound.fade_in_frames:
            return sound.attack_frames, _LINEAR
        return sound.fade_in_frames, sound.fade_in_shape

    def _strip(self, strip: str) -> Strip:
        return self._context.story.strips().get(strip, Strip())

    def _move(
        self, strip: str, target: str, before: float, value: float, ramp_seconds: float, at_frame: int | None
    ) -> None:
        frame = self._context.soon() if at_frame is None else at_frame
        frames = max(1, seconds_to_frames(max(ramp_seconds, DECLICK_SECONDS), self._context.story.sample_rate))
        self._moves.append(Move(strip=strip, target=target, frame=frame, frames=frames, before=before, value=value))
        self._notes.set(f"{MOVED}{len(self._moves)}", pickle.dumps(self._moves[-1]))

    def _with_moves(self, id: str, strip: Strip, since: int, until: int) -> Strip:
        """Return a strip with the moves of its knobs as automation."""
        moves = [m for m in self._moves if m.strip == id and since <= m.frame < until]
        lanes: dict[str, list[Move]] = {}
        for move in moves:
            lanes.setdefault(move.target, []).append(move)
        made = tuple(Lane(target=target, points=tuple(_points(lane, since))) for target, lane in lanes.items())
        return msgspec.structs.replace(strip, automation=made)


_LINEAR: FadeShape = "linear"


def _param(effect: Effect, param: str) -> float | None:
    """Return what an insert's parameter is set to, None when it has none of that name."""
    known = EFFECTS[effect.effect].params.get(param) if effect.effect in EFFECTS else None
    return None if known is None else effect.params.get(param, known.spec.default)


def _overlaps(played: Played, since: int, until: int) -> bool:
    return played.start is not None and played.start < until and (played.end is None or played.end > since)


def _is_plain(played: Played, until: int) -> bool:
    """Whether a clip says all of it: it was played as it is, once, and not held on the way."""
    sound = played.sound
    length = (until if played.end is None else played.end) - (played.start or 0)
    plain = sound.rate == 1.0 and not sound.loop_frames and not isinstance(sound.source, Stretched)
    return plain and (sound.loaded.making or length <= sound.frames - played.skip)


def _text(played: Played) -> str:
    source = played.sound.source
    return source.text if isinstance(source, Line) else describe(source)


def _what(played: Played) -> str:
    """Return how a marker names what is no clip."""
    sound = played.sound
    how = [
        f"rate {sound.rate:g}" if sound.rate != 1.0 else "",
        "looped" if sound.loop_frames else "",
        "stretched" if isinstance(sound.source, Stretched) else "",
    ]
    return f"{_text(played)[:LONGEST_NAME]} ({', '.join(filter(None, how)) or 'held on the way'})"


def _points(moves: Iterable[Move], since: int) -> Iterable[Point]:
    """Return the points of one lane: before the move, and where it has come to; a later one may cut it short."""
    points: dict[int, Point] = {}
    for move in moves:
        begin, end = move.frame - since, move.frame + move.frames - since
        cut = {frame: point for frame, point in points.items() if frame < begin}
        points = {
            **cut,
            begin: Point(at=At(frame=begin), value=move.before),
            end: Point(at=At(frame=end), value=move.value),
        }
    return points.values()
