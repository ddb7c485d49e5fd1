"""Clips of a Live set: not warped, so their sound is in seconds and nothing is stretched; their places are in beats."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from engine.export.sessions.base import Session, clip_title
from engine.export.sessions.beats import Beats
from engine.export.sessions.identity import clip_note
from engine.export.sessions.live_schema import Field, Raw, follow_action, grid, markup
from engine.story.timeline import Placed
from engine.units import db_to_gain

SAMPLES = "Samples/Imported"
COLOURS = 60


class Clips:
    """Writes clips. folder: of the set, its samples below it."""

    def __init__(self, session: Session, folder: Path, beats: Beats) -> None:
        self.session, self.samples, self.beats = session, folder / SAMPLES, beats
        self._numbers = count(0)

    def written(self, placed: Placed, colour: int) -> Field:
        """Return a clip, its sound among the set's samples. colour: any number."""
        clip, rate = placed.clip, self.session.plan.story.sample_rate
        medium = self.session.medium(placed)
        name = self.session.shelf.put_clip(placed, self.samples, bake_gain=False)
        start, end = self.beats.at(placed.start_frame), self.beats.at(placed.end_frame)
        first, last = clip.trim_start_frames / rate, (clip.trim_start_frames + placed.length_frames) / rate
        return ("AudioClip", {"Id": next(self._numbers), "Time": repr(start)}, [
            "LomId=0", "LomIdView=0", f"CurrentStart={start!r}", f"CurrentEnd={end!r}",
            ("Loop", [
                f"LoopStart={first!r}", f"LoopEnd={last!r}", "StartRelative=0", "LoopOn=false", f"OutMarker={last!r}",
                "HiddenLoopStart=0", f"HiddenLoopEnd={medium.frames / rate!r}",
            ]),
            f"Name={clip_title(placed)}", f"Annotation={clip_note(placed, medium)}", f"Color={colour % COLOURS}",
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
            f"DefaultSampleRate={self.session.plan.story.sample_rate}",
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
