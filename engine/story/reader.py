"""Reading nodes into a story: the grammar of story.yaml, table by table."""

from __future__ import annotations

import re
from typing import cast, get_args

from engine.params import DUCK
from engine.story.automation_reader import read_automation
from engine.story.fields import Fields, Notes
from engine.story.formats import VERSION
from engine.story.insert_reader import read_insert
from engine.story.message_reader import read_messages
from engine.story.model import (
    After,
    At,
    Beat,
    Bus,
    Clip,
    ColdPolicy,
    Cue,
    CueColor,
    CueList,
    CueTarget,
    Delivery,
    Duck,
    ExportFormat,
    FadeShape,
    FireCues,
    Follow,
    Line,
    Manner,
    Marker,
    Master,
    MidiTempo,
    MidiTrack,
    Overlap,
    PlayClip,
    PlaySection,
    Prompter,
    Pronunciation,
    Quantise,
    Scene,
    Send,
    SendMessages,
    Slot,
    SlotMode,
    Snapshot,
    SpeakLine,
    Story,
    Strip,
    Target,
    TempoPoint,
    Track,
    VelocityCurve,
    entries_in,
)
from engine.story.nodes import Mapping, Node, Scalar
from engine.story.positions import number_from
from engine.story.problems import Path, allowed_text
from engine.story.seen import Seen

STORY_KEYS = (
    "kind", "version", "title", "sample_rate", "tempo", "tracks", "buses", "master", "cues", "slots", "markers",
    "snapshots", "cuelists", "go_debounce", "prompter", "midi", "export", "pronounce",
)  # fmt: skip
STRIP_KEYS = ("gain_db", "pan", "mute", "solo", "inserts", "duck", "automation")
TRACK_KEYS = ("id", "name", "voice", *STRIP_KEYS, "sends", "clips", "overlap")
BUS_KEYS = ("id", "name", "private", *STRIP_KEYS, "sends")
MASTER_KEYS = (*STRIP_KEYS, "limiter_db", "limiter_on_db")
CLIP_KEYS = (
    "id", "name", "say", "voice", "delivery", "audio", "start", "trim", "gain_db", "pan", "mute", "fade_in", "fade_out",
    "fade_in_shape", "fade_out_shape", "group",
)  # fmt: skip
MANNER_KEYS = ("from", "word", "words", "from_time", "repeat", "loop", "reverse", "semitones", "speed")
DELIVERY_KEYS = ("speed", "pitch", "seed", "temperature", "instruct", "seconds")
PRONUNCIATION_KEYS = ("phonemes", "say")
TARGET_KEYS = ("clip", "say", "track", "voice", "delivery", "section", *MANNER_KEYS)
SOUND_KEYS = ("gain_db", "pan", "bus")
CUE_KEYS = (
    "id", "name", *TARGET_KEYS, "group", "send", "at", *SOUND_KEYS, "pre_wait", "post_wait", "follow", "prompt",
    "armed", "color",
)  # fmt: skip
CUELIST_KEYS = ("id", "name", "cues")
PROMPTER_KEYS = ("voice", "bus", "read_ahead")
SLOT_KEYS = (
    "bank", "index", "name", *TARGET_KEYS, "mode", "choke", "gain_db", "velocity", "velocity_word", "velocity_take",
    "quantise", "grid", "cold",
)  # fmt: skip
SNAPSHOT_KEYS = ("id", "name", "strips")
SCENE_KEYS = ("gain_db", "pan", "mute", "sends", "inserts")
MIDI_KEYS = ("file", "bank", "start", "first_note", "channel", "tempo")
MARKER_KEYS = ("id", "at", "name")
TEMPO_KEYS = ("bar", "bpm", "beats_per_bar")
_SEED = re.compile(r"[0-9]{1,10}", re.ASCII)


class Reader:
    """Reads one story; ``notes`` holds what was wrong. Whatever happens, list positions equal the file's.

    seen: has looked at the text, and knows the clips of the one before.
    """

    def __init__(self, root: Node, seen: Seen | None = None) -> None:
        self.notes = Notes()
        self._seen = seen or Seen()
        self._root = root
        self._rate = 48000
        self._voices: dict[str, str | None] = {}
        self._pronounce: tuple[Pronunciation, ...] = ()
        self.story = self._story()

    def _story(self) -> Story:
        top = self._fields(self._root, (), STORY_KEYS)
        if top.required("kind", "story") != "story":
            top.complain("kind", "story")
        if top.whole("version", VERSION) != VERSION:
            top.complain("version", f"{VERSION}, the one that this Cuevox reads")
        self._rate = top.whole("sample_rate", 48000)
        self._pronounce = self._dictionary(top)
        self._seen.around(self._rate, self._pronounce)
        tracks = tuple(self._track(node, path) for node, path in top.items("tracks"))
        self._voices = {t.id: t.voice for t in tracks}
        return Story(
            title=top.required("title", "?"),
            sample_rate=self._rate,
            tempo=self._tempo(top),
            tracks=tracks,
            buses=tuple(self._bus(node, path) for node, path in top.items("buses")),
            master=self._master(top),
            cues=tuple(self._cue(node, path) for node, path in top.items("cues")),
            cuelists=tuple(self._cuelist(node, path) for node, path in top.items("cuelists")),
            go_debounce_seconds=top.number("go_debounce", 0.1),
            prompter=self._prompter(top),
            slots=tuple(self._slot(node, path) for node, path in top.items("slots")),
            midi=tuple(self._midi(node, path) for node, path in top.items("midi")),
            markers=tuple(self._marker(node, path) for node, path in top.items("markers")),
            snapshots=tuple(self._snapshot(node, path) for node, path in top.items("snapshots")),
            export=self._export(top),
            pronounce=self._pronounce,
        )

    def _dictionary(self, top: Fields) -> tuple[Pronunciation, ...]:
        node = top.child("pronounce")
        words = tuple(node.fields) if isinstance(node, Mapping) else ()
        if node is not None and not words:
            top.complain("pronounce", "a mapping of words to phonemes, or to {say: …}")
        fields = top.inner("pronounce", words)
        return tuple(self._pronunciation(word, fields) for word in words)

    def _pronunciation(self, word: str, fields: Fields) -> Pronunciation:
        if not isinstance(fields.child(word), Mapping):
            return Pronunciation(word=word, phonemes=fields.text(word))
        inner = fields.inner(word, PRONUNCIATION_KEYS)
        return Pronunciation(word=word, phonemes=inner.text("phonemes"), say=inner.text("say"))

    def _line(self, fields: Fields, voice: str | None) -> Line:
        text = fields.text("say")
        return Line(
            text=text,
            voice=fields.word("voice") or voice or "",
            delivery=self._delivery(fields),
            pronounce=entries_in(self._pronounce, text),
        )

    def _delivery(self, line: Fields) -> Delivery:
        if line.child("delivery") is None:
            return Delivery()
        fields = line.inner("delivery", DELIVERY_KEYS)
        return Delivery(
            speed=fields.number("speed", 1.0),
            pitch_semitones=fields.number("pitch"),
            seed=fields.whole("seed", 0),
            temperature=fields.number("temperature") if "temperature" in fields else None,
            instruct=fields.text("instruct"),
            seconds=fields.number("seconds") if "seconds" in fields else None,
        )

    def _export(self, top: Fields) -> tuple[ExportFormat, ...]:
        allowed = get_args(ExportFormat)
        words = top.words("export") if "export" in top else ()
        if "export" in top and not (words and set(words) <= set(allowed)):
            top.complain("export", f"a list of {allowed_text(allowed)}")
            return ()
        return cast(tuple[ExportFormat, ...], words)

    def _fields(self, node: Node, path: Path, allowed: tuple[str, ...]) -> Fields:
        return Fields(node, path, self.notes, allowed)

    def _tempo(self, top: Fields) -> tuple[TempoPoint, ...]:
        node = top.child("tempo")
        if node is None:
            return (TempoPoint(),)
        if isinstance(node, Scalar) and number_from(node.text) is not None:
            return (TempoPoint(tempo_bpm=top.number("tempo")),)
        points = []
        for item, path in top.items("tempo"):
            fields = self._fields(item, path, TEMPO_KEYS)
            bar, beats = fields.whole("bar", 1), fields.whole("beats_per_bar", 4)
            points.append(TempoPoint(bar=bar, tempo_bpm=fields.number("bpm", 120.0), beats_per_bar=beats))
        return tuple(points)

    def _track(self, node: Node, path: Path) -> Track:
        fields = self._fields(node, path, TRACK_KEYS)
        track_id = fields.required("id", f"track-{cast(int, path[-1]) + 1}")
        voice = fields.word("voice")
        return Track(
            id=track_id,
            name=fields.text("name"),
            voice=voice,
            strip=self._strip(fields),
            overlap=cast(Overlap, fields.choice("overlap", get_args(Overlap), "allow")),
            clips=tuple(
                self._known_clip(n, p, f"{track_id}-{i}", voice) for i, (n, p) in enumerate(fields.items("clips"), 1)
            ),
        )

    def _bus(self, node: Node, path: Path) -> Bus:
        fields = self._fields(node, path, BUS_KEYS)
        bus_id = fields.required("id", f"bus-{cast(int, path[-1]) + 1}")
        private = fields.switch("private")
        return Bus(id=bus_id, name=fields.text("name"), private=private, strip=self._strip(fields))

    def _cuelist(self, node: Node, path: Path) -> CueList:
        fields = self._fields(node, path, CUELIST_KEYS)
        list_id = fields.required("id", f"list-{cast(int, path[-1]) + 1}")
        cues = tuple(self._cue(cue, where) for cue, where in fields.items("cues"))
        return CueList(id=list_id, name=fields.text("name"), cues=cues)

    def _prompter(self, top: Fields) -> Prompter | None:
        if top.child("prompter") is None:
            return None
        fields = top.inner("prompter", PROMPTER_KEYS)
        voice, ahead = fields.required("voice", ""), fields.switch("read_ahead")
        return Prompter(voice=voice, bus=fields.word("bus"), read_ahead=ahead)

    def _master(self, top: Fields) -> Master:
        fields = top.inner("master", MASTER_KEYS)
        off = fields.is_off("limiter_db")
        ceiling = None if off else fields.number("limiter_db", -1.0)
        return Master(strip=self._strip(fields), limiter_db=ceiling, limiter_on_db=fields.number("limiter_on_db", -1.0))

    def _strip(self, fields: Fields) -> Strip:
        return Strip(
            gain_db=fields.number("gain_db"),
            pan=fields.number("pan"),
            mute=fields.switch("mute"),
            solo=fields.switch("solo"),
            inserts=tuple(read_insert(node, path, self.notes) for node, path in fields.items("inserts")),
            sends=tuple(Send(to=bus, gain_db=level) for bus, level in fields.all_numbers("sends").items()),
            duck=self._duck(fields) if fields.child("duck") else None,
            automation=read_automation(fields, self._rate, self.notes),
        )

    def _duck(self, strip: Fields) -> Duck:
        fields = strip.inner("duck", ("by", *DUCK))
        by = fields.words("by") if "by" in fields else ()
        if not by:
            fields.complain("by", "the tracks that make it softer, [track, …]")
        return Duck(by=by, **{name: fields.number(name, spec.default) for name, spec in DUCK.items()})

    def _known_clip(self, node: Node, path: Path, auto_id: str, track_voice: str | None) -> Clip:
        found = self.notes.found
        clip: Clip | None = None

        def read() -> Clip | None:
            nonlocal clip
            clip = self._clip(node, path, auto_id, track_voice)
            return clip if self.notes.found == found else None

        return self._seen.clip(node, auto_id, track_voice, read) or cast(Clip, clip)

    def _clip(self, node: Node, path: Path, auto_id: str, track_voice: str | None) -> Clip:
        fields = self._fields(node, path, CLIP_KEYS)
        rate = self._rate
        line = None
        if "say" in fields:
            line = self._line(fields, track_voice)
        for key in ("voice", "delivery") if line is None else ():
            if key in fields:
                self.notes.add(node, (*path, key), f"only a clip that has say: has a {key}")
        cut, end = fields.times("trim", rate) if "trim" in fields else (None, None)
        return Clip(
            id=fields.text("id", auto_id),
            name=fields.text("name"),
            line=line,
            audio=fields.text("audio") if "audio" in fields else None,
            start=fields.position("start", rate, After()),
            trim_start_frames=cut or 0,
            length_frames=None if end is None else end - (cut or 0),
            gain_db=fields.number("gain_db"),
            pan=fields.number("pan"),
            mute=fields.switch("mute"),
            fade_in_frames=fields.frames("fade_in", rate),
            fade_out_frames=fields.frames("fade_out", rate),
            fade_in_shape=self._shape(fields, "fade_in_shape"),
            fade_out_shape=self._shape(fields, "fade_out_shape"),
            group=fields.text("group"),
        )

    def _shape(self, fields: Fields, key: str) -> FadeShape:
        return cast(FadeShape, fields.choice(key, get_args(FadeShape), "linear"))

    def _cue(self, node: Node, path: Path) -> Cue:
        fields = self._fields(node, path, CUE_KEYS)
        cue_id = fields.required("id", f"cue-{cast(int, path[-1]) + 1}")
        return Cue(
            id=cue_id,
            name=fields.text("name"),
            target=self._cue_target(fields),
            gain_db=fields.number("gain_db"),
            pan=fields.number("pan"),
            bus=fields.word("bus"),
            armed=fields.switch("armed", True),
            color=cast(CueColor, fields.choice("color", get_args(CueColor), "red")) if "color" in fields else None,
            pre_wait_frames=fields.frames("pre_wait", self._rate),
            post_wait_frames=fields.frames("post_wait", self._rate),
            follow=cast(Follow, fields.choice("follow", get_args(Follow), "none")),
            prompt=fields.text("prompt"),
            at=self._moment(fields, "at") if fields.child("at") is not None else None,
        )

    def _moment(self, fields: Fields, key: str) -> At | Beat:
        at = fields.position(key, self._rate, At(frame=0))
        if isinstance(at, After):
            fields.complain(key, "a time, or a bar and beat: not a place after a clip")
            return At(frame=0)
        return at

    def _midi(self, node: Node, path: Path) -> MidiTrack:
        fields = self._fields(node, path, MIDI_KEYS)
        return MidiTrack(
            file=fields.required("file", "?.mid"),
            bank=fields.required("bank", "?"),
            start=self._moment(fields, "start"),
            first_note=fields.whole("first_note", 36),
            channel=fields.whole("channel", 0),
            tempo=cast(MidiTempo, fields.choice("tempo", get_args(MidiTempo), "story")),
        )

    def _cue_target(self, fields: Fields) -> CueTarget:
        if "send" in fields:
            for key in (*TARGET_KEYS, "group", *SOUND_KEYS):
                if key in fields:
                    fields.complain(key, "nothing: a cue with send: only sends; fire both with a group")
            return SendMessages(messages=read_messages(fields, self._rate, self.notes))
        if "group" not in fields:
            return self._target(fields)
        for key in TARGET_KEYS:
            if key in fields:
                fields.complain(key, "nothing: a group only fires the cues that it names")
        words = fields.words("group")
        if not words:
            fields.complain("group", "[cue, cue, …]")
        return FireCues(cues=words)

    def _slot(self, node: Node, path: Path) -> Slot:
        fields = self._fields(node, path, SLOT_KEYS)
        if "index" not in fields:
            fields.missing("index")
        return Slot(
            bank=fields.required("bank", "?"),
            index=fields.whole("index", 1),
            name=fields.text("name"),
            target=self._target(fields),
            mode=cast(SlotMode, fields.choice("mode", get_args(SlotMode), "oneshot")),
            choke=fields.word("choke"),
            gain_db=fields.number("gain_db"),
            velocity=cast(VelocityCurve, fields.choice("velocity", get_args(VelocityCurve), "gm")),
            velocity_word=fields.switch("velocity_word"),
            velocity_take=self._seeds(fields, "velocity_take"),
            cold=cast(ColdPolicy, fields.choice("cold", get_args(ColdPolicy), "wait")),
            quantise=cast(Quantise, fields.choice("quantise", get_args(Quantise), "none")),
            grid_beats=fields.number("grid", 0.25),
        )

    def _seeds(self, fields: Fields, key: str) -> tuple[int, ...]:
        words = fields.words(key) if key in fields else ()
        if key in fields and not (words and all(map(_SEED.fullmatch, words))):
            fields.complain(key, "[seed, seed, …], whole numbers from the softest press to the hardest")
            return ()
        return tuple(map(int, words))

    def _target(self, fields: Fields) -> Target:
        given = [key for key in ("clip", "say", "section") if key in fields]
        if given != ["say"]:
            for key in ("track", "voice", "delivery"):
                if key in fields:
                    fields.complain(key, "nothing: only a target with say: has it")
        if given == ["section"]:
            for key in MANNER_KEYS:
                if key in fields:
                    fields.complain(key, "nothing: only a target with clip: or say: has it")
        match given:
            case ["clip"]:
                return PlayClip(clip=fields.text("clip"), manner=self._manner(fields))
            case ["say"]:
                track = fields.required("track", "?")
                line = self._line(fields, self._voices.get(track))
                return SpeakLine(line=line, track=track, manner=self._manner(fields))
            case ["section"] if len(words := fields.words("section")) in (1, 2):
                return PlaySection(from_marker=words[0], to_marker=words[1] if len(words) == 2 else None)
            case ["section"]:
                fields.complain("section", "[from marker] or [from marker, to marker]")
            case _:
                self.notes.add(fields.node, fields.path, "needs one of clip, say (with track) or section")
        self.notes.quiet.add((*fields.path, "clip"))
        return PlayClip(clip="?")

    def _manner(self, fields: Fields) -> Manner:
        given = [key for key in MANNER_KEYS if key in fields]
        if not given:
            return Manner()
        start, end = self._words(fields)
        return Manner(
            from_word=start,
            to_word=end,
            from_frame=fields.frames("from_time", self._rate),
            repeat=fields.whole("repeat", 1),
            loop=fields.switch("loop"),
            reverse=fields.switch("reverse"),
            semitones=fields.number("semitones"),
            speed=fields.number("speed", 1.0),
        )

    def _words(self, fields: Fields) -> tuple[str | None, str | None]:
        given = [key for key in ("from", "word", "words", "from_time") if key in fields]
        for key in given[1:]:
            fields.complain(key, f"only one of from, word, words and from_time; there is {given[0]} already")
        match given[:1]:
            case ["from"]:
                return fields.word("from"), None
            case ["word"]:
                return fields.word("word"), fields.word("word")
            case ["words"] if len(words := fields.words("words")) == 2:
                return words[0], words[1]
            case ["words"]:
                fields.complain("words", "[from word, to word]")
        return None, None

    def _marker(self, node: Node, path: Path) -> Marker:
        fields = self._fields(node, path, MARKER_KEYS)
        if "at" not in fields:
            fields.missing("at")
        marker_id = fields.required("id", f"marker-{cast(int, path[-1]) + 1}")
        return Marker(id=marker_id, name=fields.text("name"), at=fields.position("at", self._rate, At(frame=0)))

    def _snapshot(self, node: Node, path: Path) -> Snapshot:
        fields = self._fields(node, path, SNAPSHOT_KEYS)
        strips = fields.child("strips")
        names = tuple(strips.fields) if isinstance(strips, Mapping) else ()
        if strips is not None and not names:
            fields.complain("strips", "a mapping of strips to their settings")
        inner = fields.inner("strips", names) if names else fields
        return Snapshot(
            id=fields.required("id", f"snapshot-{cast(int, path[-1]) + 1}"),
            name=fields.text("name"),
            strips={name: self._scene(inner.inner(name, SCENE_KEYS)) for name in names},
        )

    def _scene(self, fields: Fields) -> Scene:
        return Scene(
            gain_db=fields.number("gain_db"),
            pan=fields.number("pan"),
            mute=fields.switch("mute"),
            sends=fields.all_numbers("sends"),
            inserts=fields.all_numbers("inserts"),
        )
