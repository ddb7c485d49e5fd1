"""The guard before every request: hosts and origins, tokens, what a body may weigh."""

from __future__ import annotations

import secrets
import socket
import time
from collections import OrderedDict
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.access import Access, Right, at_first
from bridge.clients import Bucket
from bridge.errors import BridgeError
from bridge.places import is_local, is_loopback

REMOTE_PER_SECOND, REMOTE_AT_ONCE = 100.0, 200.0
"""Requests of one other machine; more are answered 429."""

MAX_TOKENS = MAX_HOSTS = 256
TOKEN_SECONDS = 12 * 3600.0


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """What a token grants, to which host, until when on the monotonic clock."""

    host: str
    right: Right
    until: float


class Guard:
    """An ASGI application around another one; puts the caller's right into the scope's ``state``.

    A browser that was lured to a name of somebody else's that leads here says that name as host: only numeric addresses
    and this machine's own names are served. A page of somebody else's says so as its origin: only our own pages are.
    """

    def __init__(self, app: ASGIApp, access: Access, *, open: bool) -> None:
        self._app, self._access, self._open = app, access, open
        self._tokens: OrderedDict[str, Pass] = OrderedDict()
        self._paces: OrderedDict[str, Bucket] = OrderedDict()
        own = socket.gethostname().lower().partition(".")[0]
        self._names = frozenset({"localhost", own, f"{own}.local"} if open else {"localhost"})

    def admit(self, host: str, right: Right) -> str:
        """Return a new token that grants ``right`` to ``host``."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = Pass(host=host, right=right, until=time.monotonic() + TOKEN_SECONDS)
        while len(self._tokens) > MAX_TOKENS:
            self._tokens.popitem(last=False)
        return token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if not self._in_pace(scope["client"][0]):
            await self._refuse("too many requests", 429, scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._problem(headers)
        if problem is None:
            try:
                scope.setdefault("state", {})["right"] = self.right(
                    scope["client"][0], headers.get("authorization", "")
                )
            except BridgeError as error:
                problem = str(error)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await self._refuse(problem, 403, scope, receive, send)

    async def _refuse(self, problem: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem[:120]})
        else:
            await PlainTextResponse(f"{problem}\n", status_code=status)(scope, receive, send)

    def _in_pace(self, host: str) -> bool:
        if is_local(host):
            return True
        pace = self._paces.pop(host, None) or Bucket(REMOTE_PER_SECOND, REMOTE_AT_ONCE, time.monotonic)
        self._paces[host] = pace
        while len(self._paces) > MAX_HOSTS:
            self._paces.popitem(last=False)
        return pace.take()

    def right(self, host: str, authorization: str) -> Right:
        """Return what a caller may do. Raises Denied, Busy for a token that is none."""
        right = at_first(host)
        kind, _, token = authorization.partition(" ")
        if right is Right.ADMIN or kind.lower() != "bearer" or not token:
            return right
        known = self._tokens.get(token)
        if known is not None and known.host == host and known.until > time.monotonic():
            return known.right
        return self._access.check(host, token)

    def _problem(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._known(host):
            return f"this engine is not called {host[:80]!r}: use its address"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "pages of other origins are not served"
        return None

    def _known(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return self._open or is_loopback(name)
