"""Notes from a DAW on their way into the event loop: told as done once it has had its turn with them."""

import asyncio
import threading

import pytest

from bridge.midi.daw_ports import NAME, DawSystem
from bridge.midi.port import Exact, PortError

WAIT_SECONDS = 30.0


class Notes:
    """A ring that is given one reading, and says when that is done."""

    def __init__(self, *rows):
        self._rows, self.told = list(rows), []
        self.there, self.is_done = threading.Event(), threading.Event()

    def wait(self, seconds):
        self.there.wait(seconds)

    def read(self):
        rows = self._rows if self.there.is_set() else []
        self._rows = [] if rows else self._rows
        return rows

    def done(self, count):
        self.told.append(count)
        self.is_done.set()


def heard_of(notes, begin=lambda: None):
    """Return what the event loop had taken in at the moment at which the notes were told to be done; and the system."""

    async def listen():
        loop, taken, at_that_moment = asyncio.get_running_loop(), [], []
        done = notes.done
        notes.done = lambda count: (at_that_moment.extend(taken), done(count))
        system = DawSystem(notes, loop, begin)
        system.open_input(NAME, lambda at, data: loop.call_soon_threadsafe(taken.append, (at, data)))
        notes.there.set()
        assert await loop.run_in_executor(None, notes.is_done.wait, WAIT_SECONDS)
        system.close()
        return at_that_moment, system

    return asyncio.run(listen())


def test_notes_are_done_once_the_event_loop_has_had_them():
    notes = Notes((1000, b"\x90\x24\x64"), (1005, b"\x80\x24\x00"))
    heard, _ = heard_of(notes)
    assert [(at.frame, data) for at, data in heard] == [(1000, b"\x90\x24\x64"), (1005, b"\x80\x24\x00")]
    assert all(isinstance(at, Exact) for at, _ in heard)
    assert notes.told == [2]


def test_what_was_lost_is_counted_and_its_thread_is_preferred():
    begun = []
    notes = Notes((7, b""), (3, b"\x90\x24\x01"))
    heard, system = heard_of(notes, lambda: begun.append(threading.current_thread().name))
    assert (len(heard), system.lost, begun) == (1, 7, ["midi-daw"])


def test_it_can_only_be_heard():
    system = heard_of(Notes((0, b"\x90\x24\x01")))[1]
    assert (system.inputs(), system.outputs()) == ((NAME,), ())
    with pytest.raises(PortError, match="only heard"):
        system.open_output(NAME)
    with pytest.raises(PortError, match=NAME):
        system.open_input("other", print)
