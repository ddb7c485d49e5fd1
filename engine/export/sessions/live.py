"""An Ableton Live set in Live 11's schema, which Live 11 and 12 open: a project folder with its samples.

Clips are not warped, so their sound is in seconds and nothing is stretched; their places are in beats. A track of Live
holds no two clips at once: what overlaps lies on a second track of the same name. A clip's pan is baked into a copy.
A set of the user's own can be the frame of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from engine.export.manifest import cuevox_version
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, layers
from engine.export.sessions.beats import Beats
from engine.export.sessions.live_clips import COLOURS, SAMPLES, Clips
from engine.export.sessions.live_schema import (
    SET_END,
    SET_TAIL,
    SET_WRAPPERS,
    Field,
    choice,
    device_chain,
    envelope,
    follow_action,
    knob,
    lom,
    markup,
    mixer,
    routing,
    sequencer,
    track_head,
)
from engine.export.sessions.live_template import Content, Lane, Template, locator
from engine.story.model import MASTER, Bus, Strip, Track
from engine.story.timeline import Placed
from engine.units import db_to_gain

_BEFORE_EVERYTHING = -63072000
"""Where Live puts the first event of an envelope, in beats."""

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_QUICK = 3
"""The level of compression: higher ones take longer than all the rest."""

_MASTER_OUT = routing("AudioOutputRouting", "AudioOut/Master", "Master")
_DEVICE_OUT = routing("AudioOutputRouting", "AudioOut/External/S0", "Ext. Out", "1/2")


def _folder(plan: Plan) -> str:
    return f"{plan.title_file} Project"


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{_folder(plan)}/{plan.title_file}.als",)


def write(session: Session) -> None:
    """Write the project folder."""
    (session.folder / _folder(session.plan) / "Ableton Project Info").mkdir(parents=True)
    (session.folder / _folder(session.plan) / SAMPLES).mkdir(parents=True)
    template = session.plan.options.live_template
    text = _Framed(session, Template(Path(template))).text() if template else _Set(session).text()
    (session.folder / _files(session.plan)[0]).write_bytes(gzip.compress(text.encode(), _QUICK, mtime=0))


def _check(plan: Plan) -> None:
    if plan.options.live_template:
        Template(Path(plan.options.live_template)).check_returns(len(plan.story.buses))


FORMAT = SessionFormat(
    what="Ableton Live set (11 or newer; experimental)", files=_files, write=write, check=_check,
    has=frozenset({"sends", "mutes"}), fades=frozenset({"linear"}),
)  # fmt: skip


class _Set:
    scenes = 8

    def __init__(self, session: Session) -> None:
        self.session, self.story = session, session.plan.story
        self.beats = Beats(self.story)
        self.clips = Clips(session, session.folder / _folder(session.plan), self.beats)
        self._pointees, self._tracks = count(100), count(10)
        self.tempo_target, self.meter_target = self.new_id(), self.new_id()

        points = [stretch.point for stretch in self.beats.stretches]
        self.tempos = [point.tempo_bpm for point in points]
        self.meters = [_meter(point.beats_per_bar) for point in points]

    def new_id(self) -> str:
        """Return an id that nothing in the set has yet."""
        return str(next(self._pointees))

    def text(self) -> str:
        """Return the whole set as XML."""
        tracks = [self._track(number, track, layer, clips) for number, track, layer, clips in self._layers()]
        tracks += [
            self._return(number, bus.name or bus.id, bus.strip)
            for number, bus in enumerate(self.story.buses, len(self.story.tracks))
        ]
        body = [("Tracks", tracks), self._master(), self._prehear(), *self._rest()]
        head = [f"NextPointeeId={self.new_id()}", "OverwriteProtectionNumber=2816", "LomId=0", "LomIdView=0"]
        version = {
            "MajorVersion": 5, "MinorVersion": "11.0_433", "SchemaChangeCount": 3,
            "Creator": f"Cuevox {cuevox_version()}", "Revision": "",
        }  # fmt: skip
        return _XML + markup([("Ableton", version, [("LiveSet", [*head, *body])])])

    def _layers(self) -> Iterator[tuple[int, Track, int, Sequence[Placed]]]:
        """Iterate over the tracks of the set: the number of the story's, that track, which of its layers, its clips."""
        for number, track in enumerate(self.story.tracks):
            for layer, clips in enumerate(layers(self.session.clips_of(track)) or [[]], 1):
                yield number, track, layer, clips

    def _rest(self) -> Iterator[Field]:
        sends: list[Field] = [
            ("SendPreBool", {"Id": number, "Value": "false"}, []) for number in range(len(self.story.buses))
        ]
        yield ("SendsPre", sends)
        yield ("Scenes", [self._scene(number) for number in range(self.scenes)])
        yield ("Transport", [
            "PhaseNudgeTempo=10", "LoopOn=false", "LoopStart=0", "LoopLength=16", "LoopIsSongStart=false",
            "CurrentTime=0", "PunchIn=false", "PunchOut=false", "MetronomeTickDuration=0", "DrawMode=false",
        ])  # fmt: skip
        yield ("SongMasterValues", [("SessionScrollerPos", {"X": 0, "Y": 0}, [])])
        yield from SET_TAIL
        yield ("Locators", [("Locators", [locator(number, *each) for number, each in enumerate(self.locators())])])
        yield ("DetailClipKeyMidis", [])
        yield from (lom(name) for name in SET_WRAPPERS)
        yield from SET_END

    def _scene(self, number: int) -> Field:
        return ("Scene", {"Id": number}, [
            follow_action(0),
            "Name=", "Annotation=", "Color=-1", "Tempo=120", "IsTempoEnabled=false", "TimeSignatureId=201",
            "IsTimeSignatureEnabled=false", "LomId=0", lom("ClipSlotsListWrapper"),
        ])  # fmt: skip

    def locators(self) -> list[tuple[float, str]]:
        """Return the beats and names of locators."""
        places: dict[int, str] = {}
        for frame, name in self.session.marks():
            places.setdefault(frame, name)  # Live has one locator at a place
        return [(self.beats.at(frame), name) for frame, name in places.items()]

    def _sends(self, strip: Strip) -> list[float]:
        levels = {send.to: db_to_gain(send.gain_db) for send in strip.sends}
        return [levels.get(bus.id, 0.0) for bus in self.story.buses]

    def _mixer(self, strip: Strip, more: Sequence[Field] = (), *, is_master: bool = False) -> Field:
        sends = [] if is_master else self._sends(strip)
        gain = db_to_gain(strip.gain_db)
        return mixer(gain=gain, pan=strip.pan, on=not strip.mute, sends=sends, new_id=self.new_id, more=more)

    def _track(self, number: int, track: Track, layer: int, clips: Sequence[Placed]) -> Field:
        name = _layer_name(track, layer)
        chain = device_chain(
            self._mixer(track.strip),
            _MASTER_OUT,
            [
                sequencer(
                    "MainSequencer", [self.clips.written(placed, number) for placed in clips], self.scenes, self.new_id
                )
            ],
            [sequencer("FreezeSequencer", [], self.scenes, self.new_id)],
        )
        return ("AudioTrack", {"Id": next(self._tracks)}, [
            *track_head(name, number % COLOURS), "SavedPlayingSlot=-1", "SavedPlayingOffset=0", "Freeze=false",
            "VelocityDetail=0", "NeedArrangerRefreeze=true", "PostProcessFreezeClips=0", chain,
        ])  # fmt: skip

    def _return(self, number: int, name: str, strip: Strip) -> Field:
        freeze = [sequencer("FreezeSequencer", [], 0, self.new_id)]
        chain = device_chain(self._mixer(strip), _MASTER_OUT, freeze=freeze)
        return ("ReturnTrack", {"Id": next(self._tracks)}, [*track_head(name, number % COLOURS), chain])

    def _master(self) -> Field:
        more = [
            knob("Tempo", self.tempos[0], 60, 200, self.new_id, self.tempo_target),
            choice("TimeSignature", self.meters[0], self.new_id, self.meter_target),
            knob("GlobalGrooveAmount", 100, 0, 131.25, self.new_id), knob("CrossFade", 0, -1, 1, self.new_id),
            "TempoAutomationViewBottom=60", "TempoAutomationViewTop=200",
        ]  # fmt: skip
        envelopes = [
            envelope(0, self.meter_target, self._steps("EnumEvent", self.meters)),
            envelope(1, self.tempo_target, self._steps("FloatEvent", self.tempos)),
        ]  # fmt: skip
        strip = self.story.strips()[MASTER]
        freeze = [sequencer("FreezeSequencer", [], 0, self.new_id)]
        chain = device_chain(self._mixer(strip, more, is_master=True), _DEVICE_OUT, freeze=freeze)
        return ("MasterTrack", [*track_head("Master", 0, envelopes), chain])

    def _steps(self, kind: str, values: Sequence[float]) -> list[Field]:
        """Return the events of an envelope that steps at every tempo change."""
        events = [(_BEFORE_EVERYTHING, values[0])]
        for stretch, last, value in zip(self.beats.stretches[1:], values, values[1:], strict=False):
            if kind == "FloatEvent":  # straight lines between events: hold the old value up to the step
                events.append((stretch.beat, last))
            events.append((stretch.beat, value))
        return [
            (kind, {"Id": number, "Time": time, "Value": f"{value:.10g}"}, [])
            for number, (time, value) in enumerate(events)
        ]

    def _prehear(self) -> Field:
        chain = device_chain(self._mixer(Strip(), is_master=True), _DEVICE_OUT)
        return ("PreHearTrack", [*track_head("Master", 0), chain])


class _Framed(_Set):
    """A story inside a set of the user's own."""

    def __init__(self, session: Session, template: Template) -> None:
        self.template, self.scenes = template, template.scenes
        super().__init__(session)

    def new_id(self) -> str:
        """Return an id that nothing in the set has yet."""
        return self.template.new_id()

    def text(self) -> str:
        """Return the whole set as XML."""
        content = Content(
            tracks=[self._lane(*each) for each in self._layers()],
            returns=[self._back(*each) for each in enumerate(self.story.buses, len(self.story.tracks))],
            master=self._fader("", 0, self.story.strips()[MASTER]),
            tempo=(self.tempos[0], self._steps("FloatEvent", self.tempos)),
            meter=(self.meters[0], self._steps("EnumEvent", self.meters)),
            locators=self.locators(),
        )
        return _XML + self.template.filled(content)

    def _back(self, number: int, bus: Bus) -> Lane:
        name = bus.name or bus.id
        return self._fader(name, number, bus.strip, partial(self._return, number, name, bus.strip))

    def _lane(self, number: int, track: Track, layer: int, clips: Sequence[Placed]) -> Lane:
        lane = self._fader(
            _layer_name(track, layer), number, track.strip, partial(self._track, number, track, layer, ())
        )
        return msgspec.structs.replace(lane, clips=markup(self.clips.written(placed, number) for placed in clips))

    def _fader(self, name: str, number: int, strip: Strip, plain: Callable[[], Field] | None = None) -> Lane:
        return Lane(
            name=name, colour=number % COLOURS, gain=db_to_gain(strip.gain_db), pan=strip.pan, on=not strip.mute,
            sends=self._sends(strip), plain=plain,
        )  # fmt: skip


def _layer_name(track: Track, layer: int) -> str:
    return (track.name or track.id) + (f" ({layer})" if layer > 1 else "")


def _meter(beats_per_bar: int) -> int:
    """Return a time signature in quarters as Live counts them: numerators from 1 in steps of 1, 99 per denominator."""
    return beats_per_bar - 1 + 99 * 2
