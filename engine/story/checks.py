"""Checks of a whole story: ids, references, ranges, rings. Whoever makes a story, these are its rules."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping

from engine.params import (
    BAR,
    BEATS_PER_BAR,
    CLIP_GAIN,
    DUCK,
    FADE_SECONDS,
    FADER,
    LIMITER,
    PAN,
    SEED,
    SEMITONES,
    SPEED,
    TEMPO,
    WAIT_SECONDS,
    ParamSpec,
)
from engine.plugins.facts import is_plugin, known_specs, plugin_name
from engine.story.edit import EffectTable
from engine.story.fitting import check_beat, check_frame, check_pressed, check_private_sends, check_prompter_bus
from engine.story.lanes import LANE_FORMS, lane_spec
from engine.story.message_checks import CHANNEL, SEVEN_BITS, check_messages
from engine.story.model import (
    MAIN_LIST,
    MASTER,
    After,
    At,
    Beat,
    Clip,
    Cue,
    CueTarget,
    Duck,
    Effect,
    FireCues,
    Lane,
    Manner,
    MidiTrack,
    PlayClip,
    PlaySection,
    Position,
    SendMessages,
    Slot,
    Snapshot,
    SpeakLine,
    Story,
    Strip,
    Track,
)
from engine.story.problems import Path, Problem, allowed_text
from engine.story.rules import (
    ANY_NUMBER,
    check_audio_path,
    check_delivery,
    check_id,
    check_line,
    check_pronunciation,
    check_range,
    check_text,
    check_unique,
    problem,
    state_is_whole,
)
from engine.story.timeline import dependencies, find_cycles
from engine.story.words import word_fault
from engine.units import frames_to_seconds

_RATE = ParamSpec(low=8000, high=192000, default=48000, unit="Hz")
_INDEX = ParamSpec(low=1, high=999, default=1)
_REPEAT = ParamSpec(low=1, high=999, default=1)
_DEBOUNCE = ParamSpec(low=0.0, high=10.0, default=0.1, unit="s")
_GRID = ParamSpec(low=1 / 32, high=64.0, default=0.25, unit="beats")


def check_story(
    story: Story,
    *,
    voices: Collection[str] | None = None,
    effects: EffectTable | None = None,
    before: Story | None = None,
) -> tuple[Problem, ...]:
    """Return everything that is wrong with a story, each with its path; nothing when it is sound.

    voices, effects: what there is, where the caller knows it; without them any word will do. before: a version that
    was sound: clips that it shares are looked at no closer than their place.
    """
    check = _Check(story, voices, effects)
    check.sound = {id(clip) for track in before.tracks for clip in track.clips} if before is not None else set()
    return tuple(check.problems())


def check_clips(story: Story, clips: Iterable[tuple[Track, Clip]], known: Container[str]) -> Iterator[Problem]:
    """Iterate over what is wrong with some clips of a story that was sound; their paths begin with their ids.

    known: the ids of all its clips.
    """
    check = _Check(story, None, None, known)
    for track, clip in clips:
        yield from check_id((clip.id,), "id", clip.id)
        yield from check.clip(clip, (clip.id,), track)


def check_place(story: Story, place: Position, known: Container[str]) -> Iterator[Problem]:
    """Iterate over what is wrong with a place in a story. known: the ids of all its clips."""
    yield from _Check(story, None, None, known).position(place, ())


class _Check:
    def __init__(
        self,
        story: Story,
        voices: Collection[str] | None,
        effects: EffectTable | None,
        clips: Container[str] | None = None,
    ) -> None:
        self._story, self._voices, self._effects = story, voices, effects
        self.sound: set[int] = set()
        self._specs = {**(effects or {}), **known_specs(story.plugins.items())}
        placed = [c for t in story.tracks for c in t.clips] if clips is None else []
        self._clips = {c.id for c in placed} if clips is None else clips
        self._files = {c.id for c in placed if c.line is None}
        self._tracks = {t.id for t in story.tracks}
        self._buses = {b.id for b in story.buses}
        self._strips = {*self._tracks, *self._buses, MASTER}
        self._markers = {m.id for m in story.markers}

    def problems(self) -> Iterator[Problem]:
        """Iterate over all problems."""
        story = self._story
        yield from check_text((), "title", story.title)
        yield from check_range((), "sample_rate", story.sample_rate, _RATE)
        yield from self._tempo()
        yield from self._ids()
        for entry in story.pronounce:
            yield from check_pronunciation(entry)
        for i, track in enumerate(story.tracks):
            yield from self._track(track, ("tracks", i))
        for i, bus in enumerate(story.buses):
            yield from self._strip(bus.strip, ("buses", i), bus.id)
            yield from check_text(("buses", i), "name", bus.name)
        yield from check_private_sends(story)
        yield from self._send_cycles()
        yield from self._strip(story.master.strip, ("master",), MASTER)
        if story.master.limiter_db is not None:
            yield from check_range(("master",), "limiter_db", story.master.limiter_db, LIMITER)
        yield from check_range(("master",), "limiter_on_db", story.master.limiter_on_db, LIMITER)
        yield from self._clip_cycles()
        yield from self._calls()

    def _ids(self) -> Iterator[Problem]:
        story = self._story
        strips = [(t.id, ("tracks", i)) for i, t in enumerate(story.tracks)]
        strips += [(b.id, ("buses", i)) for i, b in enumerate(story.buses)]
        clips = [(c.id, ("tracks", i, "clips", k)) for i, t in enumerate(story.tracks) for k, c in enumerate(t.clips)]
        yield from check_unique("strip", "id", strips)
        yield from check_unique("clip", "id", clips)
        yield from check_unique("cue", "id", [(c.id, ("cues", i)) for i, c in enumerate(story.cues)])
        lists = [(each.id, ("cuelists", i)) for i, each in enumerate(story.cuelists)]
        yield from check_unique("cue list", "id", [*([(MAIN_LIST, ("cues",))] if story.cues else []), *lists])
        for i, each in enumerate(story.cuelists):
            yield from check_unique("cue", "id", [(c.id, ("cuelists", i, "cues", k)) for k, c in enumerate(each.cues)])
        yield from check_unique("marker", "id", [(m.id, ("markers", i)) for i, m in enumerate(story.markers)])
        yield from check_unique("snapshot", "id", [(s.id, ("snapshots", i)) for i, s in enumerate(story.snapshots)])
        slots = [((s.bank, s.index), ("slots", i)) for i, s in enumerate(story.slots)]
        yield from check_unique("slot", "index", slots)

    def _tempo(self) -> Iterator[Problem]:
        points, bar = self._story.tempo, 0
        if not points or points[0].bar != 1:
            yield problem(("tempo",), "the first tempo has to be at bar 1")
        for i, point in enumerate(points):
            yield from check_range(("tempo", i), "bpm", point.tempo_bpm, TEMPO)
            yield from check_range(("tempo", i), "beats_per_bar", point.beats_per_bar, BEATS_PER_BAR)
            if not bar < point.bar <= BAR.high:
                yield problem(("tempo", i, "bar"), f"bar {point.bar} does not come after bar {bar}; bars go up")
            bar = point.bar

    def _track(self, track: Track, path: Path) -> Iterator[Problem]:
        yield from check_text(path, "name", track.name)
        yield from self._strip(track.strip, path, track.id)
        if track.voice is not None:
            yield from self._voice(track.voice, path)
        for k, clip in enumerate(track.clips):
            if id(clip) in self.sound:
                yield from self.position(clip.start, (*path, "clips", k, "start"))
            else:
                yield from self.clip(clip, (*path, "clips", k), track)

    def clip(self, clip: Clip, path: Path, track: Track) -> Iterator[Problem]:
        """Iterate over the problems of a clip."""
        if (clip.line is None) == (clip.audio is None):
            yield problem(path, "needs say or audio" if clip.line is None else "has say and audio; keep one")
        if clip.line is not None:
            yield from check_line(path, clip.line.text)
            yield from check_delivery(path, clip.line.delivery)
            if clip.line.voice != track.voice:
                yield from self._voice(clip.line.voice, path)
        if clip.audio is not None:
            yield from check_audio_path(path, clip.audio)
        if clip.name:
            yield from check_text(path, "name", clip.name)
        if clip.group:
            yield from check_id(path, "group", clip.group)
        yield from check_range(path, "gain_db", clip.gain_db, CLIP_GAIN)
        yield from check_range(path, "pan", clip.pan, PAN)
        yield from self.position(clip.start, (*path, "start"))
        if clip.trim_start_frames or clip.length_frames is not None:
            yield from self._trim(clip, path)
        if clip.fade_in_frames or clip.fade_out_frames:
            yield from self._fades(clip, path)

    def _trim(self, clip: Clip, path: Path) -> Iterator[Problem]:
        if clip.trim_start_frames < 0:
            yield problem((*path, "trim"), f"starts {self._seconds(-clip.trim_start_frames)} before the source")
        if clip.length_frames is not None and clip.length_frames <= 0:
            yield problem((*path, "trim"), "ends before it starts; [from, to] are times of the source")

    def _fades(self, clip: Clip, path: Path) -> Iterator[Problem]:
        rate = self._story.sample_rate
        for key, frames in (("fade_in", clip.fade_in_frames), ("fade_out", clip.fade_out_frames)):
            yield from check_range(path, key, frames_to_seconds(frames, rate) if rate > 0 else 0.0, FADE_SECONDS)
        fades = clip.fade_in_frames + clip.fade_out_frames
        if clip.length_frames is not None and fades > clip.length_frames > 0:
            text = f"the fades take {self._seconds(fades)}, the clip lasts {self._seconds(clip.length_frames)}"
            yield problem((*path, "fade_out" if clip.fade_out_frames else "fade_in"), text)

    def position(self, position: Position, path: Path) -> Iterator[Problem]:
        """Iterate over the problems of a place."""
        match position:
            case At():
                yield from check_frame(path, position, self._story.sample_rate)
            case After(clip=clip) if clip is not None and clip not in self._clips:
                yield problem(path, f"there is no clip {clip!r}")
            case Beat(bar=bar):
                beats = next((p.beats_per_bar for p in reversed(self._story.tempo) if p.bar <= bar), 4)
                if not 1 <= bar <= BAR.high:
                    yield problem(path, f"there is no bar {bar}; bars are counted from 1")
                else:
                    yield from check_beat(path, position, beats)

    def _voice(self, voice: str, path: Path) -> Iterator[Problem]:
        if not voice:
            yield problem(path, "the line has no voice: give it one, or give its track one")
        elif self._voices is not None and voice not in self._voices:
            allowed = allowed_text(sorted(self._voices))
            yield problem((*path, "voice"), f"there is no voice {voice!r}; there is: {allowed}")
        else:
            yield from check_text(path, "voice", voice)

    def _strip(self, strip: Strip, path: Path, strip_id: str) -> Iterator[Problem]:
        yield from check_range(path, "gain_db", strip.gain_db, FADER)
        yield from check_range(path, "pan", strip.pan, PAN)
        for k, insert in enumerate(strip.inserts):
            where = (*path, "inserts", k)
            if is_plugin(insert.effect):
                yield from self._plugin(insert, where)
            else:
                yield from self._insert(insert.effect, insert.params, where)
        for lane in strip.automation:
            yield from self._lane(lane, strip, (*path, "automation"))
        if strip.duck is not None:
            yield from self._duck(strip.duck, (*path, "duck"), strip_id)
        seen: set[str] = set()
        for send in strip.sends:
            where = (*path, "sends", send.to)
            yield from check_range((*path, "sends"), send.to, send.gain_db, FADER)
            if strip_id == MASTER:
                yield problem(where, "the master sends to no bus")
            elif send.to == strip_id:
                yield problem(where, "a bus can't send to itself")
            elif send.to not in self._buses:
                yield problem(where, f"there is no bus {send.to!r}; there is: {allowed_text(sorted(self._buses))}")
            if send.to in seen:
                yield problem(where, "sends there twice")
            seen.add(send.to)

    def _lane(self, lane: Lane, strip: Strip, path: Path) -> Iterator[Problem]:
        where = (*path, lane.target)
        spec = lane_spec(lane.target, strip, self._effects and self._specs)
        if spec is None:
            yield problem(where, f"moves nothing of this strip; it may be {LANE_FORMS}")
            return
        for k, point in enumerate(lane.points):
            yield from check_range(where, str(k), point.value, spec)
            yield from self.position(point.at, (*where, k))

    def _duck(self, duck: Duck, path: Path, strip_id: str) -> Iterator[Problem]:
        for name, spec in DUCK.items():
            yield from check_range(path, name, getattr(duck, name), spec)
        for key in duck.by:
            if key not in self._tracks:
                there = allowed_text(sorted(self._tracks))
                yield problem((*path, "by"), f"there is no track {key!r}; there is: {there}")
            elif key == strip_id:
                yield problem((*path, "by"), "a track can't duck itself")

    def _plugin(self, insert: Effect, path: Path) -> Iterator[Problem]:
        """Report parameters and a state that can't be; of a plug-in that is not here everything may be."""
        if not plugin_name(insert.effect).strip():
            yield problem((*path, "plugin"), "needs the name of a plug-in, or its path")
        if not state_is_whole(insert.state):
            yield problem((*path, "state"), "is no base64 text")
        specs = {} if self._effects is None else self._specs.get(insert.effect, {})
        for param, value in insert.params.items():
            if specs and param not in specs:
                text = f"{plugin_name(insert.effect)} has no {param!r}; it has: {allowed_text(sorted(specs))}"
                yield problem((*path, "params", param), text)
            else:
                yield from check_range((*path, "params"), param, value, specs.get(param, ANY_NUMBER))

    def _insert(self, effect: str, params: Mapping[str, float], path: Path) -> Iterator[Problem]:
        if self._effects is None:
            for param, value in params.items():
                yield from check_range((*path, effect), param, value, ANY_NUMBER)
        elif effect not in self._effects:
            allowed = allowed_text(sorted(self._effects))
            yield problem((*path, effect), f"there is no effect {effect!r}; there is: {allowed}")
        else:
            specs = self._effects[effect]
            for param, value in params.items():
                if param in specs:
                    yield from check_range((*path, effect), param, value, specs[param])
                else:
                    text = f"{effect} has no {param!r}; it has: {allowed_text(sorted(specs))}"
                    yield problem((*path, effect, param), text)

    def _send_cycles(self) -> Iterator[Problem]:
        """Report each ring of sends once. A bus that sends to itself is reported with its sends."""
        sends = {b.id: [s.to for s in b.strip.sends if s.to != b.id] for b in self._story.buses}
        told: set[frozenset[str]] = set()
        for i, bus in enumerate(self._story.buses):
            ring = _way_back(bus.id, sends)
            if ring and frozenset(ring) not in told:
                told.add(frozenset(ring))
                yield problem(("buses", i, "sends", ring[1]), f"sends go round in a ring: {' -> '.join(ring)}")

    def _clip_cycles(self) -> Iterator[Problem]:
        rings = find_cycles(dependencies(self._story))
        wanted = {ring[0]: ring for ring in rings}
        for i, track in enumerate(self._story.tracks) if wanted else ():
            for k, clip in enumerate(track.clips):
                if ring := wanted.pop(clip.id, None):
                    waiting = " after ".join([*ring, ring[0]])
                    yield problem(("tracks", i, "clips", k, "start"), f"clips wait for one another: {waiting}")

    def _calls(self) -> Iterator[Problem]:
        """Check cues, slots and markers."""
        yield from self._cues(self._story.cues, ("cues",))
        for i, each in enumerate(self._story.cuelists):
            yield from check_text(("cuelists", i), "name", each.name)
            yield from self._cues(each.cues, ("cuelists", i, "cues"))
        yield from check_range((), "go_debounce", self._story.go_debounce_seconds, _DEBOUNCE)
        if self._story.prompter is not None:
            yield from self._voice(self._story.prompter.voice, ("prompter",))
        yield from check_prompter_bus(self._story)
        for i, slot in enumerate(self._story.slots):
            path = ("slots", i)
            yield from self._target(slot.target, path)
            yield from check_text(path, "name", slot.name)
            yield from check_range(path, "gain_db", slot.gain_db, CLIP_GAIN)
            yield from check_range(path, "index", slot.index, _INDEX)
            yield from check_range(path, "grid", slot.grid_beats, _GRID)
            yield from check_id(path, "bank", slot.bank)
            yield from check_id(path, "choke", slot.choke) if slot.choke is not None else ()
            yield from self._takes(slot, path)
        for i, midi in enumerate(self._story.midi):
            yield from self._midi(midi, ("midi", i))
        for i, snapshot in enumerate(self._story.snapshots):
            yield from self._snapshot(snapshot, ("snapshots", i))
        for i, marker in enumerate(self._story.markers):
            yield from check_text(("markers", i), "name", marker.name)
            yield from self.position(marker.at, ("markers", i, "at"))
            if isinstance(marker.at, After) and marker.at.clip is None:
                yield problem(("markers", i, "at"), "after what? A marker comes after a clip that it names")

    def _takes(self, slot: Slot, path: Path) -> Iterator[Problem]:
        for seed in slot.velocity_take:
            yield from check_range(path, "velocity_take", seed, SEED)
        target, what = slot.target, ""
        if isinstance(target, PlaySection):
            what = "a section"
        elif isinstance(target, PlayClip) and target.clip in self._files:
            what = f"clip {target.clip!r}, a sound file,"
        if slot.velocity_take and what:
            yield problem((*path, "velocity_take"), f"{what} has no takes: only what is spoken has")

    def _midi(self, midi: MidiTrack, path: Path) -> Iterator[Problem]:
        yield from check_audio_path(path, midi.file, "file", "a MIDI file")
        yield from check_range(path, "first_note", midi.first_note, SEVEN_BITS)
        if midi.channel:
            yield from check_range(path, "channel", midi.channel, CHANNEL)
        yield from self.position(midi.start, (*path, "start"))
        slots = [slot for slot in self._story.slots if slot.bank == midi.bank]
        if not slots:
            there = allowed_text(dict.fromkeys(slot.bank for slot in self._story.slots))
            yield problem((*path, "bank"), f"there is no slot in a bank {midi.bank!r}; there is: {there}")
        for slot in slots:
            yield from check_pressed((*path, "bank"), slot)

    def _snapshot(self, snapshot: Snapshot, path: Path) -> Iterator[Problem]:
        yield from check_text(path, "name", snapshot.name)
        for name, scene in snapshot.strips.items():
            where = (*path, "strips", name)
            yield from check_range(where, "gain_db", scene.gain_db, FADER)
            yield from check_range(where, "pan", scene.pan, PAN)
            for bus, level in scene.sends.items():
                yield from check_range((*where, "sends"), bus, level, FADER)
            for key, value in scene.inserts.items():
                yield from check_range((*where, "inserts"), key, value, ANY_NUMBER)

    def _cues(self, cues: tuple[Cue, ...], path: Path) -> Iterator[Problem]:
        known = {c.id: c for c in cues}
        grouped = {member for c in cues if isinstance(c.target, FireCues) for member in c.target.cues}
        for i, cue in enumerate(cues):
            where = (*path, i)
            yield from self._target(cue.target, where)
            yield from check_text(where, "name", cue.name)
            yield from check_text(where, "prompt", cue.prompt)
            yield from check_range(where, "gain_db", cue.gain_db, CLIP_GAIN)
            yield from check_range(where, "pan", cue.pan, PAN)
            if cue.bus is not None and cue.bus not in self._strips:
                there = allowed_text(sorted(self._strips))
                yield problem((*where, "bus"), f"there is no strip {cue.bus!r}; there is: {there}")
            if not isinstance(cue.target, PlayClip | SpeakLine) and (cue.bus is not None or cue.pan):
                yield problem((*where, "pan" if cue.bus is None else "bus"), "only a cue of a clip or a line has it")
            for key, frames in (("pre_wait", cue.pre_wait_frames), ("post_wait", cue.post_wait_frames)):
                wait_seconds = frames_to_seconds(frames, max(1, self._story.sample_rate))
                yield from check_range(where, key, wait_seconds, WAIT_SECONDS)
            if cue.at is not None:
                yield from self.position(cue.at, (*where, "at"))
            if cue.id in grouped and cue.follow != "none":
                yield problem((*where, "follow"), "a group fires this cue; what follows is the group's to say")
            for member in cue.target.cues if isinstance(cue.target, FireCues) else ():
                if member not in known:
                    yield problem((*where, "group"), f"there is no cue {member!r}; there is: {allowed_text(known)}")
                elif isinstance(known[member].target, FireCues):
                    yield problem((*where, "group"), f"cue {member!r} is a group itself; a group fires single cues")

    def _target(self, target: CueTarget, path: Path) -> Iterator[Problem]:
        match target:
            case PlayClip(clip=clip, manner=manner):
                if clip not in self._clips:
                    yield problem((*path, "clip"), f"there is no clip {clip!r}")
                yield from self._manner(manner, path)
            case SpeakLine(line=line, track=track, manner=manner):
                yield from self._manner(manner, path)
                yield from check_line(path, line.text)
                yield from check_delivery(path, line.delivery)
                yield from self._voice(line.voice, path)
                if track not in self._tracks:
                    there = allowed_text(sorted(self._tracks))
                    yield problem((*path, "track"), f"there is no track {track!r}; there is: {there}")
            case PlaySection(from_marker=start, to_marker=end):
                for marker in (start, end):
                    if marker is not None and marker not in self._markers:
                        there = allowed_text(sorted(self._markers))
                        yield problem((*path, "section"), f"there is no marker {marker!r}; there is: {there}")
            case SendMessages(messages=messages):
                yield from check_messages(messages, (*path, "send"), self._story.sample_rate)

    def _manner(self, manner: Manner, path: Path) -> Iterator[Problem]:
        if manner == Manner():
            return
        yield from check_range(path, "repeat", manner.repeat, _REPEAT)
        yield from check_range(path, "semitones", manner.semitones, SEMITONES)
        yield from check_range(path, "speed", manner.speed, SPEED)
        for word in (manner.from_word, manner.to_word):
            if word is not None and (fault := word_fault(word)):
                key = "from" if manner.to_word is None else "word" if manner.to_word == manner.from_word else "words"
                yield problem((*path, key), fault)
        if manner.to_word is not None and manner.from_word is None:
            yield problem((*path, "words"), "a last word needs a first one")
        if manner.loop and manner.repeat > 1:
            yield problem((*path, "repeat"), "a loop is for ever; take loop or repeat")

    def _seconds(self, frames: int) -> str:
        return f"{frames_to_seconds(frames, max(1, self._story.sample_rate)):g} s"


def _way_back(start: str, sends: Mapping[str, list[str]]) -> list[str]:
    """Return a way from a bus back to itself, both ends named, or nothing."""
    came: dict[str, str] = {}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for to in sends.get(here, ()):
            if to == start:
                way = [start]
                while here != start:
                    way.append(here)
                    here = came[here]
                return [start, *reversed(way)]
            if to not in came:
                came[to] = here
                waiting.append(to)
    return []
