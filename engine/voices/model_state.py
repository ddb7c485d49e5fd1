"""What is told of a model: how far it is from speaking, and what it takes."""

from __future__ import annotations

import msgspec

from engine.events import VoiceState


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is.

    model: its key, empty for what every worker speaks. fraction, stage: of loading. reason: why it failed. bytes: what
    it takes in memory, by device, as measured when it was loaded.
    """

    model: str
    state: VoiceState = "cold"
    fraction: float = 0.0
    stage: str = ""
    reason: str = ""
    bytes: dict[str, int] = {}
