"""Outsides: the clocks that have to be asked where they are, found as far as they are wanted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from bridge.midi.jack_ports import JackSystem, has_jack_client
from bridge.midi.port import MidiSystem, PortError
from bridge.midi.sync import Outside, SourceName

log = logging.getLogger(__name__)


def find_outsides(
    wanted: str,
    systems: Sequence[MidiSystem],
    *,
    leads_link: bool,
    waits: bool,
    open_now: Mapping[SourceName, Outside] = {},
) -> dict[SourceName, Outside]:
    """Return those of Link and JACK's transport that ``wanted`` names, or with ``auto`` those that this machine has.

    Only what is wanted: being asked is to be there for all to see. systems: JACK's ports, where they are open, know its
    transport too. leads_link: we lead a Link session; following it would be chasing ourselves. waits: a JACK server
    that is not there is waited for. open_now: what is asked already. Raises PortError for what is named and can't be
    had.
    """
    if wanted == "link" and leads_link:
        raise PortError("sync_out: link and clock_source: link would chase each other; take one of them")
    found: dict[SourceName, Outside] = {}
    for name in ("link", "jack"):
        if wanted not in (name, "auto") or (name == "link" and leads_link):
            continue
        if name in open_now:
            found[name] = open_now[name]
            continue
        try:
            found[name] = _link() if name == "link" else _jack(systems, waits=waits or wanted == "auto")
        except PortError as error:
            if wanted != "auto":
                raise
            log.info("following other clocks without one: %s", error)
    return found


def _link() -> Outside:
    from bridge.midi.link_clock import LinkClock

    return LinkClock()


def _jack(systems: Sequence[MidiSystem], *, waits: bool) -> Outside:
    from bridge.midi.jack_transport import JackTransport

    shared = next((system for system in systems if isinstance(system, JackSystem)), None)
    if shared is not None:
        return JackTransport(shared, owned=False)
    if not has_jack_client():
        raise PortError("JACK's transport needs JACK-Client: pip install 'cuevox[sync]'")
    return JackTransport(JackSystem("Cuevox-sync", waits=waits), owned=True)
