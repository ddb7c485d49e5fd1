"""An AAF for Pro Tools, Logic, Premiere, Resolve: one composition, mono slots, linked 24-bit mono WAVs beside it.

Edit rate is the sample rate, so places are exact to the frame. A stereo sound is a pair of files and slots, ``.L`` and
``.R``; clips that overlap get a slot of their own. Clip gains, fades, faders, pans and markers are the format's own;
clip pans are baked. Words can be markers of their own track's slots. It has straight fades and those of equal power;
others become straight. It knows no mute: a muted track's fader is closed, and a comment tells where it stood. It knows
no sends.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aaf2
import numpy as np
import soundfile
from aaf2 import ama
from aaf2.auid import AUID
from aaf2.mobid import MobID

from engine.export.plan import WORKSPACE, Plan
from engine.export.sessions.aaf_clips import Part, grow
from engine.export.sessions.base import Session, SessionFormat, clip_title, layers
from engine.export.sessions.identity import clip_note
from engine.export.wav import WavWriter
from engine.story.model import Track
from engine.story.timeline import Placed
from engine.units import db_to_gain

MEDIA_FOLDER = "media"

_NAMESPACE = uuid.UUID("0c9f6a52-8f3b-5a8e-9a0e-5f6a1cc1e9b7")
_GAIN = AUID("9d2ea894-0968-11d3-8a38-0050040ef7d2")
_PAN = AUID("9d2ea893-0968-11d3-8a38-0050040ef7d2")
_AMPLITUDE = AUID("e4962321-2267-11d3-8a4c-0050040ef7d2")
_PAN_VALUE = AUID("e4962322-2267-11d3-8a4c-0050040ef7d2")
_BLOCK_FRAMES = 65536
_PRECISION = 1_000_000
_FADES = {"linear": 1, "equal_power": 2, "s_curve": 1, "exponential": 1}
"""The format's nearest fade shapes: FadeLinearAmp, FadeLinearPower."""


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{plan.title_file}.aaf",)


def write(session: Session) -> None:
    """Write the AAF and its media."""
    workspace = session.root / WORKSPACE
    workspace.mkdir(exist_ok=True)
    prototype = workspace / "prototype.aaf"
    prototype.unlink(missing_ok=True)
    with aaf2.open(str(prototype), "w") as file:
        writer = _Writer(session, file)
        writer.write()
    grow(prototype, session.folder / _files(session.plan)[0], writer.sequences)
    prototype.unlink()


FORMAT = SessionFormat(
    what="AAF for Pro Tools, Logic, Premiere, Resolve", files=_files, write=write, has=frozenset({"mutes"}),
    fades=frozenset({"linear", "equal_power"}),
)  # fmt: skip


class _Writer:
    def __init__(self, session: Session, file: Any) -> None:
        self.session, self.file, self.rate = session, file, session.plan.story.sample_rate
        self.media = session.folder / MEDIA_FOLDER
        self.media.mkdir()
        self.sequences: list[list[Part]] = []
        self._masters: dict[str, list[Any]] = {}
        self._words: list[tuple[int, str, frozenset[int]]] = []
        self._gain = self._operation(_GAIN, "Mono Audio Gain", _AMPLITUDE, "Amplitude")
        self._pan = self._operation(_PAN, "Mono Audio Pan", _PAN_VALUE, "Pan")

    def write(self) -> None:
        """Write the composition and every mob that it needs; ``sequences`` is what belongs into its slots."""
        story = self.session.plan.story
        composition = self._mob(self.file.create.CompositionMob(), story.title, "composition")
        composition.usage = "Usage_TopLevel"
        for track in story.tracks:
            for number, layer in enumerate(layers(self.session.clips_of(track)), 1):
                self._slots(composition, track, number, layer)
            if track.strip.mute:
                fader = f"muted here; its fader stood at {track.strip.gain_db:g} dB"
                composition.comments[f"Cuevox {track.name or track.id}"] = fader
        everywhere = frozenset(slot.slot_id for slot in composition.slots)
        marks = [(frame, marker.name or marker.id, everywhere) for frame, marker in self.session.markers()]
        if marks or self._words:
            self._markers(composition, sorted([*marks, *self._words], key=lambda mark: mark[0]))

    def _slots(self, composition: Any, track: Track, number: int, layer: Sequence[Placed]) -> None:
        """Add the slot of a mono layer, or the two of a stereo one; a mono clip among stereo ones is on both."""
        masters = {placed.clip.id: self._masters_of(placed) for placed in layer}
        channels = max(len(mobs) for mobs in masters.values())
        name = (track.name or track.id) + (f" ({number})" if number > 1 else "")
        made = []
        for channel in range(channels):
            slot = composition.create_timeline_slot(edit_rate=self.rate)
            slot.name = name if channels == 1 else f"{name}.{'LR'[channel]}"
            parts = list(self._parts(layer, masters, channel))
            segment = self._sequence(parts, next(iter(masters.values()))[0])
            self.sequences.append(parts)
            pan = track.strip.pan if channels == 1 else (-1.0, 1.0)[channel]
            gain = 0.0 if track.strip.mute else db_to_gain(track.strip.gain_db)
            segment = self._wrapped(segment, self._gain, "Amplitude", gain, 1.0)
            slot.segment = self._wrapped(segment, self._pan, "Pan", (pan + 1) / 2, 0.5)
            made.append(slot.slot_id)
        if self.session.plan.options.word_markers:
            words = (word for placed in layer for word in self.session.words_of(placed))
            self._words += [(frame, text, frozenset(made)) for frame, text in words]

    def _parts(self, layer: Sequence[Placed], masters: dict[str, list[Any]], channel: int) -> Iterator[Part]:
        """Iterate over what a slot's sequence holds: silence, clip, silence, clip."""
        now = 0
        for placed in layer:
            if placed.start_frame > now:
                yield Part(length=placed.start_frame - now)
            mobs, clip = masters[placed.clip.id], placed.clip
            yield Part(
                length=placed.length_frames,
                start=clip.trim_start_frames,
                mob=bytes(mobs[min(channel, len(mobs) - 1)].mob_id.bytes_le),
                fade_in=(clip.fade_in_frames, _FADES[clip.fade_in_shape]),
                fade_out=(clip.fade_out_frames, _FADES[clip.fade_out_shape]),
                gain=_rational(db_to_gain(clip.gain_db)),
            )
            now = placed.end_frame

    def _sequence(self, parts: Sequence[Part], master: Any) -> Any:
        """Return a sequence as long as ``parts``; the first one holds what clips are copied from."""
        length = sum(part.length for part in parts)
        sequence = self.file.create.Sequence(media_kind="sound")
        components = [self.file.create.Filler("sound", length)]
        if not self.sequences:
            components += [self._clip(master), self._wrapped(self._clip(master), self._gain, "Amplitude", 0.5, 1.0)]
        sequence.components.extend(components)
        sequence.length = length
        return sequence

    def _clip(self, master: Any) -> Any:
        source = master.create_source_clip(slot_id=1, start=0, length=1, media_kind="sound")
        for side in ("In", "Out"):
            source[f"Fade{side}Length"].value = 1
            source[f"Fade{side}Type"].value = "FadeLinearAmp"
        return source

    def _markers(self, composition: Any, marks: Sequence[tuple[int, str, frozenset[int]]]) -> None:
        """Add markers, each with its frame, what it says, and the slots that it is of."""
        slot = self.file.create.EventMobSlot()
        slot.slot_id = len(composition.slots) + 1
        slot.name = "Markers"
        slot["EditRate"].value = self.rate
        slot["PhysicalTrackNumber"].value = 1
        sequence = self.file.create.Sequence(media_kind="DescriptiveMetadata")
        for frame, text, slots in marks:
            mark = self.file.create.DescriptiveMarker()
            mark["Position"].value = frame
            mark["Length"].value = 1
            mark["Comment"].value = text
            mark["DescribedSlots"].value = set(slots)
            sequence.components.append(mark)
        slot.segment = sequence
        composition.slots.append(slot)

    def _wrapped(self, segment: Any, operation: Any, parameter: str, value: float, neutral: float) -> Any:
        """Return ``segment`` inside an operation, or as it is where that would change nothing."""
        if abs(value - neutral) < 0.5 / _PRECISION:
            return segment
        group = self.file.create.OperationGroup(operation, length=segment.length, media_kind="sound")
        group.segments.append(segment)
        constant = self.file.create.ConstantValue(parameter, _rational(value))
        group.parameters.append(constant)
        return group

    def _operation(self, auid: AUID, name: str, parameter: AUID, parameter_name: str) -> Any:
        rational = self.file.dictionary.lookup_typedef("Rational")
        definition = self.file.create.ParameterDef(parameter, parameter_name, "", rational)
        self.file.dictionary.register_def(definition)
        operation = self.file.create.OperationDef(auid, name, "")
        operation.media_kind = "sound"
        operation["NumberInputs"].value = 1
        operation["ParametersDefined"].extend([definition])
        self.file.dictionary.register_def(operation)
        return operation

    def _masters_of(self, placed: Placed) -> list[Any]:
        """Return the master mobs of what a clip plays, one per channel."""
        name, wav = self.session.shelf.clip_wav(placed, bake_gain=False)
        if name not in self._masters:
            note = clip_note(placed, self.session.medium(placed))
            paths = split_to_mono(wav, self.media, Path(name).stem)
            self._masters[name] = [self._master(path, clip_title(placed), note) for path in paths]
        return self._masters[name]

    def _master(self, path: Path, title: str, note: str) -> Any:
        frames = soundfile.info(path).frames
        source = self._mob(self.file.create.SourceMob(), path.stem, "source", path.name)
        descriptor = self.file.create.WAVEDescriptor()
        descriptor["SampleRate"].value = self.rate
        descriptor["Summary"].value = ama.get_wave_fmt(str(path))
        descriptor["Length"].value = frames
        descriptor["ContainerFormat"].value = self.file.dictionary.lookup_containerdef("AAF")
        locator = self.file.create.NetworkLocator()
        locator["URLString"].value = quote(f"{MEDIA_FOLDER}/{path.name}")
        descriptor["Locator"].append(locator)
        source.descriptor = descriptor
        end = self.file.create.SourceClip(media_kind="sound", length=frames)
        source.create_timeline_slot(edit_rate=self.rate, slot_id=1).segment = end
        master = self._mob(self.file.create.MasterMob(), title, "master", path.name)
        master.comments["Cuevox"] = note
        clip = source.create_source_clip(slot_id=1, start=0, length=frames, media_kind="sound")
        master.create_timeline_slot(edit_rate=self.rate, slot_id=1).segment = clip
        return master

    def _mob(self, mob: Any, name: str, *kind: str) -> Any:
        """Name a mob, give it an id that stays the same when exported again, and add it to the file."""
        mob.name = name
        made = MobID.new()
        made.material = uuid.uuid5(_NAMESPACE, "/".join((self.session.plan.story.title, *kind)))
        mob.mob_id = made
        self.file.content.mobs.append(mob)
        return mob


def _rational(value: float) -> Fraction:
    return Fraction(round(value * _PRECISION), _PRECISION)


def split_to_mono(wav: Path, folder: Path, stem: str) -> list[Path]:
    """Write each channel of ``wav`` as a 24-bit WAV into ``folder``; return their paths."""
    with soundfile.SoundFile(wav) as file:
        names = [f"{stem}.wav"] if file.channels == 1 else [f"{stem}.L.wav", f"{stem}.R.wav"]
        writers = [
            WavWriter(folder / name, sample_rate=file.samplerate, encoding="pcm24", channels=1) for name in names
        ]
        try:
            while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                for channel, writer in enumerate(writers):
                    writer.write(np.ascontiguousarray(block[:, channel : channel + 1]))
            for writer in writers:
                writer.finish(file.frames, sync=False)
        finally:
            for writer in writers:
                writer.close()
    return [writer.path for writer in writers]
