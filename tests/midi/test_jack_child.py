"""The process that is our JACK client, asked and given up at once."""

from __future__ import annotations

import threading

import pytest

from bridge.midi import jack_ports
from bridge.midi.jack_child import JackChild
from bridge.midi.jack_ports import JackSystem
from bridge.midi.port import PortError

WAIT_SECONDS = 30.0


class Slow:
    """A request; what is to happen meanwhile begins while it is written."""

    def __init__(self, meanwhile: threading.Thread) -> None:
        self._meanwhile = meanwhile

    def __reduce__(self) -> tuple[type[str], tuple[()]]:
        self._meanwhile.start()
        self._meanwhile.join(0.2)
        assert self._meanwhile.is_alive(), "it waits until the request was answered"
        return str, ()


def test_a_connection_is_given_back_once_nobody_asks_over_it() -> None:
    """Its number is the next connection's: what is written late would be a request to the next process."""
    child = JackChild("Asked", lambda *_: None, waits=True)
    child.end()
    closing = threading.Thread(target=child.close)
    with pytest.raises(PortError, match="gone"):
        child.ask("shut", Slow(closing))
    closing.join()
    with pytest.raises(PortError, match="gone"):
        child.ask("inputs")
    child.end()
    child.close()


class Begun:
    """A process that is a client at once. goes: it is gone when it is asked anything."""

    rate = 48_000
    goes = False
    asked = threading.Event()

    def __init__(self, *_: object, waits: bool) -> None:
        self._ended = threading.Event()

    def begin(self) -> None:
        """Be one."""

    def ask(self, verb: str) -> None:
        if Begun.goes:
            Begun.goes = False
            self.end()
            raise PortError("gone")
        Begun.asked.set()

    def wait(self) -> None:
        self._ended.wait()

    def end(self) -> None:
        self._ended.set()

    def close(self) -> None:
        """Give nothing back."""


class JustThen(JackSystem):
    """Its transport is wanted at the moment at which a server has come."""

    @property
    def _child(self) -> JackChild | None:
        return self.__dict__.get("child")

    @_child.setter
    def _child(self, child: JackChild | None) -> None:
        if child is not None:
            self.watch()
        self.__dict__["child"] = child


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> type[Begun]:
    monkeypatch.setattr(jack_ports, "JackChild", Begun)
    monkeypatch.setattr(jack_ports, "AGAIN_SECONDS", 0.01)
    Begun.asked.clear()
    return Begun


def test_a_transport_that_is_wanted_when_a_server_comes_is_watched(begun: type[Begun]) -> None:
    system = JustThen(waits=True)
    assert begun.asked.wait(WAIT_SECONDS)
    system.close()


def test_a_transport_that_is_wanted_when_a_server_goes_is_watched_when_it_is_back(begun: type[Begun]) -> None:
    system = JackSystem()
    begun.goes = True
    system.watch()
    assert begun.asked.wait(WAIT_SECONDS)
    assert system.epoch == 1
    system.close()
