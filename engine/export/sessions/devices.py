"""Devices of a DAWproject: those of our effects that the format knows, as devices that can be turned there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from engine.export.sessions.xml import Element, child
from engine.mixer.effects import EFFECTS
from engine.story.model import Effect

_BANDS = {
    "highpass": ("highPass", 1), "lowpass": ("lowPass", 1), "lowshelf": ("lowShelf", None),
    "highshelf": ("highShelf", None), "peak": ("bell", None),
}  # fmt: skip
_DYNAMICS = {"compressor": "Compressor", "noisegate": "NoiseGate"}

NewId = Callable[[], str]


def is_known(effect: Effect) -> bool:
    """Return whether the format has such a device."""
    return effect.effect in _BANDS or effect.effect in _DYNAMICS


def add_devices(channel: Element, inserts: Sequence[Effect], new_id: NewId, limiter_db: float | None = None) -> None:
    """Add the devices of a strip, in their order; neighbouring filters are bands of one equalizer."""
    known = [effect for effect in inserts if is_known(effect)]
    if not known and limiter_db is None:
        return
    devices = child(channel, "Devices")
    for is_band, group in groupby(known, lambda effect: effect.effect in _BANDS):
        if is_band:
            _equalizer(devices, list(group), new_id)
        else:
            for effect in group:
                _dynamics(devices, effect, new_id)
    if limiter_db is not None:
        limiter = _device(devices, "Limiter", new_id, enabled=True)
        _real(limiter, "Threshold", limiter_db, "decibel", new_id)


def _equalizer(devices: Element, effects: Sequence[Effect], new_id: NewId) -> None:
    equalizer = _device(devices, "Equalizer", new_id, enabled=True)
    for effect in effects:
        kind, order = _BANDS[effect.effect]
        band = child(equalizer, "Band", type=kind, **({"order": order} if order else {}))
        values = dict(_values(effect))
        _real(band, "Freq", values["cutoff_hz"], "hertz", new_id)
        if "gain_db" in values:
            _real(band, "Gain", values["gain_db"], "decibel", new_id)
            _real(band, "Q", values["q"], "linear", new_id)
        child(band, "Enabled", id_=new_id(), value=not effect.bypass)


def _dynamics(devices: Element, effect: Effect, new_id: NewId) -> None:
    device = _device(devices, _DYNAMICS[effect.effect], new_id, enabled=not effect.bypass)
    values = dict(_values(effect))
    _real(device, "Attack", values["attack_ms"] / 1000, "seconds", new_id)
    _real(device, "Ratio", values["ratio"], "linear", new_id)
    _real(device, "Release", values["release_ms"] / 1000, "seconds", new_id)
    _real(device, "Threshold", values["threshold_db"], "decibel", new_id)


def _device(devices: Element, kind: str, new_id: NewId, *, enabled: bool) -> Element:
    device = child(devices, kind, id_=new_id(), deviceName=kind, deviceRole="audioFX", deviceVendor="Cuevox")
    child(device, "Enabled", id_=new_id(), value=enabled)
    return device


def _real(parent: Element, name: str, value: float, unit: str, new_id: NewId) -> None:
    child(parent, name, id_=new_id(), name=name, value=float(value), unit=unit)


def _values(effect: Effect) -> Iterator[tuple[str, float]]:
    for name, param in EFFECTS[effect.effect].params.items():
        yield name, float(effect.params.get(name, param.spec.default))
