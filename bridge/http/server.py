"""The HTTP server: uvicorn in the control process's event loop, with what is served where."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from bridge.access import Right
from bridge.controllers.sheets import SHEETS
from bridge.errors import AddressTaken, BridgeError
from bridge.http.command import CommandDesk, body_of, problem
from bridge.http.events import EventStream
from bridge.http.guard import Guard
from bridge.http.openapi import document
from bridge.http.oscquery import OscQuery
from bridge.http.page import PAGE
from bridge.http.paths import PathWatch
from bridge.http.picture import PictureDesk
from bridge.http.socket import Sockets
from bridge.http.speech import SpeechDesk
from bridge.hub import Hub
from bridge.osc.ports import COMPANIONS
from bridge.places import HostPort, is_loopback

DEFAULT_PORT = 7480
MAX_AT_ONCE = 128
STOP_SECONDS = 1.0

_log = logging.getLogger(__name__)
logging.getLogger("uvicorn").setLevel(logging.WARNING)


class _Quiet(uvicorn.Server):
    """Leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class HttpServer:
    """Serves one engine. osc: where OSC is heard. name: what it calls itself."""

    def __init__(self, hub: Hub, osc: HostPort, *, name: str = "Cuevox") -> None:
        self._hub, self._osc, self._name = hub, osc, name
        self._server: _Quiet | None = None
        self._serving: asyncio.Task[None] | None = None
        self._sockets = Sockets(hub)
        self._watch: PathWatch | None = None
        self._query: OscQuery | None = None
        self._challenges: dict[str, str] = {}

    async def start(self, host: str, port: int = DEFAULT_PORT) -> HostPort:
        """Listen; port 0 takes any. Return the address. Raises AddressTaken."""
        listening = _listen(host, port)
        address: HostPort = listening[0].getsockname()[:2]
        config = uvicorn.Config(
            self.app(open=not is_loopback(host)), log_config=None, access_log=False, lifespan="off", http="h11",
            ws="websockets-sansio", ws_per_message_deflate=False, ws_max_size=65_536, server_header=False,
            limit_concurrency=MAX_AT_ONCE, timeout_graceful_shutdown=1, timeout_keep_alive=30, loop="none",
            proxy_headers=False,
        )  # fmt: skip
        self._server = _Quiet(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=listening))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.002)
        assert self._query is not None
        self._watch = PathWatch(self._hub, self._sockets, self._query.forget)
        return address

    async def close(self) -> None:
        """Listen no more and end what is open."""
        if self._watch is not None:
            self._watch.close()
        if self._query is not None:
            self._query.close()
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = self._server.force_exit = True
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._serving
        except TimeoutError:
            _log.info("open requests were cut off")

    def app(self, *, open: bool) -> ASGIApp:
        """Return the application. open: other machines are let in."""
        query = OscQuery(self._hub, self._osc, self._name)
        now = asyncio.get_running_loop().time
        self._query = query
        routes = [
            Route("/command", CommandDesk(self._hub, now).__call__, methods=["POST"]),
            Route("/connect", self._connect, methods=["POST"]),
            Route("/events", EventStream(self._hub).__call__, methods=["GET"]),
            Route("/v1/audio/speech", SpeechDesk(self._hub).__call__, methods=["POST"]),
            Route("/picture.{kind}", PictureDesk(self._hub).__call__, methods=["GET"]),
            Route("/controllers/{name}", self._controller, methods=["GET"]),
            Route("/openapi.json", _openapi, methods=["GET"]),
            Route("/{path:path}", self._page_or_query, methods=["GET"]),
            WebSocketRoute("/{path:path}", self._sockets.__call__),
        ]
        self._guard = Guard(Starlette(routes=routes), self._hub.access, open=open)
        return self._guard

    async def _page_or_query(self, request: Request) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        if request.url.path == "/" and wants_page and not request.query_params:
            return HTMLResponse(PAGE, headers=PAGE_HEADERS)
        assert self._query is not None
        return await self._query(request)

    async def _controller(self, request: Request) -> Response:
        """Give a file that another program loads to drive this engine."""
        if request.state.right < Right.VIEW:
            return problem("denied", "needs the right to view", 403)
        sheet = SHEETS.get(request.path_params["name"])
        if sheet is None:
            return problem("no_such_thing", f"there is: {', '.join(SHEETS)}", 404)
        everywhere = self._osc[0] in COMPANIONS.values() or self._osc[0] == "0.0.0.0"
        host = request.url.hostname if everywhere and request.url.hostname else self._osc[0]
        return Response(sheet.make(self._hub.engine, (host, self._osc[1])), media_type=sheet.media_type)

    async def _connect(self, request: Request) -> Response:
        """Give a challenge, and for the right answer to it a token."""
        host = request.client.host if request.client else ""
        try:
            given = msgspec.json.decode(await body_of(request) or b"{}", type=dict[str, str])
        except (msgspec.DecodeError, OverflowError) as error:
            return problem("bad_type", str(error), 400)
        if "response" not in given:
            challenge = self._challenges[host] = self._hub.access.new_challenge()
            while len(self._challenges) > MAX_AT_ONCE:
                self._challenges.pop(next(iter(self._challenges)))
            right: Right = request.state.right
            return _json({"right": right.word, "challenge": challenge})
        try:
            right = self._hub.access.prove(host, self._challenges.pop(host, ""), given["response"])
        except BridgeError as error:
            return problem(error.code, str(error), 429 if error.code == "busy" else 403)
        return _json({"right": right.word, "token": self._guard.admit(host, right)})


PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; connect-src 'self' ws:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


async def _openapi(request: Request) -> Response:
    del request
    return _json(document())


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _listen(host: str, port: int) -> list[socket.socket]:
    """Return the listening sockets: the address, and its companion in IPv6 where there is one."""
    try:
        first = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise AddressTaken(
            f"can't listen for HTTP on {host}:{port}: {error}; choose another with --http-port"
        ) from error
    if host not in COMPANIONS:
        return [first]
    try:
        second = socket.create_server((COMPANIONS[host], first.getsockname()[1]), family=socket.AF_INET6)
    except OSError as error:
        _log.info("going on without IPv6: %s", error)
        return [first]
    return [first, second]
