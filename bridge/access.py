"""Access: who may do what. This machine may do everything; others what their passcode grants."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from bridge.errors import BadValue, Busy, Denied
from bridge.message import Message
from bridge.places import is_local
from engine.commands import (
    AddCueMessage,
    RemoveCueMessage,
    RemoveTempo,
    RenumberCue,
    SetClip,
    SetCue,
    SetSlot,
    SetTempo,
)

if TYPE_CHECKING:
    from bridge.clients import Client
    from bridge.route import Route


class Right(IntEnum):
    """What a client may do; each right has those below it in it."""

    NONE = 0
    VIEW = 1
    TRIGGER = 2
    EDIT = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """Return its name as it is written."""
        return self.name.lower()


MIN_PASSCODE = 8
TRIES_AT_ONCE, TRY_SECONDS = 5.0, 10.0
"""Passcodes that one host may try at once, and how long until it may try one more."""
ALL_TRIES_AT_ONCE, ALL_TRIES_SECONDS = 20.0, 1.0
"""The same for all hosts together: addresses can be made up."""
MAX_HOSTS = 256

DUMP = "/dump/heard"
"""Where those hear of every message that came in who asked for it with /dump: only who may do everything."""

_OPEN = frozenset({"/ping", "/version", "/api", "/connect", "/connect/response"})
_ADMIN = frozenset({"/quit", "/engine/blackbox", "/dump", "/learn/osc", "/models/pull"})
_TRIGGERS = frozenset({"/clearsched", "/loudness/reset"})
_EDITS = (
    "/mix/",
    "/automation/",
    "/session/",
    "/clip/",
    "/edit/",
    "/undo",
    "/redo",
    "/midi/",
    "/snapshot/store",
    "/snapshot/remove",
    "/record/",
    "/capture/",
    "/stream/",
    "/output/",
    "/receive/",
    "/export",
    "/render",
    "/transcribe",
    "/takes/",
    "/profiles/",
    "/library/pin",
    "/library/unpin",
)
_EDIT_COMMANDS: frozenset[object] = frozenset(
    {SetCue, SetSlot, SetClip, AddCueMessage, RemoveCueMessage, RenumberCue, SetTempo, RemoveTempo}
)
_ASKED = frozenset({"/automation/points", "/edit/since", "/edit/find", "/edit/on"})


def needed(route: Route, *, writes: bool) -> Right:
    """Return what one must be allowed for a row; writes: it is to do something, not to tell."""
    address = route.address
    if address in _OPEN:
        return Right.NONE
    if address in _ADMIN:
        return Right.ADMIN
    if address in _TRIGGERS:
        return Right.TRIGGER
    if address in _ASKED or not writes or (route.handler and not address.startswith(_EDITS)):
        return Right.VIEW
    return Right.EDIT if address.startswith(_EDITS) or route.command in _EDIT_COMMANDS else Right.TRIGGER


def parse_passcodes(text: str) -> dict[str, Right]:
    """Return what each passcode of ``trigger:CODE, admin:CODE`` grants. Raises BadValue, never with a code in it."""
    found: dict[str, Right] = {}
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        word, _, code = part.partition(":")
        grants = {right.word: right for right in Right if right is not Right.NONE}
        if word.strip() not in grants or len(code.strip()) < MIN_PASSCODE:
            raise BadValue(
                f"passcode {number}: expected RIGHT:CODE, a right of {', '.join(grants)} and a code of at least"
                f" {MIN_PASSCODE} characters without a comma"
            )
        found[code.strip()] = grants[word.strip()]
    return found


class Access:
    """Grants rights. Event loop of the control process only; passcodes never leave it.

    A passcode that travels as it is grants ``TRIGGER`` at most, for anybody on the way can read it; the rest needs a
    connection, and proof that one knows the passcode: HMAC-SHA256 of our challenge, with the passcode as key, in hex.
    """

    def __init__(self, passcodes: Mapping[str, Right], now: Callable[[], float]) -> None:
        self._passcodes, self._now = dict(passcodes), now
        self._tries: OrderedDict[str, Tries] = OrderedDict()
        self._all = Tries(ALL_TRIES_AT_ONCE, ALL_TRIES_SECONDS, now)

    def connect(self, client: Client, passcode: str) -> Right:
        """Grant what a passcode grants. Raises Denied, and Busy after too many tries."""
        granted = self.check(client.source[0], passcode)
        client.right = max(client.right, granted)
        return client.right

    def check(self, host: str, passcode: str) -> Right:
        """Return what a passcode that came as it is grants a host. Raises Denied, Busy."""
        self._try(host)
        found = [right for code, right in self._passcodes.items() if _same(code, passcode)]
        if not found:
            raise Denied("that passcode is not known here")
        self._give_back(host)
        return min(Right.TRIGGER, found[0])

    def challenge(self, client: Client) -> str:
        """Return a challenge for a client, once."""
        client.challenge = self.new_challenge()
        return client.challenge

    def new_challenge(self) -> str:
        """Return a challenge that was never given before."""
        return secrets.token_hex(16)

    def respond(self, client: Client, response: str) -> Right:
        """Grant what the passcode grants that a response proves. Raises Denied, Busy."""
        if not client.transport.connected:
            raise Denied("that needs a connection: TCP, WebSocket or HTTP")
        challenge, client.challenge = client.challenge, ""
        client.right = max(client.right, self.prove(client.source[0], challenge, response))
        return client.right

    def prove(self, host: str, challenge: str, response: str) -> Right:
        """Return what the passcode grants that ``response`` to ``challenge`` proves. Raises Denied, Busy."""
        self._try(host)
        found = [r for code, r in self._passcodes.items() if challenge and _same(answer(code, challenge), response)]
        if not found:
            raise Denied("that is no answer to the last challenge; ask for another one with /connect")
        self._give_back(host)
        return found[0]

    def _try(self, host: str) -> None:
        tries = self._tries.pop(host, None) or Tries(TRIES_AT_ONCE, TRY_SECONDS, self._now)
        self._tries[host] = tries
        while len(self._tries) > MAX_HOSTS:
            self._tries.popitem(last=False)
        if not (tries.take() and self._all.take()):
            raise Busy("too many tries; wait a while")

    def _give_back(self, host: str) -> None:
        """Count no try that was right: twenty tablets behind one router come back at once after a restart."""
        self._tries[host].give_back()
        self._all.give_back()


class Tries:
    """So many at once, then one more every few seconds."""

    def __init__(self, at_once: float, seconds: float, now: Callable[[], float]) -> None:
        self._left, self._at_once, self._seconds = at_once, at_once, seconds
        self._now, self._at = now, now()

    def take(self) -> bool:
        """Take one, if there is one left."""
        now = self._now()
        self._left = min(self._at_once, self._left + (now - self._at) / self._seconds)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def give_back(self) -> None:
        """Have one more again."""
        self._left += 1.0


def answer(passcode: str, challenge: str) -> str:
    """Return the answer to a challenge that proves that one knows ``passcode``."""
    return hmac.new(passcode.encode(), challenge.encode(), hashlib.sha256).hexdigest()


def at_first(host: str) -> Right:
    """Return what a client may do before it has said a passcode."""
    return Right.ADMIN if is_local(host) else Right.NONE


def _same(code: str, given: str) -> bool:
    return hmac.compare_digest(code.encode(), given.encode("utf-8", "replace"))


def veiled(message: Message) -> Message:
    """Return a message as others may read it: texts behind a /connect, wrapped or not, are passcodes and proofs."""
    words = (message.address, *message.args)
    shown = next((n for n, word in enumerate(words) if isinstance(word, str) and "/connect" in word), None)
    if shown is None:
        return message
    return Message(message.address, tuple("…" if n > shown else word for n, word in enumerate(words) if n))
