"""The painter: keeps a device's lights and motors as the engine's truth is, at the pace that the device can take."""

from __future__ import annotations

from collections.abc import Callable, Hashable

PAINT_SECONDS = 0.02
"""A light changes at most this often."""

MESSAGES_PER_PAINT = 48
"""So many go out at a time: a cable of 31250 baud carries about 20, USB any number; devices' own queues are short."""


class Painter:
    """What one device shall show, and what it was sent. send: sends bytes; returns whether the device took them.

    A light that is changed and changed back before it was sent costs nothing. After ``repaint`` everything is sent
    again: nobody knows what a device that was away shows.
    """

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._wanted: dict[Hashable, bytes] = {}
        self._shown: dict[Hashable, bytes] = {}
        self._changed: dict[Hashable, None] = {}

    @property
    def waiting(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._changed)

    def show(self, key: Hashable, message: bytes) -> None:
        """Have the device show something: ``key`` is the light, ``message`` what lights it so."""
        self._wanted[key] = message
        if self._shown.get(key) == message:
            self._changed.pop(key, None)
        else:
            self._changed.setdefault(key)

    def repaint(self) -> None:
        """Send everything again."""
        self._shown.clear()
        self._changed = dict.fromkeys(self._wanted)

    def note(self, key: Hashable, message: bytes) -> None:
        """Take note that the device shows something already: a fader that stands where a hand has put it."""
        self._wanted[key] = self._shown[key] = message
        self._changed.pop(key, None)

    def forget(self, key: Hashable) -> None:
        """Take note that the device now shows something else by itself: a fader that was moved by hand."""
        if self._shown.pop(key, None) is not None:
            self._changed.setdefault(key)

    def paint(self) -> None:
        """Send the next changes; what the device does not take stays to be sent."""
        for key in tuple(self._changed)[:MESSAGES_PER_PAINT]:
            if not self._send(self._wanted[key]):
                return
            self._shown[key] = self._wanted[key]
            del self._changed[key]
