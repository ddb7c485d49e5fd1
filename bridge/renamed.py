"""Renamed: which nodes of the address space are called otherwise once a cue has another number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.port import EnginePort
from engine.events import CueRenumbered


def renamed_nodes(event: CueRenumbered, engine: EnginePort) -> Iterator[tuple[str, str]]:
    """Yield what the nodes of a cue were called and are called now: those of the first list have two."""
    if event.cuelist == next(iter(engine.cue_lists()), None):
        yield f"/cue/{event.cue}", f"/cue/{event.number}"
    node = f"/cuelist/{event.cuelist}/cue"
    yield f"{node}/{event.cue}", f"{node}/{event.number}"


def renamed(address: str, names: Mapping[str, str]) -> str:
    """Return an address as it is now; names: what nodes were called and are called now."""
    for before, now in names.items():
        if address == before or address.startswith(f"{before}/"):
            return now + address[len(before) :]
    return address
