"""Readers: what a value row tells, from the engine's state, in the units of the command fields."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from bridge.port import ClipFacts, EnginePort, InsertState, Place, StripState, VoiceFigures
from bridge.route import Path, Reader
from engine.errors import BadRange, UnknownThing
from engine.params import DUCK, ParamSpec
from engine.story.model import Cue, Slot


def strip(value: Callable[[StripState], object]) -> Reader:
    """Return a reader of one thing in a strip's state."""
    return lambda port, path: (value(port.strip_state(path["strip"])),)


def send(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read a send's level in dB."""
    sends = port.strip_state(path["strip"]).sends
    return (_known(f"send of {path['strip']}", path["bus"], sends),)


def insert_value(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read one parameter of an insert."""
    return (_known("parameter", path["param"], _insert(port, path).values),)


def insert_bypass(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read whether an insert is out of the sound."""
    return (_insert(port, path).bypass,)


def inserts(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read the effects of a strip's inserts."""
    return tuple(insert.effect for insert in port.strip_state(path["strip"]).inserts)


def plugins(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read name, state and reason of every plug-in, over and over."""
    return tuple(text for row in port.plugin_rows() for text in (row.plugin, row.state, row.reason))


def duck_value(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read a knob of ducking."""
    return (_known(f"ducking knob of {path['strip']}", path["knob"], port.strip_state(path["strip"]).duck),)


def duck_spec(port: EnginePort, path: Path) -> ParamSpec:
    """Return the range of a knob of ducking."""
    duck_value(port, path)
    return DUCK[path["knob"]]


def reduction(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read what is taken away from a strip in dB."""
    return (port.reduction_db(path["strip"]),)


def limiter_on(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read whether the master is limited."""
    return (port.limiter().on,)


def limiter_ceiling(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read the limiter's ceiling in dBTP."""
    return (port.limiter().ceiling_db,)


def cue_messages(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read what a cue sends."""
    return tuple(port.cue_messages(path["cue"], path.get("cuelist")))


def strip_line(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read what sounds on a strip, in words."""
    return (port.strip_line(path["strip"]),)


def automation(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read which knobs of a strip the timeline turns."""
    return tuple(port.strip_state(path["strip"]).automation)


def snapshots(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read the ids of all snapshots."""
    return tuple(port.snapshot_ids())


def insert_spec(port: EnginePort, path: Path) -> ParamSpec:
    """Return the range of one parameter of an insert."""
    spec = _known("parameter", path["param"], _insert(port, path).specs)
    if not isinstance(spec, ParamSpec):
        raise TypeError(f"the engine gave {spec!r} as a range")
    return spec


def _insert(port: EnginePort, path: Path) -> InsertState:
    inserts: Sequence[InsertState] = port.strip_state(path["strip"]).inserts
    number: int = path["insert"]
    if not 1 <= number <= len(inserts):
        raise BadRange(f"strip {path['strip']} has {len(inserts)} inserts, got {number} (counted from 1)")
    return inserts[number - 1]


def _known(kind: str, name: str, things: Any) -> object:
    if name not in things:
        raise UnknownThing(kind, name, things)
    found: object = things[name]
    return found


def voice_state(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read how ready a voice is."""
    state = port.voice_state(path["voice"])
    return state.state, state.fraction, state.text


def voices(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the ids of all voices."""
    return tuple(port.voice_ids())


def voice_figure(value: Callable[[VoiceFigures], float]) -> Reader:
    """Return a reader of what a voice takes."""
    return lambda port, path: (value(port.voice_figures(path["voice"])),)


def meter(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read a strip's meter: peak left and right, RMS left and right."""
    reading = port.meter(path["strip"])
    return (*reading.peak_db, *reading.rms_db)


def meter_peak(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read the peak of the louder side of a strip."""
    return (max(port.meter(path["strip"]).peak_db),)


def meter_clip(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read whether a strip's peak meter stands at full scale or above."""
    return (max(port.meter(path["strip"]).peak_db) >= 0.0,)


def recording(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read how the recording goes."""
    heard = port.recording()
    return heard.state, heard.name, float(heard.seconds), float(heard.lost_seconds), heard.folder


def captures(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read how listening goes."""
    heard = port.captures()
    return heard.state, heard.device, heard.name, float(heard.seconds), float(heard.peak_db)


def capture_names(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the names of all captures."""
    return tuple(port.capture_names())


def streams(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read every network stream, over and over."""
    return tuple(
        part
        for s in port.streams()
        for part in (s.name, s.kind, s.strip, s.host, s.port, s.state, s.packets, float(s.lost_seconds), s.text)
    )


def outputs(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read every strip on a further device, over and over."""
    return tuple(
        part
        for o in port.outputs()
        for part in (
            o.bus, o.device, o.state, o.sample_rate, float(o.latency_seconds), float(o.fill_seconds), float(o.ppm),
            float(o.lost_seconds), o.text,
        )
    )  # fmt: skip


def receivers(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read every stream from the network, over and over."""
    return tuple(
        part
        for r in port.receivers()
        for part in (
            r.name, r.kind, r.strip, r.port, r.state, r.sender, r.packets, r.refused, float(r.lost_seconds),
            float(r.latency_seconds), float(r.fill_seconds), float(r.ppm), r.text,
        )
    )  # fmt: skip


def jobs(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read every job that goes on, over and over."""
    return tuple(part for job in port.jobs() for part in (job.job, job.verb, job.fraction, job.stage))


def say_queue(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the lines that wait for their takes, over and over."""
    return tuple(part for line in port.say_queue() for part in line)


def loudness(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read the master's loudness."""
    heard = port.loudness()
    return heard.momentary_lufs, heard.short_term_lufs, heard.integrated_lufs, heard.true_peak_dbtp


def meters(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read all meters: id and four figures per strip."""
    return tuple(v for name in port.strip_ids() for v in (name, *meter(port, {"strip": name})))


def meters_blob(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read all meters as big-endian floats."""
    levels = [level for name in port.strip_ids() for level in meter(port, {"strip": name})]
    return (struct.pack(f">{len(levels)}f", *(cast(float, level) for level in levels)),)


def strips(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the ids of all strips."""
    return tuple(port.strip_ids())


def cue_state(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read how far a cue is."""
    return (port.cue_state(path["cue"], path.get("cuelist")),)


def cue(value: Callable[[Cue], object]) -> Reader:
    """Return a reader of one thing that a cue is."""
    return lambda port, path: (value(port.cue(path["cue"], path.get("cuelist"))),)


def slot(value: Callable[[Slot], object]) -> Reader:
    """Return a reader of one thing that a slot is."""
    return lambda port, path: (value(port.slot(path["bank"], path["index"])),)


def clip(value: Callable[[ClipFacts], object]) -> Reader:
    """Return a reader of one thing that a clip is."""
    return lambda port, path: (value(port.clip(path["clip"])),)


def clip_seconds(value: Callable[[ClipFacts], int | None]) -> Reader:
    """Return a reader of a clip's place or length in frames; -1 s while it is not known."""

    def read(port: EnginePort, path: Path) -> tuple[object, ...]:
        frames = value(port.clip(path["clip"]))
        return (-port.sample_rate if frames is None else frames,)

    return read


def clip_ids(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the ids of all clips."""
    return tuple(port.clip_ids())


def clip_words(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read a clip's words and the frame where each starts; none while its take is not there."""
    return tuple(part for word in port.clip_words(path["clip"]) for part in word)


def markers(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read id, frame and name of every marker, over and over."""
    return tuple(part for marker in port.markers() for part in marker)


def timeline(port: EnginePort) -> object:
    """Return a mark that is another one whenever clips and markers lie elsewhere."""
    return port.timeline_mark()


def title(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read what the story is called."""
    return (port.title(),)


def place(*values: Callable[[Place], object]) -> Reader:
    """Return a reader of the musical place where the timeline stands."""
    return lambda port, _: tuple(value(port.place_of(port.transport_state().timeline_frame)) for value in values)


def tempo(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read bar, tempo and beats in a bar of every tempo, over and over."""
    return tuple(part for point in port.tempo() for part in (point.bar, point.tempo_bpm, point.beats_per_bar))


def xruns(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read how often the device went without sound, and how often something started late."""
    status = port.status()
    return status.underflows, status.late_starts


def underflows(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read how many underflows came from what."""
    return port.vitals().causes


def cue_time(which: int) -> Reader:
    """Return a reader of one of a cue's times: elapsed, remaining, duration."""
    return lambda port, path: (port.cue_times(path["cue"], path.get("cuelist"))[which],)


def next_cue(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read which cue GO fires next; an empty text at the list's end."""
    return (port.next_cue(path.get("cuelist")) or "",)


def following_cue(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read which cue comes after that one."""
    return (port.following_cue(path.get("cuelist")) or "",)


def slot_state(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read how far a slot is."""
    return (port.slot_state(path["bank"], path["index"]),)


def slot_cold(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read what a slot does whose take is not there."""
    return (port.slot_cold(path["bank"], path["index"]),)


def slot_bank(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read the bank at hand, an empty text without slots."""
    return (port.slot_bank() or "",)


def prefetch(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read how well prepared the engine is."""
    ahead = port.prefetch()
    return (ahead.ready, ahead.wanted, ahead.ready_seconds, ahead.horizon_seconds, ahead.memory)


def slot_words(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read a slot's words and the frame where each starts; none while its take is not there."""
    return tuple(part for word in port.slot_words(path["bank"], path["index"]) for part in word)


def clip_state(port: EnginePort, path: Path) -> tuple[object, ...]:
    """Read how far a clip's take is."""
    return (port.clip_state(path["clip"]),)


def playing(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read whether the timeline runs."""
    return (port.transport_state().playing,)


def rate(port: EnginePort, _: Path) -> tuple[object, ...]:
    """Read how fast the timeline runs."""
    return (float(port.transport_state().playing),)


def position(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read the timeline's frame."""
    return (port.transport_state().timeline_frame,)


def beat(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read where the timeline stands in beats."""
    return (port.beat_of_frame(port.transport_state().timeline_frame),)


def end(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read where the story ends, as a timeline frame."""
    return (port.transport_state().end_frame,)


def loop(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read the loop's start and end; both zero: no loop."""
    return port.transport_state().loop or (0, 0)


def histogram(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read how many callbacks took how long."""
    return port.vitals().histogram


def processes(port: EnginePort, path: Path) -> tuple[object, ...]:  # noqa: ARG001 - a Reader
    """Read which processes run: name and process id, over and over."""
    return tuple(value for process in port.vitals().processes for value in process)
