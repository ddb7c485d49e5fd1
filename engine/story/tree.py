"""A story as the tree of fields that its file shows: what stands where, in which order, what may be left away."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal

import msgspec

from engine.params import DUCK
from engine.plugins.facts import is_plugin, plugin_name
from engine.story.formats import VERSION
from engine.story.messages import Outgoing, SendController, SendNote, SendOsc, SendProgram, SendShow
from engine.story.model import (
    After,
    At,
    Bus,
    Clip,
    Cue,
    CueList,
    CueTarget,
    Delivery,
    Duck,
    Effect,
    FireCues,
    Lane,
    Manner,
    Marker,
    Master,
    MidiTrack,
    PlayClip,
    PlaySection,
    Position,
    Prompter,
    Pronunciation,
    Scene,
    SendMessages,
    Slot,
    Snapshot,
    SpeakLine,
    Story,
    Strip,
    TempoPoint,
    Track,
)

LeafKind = Literal[
    "word", "text", "speech", "number", "switch", "limit", "time", "span", "position", "words", "point", "args"
]


class Leaf(msgspec.Struct, frozen=True):
    """A value. default: it may be left away. sample_rate: what frames in ``value`` are counted in, else 0."""

    kind: LeafKind
    value: object
    default: bool = False
    sample_rate: int = 0


class Table(msgspec.Struct, frozen=True):
    """Named fields. short: the one word that says the same. inline: on one line. needed: even when it is empty."""

    fields: dict[str, Tree]
    short: Leaf | None = None
    inline: bool = False
    needed: bool = False


class Rows(msgspec.Struct, frozen=True):
    """A list; each row has a key that it is known by. named: a mapping in the file, in this order (sends)."""

    rows: tuple[tuple[Hashable, Tree], ...]
    short: Leaf | None = None
    named: bool = False
    default: bool = False


Tree = Leaf | Table | Rows


def may_be_left_away(tree: Tree) -> bool:
    """Return whether a file that lacks this says the same."""
    match tree:
        case Leaf(default=default):
            return default
        case Table(fields=fields, needed=needed):
            return not needed and all(may_be_left_away(field) for field in fields.values())
        case Rows(rows=rows, default=default):
            return default or not rows


_Plant = tuple[int, str, str | None, int]
"""A clip's id(), and what else its tree hangs on: the id that it has by itself, its track's voice, the sample rate."""


class Planter:
    """Makes trees; what a story shares with the one before it is made once, so that comparing them is fast."""

    def __init__(self) -> None:
        self._before: dict[_Plant, tuple[Clip, Table]] = {}
        self._now: dict[_Plant, tuple[Clip, Table]] = {}

    def story(self, story: Story) -> Table:
        """Return the whole story's tree."""
        self._before, self._now = self._now, {}
        rate = story.sample_rate
        voices = {t.id: t.voice for t in story.tracks}
        slots = tuple(((s.bank, s.index), _slot(s, voices, rate)) for s in story.slots)
        fields: dict[str, Tree] = {
            "kind": Leaf("word", "story"),
            "version": _number(VERSION),
            "title": Leaf("text", story.title),
            "sample_rate": _number(rate, 48000),
            "tempo": _tempo(story.tempo),
            "tracks": Rows(tuple((t.id, self._track(t, rate)) for t in story.tracks)),
            "buses": Rows(tuple((b.id, _bus(b, rate)) for b in story.buses)),
            "master": _master(story.master, rate),
            "cues": Rows(tuple((c.id, _cue(c, voices, rate)) for c in story.cues)),
            "cuelists": Rows(tuple((each.id, _cuelist(each, voices, rate)) for each in story.cuelists)),
            "go_debounce": _number(story.go_debounce_seconds, 0.1),
            "prompter": _prompter(story.prompter),
            "slots": Rows(slots),
            "midi": Rows(tuple((i, _midi(m, rate)) for i, m in enumerate(story.midi))),
            "markers": Rows(tuple((m.id, _marker(m, rate)) for m in story.markers)),
            "snapshots": Rows(tuple((s.id, _snapshot(s)) for s in story.snapshots)),
            "export": Leaf("words", story.export, not story.export),
            "pronounce": _dictionary(story.pronounce),
        }
        return Table(fields)

    def _track(self, track: Track, rate: int) -> Table:
        fields: dict[str, Tree] = {"id": Leaf("word", track.id), "name": _name(track.name)}
        fields["voice"] = Leaf("word", track.voice, track.voice is None)
        fields["overlap"] = _word(track.overlap, "allow")
        clips = tuple((c.id, self._clip(c, f"{track.id}-{i}", track.voice, rate)) for i, c in enumerate(track.clips, 1))
        return Table({**fields, **_strip(track.strip, rate), "sends": _sends(track.strip), "clips": Rows(clips)})

    def _clip(self, clip: Clip, auto_id: str, track_voice: str | None, rate: int) -> Table:
        key = (id(clip), auto_id, track_voice, rate)
        known = self._before.get(key) or (clip, _clip(clip, auto_id, track_voice, rate))
        self._now[key] = known  # with the clip itself: as long as it is kept no other one has its id()
        return known[1]


def _clip(clip: Clip, auto_id: str, track_voice: str | None, rate: int) -> Table:
    fields: dict[str, Tree] = {"id": Leaf("word", clip.id, clip.id == auto_id), "name": _name(clip.name)}
    if clip.line is not None:
        fields["say"] = Leaf("speech", clip.line.text)
        fields["voice"] = Leaf("word", clip.line.voice, clip.line.voice == track_voice)
        fields["delivery"] = _delivery(clip.line.delivery)
    if clip.audio is not None:
        fields["audio"] = Leaf("text", clip.audio)
    fields["start"] = _position(clip.start, rate, After())
    end = None if clip.length_frames is None else clip.trim_start_frames + clip.length_frames
    fields["trim"] = Leaf("span", (clip.trim_start_frames, end), not clip.trim_start_frames and end is None, rate)
    fields["gain_db"] = _number(clip.gain_db, 0.0)
    fields["pan"] = _number(clip.pan, 0.0)
    fields["mute"] = Leaf("switch", clip.mute, not clip.mute)
    fields["fade_in"] = Leaf("time", clip.fade_in_frames, not clip.fade_in_frames, rate)
    fields["fade_out"] = Leaf("time", clip.fade_out_frames, not clip.fade_out_frames, rate)
    fields["fade_in_shape"] = _word(clip.fade_in_shape, "linear")
    fields["fade_out_shape"] = _word(clip.fade_out_shape, "linear")
    fields["group"] = Leaf("word", clip.group, not clip.group)
    return Table(fields)


def _bus(bus: Bus, rate: int) -> Table:
    fields: dict[str, Tree] = {"id": Leaf("word", bus.id), "name": _name(bus.name), "private": _switch(bus.private)}
    return Table({**fields, **_strip(bus.strip, rate), "sends": _sends(bus.strip)})


def _master(master: Master, rate: int) -> Table:
    limits = {
        "limiter_db": Leaf("limit", master.limiter_db, master.limiter_db == -1.0),
        "limiter_on_db": _number(master.limiter_on_db, -1.0),
    }
    return Table({**_strip(master.strip, rate), **limits})


def _strip(strip: Strip, rate: int) -> dict[str, Tree]:
    counts: dict[str, int] = {}
    inserts = []
    for insert in strip.inserts:
        counts[insert.effect] = counts.get(insert.effect, 0) + 1
        inserts.append(((insert.effect, counts[insert.effect]), _insert(insert)))
    return {
        "gain_db": _number(strip.gain_db, 0.0),
        "pan": _number(strip.pan, 0.0),
        "mute": Leaf("switch", strip.mute, not strip.mute),
        "solo": Leaf("switch", strip.solo, not strip.solo),
        "inserts": Rows(tuple(inserts)),
        **({} if strip.duck is None else {"duck": _duck(strip.duck)}),
        **({"automation": _automation(strip.automation, rate)} if strip.automation else {}),
    }


def _automation(lanes: tuple[Lane, ...], rate: int) -> Table:
    fields: dict[str, Tree] = {}
    for lane in lanes:
        rows = enumerate(Leaf("point", (p.at, p.value, p.curve), sample_rate=rate) for p in lane.points)
        fields[lane.target] = Rows(tuple(rows))
    return Table(fields)


def _duck(duck: Duck) -> Table:
    knobs: dict[str, Tree] = {name: _number(getattr(duck, name), spec.default) for name, spec in DUCK.items()}
    return Table({"by": Leaf("words", duck.by), **knobs}, inline=True)


def _insert(insert: Effect) -> Table:
    params: dict[str, Tree] = {name: _number(value) for name, value in insert.params.items()}
    if is_plugin(insert.effect):
        return Table(
            {
                "plugin": Leaf("text", plugin_name(insert.effect)),
                "params": Table(params, inline=True),
                "state": Leaf("text", insert.state, not insert.state),
                "bypass": Leaf("switch", insert.bypass, not insert.bypass),
            }
        )
    fields: dict[str, Tree] = {
        insert.effect: Table(params, inline=True, needed=True),
        "bypass": Leaf("switch", insert.bypass, not insert.bypass),
    }
    return Table(fields, short=None if params or insert.bypass else Leaf("word", insert.effect))


def _sends(strip: Strip) -> Rows:
    return Rows(tuple((s.to, _number(s.gain_db)) for s in strip.sends), named=True)


def _tempo(points: tuple[TempoPoint, ...]) -> Rows:
    rows = []
    for point in points:
        fields: dict[str, Tree] = {"bar": _number(point.bar), "bpm": _number(point.tempo_bpm)}
        rows.append((point.bar, Table({**fields, "beats_per_bar": _number(point.beats_per_bar, 4)}, inline=True)))
    simple = len(points) == 1 and points[0] == TempoPoint(tempo_bpm=points[0].tempo_bpm)
    short = _number(points[0].tempo_bpm) if simple else None
    return Rows(tuple(rows), short=short, default=points == (TempoPoint(),))


def _cue(cue: Cue, voices: Mapping[str, str | None], rate: int) -> Table:
    fields: dict[str, Tree] = {
        "id": Leaf("word", cue.id),
        "name": _name(cue.name),
        **_target(cue.target, voices, rate),
        **_messages(cue.target, rate),
        **({} if cue.at is None else {"at": _position(cue.at, rate)}),
        "gain_db": _number(cue.gain_db, 0.0),
        "pan": _number(cue.pan, 0.0),
        "bus": Leaf("word", cue.bus, cue.bus is None),
        "pre_wait": Leaf("time", cue.pre_wait_frames, not cue.pre_wait_frames, rate),
        "post_wait": Leaf("time", cue.post_wait_frames, not cue.post_wait_frames, rate),
        "follow": _word(cue.follow, "none"),
        "prompt": _name(cue.prompt),
        "armed": Leaf("switch", cue.armed, cue.armed),
        "color": Leaf("word", cue.color, cue.color is None),
    }
    return Table(fields, inline=True)


def _cuelist(each: CueList, voices: Mapping[str, str | None], rate: int) -> Table:
    cues = Rows(tuple((c.id, _cue(c, voices, rate)) for c in each.cues))
    return Table({"id": Leaf("word", each.id), "name": _name(each.name), "cues": cues})


def _prompter(prompter: Prompter | None) -> Table:
    if prompter is None:
        return Table({}, inline=True)
    fields: dict[str, Tree] = {
        "voice": Leaf("word", prompter.voice),
        "bus": Leaf("word", prompter.bus, prompter.bus is None),
        "read_ahead": _switch(prompter.read_ahead),
    }
    return Table(fields, inline=True)


def _slot(slot: Slot, voices: Mapping[str, str | None], rate: int) -> Table:
    fields: dict[str, Tree] = {
        "bank": Leaf("word", slot.bank),
        "index": _number(slot.index),
        "name": _name(slot.name),
        **_target(slot.target, voices, rate),
        "mode": _word(slot.mode, "oneshot"),
        "choke": Leaf("word", slot.choke, slot.choke is None),
        "gain_db": _number(slot.gain_db, 0.0),
        "velocity": _word(slot.velocity, "gm"),
        "velocity_word": _switch(slot.velocity_word),
        "velocity_take": Leaf("args", slot.velocity_take, not slot.velocity_take),
        "cold": _word(slot.cold, "wait"),
        "quantise": _word(slot.quantise, "none"),
        "grid": _number(slot.grid_beats, 0.25),
    }
    return Table(fields, inline=True)


def _target(target: CueTarget, voices: Mapping[str, str | None], rate: int) -> dict[str, Tree]:
    match target:
        case PlayClip(clip=clip, manner=manner):
            return {"clip": Leaf("word", clip), **_manner(manner, rate)}
        case SpeakLine(line=line, track=track, manner=manner):
            voice = Leaf("word", line.voice, line.voice == voices.get(track))
            fields = {"say": Leaf("speech", line.text), "track": Leaf("word", track), "voice": voice}
            return {**fields, "delivery": _delivery(line.delivery), **_manner(manner, rate)}
        case PlaySection(from_marker=start, to_marker=end):
            return {"section": Leaf("words", (start,) if end is None else (start, end))}
        case FireCues(cues=cues):
            return {"group": Leaf("words", cues)}
        case SendMessages():
            return {}


def _messages(target: CueTarget, rate: int) -> dict[str, Tree]:
    if not isinstance(target, SendMessages):
        return {}
    rows = enumerate(message_tree(message, rate) for message in target.messages)
    return {"send": Rows(tuple(rows))}


def message_tree(message: Outgoing, rate: int) -> Table:
    """Return a message of a cue as a tree."""
    return Table(_message(message, rate), inline=True)


def _message(message: Outgoing, rate: int) -> dict[str, Tree]:
    after = Leaf("time", message.after_frames, not message.after_frames, rate)
    if isinstance(message, SendOsc):
        args = Leaf("args", message.args, not message.args)
        return {"osc": Leaf("text", message.address), "to": Leaf("text", message.to), "args": args, "after": after}
    fields: dict[str, Tree]
    match message:
        case SendNote(note=note, velocity=velocity, duration_frames=duration):
            lasts = Leaf("time", duration or 0, duration is None, rate)
            fields = {"note": _number(note), "velocity": _number(velocity, 100), "duration": lasts}
        case SendController(number=number, value=value):
            fields = {"cc": _number(number), "value": _number(value, 127)}
        case SendProgram(program=program):
            fields = {"program": _number(program)}
        case SendShow(verb=verb, cue=cue, cuelist=cuelist):
            fields = {"msc": Leaf("text", verb), "cue": _name(cue), "list": _name(cuelist)}
            fields["device"], fields["format"] = _number(message.device, 127), _word(message.format, "lighting")
    if not isinstance(message, SendShow):
        fields["channel"] = _number(message.channel, 1)
    return {**fields, "port": Leaf("text", message.port, message.port is None), "after": after}


def _delivery(delivery: Delivery) -> Table:
    fields: dict[str, Tree] = {
        "speed": _number(delivery.speed, 1.0),
        "pitch": _number(delivery.pitch_semitones, 0.0),
        "seed": _number(delivery.seed, 0),
        "temperature": Leaf("number", delivery.temperature, delivery.temperature is None),
        "instruct": _name(delivery.instruct),
        "seconds": Leaf("number", delivery.seconds, delivery.seconds is None),
    }
    return Table(fields, inline=True)


def _dictionary(entries: tuple[Pronunciation, ...]) -> Table:
    words: dict[str, Tree] = {}
    for entry in entries:
        phonemes = Leaf("text", entry.phonemes, not entry.phonemes)
        pair: dict[str, Tree] = {"phonemes": phonemes, "say": _name(entry.say)}
        words[entry.word] = Table(pair, short=None if entry.say else phonemes, inline=True, needed=True)
    return Table(words)


def _manner(manner: Manner, rate: int) -> dict[str, Tree]:
    start, end = manner.from_word, manner.to_word
    return {
        "from": Leaf("text", start, start is None or end is not None),
        "word": Leaf("text", start, end is None or start != end),
        "words": Leaf("words", (start, end), end is None or start == end),
        "from_time": Leaf("time", manner.from_frame, not manner.from_frame, rate),
        "repeat": _number(manner.repeat, 1),
        "loop": _switch(manner.loop),
        "reverse": _switch(manner.reverse),
        "semitones": _number(manner.semitones, 0.0),
        "speed": _number(manner.speed, 1.0),
    }


def _midi(midi: MidiTrack, rate: int) -> Table:
    fields: dict[str, Tree] = {
        "file": Leaf("text", midi.file),
        "bank": Leaf("word", midi.bank),
        "start": _position(midi.start, rate, At(frame=0)),
        "first_note": _number(midi.first_note, 36),
        "channel": _number(midi.channel, 0),
        "tempo": _word(midi.tempo, "story"),
    }
    return Table(fields, inline=True)


def _marker(marker: Marker, rate: int) -> Table:
    fields: dict[str, Tree] = {"id": Leaf("word", marker.id), "at": _position(marker.at, rate)}
    return Table({**fields, "name": _name(marker.name)}, inline=True)


def _snapshot(snapshot: Snapshot) -> Table:
    scenes: dict[str, Tree] = {name: _scene(scene) for name, scene in snapshot.strips.items()}
    fields: dict[str, Tree] = {"id": Leaf("word", snapshot.id), "name": _name(snapshot.name)}
    return Table({**fields, "strips": Table(scenes, needed=bool(scenes))})


def _scene(scene: Scene) -> Table:
    fields: dict[str, Tree] = {
        "gain_db": _number(scene.gain_db),
        "pan": _number(scene.pan, 0.0),
        "mute": Leaf("switch", scene.mute, not scene.mute),
        "sends": Rows(tuple((bus, _number(level)) for bus, level in scene.sends.items()), named=True),
        "inserts": Rows(tuple((key, _number(value)) for key, value in scene.inserts.items()), named=True),
    }
    return Table(fields, inline=True)


def _name(name: str) -> Leaf:
    return Leaf("text", name, not name)


def _word(word: str, default: str) -> Leaf:
    return Leaf("word", word, word == default)


def _switch(on: bool) -> Leaf:
    return Leaf("switch", on, not on)


def _number(number: float, default: float | None = None) -> Leaf:
    return Leaf("number", number, number == default)


def _position(position: Position, rate: int, default: Position | None = None) -> Leaf:
    timeless = not isinstance(position, At) and not (isinstance(position, After) and position.gap_frames)
    return Leaf("position", position, position == default, 0 if timeless else rate)
