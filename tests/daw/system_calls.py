"""What a host's audio thread asked of the system, from a trace of it."""

from __future__ import annotations

import re
from pathlib import Path


def system_calls(trace: Path) -> list[str]:
    """Return the calls that were made between the marks of each `run`."""
    calls = re.findall(r"^(?:\[?\w* ?\d*\]? *)?(\w+)\(", trace.read_text(), re.MULTILINE)
    marks = [index for index, call in enumerate(calls) if call == "getppid"]
    return [call for begin, end in zip(marks[::2], marks[1::2], strict=True) for call in calls[begin + 1 : end]]
