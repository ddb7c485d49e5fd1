"""Orders: single things to do, and when."""

from __future__ import annotations

import msgspec

from bridge.appointments import Place
from bridge.clients import Client
from bridge.tree import Leaf
from engine.commands import Command


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: a command, a question to the desk, a value to read, or nothing (a trigger let go).

    request: the id that the answer repeats, None: the sender asked for none. version: of the story that it is
    meant for.
    """

    client: Client
    leaf: Leaf
    request: int | None
    command: Command | None = None
    question: dict[str, object] | None = None
    reads: bool = False
    job: str | None = None
    version: int | None = None


Moment = int | Place | None
"""When something is to happen: an engine frame, a place on the timeline, None: now."""
