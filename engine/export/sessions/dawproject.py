"""A DAWproject: one zip of XML and media, for Bitwig, Studio One, Cubase and others.

Everything counts in beats, audio in seconds inside a pair of warp points per tempo: of all ways to write it, this is
the one that every reader gets right. Clips have neither gain nor pan there: these are baked into a copy of the sound.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from engine.export.colours import track_colour
from engine.export.manifest import cuevox_version
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title
from engine.export.sessions.beats import Beats
from engine.export.sessions.devices import add_devices, is_known
from engine.export.sessions.identity import clip_note
from engine.export.sessions.xml import Element, child, document, root
from engine.story.model import MASTER, Strip, Track
from engine.story.timeline import Placed
from engine.units import db_to_gain

AUDIO_FOLDER = "audio"
_LOUDEST = 4.0
"""The top of the volume parameter, linear: +12 dB."""


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.title_file}.dawproject",)


def write(session: Session) -> None:
    """Write the zip; media is stored, not packed, so that programs can play it from there."""
    writer = _Project(session)
    project = writer.element()
    metadata = root("MetaData")
    child(metadata, "Title").text = session.plan.story.title
    child(metadata, "Comment").text = f"Made by Cuevox {cuevox_version()}"
    with zipfile.ZipFile(session.folder / _files(session.plan)[0], "w") as package:
        for name, text in (("project.xml", document(project)), ("metadata.xml", document(metadata))):
            package.writestr(_info(session, name), text, zipfile.ZIP_DEFLATED)
        for name, path in sorted(writer.audio.items()):
            info = _info(session, f"{AUDIO_FOLDER}/{name}")
            with path.open("rb") as audio, package.open(info, "w", force_zip64=True) as entry:
                shutil.copyfileobj(audio, entry, 1 << 20)


FORMAT = SessionFormat(
    what="DAWproject for Bitwig, Studio One, Cubase", files=_files, write=write,
    has=frozenset({"sends", "mutes", "solos"}), fades=frozenset({"linear"}),
)  # fmt: skip


def _info(session: Session, name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, session.plan.made_at.timetuple()[:6])


class _Project:
    """Builds the XML; ``audio`` gathers which files it plays, by their names in the zip."""

    def __init__(self, session: Session) -> None:
        self.session, self.story = session, session.plan.story
        self.audio: dict[str, Path] = {}
        self.beats = Beats(self.story)
        self.rate = self.story.sample_rate
        self._numbers = count()
        self.channels = {strip: self.new_id() for strip in self.story.strips()}
        self.tracks = {strip: self.new_id() for strip in self.story.strips()}

    def new_id(self) -> str:
        """Return an id that nothing has yet."""
        return f"id{next(self._numbers)}"

    def element(self) -> Element:
        """Return the whole project."""
        project = root("Project", version="1.0")
        child(project, "Application", name="Cuevox", version=cuevox_version())
        self._transport(child(project, "Transport"))
        structure = child(project, "Structure")
        names = {track.id: track.name for track in self.story.tracks} | {bus.id: bus.name for bus in self.story.buses}
        for strip_id, strip in self.story.strips().items():
            self._track(structure, strip_id, names.get(strip_id) or strip_id, strip)
        self._arrangement(child(project, "Arrangement", id_=self.new_id()))
        return project

    def _transport(self, transport: Element) -> None:
        point = self.beats.stretches[0].point
        self.tempo_id, self.meter_id = self.new_id(), self.new_id()
        child(
            transport, "Tempo", id_=self.tempo_id, name="Tempo", value=float(point.tempo_bpm), unit="bpm",
            min=20.0, max=666.0,
        )  # fmt: skip
        child(transport, "TimeSignature", id_=self.meter_id, numerator=point.beats_per_bar, denominator=4)

    def _track(self, structure: Element, strip_id: str, name: str, strip: Strip) -> None:
        is_track = strip_id in {track.id for track in self.story.tracks}
        role = "regular" if is_track else ("master" if strip_id == MASTER else "effect")
        missing = [effect.effect for effect in strip.inserts if not is_known(effect)]
        note = {"comment": f"Effects not in this project: {', '.join(missing)}"} if missing else {}
        kind = "audio" if is_track else "audio notes"
        red, green, blue = track_colour(list(self.tracks).index(strip_id))
        track = child(
            structure, "Track", id_=self.tracks[strip_id], name=name, contentType=kind, loaded=True,
            color=f"#{red:02x}{green:02x}{blue:02x}", **note,
        )  # fmt: skip
        target = {} if strip_id == MASTER else {"destination": self.channels[MASTER]}
        channel = child(
            track, "Channel", id_=self.channels[strip_id], role=role, audioChannels=2, solo=strip.solo, **target,
        )  # fmt: skip
        add_devices(channel, strip.inserts, self.new_id, self.story.master.limiter_db if strip_id == MASTER else None)
        child(channel, "Mute", id_=self.new_id(), name="Mute", value=strip.mute)
        child(
            channel, "Pan", id_=self.new_id(), name="Pan", value=(strip.pan + 1) / 2, unit="normalized", min=0.0,
            max=1.0,
        )  # fmt: skip
        if strip.sends:
            sends = child(channel, "Sends")
            for send in strip.sends:
                entry = child(sends, "Send", id_=self.new_id(), destination=self.channels[send.to], type="post")
                child(entry, "Enable", id_=self.new_id(), value=True)
                self._volume(entry, send.gain_db)
        self._volume(channel, strip.gain_db)

    def _volume(self, parent: Element, gain_db: float) -> None:
        child(
            parent, "Volume", id_=self.new_id(), name="Volume", value=db_to_gain(gain_db), unit="linear", min=0.0,
            max=_LOUDEST,
        )  # fmt: skip

    def _arrangement(self, arrangement: Element) -> None:
        lanes = child(arrangement, "Lanes", id_=self.new_id(), timeUnit="beats")
        for track in self.story.tracks:
            lane = child(lanes, "Lanes", id_=self.new_id(), track=self.tracks[track.id])
            self._clips(child(lane, "Clips", id_=self.new_id()), track)
        if marks := self.session.marks():
            markers = child(arrangement, "Markers", id_=self.new_id(), timeUnit="beats")
            for frame, name in marks:
                child(markers, "Marker", time=self.beats.at(frame), name=name)
        if len(self.beats.stretches) > 1:
            self._tempo_changes(arrangement)

    def _tempo_changes(self, arrangement: Element) -> None:
        tempo = child(arrangement, "TempoAutomation", id_=self.new_id(), timeUnit="beats", unit="bpm")
        child(tempo, "Target", parameter=self.tempo_id)
        meter = child(arrangement, "TimeSignatureAutomation", id_=self.new_id(), timeUnit="beats")
        child(meter, "Target", parameter=self.meter_id)
        for stretch in self.beats.stretches:
            value = float(stretch.point.tempo_bpm)
            child(tempo, "RealPoint", time=stretch.beat, value=value, interpolation="hold")
            child(meter, "TimeSignaturePoint", time=stretch.beat, numerator=stretch.point.beats_per_bar, denominator=4)

    def _clips(self, clips: Element, track: Track) -> None:
        for placed in self.session.clips_of(track):
            self._clip(clips, placed)

    def _clip(self, clips: Element, placed: Placed) -> None:
        clip, medium = placed.clip, self.session.medium(placed)
        name, wav = self.session.shelf.clip_wav(placed, bake_gain=True)
        self.audio[name] = wav
        start, end = placed.start_frame, placed.end_frame
        origin = start - clip.trim_start_frames
        outer = child(
            clips, "Clip", name=clip_title(placed), comment=clip_note(placed, medium),
            time=self.beats.at(start), duration=self.beats.between(start, end), contentTimeUnit="beats",
            playStart=self.beats.between(origin, start), fadeTimeUnit="beats",
            fadeInTime=self.beats.between(start, start + clip.fade_in_frames),
            fadeOutTime=self.beats.between(end - clip.fade_out_frames, end),
        )  # fmt: skip
        inner = child(
            child(outer, "Clips", id_=self.new_id()), "Clip", time=0, playStart=0, contentTimeUnit="beats",
            duration=self.beats.between(origin, origin + medium.frames),
        )  # fmt: skip
        warps = child(inner, "Warps", id_=self.new_id(), timeUnit="beats", contentTimeUnit="seconds")
        channels = 2 if clip.pan else medium.channels
        audio = child(
            warps, "Audio", id_=self.new_id(), algorithm="raw", channels=channels, sampleRate=self.rate,
            duration=medium.frames / self.rate,
        )  # fmt: skip
        child(audio, "File", path=f"{AUDIO_FOLDER}/{name}")
        for frame in self._warp_frames(origin, origin + medium.frames):
            child(warps, "Warp", time=self.beats.between(origin, frame), contentTime=(frame - origin) / self.rate)

    def _warp_frames(self, begin: int, end: int) -> Iterator[int]:
        """Iterate over where beats and seconds of a sound have to be tied: both ends, and tempo changes between."""
        yield begin
        changes = (round(stretch.frame) for stretch in self.beats.stretches[1:])
        yield from (frame for frame in changes if begin < frame < end)
        yield end
