"""An Ableton Live set in Live 11's schema, which Live 11 and 12 open: a project folder with its samples.

Clips are not warped, so their sound is in seconds and nothing is stretched; their places are in beats. A track of Live
holds no two clips at once: what overlaps lies on a second track of the same name. A clip's pan is baked into a copy.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from itertools import count

from engine.export.manifest import cuevox_version
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title, layers
from engine.export.sessions.beats import Beats
from engine.export.sessions.identity import clip_note
from engine.export.sessions.live_schema import (
    SET_END,
    SET_TAIL,
    SET_WRAPPERS,
    Field,
    Raw,
    choice,
    device_chain,
    envelope,
    follow_action,
    grid,
    knob,
    lom,
    markup,
    mixer,
    routing,
    sequencer,
    track_head,
)
from engine.story.model import MASTER, Strip, Track
from engine.story.timeline import Placed
from engine.units import db_to_gain

SAMPLES = "Samples/Imported"
_BEFORE_EVERYTHING = -63072000
"""Where Live puts the first event of an envelope, in beats."""

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_QUICK = 3
"""The level of compression: higher ones take longer than all the rest."""

_COLOURS = 60
_SCENES = 8
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
    text = _Set(session).text()
    (session.folder / _files(session.plan)[0]).write_bytes(gzip.compress(text.encode(), _QUICK, mtime=0))


FORMAT = SessionFormat(
    what="Ableton Live set (11 or newer; experimental)", files=_files, write=write, has=frozenset({"sends", "mutes"}),
    fades=frozenset({"linear"}),
)  # fmt: skip


class _Set:
    def __init__(self, session: Session) -> None:
        self.session, self.story = session, session.plan.story
        self.samples = session.folder / _folder(session.plan) / SAMPLES
        self.beats = Beats(self.story)
        self._pointees, self._tracks, self._clips = count(100), count(10), count(0)
        self.tempo_target, self.meter_target = self.new_id(), self.new_id()

    def new_id(self) -> str:
        """Return an id that nothing in the set has yet."""
        return str(next(self._pointees))

    def text(self) -> str:
        """Return the whole set as XML."""
        tracks = [
            self._track(number, track, layer, clips)
            for number, track in enumerate(self.story.tracks)
            for layer, clips in enumerate(layers(self.session.clips_of(track)) or [[]], 1)
        ]
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

    def _rest(self) -> Iterator[Field]:
        sends: list[Field] = [
            ("SendPreBool", {"Id": number, "Value": "false"}, []) for number in range(len(self.story.buses))
        ]
        yield ("SendsPre", sends)
        yield ("Scenes", [self._scene(number) for number in range(_SCENES)])
        yield ("Transport", [
            "PhaseNudgeTempo=10", "LoopOn=false", "LoopStart=0", "LoopLength=16", "LoopIsSongStart=false",
            "CurrentTime=0", "PunchIn=false", "PunchOut=false", "MetronomeTickDuration=0", "DrawMode=false",
        ])  # fmt: skip
        yield ("SongMasterValues", [("SessionScrollerPos", {"X": 0, "Y": 0}, [])])
        yield from SET_TAIL
        yield ("Locators", [("Locators", list(self._locators()))])
        yield ("DetailClipKeyMidis", [])
        yield from (lom(name) for name in SET_WRAPPERS)
        yield from SET_END

    def _scene(self, number: int) -> Field:
        return ("Scene", {"Id": number}, [
            follow_action(0),
            "Name=", "Annotation=", "Color=-1", "Tempo=120", "IsTempoEnabled=false", "TimeSignatureId=201",
            "IsTimeSignatureEnabled=false", "LomId=0", lom("ClipSlotsListWrapper"),
        ])  # fmt: skip

    def _locators(self) -> Iterator[Field]:
        for number, (frame, marker) in enumerate(self.session.markers()):
            name = marker.name or marker.id
            yield ("Locator", {"Id": number}, [
                "LomId=0", f"Time={self.beats.at(frame)!r}", f"Name={name}", "Annotation=", "IsSongStart=false",
            ])  # fmt: skip

    def _sends(self, strip: Strip) -> list[float]:
        levels = {send.to: db_to_gain(send.gain_db) for send in strip.sends}
        return [levels.get(bus.id, 0.0) for bus in self.story.buses]

    def _mixer(self, strip: Strip, more: Sequence[Field] = (), *, is_master: bool = False) -> Field:
        sends = [] if is_master else self._sends(strip)
        gain = db_to_gain(strip.gain_db)
        return mixer(gain=gain, pan=strip.pan, on=not strip.mute, sends=sends, new_id=self.new_id, more=more)

    def _track(self, number: int, track: Track, layer: int, clips: Sequence[Placed]) -> Field:
        name = (track.name or track.id) + (f" ({layer})" if layer > 1 else "")
        chain = device_chain(
            self._mixer(track.strip),
            _MASTER_OUT,
            [sequencer("MainSequencer", [self._clip(placed, number) for placed in clips], _SCENES, self.new_id)],
            [sequencer("FreezeSequencer", [], _SCENES, self.new_id)],
        )
        return ("AudioTrack", {"Id": next(self._tracks)}, [
            *track_head(name, number % _COLOURS), "SavedPlayingSlot=-1", "SavedPlayingOffset=0", "Freeze=false",
            "VelocityDetail=0", "NeedArrangerRefreeze=true", "PostProcessFreezeClips=0", chain,
        ])  # fmt: skip

    def _return(self, number: int, name: str, strip: Strip) -> Field:
        freeze = [sequencer("FreezeSequencer", [], 0, self.new_id)]
        chain = device_chain(self._mixer(strip), _MASTER_OUT, freeze=freeze)
        return ("ReturnTrack", {"Id": next(self._tracks)}, [*track_head(name, number % _COLOURS), chain])

    def _master(self) -> Field:
        points = self.beats.stretches
        tempo, meter = points[0].point.tempo_bpm, _meter(points[0].point.beats_per_bar)
        more = [
            knob("Tempo", tempo, 60, 200, self.new_id, self.tempo_target),
            choice("TimeSignature", meter, self.new_id, self.meter_target),
            knob("GlobalGrooveAmount", 100, 0, 131.25, self.new_id), knob("CrossFade", 0, -1, 1, self.new_id),
            "TempoAutomationViewBottom=60", "TempoAutomationViewTop=200",
        ]  # fmt: skip
        envelopes = [
            envelope(0, self.meter_target, self._steps("EnumEvent", [_meter(p.point.beats_per_bar) for p in points])),
            envelope(1, self.tempo_target, self._steps("FloatEvent", [p.point.tempo_bpm for p in points])),
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

    def _clip(self, placed: Placed, colour: int) -> Field:
        clip, rate = placed.clip, self.story.sample_rate
        medium = self.session.medium(placed)
        name = self.session.shelf.put_clip(placed, self.samples, bake_gain=False)
        start, end = self.beats.at(placed.start_frame), self.beats.at(placed.end_frame)
        first, last = clip.trim_start_frames / rate, (clip.trim_start_frames + placed.length_frames) / rate
        return ("AudioClip", {"Id": next(self._clips), "Time": repr(start)}, [
            "LomId=0", "LomIdView=0", f"CurrentStart={start!r}", f"CurrentEnd={end!r}",
            ("Loop", [
                f"LoopStart={first!r}", f"LoopEnd={last!r}", "StartRelative=0", "LoopOn=false", f"OutMarker={last!r}",
                "HiddenLoopStart=0", f"HiddenLoopEnd={medium.frames / rate!r}",
            ]),
            f"Name={clip_title(placed)}", f"Annotation={clip_note(placed, medium)}", f"Color={colour % _COLOURS}",
            _LAUNCH,
            "FreezeStart=0", "FreezeEnd=0", "IsWarped=false", "TakeId=1", self._sample_ref(name, medium.frames),
            _WARPING,
            "Fade=true", self._fades(placed), "PitchCoarse=0", "PitchFine=0",
            f"SampleVolume={db_to_gain(clip.gain_db):.10g}", _MARKERS,
        ])  # fmt: skip

    def _fades(self, placed: Placed) -> Field:
        """Fades in beats, straight lines."""
        clip, start, end = placed.clip, placed.start_frame, placed.end_frame
        fade_in = self.beats.between(start, start + clip.fade_in_frames)
        fade_out = self.beats.between(end - clip.fade_out_frames, end)
        return ("Fades", [
            f"FadeInLength={fade_in!r}", f"FadeOutLength={fade_out!r}", "ClipFadesAreInitialized=true",
            "CrossfadeInState=0", "FadeInCurveSkew=0", "FadeInCurveSlope=0", "FadeOutCurveSkew=0",
            "FadeOutCurveSlope=0",
            "IsDefaultFadeIn=false", "IsDefaultFadeOut=false",
        ])  # fmt: skip

    def _sample_ref(self, name: str, frames: int) -> Field:
        path = self.samples / name
        modified = int(self.session.plan.made_at.timestamp())
        return ("SampleRef", [
            ("FileRef", [
                "RelativePathType=3", f"RelativePath={SAMPLES}/{name}", "Path=", "Type=1", "LivePackName=",
                "LivePackId=", f"OriginalFileSize={path.stat().st_size}", "OriginalCrc=0",
            ]),
            f"LastModDate={modified}", ("SourceContext", []), "SampleUsageHint=0",
            f"DefaultDuration={frames}",
            f"DefaultSampleRate={self.story.sample_rate}",
        ])  # fmt: skip


_LAUNCH = Raw(markup([
            "LaunchMode=0", "LaunchQuantisation=0",
            ("TimeSignature", [("TimeSignatures", [
                ("RemoteableTimeSignature", {"Id": 0}, ["Numerator=4", "Denominator=4", "Time=0"])])]),
            ("Envelopes", [("Envelopes", [])]),
            ("ScrollerTimePreserver", ["LeftTime=0", "RightTime=0"]),
            ("TimeSelection", ["AnchorTime=0", "OtherTime=0"]),
            "Legato=false", "Ram=false", ("GrooveSettings", ["GrooveId=-1"]), "Disabled=false", "VelocityAmount=0",
            follow_action(1),
            grid(fixed=True),
]))  # fmt: skip
_WARPING = Raw(markup([
            ("Onsets", [("UserOnsets", []), "HasUserOnsets=false"]), "WarpMode=0", "GranularityTones=30",
            "GranularityTexture=65", "FluctuationTexture=25", "TransientResolution=6", "TransientLoopMode=2",
            "TransientEnvelope=100", "ComplexProFormants=100", "ComplexProEnvelope=128", "Sync=true", "HiQ=true",
]))  # fmt: skip
_MARKERS = Raw(markup([
            "MarkerDensity=2", "AutoWarpTolerance=4",
            ("WarpMarkers", [
                ("WarpMarker", {"Id": 0, "SecTime": 0, "BeatTime": 0}, []),
                ("WarpMarker", {"Id": 1, "SecTime": "0.015625", "BeatTime": "0.03125"}, []),
            ]),
            ("SavedWarpMarkersForStretched", []), "MarkersGenerated=false", "IsSongTempoMaster=false",
]))  # fmt: skip
"""What is the same in every clip."""


def _meter(beats_per_bar: int) -> int:
    """Return a time signature in quarters as Live counts them: numerators from 1 in steps of 1, 99 per denominator."""
    return beats_per_bar - 1 + 99 * 2
