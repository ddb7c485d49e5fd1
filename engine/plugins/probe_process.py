"""The child that tries plug-ins, so that one which crashes or hangs takes nobody with it.

``python -m engine.plugins.probe_process``: each line in is ``{"path": …}``, ``{"state_of": PluginFacts, "values":
[[index, raw]], "preset": path}``, or ``{"preset_of": PluginFacts, "state": base64, "values": [[index, raw]]}``; lines
out are ``{"stage": text}``, what is about to be done, and at last
``{"plugins": [PluginFacts]}``, ``{"state": base64}``, ``{"preset": base64}`` or ``{"error": text}``.
"""

from __future__ import annotations

import base64
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import numpy as np

from engine.errors import EngineError
from engine.mixer.hosting import PluginRefused, load_hosted, open_plugin, plugin_names, preset_of, state_of
from engine.mixer.plugins import EffectFailed, run_plugin
from engine.platform import die_with_parent
from engine.plugins.description import describe_params
from engine.plugins.facts import PluginFacts

SAMPLE_RATE = 48000.0
BLOCKS = (1024, 64, 256, 128, 1024, 64)
"""What is played to a plug-in, in frames."""


class Prober:
    """Tries what it is asked to. tell: hears what comes next."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers

    def answer(self, message: dict[str, Any]) -> None:
        """Write one line."""
        self._answers.write(msgspec.json.encode(message) + b"\n")

    def probe(self, path: str) -> list[PluginFacts]:
        """Return what is in a file. Raises PluginRefused."""
        self.answer({"stage": "loading"})
        names = plugin_names(path)
        return [self._probe_one(path, name if len(names) > 1 else "") for name in names]

    def _probe_one(self, path: str, inner: str) -> PluginFacts:
        plugin = open_plugin(path, inner)
        self.answer({"stage": "telling its parameters"})
        facts = PluginFacts(
            name=str(plugin.name),
            path=path,
            inner=inner,
            vendor=str(plugin.manufacturer_name),
            version=str(plugin.version),
            format="AU" if path.lower().endswith(".component") else "VST3",
        )
        if plugin.is_instrument:
            return msgspec.structs.replace(facts, fault="it is an instrument; an insert takes effects")
        try:
            facts = msgspec.structs.replace(facts, params=describe_params(plugin._parameters))
            return self._played(facts)
        except (PluginRefused, EffectFailed) as error:
            return msgspec.structs.replace(facts, fault=str(error))

    def _played(self, facts: PluginFacts) -> PluginFacts:
        """Return the facts with what it takes to play it: as stereo, or else as one plug-in for each side."""
        self.answer({"stage": "processing"})
        try:
            return _play(facts)
        except (PluginRefused, EffectFailed) as stereo:
            try:
                return _play(msgspec.structs.replace(facts, channels=1))
            except (PluginRefused, EffectFailed):
                raise stereo from None


def _play(facts: PluginFacts) -> PluginFacts:
    hosted = load_hosted(facts, SAMPLE_RATE, max(BLOCKS), "", ())
    noise = np.random.default_rng(1)
    for frames in BLOCKS:
        block = (0.1 * noise.standard_normal((2, frames))).astype(np.float32)
        out = run_plugin(hosted, block, SAMPLE_RATE, max(BLOCKS))
        if not np.isfinite(out).all():
            raise EffectFailed(f"{facts.name} returns what is no sound (not a number)")
    return msgspec.structs.replace(facts, latency_frames=hosted.latency_frames)


def _requests() -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        yield msgspec.json.decode(line)


def main() -> None:
    """Answer until nobody asks any more."""
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]), at_once=True)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what plug-ins print is no answer
    prober = Prober(answers)
    prober.answer({"ready": True})
    for request in _requests():
        try:
            if "state_of" in request:
                facts = msgspec.convert(request["state_of"], PluginFacts)
                prober.answer({"state": state_of(facts, request["values"], str(request["preset"]))})
            elif "preset_of" in request:
                facts = msgspec.convert(request["preset_of"], PluginFacts)
                data = preset_of(facts, str(request["state"]), request["values"])
                prober.answer({"preset": base64.b64encode(data).decode()})
            else:
                prober.answer({"plugins": prober.probe(str(request["path"]))})
        except EngineError as error:
            prober.answer({"error": str(error)})
    with contextlib.suppress(OSError):
        answers.flush()
    os._exit(0)  # nothing that plug-ins have registered for the end is wanted


if __name__ == "__main__":
    main()
