"""The system's MIDI ports through python-rtmidi: ALSA, JACK, CoreMIDI, Windows."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from bridge.midi.port import NAME, Heard, MidiInput, MidiOutput, PortError

Api = Literal["auto", "alsa", "jack", "coremidi", "windows"]
_NUMBERS: dict[Api, int] = {"coremidi": 1, "alsa": 2, "jack": 3, "windows": 4}
_OWN = re.compile(rf"^{NAME}(-\d+)?\b|^RtMidi")
_SEQUENCER = Path("/dev/snd/seq")

POLL_SECONDS = 0.001
"""How often an input is looked at: as often as USB asks a device."""

_QUEUE_MESSAGES = 16_384
"""What RtMidi keeps for us until then; a cable carries 1000 messages a second."""


def usable_apis() -> tuple[Api, ...]:
    """Return the ways to MIDI that are tried by themselves.

    JACK is not among them: a client of it that dies stalls the sound of all others. It is used when it is asked for.
    """
    import rtmidi

    if sys.platform == "linux" and not _SEQUENCER.exists():
        return ()  # asking for it would print the library's complaint
    compiled = rtmidi.get_compiled_api()
    return tuple(api for api, number in _NUMBERS.items() if number in compiled and api != "jack")


class RtMidiSystem:
    """Ports of one of the system's MIDI interfaces. Raises PortError when there is none.

    Each input has a thread that takes what came from RtMidi's queue, stamps it with the wall time and hands it on. Not
    a callback: RtMidi's thread would wait for the interpreter in it, and closing keeps the interpreter while it waits
    for that thread. A port that was closed while its device sent stopped the process for good.
    """

    is_ours = False
    lost = missed = late = epoch = 0
    latest_seconds = 0.0

    def __init__(self, api: Api = "auto") -> None:
        self.api, self._scan_in, self._scan_out = _first_usable((api,) if api != "auto" else usable_apis())

    def inputs(self) -> Sequence[str]:
        """Return the names of what can be heard now."""
        return _others(self._scan_in)

    def outputs(self) -> Sequence[str]:
        """Return the names of what can be sent to now."""
        return _others(self._scan_out)

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear a port, SysEx and clock too."""
        port = _made("MidiIn", self.api, _QUEUE_MESSAGES)
        port.ignore_types(sysex=False, timing=False, active_sense=True)
        _open(port, name, virtual=virtual)
        return _Input(port, heard)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:
        """Open a port to send to."""
        port = _made("MidiOut", self.api)
        _open(port, name, virtual=virtual)
        return _Output(port, name)

    def close(self) -> None:
        """Give back what listing ports took."""
        self._scan_in.delete()
        self._scan_out.delete()


class _Input:
    def __init__(self, port: Any, heard: Heard) -> None:
        self._port: Any = port
        self._heard = heard
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="rtmidi", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            while (event := self._port.get_message()) is not None:
                self._heard(time.time(), bytes(event[0]))

    def close(self) -> None:
        if self._port is not None:
            self._closed.set()
            self._thread.join()
            self._port.close_port()
            self._port.delete()
            self._port = None


class _Output:
    def __init__(self, port: Any, name: str) -> None:
        self._port: Any = port
        self._name = name
        self.lead_seconds = 0.0

    def send(self, message: bytes, at: float | None = None) -> None:  # noqa: ARG002 - it can't wait
        import rtmidi

        if self._port is None:
            raise PortError(f"the MIDI port {self._name!r} is closed")
        try:
            self._port.send_message(message)
        except rtmidi.RtMidiError as error:
            raise PortError(f"can't send to the MIDI port {self._name!r}: {error}") from error

    def close(self) -> None:
        if self._port is not None:
            self._port.close_port()
            self._port.delete()
            self._port = None


def _first_usable(apis: Sequence[Api]) -> tuple[Api, Any, Any]:
    said = []
    for api in apis:
        try:
            return api, _made("MidiIn", api), _made("MidiOut", api)
        except PortError as error:
            said.append(f"{api}: {error}")
    raise PortError("this machine has no MIDI" + (f" ({'; '.join(said)})" if said else "; JACK's is used if asked for"))


def _made(kind: Literal["MidiIn", "MidiOut"], api: Api, *more: int) -> Any:
    import rtmidi

    try:
        return getattr(rtmidi, kind)(_NUMBERS[api], NAME, *more)
    except (rtmidi.RtMidiError, TypeError) as error:
        raise PortError(str(error)) from error


def _others(port: Any) -> Sequence[str]:
    import rtmidi

    try:
        return tuple(name for name in port.get_ports() if not _OWN.match(name))
    except rtmidi.RtMidiError as error:
        raise PortError(str(error)) from error


def _open(port: Any, name: str, *, virtual: bool) -> None:
    import rtmidi

    try:
        if virtual:
            port.open_virtual_port(name)
            return
        names = port.get_ports()
        if name not in names:
            raise PortError(f"no MIDI port named {name!r}; there is: {', '.join(names) or 'none'}")
        port.open_port(names.index(name), NAME)
    except (rtmidi.RtMidiError, NotImplementedError) as error:
        raise PortError(f"can't open the MIDI port {name!r}: {error}") from error
