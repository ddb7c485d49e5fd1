"""The process that is our JACK client, asked and given up at once."""

from __future__ import annotations

import threading

import pytest

from bridge.midi.jack_child import JackChild
from bridge.midi.port import PortError


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
