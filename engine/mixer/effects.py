"""The table of built-in effects: names, parameters, ranges. Pure: whoever checks a story needs no audio library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from engine.errors import BadRange, UnknownThing
from engine.params import ParamSpec
from engine.plugins.facts import PluginFacts, is_plugin, missing, plugin_name
from engine.story.model import Effect

Memory = Literal["none", "short", "long", "smooth"]
"""How an effect takes a parameter's move. ``smooth`` glides by itself. The others step, so two instances are
crossfaded: one without state at once, one with ``short`` memory after listening a moment, one with ``long`` memory
listens always."""


class EffectParam(msgspec.Struct, frozen=True, kw_only=True):
    """One knob of an effect. attribute: what Pedalboard calls it."""

    attribute: str
    spec: ParamSpec


class EffectSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    class_name: Pedalboard's. params: by our name, in the order that records count. live: False where it can't run in
    blocks; such an effect is rendered into the take by a voice preset, and ``why`` says what would go wrong.
    fixed: constructor arguments that are part of the name (a filter's mode). plugin: it is no effect of Pedalboard's
    own; its parameters' attributes are numbers.
    """

    class_name: str
    help: str
    params: Mapping[str, EffectParam] = {}
    live: bool = True
    why: str = ""
    memory: Memory = "smooth"
    fixed: Mapping[str, str] = {}
    plugin: PluginFacts | None = None

    def param_index(self, name: str, effect: str) -> int:
        """Return the place of parameter ``name`` in table order; UnknownThing names the allowed ones."""
        if name not in self.params:
            raise UnknownThing(f"parameter of {effect}", name, self.params)
        return tuple(self.params).index(name)


def _param(attribute: str, low: float, high: float, default: float, unit: str = "", log: bool = False) -> EffectParam:
    taper: Literal["linear", "log"] = "log" if log else "linear"
    return EffectParam(attribute=attribute, spec=ParamSpec(low=low, high=high, default=default, unit=unit, taper=taper))


def _cutoff(default: float, attribute: str = "cutoff_frequency_hz") -> EffectParam:
    return _param(attribute, 20.0, 20000.0, default, "Hz", log=True)


def _shelf(class_name: str, help_text: str, default_hz: float) -> EffectSpec:
    return EffectSpec(
        class_name=class_name,
        help=help_text,
        memory="short",
        params={
            "cutoff_hz": _cutoff(default_hz),
            "gain_db": _param("gain_db", -36.0, 36.0, 0.0, "dB"),
            "q": _param("q", 0.1, 18.0, 0.7071, log=True),
        },
    )


def _ladder(mode: str, help_text: str, default_hz: float) -> EffectSpec:
    return EffectSpec(
        class_name="LadderFilter",
        help=help_text,
        memory="short",
        fixed={"mode": mode},
        params={
            "cutoff_hz": _cutoff(default_hz, "cutoff_hz"),
            "resonance": _param("resonance", 0.0, 1.0, 0.0),
            "drive": _param("drive", 1.0, 10.0, 1.0, log=True),
        },
    )


def _dynamics(class_name: str, help_text: str, threshold_db: float, ratio: float) -> EffectSpec:
    return EffectSpec(
        class_name=class_name,
        help=help_text,
        memory="short",
        params={
            "threshold_db": _param("threshold_db", -100.0, 0.0, threshold_db, "dB"),
            "ratio": _param("ratio", 1.0, 100.0, ratio, ":1", log=True),
            "attack_ms": _param("attack_ms", 0.1, 500.0, 5.0, "ms", log=True),
            "release_ms": _param("release_ms", 1.0, 2000.0, 100.0, "ms", log=True),
        },
    )


def _modulation(
    class_name: str, help_text: str, centre_name: str, centre: EffectParam, depth: float, memory: Memory
) -> EffectSpec:
    return EffectSpec(
        class_name=class_name,
        help=help_text,
        memory=memory,
        params={
            "rate_hz": _param("rate_hz", 0.01, 20.0, 1.0, "Hz", log=True),
            "depth": _param("depth", 0.0, 1.0, depth),
            centre_name: centre,
            "feedback": _param("feedback", -0.95, 0.95, 0.0),
            "mix": _param("mix", 0.0, 1.0, 0.5),
        },
    )


EFFECTS: Mapping[str, EffectSpec] = {
    "gain": EffectSpec(
        class_name="Gain",
        help="Louder or softer.",
        memory="none",
        params={"gain_db": _param("gain_db", -60.0, 36.0, 0.0, "dB")},
    ),
    "highpass": EffectSpec(
        class_name="HighpassFilter",
        help="Removes what lies below the cutoff, 6 dB per octave.",
        memory="short",
        params={"cutoff_hz": _cutoff(80.0)},
    ),
    "lowpass": EffectSpec(
        class_name="LowpassFilter",
        help="Removes what lies above the cutoff, 6 dB per octave.",
        memory="short",
        params={"cutoff_hz": _cutoff(8000.0)},
    ),
    "lowshelf": _shelf("LowShelfFilter", "Raises or lowers everything below the cutoff.", 200.0),
    "highshelf": _shelf("HighShelfFilter", "Raises or lowers everything above the cutoff.", 4000.0),
    "peak": _shelf("PeakFilter", "Raises or lowers a band around the cutoff.", 1000.0),
    "ladder_lowpass": _ladder("LPF24", "A synthesiser's low-pass, 24 dB/octave, with resonance and drive.", 2000.0),
    "ladder_highpass": _ladder("HPF24", "A synthesiser's high-pass, 24 dB/octave, with resonance and drive.", 200.0),
    "ladder_bandpass": _ladder("BPF24", "A synthesiser's band-pass, 24 dB/octave, with resonance and drive.", 1000.0),
    "compressor": _dynamics("Compressor", "Lowers what is above the threshold.", -20.0, 3.0),
    "noisegate": _dynamics("NoiseGate", "Lowers what is below the threshold.", -60.0, 10.0),
    "reverb": EffectSpec(
        class_name="Reverb",
        help="A room (Freeverb). On a return bus: dry_level 0.",
        params={
            "room_size": _param("room_size", 0.0, 1.0, 0.5),
            "damping": _param("damping", 0.0, 1.0, 0.5),
            "wet_level": _param("wet_level", 0.0, 1.0, 0.33),
            "dry_level": _param("dry_level", 0.0, 1.0, 0.4),
            "width": _param("width", 0.0, 1.0, 1.0),
        },
    ),
    "delay": EffectSpec(
        class_name="Delay",
        help="An echo.",
        memory="long",
        params={
            "delay_seconds": _param("delay_seconds", 0.001, 5.0, 0.35, "s", log=True),
            "feedback": _param("feedback", 0.0, 0.95, 0.3),
            "mix": _param("mix", 0.0, 1.0, 0.3),
        },
    ),
    "chorus": _modulation(
        "Chorus", "Several slightly detuned copies.", "centre_delay_ms",
        _param("centre_delay_ms", 1.0, 50.0, 7.0, "ms", log=True), 0.25, "long",
    ),
    "phaser": _modulation(
        "Phaser", "Moving notches.", "centre_hz", _cutoff(1300.0, "centre_frequency_hz"), 0.5, "smooth"
    ),
    "distortion": EffectSpec(
        class_name="Distortion",
        help="Soft clipping (tanh); drive also makes it louder.",
        memory="none",
        params={"drive_db": _param("drive_db", 0.0, 60.0, 15.0, "dB")},
    ),
    "clipping": EffectSpec(
        class_name="Clipping",
        help="Hard clipping at the threshold.",
        memory="none",
        params={"threshold_db": _param("threshold_db", -60.0, 0.0, -6.0, "dB")},
    ),
    "bitcrush": EffectSpec(
        class_name="Bitcrush",
        help="Coarse steps, like an old sampler.",
        memory="none",
        params={"bit_depth": _param("bit_depth", 1.0, 24.0, 8.0, "bit")},
    ),
    "invert": EffectSpec(class_name="Invert", help="Turns the polarity.", memory="none"),
    "resample": EffectSpec(
        class_name="Resample",
        help="Down to a lower sample rate and back: a narrow band.",
        live=False,
        why="it delays the sound by some hundred frames",
        params={"target_sample_rate_hz": _param("target_sample_rate", 1000.0, 48000.0, 8000.0, "Hz", log=True)},
    ),
    "gsm": EffectSpec(
        class_name="GSMFullRateCompressor",
        help="A mobile phone of the nineties.",
        live=False,
        why="it returns its samples later than it takes them",
    ),
    "mp3": EffectSpec(
        class_name="MP3Compressor",
        help="A worn-out MP3.",
        live=False,
        why="it works in frames of its own and its sound depends on the block size",
        params={"vbr_quality": _param("vbr_quality", 0.0, 10.0, 8.0)},
    ),
    "pitchshift": EffectSpec(
        class_name="PitchShift",
        help="Higher or lower at the same speed.",
        live=False,
        why="it swallows its first second",
        params={"semitones": _param("semitones", -24.0, 24.0, 0.0, "semitones")},
    ),
}  # fmt: skip
"""Every effect by the name that stories and presets use."""


def effect_specs() -> dict[str, dict[str, ParamSpec]]:
    """Return the ranges of every parameter, by effect and name."""
    return {name: {p: param.spec for p, param in spec.params.items()} for name, spec in EFFECTS.items()}


def effect_spec(name: str, where: str = "") -> EffectSpec:
    """Return the row of effect ``name``; UnknownThing says ``where`` and names the allowed ones."""
    if name not in EFFECTS:
        raise UnknownThing(f"effect ({where})" if where else "effect", name, EFFECTS)
    return EFFECTS[name]


def plugin_spec(facts: PluginFacts) -> EffectSpec:
    """Return a plug-in as a row; one that nobody has ever tried has no parameters."""
    rows = {param.name: EffectParam(attribute=str(param.index), spec=param.spec) for param in facts.params}
    return EffectSpec(class_name=facts.name, help=facts.vendor, params=rows, plugin=facts)


def insert_spec(effect: str, plugins: Mapping[str, PluginFacts], where: str = "") -> EffectSpec:
    """Return the row of an insert, which may be a plug-in; see ``effect_spec``."""
    if is_plugin(effect):
        return plugin_spec(plugins.get(effect) or missing(plugin_name(effect)))
    return effect_spec(effect, where)


def check_effects(
    effects: Iterable[Effect], where: str, live: bool, plugins: Mapping[str, PluginFacts] | None = None
) -> tuple[Effect, ...]:
    """Return ``effects`` checked against the table, or raise an EngineError that says ``where`` and what is allowed.

    live: they will run as inserts, so those that can't run in blocks are refused. plugins: what inserts may be, too;
    one that is not here may have any parameters.
    """
    checked = tuple(effects)
    for number, effect in enumerate(checked, 1):
        place = f"{where}, effect {number}"
        spec = effect_spec(effect.effect, place) if plugins is None else insert_spec(effect.effect, plugins, place)
        if spec.plugin is None or spec.params or not spec.plugin.fault:
            _check_effect(effect, spec, place, live)
    return checked


def _check_effect(effect: Effect, spec: EffectSpec, where: str, live: bool) -> None:
    for name, value in effect.params.items():
        spec.param_index(name, f"{effect.effect} ({where})")
        spec.params[name].spec.check(value, f"{where}, {effect.effect}.{name}")
    if live and not spec.live:
        allowed = ", ".join(sorted(name for name, row in EFFECTS.items() if row.live))
        raise BadRange(
            f"{where}: {effect.effect} can't run as a live insert: {spec.why}. "
            f"Give it to a voice preset, or use one of: {allowed}"
        )
