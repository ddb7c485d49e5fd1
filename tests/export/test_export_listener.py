"""The listener of the export process hears the end of its input, and holds no lock of it meanwhile."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from engine.export.export_process import Teller


def test_the_listener_waits_past_the_buffer_of_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: reads))
    teller = Teller()
    os.write(writes, b"a word")
    os.close(writes)
    teller.watch()
    os.close(reads)
    assert teller.cancelled.is_set()
