"""Cuevox as a Mackie Control: a port that a DAW takes for one, whose transport buttons we press."""

from __future__ import annotations

from typing import get_args

from bridge.errors import BadValue
from bridge.midi import mackie
from bridge.midi.port import MidiOutput, PortError

PORT = "Cuevox Control"
"""What a DAW is told to use as its Mackie Control, for input and output."""

SERIAL = b"CUEVOX1"
_QUERY, _CONNECT, _REPLY, _CONFIRM = 0x00, 0x01, 0x02, 0x03
_CHALLENGE = b"\x01\x23\x45\x67"


class MackieRemote:
    """Presses a DAW's buttons, and knows its lights. output: our port to it.

    A host that asks who we are is told; what it proves itself with is not held against it: most hosts don't ask.
    """

    def __init__(self, output: MidiOutput) -> None:
        self._output = output
        self.lit: dict[str, bool] = {}
        """The DAW's own lights by button: what it does, not what we pressed."""

    def press(self, button: str) -> None:
        """Press a button and let it go. Raises BadValue for one that there is not, PortError."""
        names = get_args(mackie.Button)
        name = next((known for known in names if known == button), None)
        if name is None:
            raise BadValue(f"no button named {button!r}; there is: {', '.join(names)}")
        for message in mackie.press(mackie.BUTTONS[name]):
            self._output.send(message)

    def hear(self, message: bytes) -> str:
        """Take what the DAW sends; return what it means, an empty text: nothing to us."""
        if message.startswith(mackie.HEAD):
            return self._greet(message)
        if message[0] == 0x90:
            name = next((n for n, number in mackie.BUTTONS.items() if number == message[1]), None)
            if name is not None:
                self.lit[name] = message[2] > 0
                return f"{name} is {'on' if message[2] else 'off'} in the DAW"
        return ""

    def _greet(self, message: bytes) -> str:
        kind = message[len(mackie.HEAD)]
        answers = {
            _QUERY: bytes((_CONNECT,)) + SERIAL + _CHALLENGE,
            _REPLY: bytes((_CONFIRM,)) + SERIAL,
        }
        if kind not in answers:
            return ""
        try:
            self._output.send(mackie.HEAD + answers[kind] + b"\xf7")
        except PortError:
            return "the DAW is gone"
        return "a DAW asks who we are"
