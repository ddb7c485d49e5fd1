"""Looks: what of the engine's state a slot's light shows, beside how far its take is."""

from __future__ import annotations

from bridge.midi.lights import LOOKS, Look
from bridge.port import EnginePort
from engine.errors import EngineError

PATTERNS = ("/strip/*/mute", "/cue/next")
"""What has a say in looks beside the slots' own states."""

_LIKE: dict[str, Look] = {"waiting": "queued", "paused": "standby"}


class Looks:
    """A slot that is silent because its strip is muted looks muted; one that GO fires next, as long as it is ready,
    looks like that.
    """

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine

    def of(self, slot: tuple[str, int], state: str) -> Look:
        """Return how a slot of that state looks now."""
        look: Look = next((known for known in LOOKS if known == state), _LIKE.get(state, "off"))
        if look not in ("ready", "playing"):
            return look
        try:
            strip = self._engine.slot_strip(*slot)
            if strip is not None and self._engine.strip_state(strip).mute:
                return "muted"
            return "standby" if look == "ready" and self._engine.slot_stands_by(*slot) else look
        except EngineError:
            return look  # the story is being changed: its slots are told anew
