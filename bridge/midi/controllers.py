"""Controllers: 14-bit pairs and NRPNs, put together from the control changes that they arrive as."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from bridge.midi.voiced import Voiced

COARSE_TOP, FINE_TOP = 127, 16383
NULL = 127
_DATA, _DATA_LOW, _UP, _DOWN = 6, 38, 96, 97
_NRPN_LOW, _NRPN_HIGH, _RPN_LOW, _RPN_HIGH = 98, 99, 100, 101


class Moved(NamedTuple):
    """A controller is at ``value`` of ``top``; step: not a place but a way, an NRPN's increment or decrement."""

    kind: Literal["cc", "cc14", "nrpn"]
    channel: int
    number: int
    value: int
    top: int
    step: bool = False


class _Parameter:
    """Which NRPN of one channel is chosen, and its data so far; number None: none, or an RPN."""

    def __init__(self) -> None:
        self.high = self.low = NULL
        self.coarse = 0
        self.chosen = False

    @property
    def number(self) -> int | None:
        if not self.chosen or (self.high == NULL and self.low == NULL):
            return None
        return self.high << 7 | self.low


class Controllers:
    """Makes one value of the messages that it travels in. pairs: channel and number (0 to 31) of 14-bit controllers.

    The high half counts at once and the low half refines it: nothing waits for a half that may never come. A low half
    alone refines the high half that came last, as the standard allows.
    """

    def __init__(self, pairs: Collection[tuple[int, int]] = ()) -> None:
        self._pairs = frozenset(pairs)
        self._coarse: dict[tuple[int, int], int] = {}
        self._parameters: dict[int, _Parameter] = {}

    def take(self, event: Voiced) -> Moved | None:
        """Return where a control change puts a controller; None: nowhere yet."""
        _, channel, number, value = event
        if number in (_NRPN_HIGH, _NRPN_LOW, _RPN_HIGH, _RPN_LOW):
            self._choose(channel, number, value)
            return None
        parameter = self._parameters.get(channel)
        if parameter is not None and parameter.number is not None and number in (_DATA, _DATA_LOW, _UP, _DOWN):
            return self._data(parameter, parameter.number, event)
        if number < 32 and (channel, number) in self._pairs:
            self._coarse[channel, number] = value
            return Moved("cc14", channel, number, value << 7, FINE_TOP)
        if 32 <= number < 64 and (channel, number - 32) in self._pairs:
            high = self._coarse.get((channel, number - 32))
            if high is None:
                return None
            return Moved("cc14", channel, number - 32, high << 7 | value, FINE_TOP)
        return Moved("cc", channel, number, value, COARSE_TOP)

    def _choose(self, channel: int, number: int, value: int) -> None:
        parameter = self._parameters.setdefault(channel, _Parameter())
        parameter.chosen = number in (_NRPN_HIGH, _NRPN_LOW)
        parameter.coarse = 0
        if number == _NRPN_HIGH:
            parameter.high = value
        elif number == _NRPN_LOW:
            parameter.low = value

    def _data(self, parameter: _Parameter, number: int, event: Voiced) -> Moved:
        _, channel, controller, value = event
        if controller == _UP:
            return Moved("nrpn", channel, number, max(1, value), FINE_TOP, True)
        if controller == _DOWN:
            return Moved("nrpn", channel, number, -max(1, value), FINE_TOP, True)
        if controller == _DATA:
            parameter.coarse = value
            return Moved("nrpn", channel, number, value << 7, FINE_TOP)
        return Moved("nrpn", channel, number, parameter.coarse << 7 | value, FINE_TOP)
