"""The keyboard: keys that play one slot as a melody, its words, or from a word on."""

from __future__ import annotations

from collections.abc import Callable

from bridge.message import Message
from bridge.midi.surface import Keys
from bridge.midi.velocity import level
from bridge.midi.voiced import Voiced

Send = Callable[[Message, float], str]


class Keyboard:
    """The keys of one device. send: has a message done at a Unix time and says so.

    Middle C (60) plays a melodic slot as it is. On a word keyboard the words of the slot's line lie on the keys from
    ``low`` upwards; a key beyond the last word answers that there is none. In gate mode a slot speaks one word at a
    time: only the key that was pressed last lets it go.
    """

    def __init__(self, zones: tuple[Keys, ...], send: Send) -> None:
        self._zones, self._send = zones, send
        self._held: dict[tuple[int, int], Message] = {}
        self._speaks: dict[str, tuple[int, int]] = {}
        """The key that was pressed last for a word, by the address that lets it go."""

    def press(self, event: Voiced, at: float) -> str:
        """Play a key; an empty text: it is not one of ours."""
        zone = next((z for z in self._zones if _fits(z, event)), None)
        if zone is None:
            return ""
        key = event.channel, event.number
        self.let_go(key, at)
        velocity = level(event.value, zone.curve, zone.floor)
        slot = f"/slot/{zone.bank}/{zone.index}"
        if zone.plays == "pitch":
            semitones = float(event.number - zone.root)
            self._held[key] = Message(f"{slot}/note", (semitones, 0.0))
            return self._send(Message(f"{slot}/note", (semitones, velocity)), at)
        self._held[key] = release = Message(f"{slot}/trigger", (0.0,))
        self._speaks[release.address] = key
        word = f"#{zone.first_word + event.number - zone.low}"
        verb = "word" if zone.plays == "words" else "from"
        return self._send(Message(f"{slot}/{verb}", (word, velocity)), at)

    def let_go(self, key: tuple[int, int], at: float) -> str:
        """Let a key (channel, note) go; an empty text: it was not held."""
        release = self._held.pop(key, None)
        if release is None:
            return ""
        if self._speaks.get(release.address, key) != key:
            return "passed over: another key was pressed since"
        return self._send(release, at)


def _fits(zone: Keys, event: Voiced) -> bool:
    return zone.low <= event.number <= zone.high and zone.channel in (0, event.channel)
