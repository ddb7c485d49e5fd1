"""A pattern file for Reaper's OSC surface: Reaper's transport and master fader drive ours.

Reaper numbers its tracks and we name ours, so that single strips can't be had this way. Not tried with Reaper.
"""

from __future__ import annotations

from bridge.places import HostPort
from bridge.port import EnginePort

_PATTERNS = (
    ("PLAY", "t/transport/play"),
    ("STOP", "t/transport/stop"),
    ("MASTER_VOLUME", "f/strip/master/gain"),  # f: in decibels; Reaper's faders travel otherwise than ours
    ("MASTER_PAN", "n/strip/master/pan/norm"),
    ("ACTION", "i/reaper/action s/reaper/action/str t/reaper/action/@"),
)


def reaper_patterns(engine: EnginePort, osc: HostPort) -> str:
    """Return the file."""
    del engine
    return patterns(osc)


def patterns(osc: HostPort) -> str:
    """Return the file for an engine that hears OSC there."""
    head = (
        "# Cuevox for Reaper: Preferences > Control/OSC/web > Add > OSC (Open Sound Control);\n"
        f"# pattern config: this file; mode: device IP + local port; device IP and port: {osc[0]} {osc[1]}.\n\n"
        "DEVICE_TRACK_COUNT 0\nDEVICE_SEND_COUNT 0\nDEVICE_RECEIVE_COUNT 0\nDEVICE_FX_COUNT 0\n\n"
    )
    return head + "".join(f"{action} {pattern}\n" for action, pattern in _PATTERNS)
