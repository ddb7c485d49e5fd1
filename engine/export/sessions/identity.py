"""Identity: the note by which a clip is known when a session comes back edited."""

from __future__ import annotations

import re

from engine.export.media import Medium
from engine.story.timeline import Placed

_NOTE = re.compile(r"cuevox clip=([a-z0-9_-]+)(?: take=([0-9a-f]+))?")


def clip_note(placed: Placed, medium: Medium) -> str:
    """Return the note of a clip: its id, and the take that it plays."""
    return f"cuevox clip={placed.clip.id}" + (f" take={medium.take.digest[:16]}" if medium.take else "")


def clip_of_note(text: str) -> str | None:
    """Return the clip id that a note tells, wherever in a text it stands; None for a text without one."""
    match = _NOTE.search(text)
    return match[1] if match else None
