"""OSCQuery: the address table as a tree of JSON, with ranges, units and present values.

After https://github.com/Vidvox/OSCQueryProposal: attributes that do not fit a node are answered 204, unknown ones 400.
"""

from __future__ import annotations

from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.access import Right
from bridge.arguments import give, spec_of
from bridge.http.kept_tree import KeptTree
from bridge.http.wire import plain
from bridge.hub import Hub
from bridge.places import HostPort
from bridge.port import EnginePort
from bridge.route import Arg, Route
from bridge.tree import Leaf
from engine.errors import EngineError
from engine.params import ParamSpec

ACCESS = {"read": 1, "write": 2, "trigger": 2, "both": 3, "ask": 3}
EXTENSIONS = (
    "ACCESS", "VALUE", "RANGE", "DESCRIPTION", "TAGS", "EXTENDED_TYPE", "UNIT", "CRITICAL", "CLIPMODE",
    "LISTEN", "PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED", "OSC_STREAMING",
)  # fmt: skip
ATTRIBUTES = frozenset({*EXTENSIONS[:9], "FULL_PATH", "CONTENTS", "TYPE", "OVERLOADS", "HTML"})

Node = dict[str, object]


class OscQuery:
    """Answers what is asked of the tree. Event loop of the control process only.

    What does not move is kept as text: thousands of nodes are told in milliseconds, in slices.
    """

    def __init__(self, hub: Hub, osc: HostPort, name: str) -> None:
        self._hub, self._osc, self._name = hub, osc, name
        self._texts: dict[str, bytes] = {}
        self._tree = KeptTree(hub, self._text, self._value)

    async def __call__(self, request: Request) -> Response:
        """Answer ``GET /address?ATTRIBUTE``."""
        if request.state.right < Right.VIEW:
            return Response("needs the right to view\n", 403)
        path = unquote(request.url.path).rstrip("/")
        wanted = next(iter(request.query_params), "").upper()
        if wanted == "HOST_INFO":
            return _json(msgspec.json.encode(self.host_info(request.url.hostname or self._osc[0])))
        if wanted and wanted not in ATTRIBUTES:
            return Response(f"no attribute {wanted[:40]}; there is: {', '.join(sorted(ATTRIBUTES))}\n", 400)
        text = await self._tree.told(path)
        if text is None:
            return Response(f"nothing at {path[:200]}\n", 404)
        if not wanted:
            return _json(text)
        node = msgspec.json.decode(text)
        return _json(msgspec.json.encode({wanted: node[wanted]})) if wanted in node else Response(status_code=204)

    def forget(self) -> None:
        """Take notice that addresses came or went."""
        self._tree.forget()

    def close(self) -> None:
        """Hear no more events."""
        self._tree.close()

    def host_info(self, host: str) -> Node:
        """Return who we are and where OSC is heard."""
        return {
            "NAME": self._name,
            "EXTENSIONS": dict.fromkeys(EXTENSIONS, True),
            "OSC_IP": host if self._osc[0] in ("0.0.0.0", "::") else self._osc[0],
            "OSC_PORT": self._osc[1],
            "OSC_TRANSPORT": "UDP",
        }

    def _text(self, leaf: Leaf) -> bytes:
        """Return a leaf's attributes but for its value, written once for a row if it alone settles them."""
        route = leaf.route
        text = self._texts.get(route.address)
        if text is None:
            node = self.describe(leaf)
            text = msgspec.json.encode(node)[1:-1]
            if not route.repeated and not any(callable(arg.spec) for arg in _args(route)):
                self._texts[route.address] = text
        return text

    def _value(self, leaf: Leaf) -> bytes:
        """Return a leaf's present value as JSON with its comma; nothing where it has none."""
        value = _value(leaf.route, self._hub.engine, leaf)
        if value is None:
            return b""
        kinds = b""
        if leaf.route.repeated:
            types = (leaf.route.args[i % len(leaf.route.args)].type for i in range(len(value)))
            kinds = b',"TYPE":' + msgspec.json.encode("".join(types))
        return kinds + b',"VALUE":' + msgspec.json.encode(value)

    def describe(self, leaf: Leaf) -> Node:
        """Return what is said of one address, but for its path and what moves."""
        route, engine = leaf.route, self._hub.engine
        node: Node = {"DESCRIPTION": route.help, "ACCESS": ACCESS[route.access], "TAGS": [route.access]}
        if not route.repeated:
            kinds = "".join("T" if arg.truth else arg.type for arg in _args(route))
            node["TYPE"] = kinds or ("I" if route.trigger else "N")
            node |= _ranges(_args(route), engine, leaf)
        if route.trigger:
            node["CRITICAL"] = True
        return node


def _args(route: Route) -> tuple[Arg, ...]:
    return (*route.args, route.press) if route.press else route.args


def _value(route: Route, engine: EnginePort, leaf: Leaf) -> list[object] | None:
    if route.read is None:
        return None
    try:
        values = give(route, route.read(engine, leaf.path), engine, leaf.path)
    except EngineError:
        return None
    truths = [arg.truth for arg in route.args]
    kept = [None if isinstance(v, bytes) else plain(v) for v in values]
    return kept if route.repeated else [bool(v) if truths[i] else v for i, v in enumerate(kept)]


def _ranges(args: tuple[Arg, ...], engine: EnginePort, leaf: Leaf) -> Node:
    specs = [_spec(arg, engine, leaf) for arg in args]
    node: Node = {}
    if any(specs):
        node["RANGE"] = [{"MIN": s.low, "MAX": s.high} if s else None for s in specs]
        node["CLIPMODE"] = ["none"] * len(specs)
    units = [
        "" if arg.norm else "s" if arg.seconds else s.unit if s else "" for arg, s in zip(args, specs, strict=True)
    ]
    if any(units):
        node["UNIT"] = [unit or None for unit in units]
    if any(arg.help for arg in args):
        node["EXTENDED_TYPE"] = [arg.shown for arg in args]
    return node


def _spec(arg: Arg, engine: EnginePort, leaf: Leaf) -> ParamSpec | None:
    if arg.norm:
        return ParamSpec(low=0.0, high=1.0, default=0.0)
    try:
        return spec_of(arg, engine, leaf.path)
    except EngineError:
        return None


def _json(text: bytes) -> Response:
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-cache"})
