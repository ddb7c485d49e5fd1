"""Capture: what was played, as a story: clips for every player, from the frame at which it was heard.

Clips hold what was played plainly, with its trim, gain, pan and fades, and with the fade of whoever stopped it; loops
and pauses are several. What else a player did (pitch, speed, backwards, fades that ran into one another) is printed
into a file, and is a clip of that. Knobs that were turned, by commands or by the timeline, become automation. Markers
tell what is not captured: switches, which no lane can say, what sounded on a bus, which has no clips, and knobs that
came later.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
import numpy as np
from msgspec.structs import replace

from engine.commands import Command, Locate
from engine.realtime.notes import Notes
from engine.realtime.records import RECORD, Kind, Report
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.deck import Printed, Reel, printed_file
from engine.session.knobs import Move, Moved, has_knob, moves_of
from engine.session.library import AudioFile, Stretched, describe
from engine.session.orders import Records, order, together
from engine.session.pieces import Hold, Life, NoClip, Piece, pieces_of
from engine.session.players import Sound, start_order
from engine.session.transport import Transport
from engine.session.turning import EVER, Laned, Ran, Turned
from engine.session.ways import drawn
from engine.story.model import At, Clip, Line, Marker, Story
from engine.story.strips import with_strips
from engine.units import seconds_to_frames

LONGEST_NAME = 60
PLAYED, OVER, MOVED, RAN = "captured/playing/", "captured/over/", "captured/moved/", "captured/ran/"
"""How notes begin that a session leaves which goes on after this one."""


class Played(msgspec.Struct, kw_only=True):
    """One player. track: where it sounds, perhaps a bus. start: the engine frame of its first sound; skip: the frames
    of the clip before that; end: None while it sounds. faded: the fade with which it was stopped, at fade_frame. holds:
    its pauses. timeline: it was not fired."""

    track: str
    sound: Sound
    gain_db: float
    timeline: bool = False
    start: int | None = None
    skip: int = 0
    end: int | None = None
    faded: int = 0
    fade_frame: int = 0
    holds: tuple[Hold, ...] = ()


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """What was played. printed: clips of it whose sound is still to be written. left_out: what became a marker.

    story: makes the story; in any thread, since a long one with much automation takes seconds.
    """

    story: Callable[[], Story]
    printed: tuple[Printed, ...]
    left_out: tuple[str, ...]


class Capture:
    """Follows every player; what has ended is kept while something is being recorded."""

    def __init__(self, context: Context, transport: Transport, notes: Notes) -> None:
        self._context, self._transport, self._notes = context, transport, notes
        self._players: dict[int, Played] = {}
        self._leaving: dict[int, list[Played]] = {}
        """Players that fade while the timeline plays their clip from elsewhere already, under the same number."""
        self._over: list[Played] = []
        self._moves: list[Moved] = []
        self._ran: list[Ran] = []
        self._laned: list[Laned] = []
        self._held: dict[tuple[str, str], Moved] = {}
        """The last moves of knobs that the timeline has not taken back since."""
        self._located = False
        self._before: Story | None = None
        context.on_play = self._plays
        transport.on_automate = self._automated

    def begin(self) -> None:
        """Keep everything from now on."""
        transport = self._transport
        self._over.clear()
        self._before = self._context.story
        for player in self._players:
            self._keep(player)
        self._moves.clear()
        self.turned(tuple(self._held.values()))
        self._laned = [self._lanes(EVER)]
        self._ran.clear()
        self._runs(
            Ran(
                frame=transport.since_frame or 0,
                timeline_frame=transport.timeline_frame,
                playing=transport.playing,
            )
        )

    def rest(self) -> None:
        """Keep only what sounds."""
        self._over.clear()
        self._before = None
        for prefix in (PLAYED, OVER, MOVED, RAN):
            for name in self._notes.all(prefix):
                self._notes.forget(f"{prefix}{name}")

    def recall(self) -> None:
        """Go on with what a session that is gone has kept. Its faders are taken to have stood where they are now."""
        self._before = self._context.story
        self._players = {int(name): pickle.loads(note) for name, note in self._notes.all(PLAYED).items()}
        self._over = [pickle.loads(note) for note in self._notes.all(OVER).values()]
        self._moves = [pickle.loads(note) for note in self._notes.all(MOVED).values()]
        self._ran = [pickle.loads(note) for note in self._notes.all(RAN).values()]
        self._laned = [self._lanes(EVER)]

    def moves(self, command: Command, at_frame: int | None) -> tuple[Moved, ...]:
        """Return what a command will turn, to be told once it has been carried out."""
        self._located |= isinstance(command, Locate)
        if self._before is None and not any(strip.automation for strip in self._context.story.strips().values()):
            return ()
        return tuple(self._moved(move, at_frame) for move in moves_of(command, self._context.story))

    def turned(self, moves: Sequence[Moved]) -> None:
        """Hear of knobs that were turned."""
        for moved in moves:
            if moved.move.target:
                self._held[moved.move.strip, moved.move.target] = moved
            if self._before is not None:
                self._moves.append(moved)
                self._notes.set(f"{MOVED}{len(self._moves)}", pickle.dumps(moved))

    def ran(self, report: np.void) -> None:
        """Hear that the timeline was started, stopped or located (a TRANSPORT report)."""
        frame, place, playing = int(report["actual_frame"]), int(report["requested_frame"]), bool(report["value"])
        transport = self._transport
        stays = not playing and (transport.playing or (place == transport.timeline_frame and not self._located))
        self._located = False
        if not stays:
            self._held = {knob: moved for knob, moved in self._held.items() if moved.frame > frame}
        self._runs(Ran(frame=frame, timeline_frame=place, playing=playing, lets_go=not stays))

    def looped(self, report: np.void) -> None:
        """Hear that the timeline went back to its loop's start (a LOOPED report)."""
        place = int(report["requested_frame"])
        self._runs(Ran(frame=int(report["actual_frame"]), timeline_frame=place, playing=True))

    def started(self, report: np.void) -> None:
        """Hear that a player sounds (a STARTED report)."""
        player, skip = int(report["player"]), 0
        played = self._players.get(player)
        if played is not None and played.timeline:
            self._leaving.setdefault(player, []).append(played)
            played = None
        if played is None:
            played, skip = self._from_timeline(player), int(report["value"])
        if played is not None:
            played.start, played.skip = int(report["actual_frame"]), skip
            self._players[player] = played
            self._keep(player)

    def held(self, report: np.void) -> None:
        """Hear that a player pauses (a HELD report)."""
        self._hold(int(report["player"]), int(report["actual_frame"]), int(report["value"]))

    def ran_dry(self, report: np.void) -> None:
        """Hear that a player has to wait for its sound (an UNDERRUN report); one from the disk passes it by."""
        begin, silent = int(report["requested_frame"]), int(report["actual_frame"])
        self._hold(int(report["player"]), begin, silent - begin)

    def resumed(self, report: np.void) -> None:
        """Hear that a player goes on (a RESUMED or a REFILLED report)."""
        player = int(report["player"])
        played = self._players.get(player)
        if played is None or not played.holds or played.holds[-1].end_frame is not None:
            return
        fade = int(report["value"]) if report["kind"] == Report.RESUMED else self._context.frames(DECLICK_SECONDS)
        last = replace(played.holds[-1], end_frame=int(report["actual_frame"]), attack_frames=fade)
        played.holds = (*played.holds[:-1], last)
        self._keep(player)

    def ended(self, report: np.void) -> None:
        """Hear that a player sounds no more (an ENDED report)."""
        player = int(report["player"])
        leaving = self._leaving.get(player)
        played = leaving.pop(0) if leaving else self._players.pop(player, None)
        if played is not None and played.start is not None and self._before is not None:
            played.end, played.faded = int(report["actual_frame"]), int(report["value"])
            played.fade_frame = int(report["requested_frame"])
            self._over.append(played)
            self._notes.set(f"{OVER}{len(self._over)}", pickle.dumps(played))
            if not leaving and player not in self._players:
                self._notes.forget(f"{PLAYED}{player}")

    def story(self, story: Story, reel: Reel, since: int, until: int) -> Captured:
        """Return what sounded between two engine frames as a story."""
        before = self._before or story
        clips: dict[str, list[Clip]] = {}
        printed: list[Printed] = []
        tracks = {track.id for track in before.tracks}
        strays: list[Marker] = []
        leaving = (played for left in self._leaving.values() for played in left)
        heard = (p for p in (*self._over, *leaving, *self._players.values()) if _overlaps(p, since, until))
        for number, played in enumerate(sorted(heard, key=lambda p: p.start or 0), 1):
            if played.track not in tracks:
                strays.append(_stray(played, f"p{number}", since))
                continue
            made = self._clips(played, f"p{number}", since, until)
            if made is None:
                printed.append(self._printed(played, f"p{number}", until))
                made = [self._clip_of(printed[-1], printed_file(reel, f"p{number}"), played, since, until)]
            clips.setdefault(played.track, []).extend(made)
        turned = self._turned(until)
        came_later = turned.turns(lambda knob: not has_knob(before, *knob))
        markers = (*_unautomated(came_later, since), *strays, *self._markers(since, until))
        captured = replace(
            before,
            title=f"{story.title} ({reel.name})",
            cues=(), cuelists=(), slots=(), snapshots=(), midi=(), markers=markers,
            tracks=tuple(replace(t, clips=tuple(clips.get(t.id, ()))) for t in before.tracks),
        )  # fmt: skip
        left_out = tuple(marker.name for marker in markers)
        whole = partial(_drawn, captured, turned, since)
        return Captured(story=whole, printed=tuple(printed), left_out=left_out)

    def _plays(self, player: int, sound: Sound, gain_db: float) -> None:
        strip = self._context.graph.strips[sound.strip]
        if strip.kind in ("track", "bus"):
            self._players[player] = Played(track=strip.id, sound=sound, gain_db=gain_db)

    def _from_timeline(self, player: int) -> Played | None:
        """Return what the timeline plays under a number, as it was laid: the story may say otherwise by now."""
        found = self._transport.rows.sounds.get(player)
        if found is None:
            return None
        track, sound = found
        return Played(track=track, sound=sound, gain_db=0.0, timeline=True)

    def _runs(self, ran: Ran) -> None:
        if self._before is not None:
            self._ran.append(ran)
            self._notes.set(f"{RAN}{len(self._ran)}", pickle.dumps(ran))

    def _automated(self) -> None:
        """Hear that the timeline turns something else now."""
        if self._before is not None:
            self._laned.append(self._lanes(self._context.soon()))

    def _lanes(self, frame: int) -> Laned:
        return Laned(frame=frame, story=self._context.story, graph=self._context.graph)

    def _hold(self, player: int, frame: int, fade: int) -> None:
        played = self._players.get(player)
        if played is not None and played.start is not None and not played.sound.loaded.paged:
            played.holds = (*played.holds, Hold(start_frame=frame, fade_frames=fade))
            self._keep(player)

    def _keep(self, player: int) -> None:
        """Note a player, for a session that goes on after this one."""
        if self._before is not None:
            self._notes.set(f"{PLAYED}{player}", pickle.dumps(self._players[player]))

    def _moved(self, move: Move, at_frame: int | None) -> Moved:
        frame = self._context.soon() if at_frame is None else at_frame
        frames = seconds_to_frames(max(move.ramp_seconds, DECLICK_SECONDS), self._context.story.sample_rate)
        return Moved(move=move, frame=frame, frames=max(1, frames))

    def _clips(self, played: Played, id: str, since: int, until: int) -> list[Clip] | None:
        """Return what a player did as clips of its source; None: no clips can say it."""
        sound, start = played.sound, played.start or 0
        exact = not (played.timeline or sound.loaded.making or sound.loaded.paged)
        try:
            pieces = pieces_of(sound, _life(played, until), self._context.frames(DECLICK_SECONDS), exact=exact)
        except NoClip:
            return None
        line, audio = (sound.source, None) if isinstance(sound.source, Line) else (None, sound.source)
        like = Clip(
            id=id,
            name=_text(played)[:LONGEST_NAME],
            start=At(frame=0),
            line=line,
            audio=audio.path if isinstance(audio, AudioFile) else None,
            gain_db=sound.gain_db + played.gain_db,
            pan=sound.pan,
        )
        ids = [id] if len(pieces) == 1 else [f"{id}-{number}" for number in range(1, len(pieces) + 1)]
        made = (
            _clip(replace(like, id=name), piece, start, sound.trim_start_frames, since, until)
            for name, piece in zip(ids, pieces, strict=True)
        )
        return [clip for clip in made if clip is not None]

    def _printed(self, played: Played, id: str, until: int) -> Printed:
        life, sound = _life(played, until), played.sound
        bare = replace(sound, strip=0, gain_db=0.0, pan=0.0, loaded=replace(sound.loaded, offset=0, header=-1))
        return Printed(
            clip=id,
            what=_what(played),
            sound=sound,
            records=together(start_order(1, bare, 0, 0.0), *_fate(life)).astype(RECORD).tobytes(),
            frames=life.stop_frame - life.start_frame,
        )

    def _clip_of(self, printed: Printed, path: str, played: Played, since: int, until: int) -> Clip:
        """Return the clip of a file that is to be printed: every fade is in it, gain and pan are the clip's."""
        sound = played.sound
        like = Clip(
            id=printed.clip,
            name=printed.what,
            start=At(frame=0),
            audio=path,
            gain_db=sound.gain_db + played.gain_db,
            pan=sound.pan,
        )
        clip = _clip(like, Piece(at=0, first=0, frames=printed.frames), played.start or 0, 0, since, until)
        assert clip is not None  # only what was heard is asked about
        return clip

    def _markers(self, since: int, until: int) -> Iterator[Marker]:
        told = (moved for moved in self._moves if moved.move.what and since <= moved.frame < until)
        for number, moved in enumerate(told, 1):
            yield Marker(id=f"m{number}", at=At(frame=moved.frame - since), name=moved.move.what)

    def _turned(self, until: int) -> Turned:
        """Return all that turned a knob until an engine frame, whoever it was."""
        return Turned(
            laned=tuple(self._laned),
            ran=tuple(self._ran),
            moved=tuple(moved for moved in self._moves if moved.move.target),
            until=until,
            fade_frames=self._context.frames(DECLICK_SECONDS),
        )


def without(story: Story, clips: Sequence[str]) -> Story:
    """Return what was played with markers in the place of ``clips``."""
    if not clips:
        return story
    lost = [clip for track in story.tracks for clip in track.clips if clip.id in clips]
    markers = tuple(Marker(id=f"lost-{clip.id}", at=clip.start, name=clip.name) for clip in lost)
    tracks = (replace(t, clips=tuple(c for c in t.clips if c.id not in clips)) for t in story.tracks)
    return replace(story, tracks=tuple(tracks), markers=(*story.markers, *markers))


def _stray(played: Played, id: str, since: int) -> Marker:
    """Return what tells of a player that no track has a clip for: it was on a bus, or on a track that came later."""
    at = At(frame=max(0, (played.start or 0) - since))
    return Marker(id=f"lost-{id}", at=at, name=f"{_text(played)[:LONGEST_NAME]} on {played.track} left out")


def _drawn(story: Story, turned: Turned, since: int) -> Story:
    """Return a story that begins at an engine frame, with what was turned of the knobs that it has."""
    turns = turned.turns(lambda knob: has_knob(story, *knob))
    return with_strips(story, lambda id, strip: drawn(strip, id, turns, since, turned.until, turned.fade_frames))


def _unautomated(turns: Sequence[Moved], since: int) -> Iterator[Marker]:
    """Yield what tells, for each strip, which knobs were turned that it did not have when the recording began."""
    targets: dict[str, dict[str, int]] = {}
    for turn in turns:
        if turn.frame + turn.frames > since:
            targets.setdefault(turn.move.strip, {}).setdefault(turn.move.target, max(0, turn.frame - since))
    for number, (id, turned) in enumerate(targets.items(), 1):
        at = At(frame=min(turned.values()))
        yield Marker(id=f"a{number}", at=at, name=f"automation of {id} left out: {', '.join(turned)}")


def _overlaps(played: Played, since: int, until: int) -> bool:
    return played.start is not None and played.start < until and (played.end is None or played.end > since)


def _life(played: Played, until: int) -> Life:
    """Return what became of a player, as far as was listened."""
    stopped = played.end is not None and played.end <= until
    fades = played.faded > 0 and played.fade_frame < until
    return Life(
        start_frame=played.start or 0,
        stop_frame=played.end if stopped and played.end is not None else until,
        skip=played.skip,
        stopped=stopped,
        faded=played.faded if fades else 0,
        fade_frame=played.fade_frame if fades else None,
        holds=tuple(hold for hold in played.holds if hold.start_frame < until),
    )


def _fate(life: Life) -> Iterator[Records]:
    """Yield what befell a player of which nobody else knows, in frames since it began."""
    for hold in life.holds:
        begin = hold.start_frame - life.start_frame
        yield order(Kind.PAUSE_PLAYER, begin, player=1, ramp_frames=hold.fade_frames)
        if hold.end_frame is not None:
            yield order(Kind.RESUME_PLAYER, hold.end_frame - life.start_frame, player=1, ramp_frames=hold.attack_frames)
    if life.fade_frame is not None:
        yield order(Kind.STOP_PLAYER, life.fade_frame - life.start_frame, player=1, ramp_frames=life.faded)


def _clip(like: Clip, piece: Piece, start: int, trim: int, since: int, until: int) -> Clip | None:
    """Return a piece of a player that began at engine frame ``start`` as a clip, if anything of it was recorded."""
    begin, end = start + piece.at, start + piece.end
    early, late = max(0, since - begin), end > until
    length = min(end, until) - begin - early
    if length <= 0:
        return None
    fade_in = min(length, max(0, piece.fade_in_frames - early))
    return replace(
        like,
        start=At(frame=begin + early - since),
        trim_start_frames=trim + piece.first + early,
        length_frames=length,
        fade_in_frames=fade_in,
        fade_in_shape=piece.fade_in_shape,
        fade_out_frames=0 if late else min(length - fade_in, piece.fade_out_frames),
        fade_out_shape=piece.fade_out_shape,
    )


def _text(played: Played) -> str:
    source = played.sound.source
    return source.text if isinstance(source, Line) else describe(source)


def _what(played: Played) -> str:
    """Return how people call what is no clip of its source."""
    sound = played.sound
    how = [
        f"rate {abs(sound.rate):g}" if abs(sound.rate) != 1.0 else "",
        "backwards" if sound.rate < 0.0 else "",
        "looped" if sound.loop_frames else "",
        f"at speed {sound.source.speed:g}" if isinstance(sound.source, Stretched) else "",
    ]
    return f"{_text(played)[:LONGEST_NAME]} ({', '.join(filter(None, how)) or 'as it was played'})"
