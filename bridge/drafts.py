"""Drafts: edits of a client that are made at once, or kept until they are made as one step of the history."""

from __future__ import annotations

import msgspec

from bridge.clients import Client, Draft
from bridge.errors import BadValue, TooBig
from bridge.order import Order
from engine.commands import EditStory, StoryEdit
from engine.edits import AddCapture, ClipEdit, Redo, Undo

MOST_EDITS = 10_000
"""How many edits one step may be made of."""


def as_step(command: StoryEdit | Undo | Redo, order: Order) -> StoryEdit | EditStory | Undo | Redo | None:
    """Return what is to be done for an edit, its client and version with it; None: it was put into a draft."""
    client = order.client
    if isinstance(command, Undo | Redo):
        if client.draft is not None:
            raise BadValue("an edit that goes on can't take others back; /edit/cancel forgets it")
        return msgspec.structs.replace(command, client=client.shown, version=order.version)
    if client.draft is not None:
        if len(client.draft.edits) >= MOST_EDITS:
            raise TooBig(f"a step is made of at most {MOST_EDITS} edits; /edit/end makes it")
        client.draft.edits.append(command)
        return None
    if order.version is None and not isinstance(command, ClipEdit | AddCapture):
        return command
    return EditStory(edits=(command,), client=client.shown, version=order.version)


def begin(client: Client, name: str, version: int) -> None:
    """Keep a client's edits from now on."""
    if client.draft is not None:
        raise BadValue("an edit goes on already; /edit/end makes it, /edit/cancel forgets it")
    client.draft = Draft(name=name, version=version)


def end(client: Client) -> EditStory:
    """Return all that a client has edited since, as one step."""
    draft = cancel(client)
    return EditStory(edits=tuple(draft.edits), name=draft.name, client=client.shown, version=draft.version)


def cancel(client: Client) -> Draft:
    """Forget what a client has edited since, and return it."""
    if client.draft is None:
        raise BadValue("no edit goes on; /edit/begin begins one")
    draft, client.draft = client.draft, None
    return draft
