"""Sounds for a running Ableton Live, by way of the remote script that `cuevox setup live` installs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from bridge.errors import NoAnswer
from bridge.message import Message
from bridge.osc import codec
from bridge.places import HostPort

SCRIPT: HostPort = ("127.0.0.1", 7402)
PATIENCE_SECONDS = 10.0
"""Live calls the script ten times a second, but stands still while it opens dialogs or reads a sound."""


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A sound, and the name of the track that it belongs on."""

    track: str
    path: Path


def place_in_live(
    sounds: Iterable[Sound],
    beat: float,
    script: HostPort = SCRIPT,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    turn: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, str]]:
    """Have Live put each sound into its arrangement; yield the track, and why Live did not (an empty text: it did).

    turn: called before each wait. Raises NoAnswer where no script answers.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(patience_seconds)
        for sound in sounds:
            wire.sendto(codec.encode(Message("/live/place", (sound.track, str(sound.path), beat))), script)
            turn()
            yield sound.track, _answer(wire)


def _answer(wire: socket.socket) -> str:
    try:
        packet = wire.recv(65536)
    except (TimeoutError, ConnectionError) as error:
        raise NoAnswer(
            "Live does not answer: start it with Control Surface Cuevox in Preferences > Link, Tempo & MIDI"
            " (`cuevox setup live` installs it)"
        ) from error
    message = codec.parse(packet)[0].messages[0]
    return "" if message.address == "/live/placed" else str(message.args[-1])
