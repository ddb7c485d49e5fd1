"""JSON lines from the supervisor: each in its order, the end as the last, and none to a loop that has ended."""

import asyncio
import io
import os
import threading

import pytest

from engine.control.lines import SupervisorLines


@pytest.fixture
def pipe():
    """Yield the two ends of a pipe as binary files."""
    source, target = os.pipe()
    with os.fdopen(source, "rb") as reads, os.fdopen(target, "wb", buffering=0) as writes:
        yield reads, writes


@pytest.fixture
def reader(monkeypatch):
    """Return a function that gives the thread that reads, and the errors that threads ended with."""
    errors = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: errors.append(failed.exc_value))
    others = set(threading.enumerate())
    return lambda: next(each for each in threading.enumerate() if each not in others), errors


def test_lines_come_in_order_and_end_with_nothing():
    async def received():
        lines = SupervisorLines(io.BytesIO(b'{"a": 1}\n{"b": 2}\n'), io.BytesIO())
        return [await lines.receive() for _ in range(3)]

    assert asyncio.run(received()) == [{"a": 1}, {"b": 2}, None]


@pytest.mark.parametrize("late", [b'{"stop": true}\n', b""])
def test_what_comes_after_the_loop_has_ended_ends_the_thread_without_a_word(pipe, reader, late):
    reads, writes = pipe
    thread_of, errors = reader

    async def begin():
        SupervisorLines(reads, io.BytesIO())
        return thread_of()

    thread = asyncio.run(begin())
    writes.write(late)
    writes.close()
    thread.join(10)
    assert not thread.is_alive()
    assert errors == []
