"""Outlets: a device's process that ends, or is to end, just as it is told what to play takes no other one with it."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine.io import outlets
from engine.io.messages import Played
from engine.io.outlets import Outlet
from tests.signals import RATE

WAIT_SECONDS = 60.0
PLAYED = Played(strip="a", device="phones", lane=0)


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """Return what threads ended with; in an io process the first of them ends it."""
    errors: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: errors.append(failed.exc_value))
    return errors


def ended(outlet: Outlet) -> bool:
    outlet._thread.join(WAIT_SECONDS)
    return not outlet._thread.is_alive()


def test_a_process_that_ends_before_it_is_told_anything_is_lost_and_that_is_told(
    failed: list[BaseException | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = threading.Event()

    def spawn(*_: Any, **__: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.wait()
        return process

    monkeypatch.setattr(outlets, "spawn", spawn)
    outlet = Outlet(PLAYED, RATE, lost.set)
    assert lost.wait(WAIT_SECONDS), failed
    assert (outlet.state.state, outlet.state.text) == ("lost", "its process ended (exit code 0)")
    outlet.close()
    assert ended(outlet) and failed == []


def test_one_that_is_closed_just_as_its_process_is_told_what_to_play_ends(
    failed: list[BaseException | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, made = threading.Event(), list[Outlet]()

    def encode(config: Any) -> bytes:
        begun.wait(WAIT_SECONDS)
        made[0].close()
        return msgspec.json.encode(config)

    monkeypatch.setattr(
        outlets, "msgspec", SimpleNamespace(json=SimpleNamespace(encode=encode, decode=msgspec.json.decode))
    )
    made.append(Outlet(PLAYED, RATE, lambda: None))
    begun.set()
    assert ended(made[0]) and failed == []
