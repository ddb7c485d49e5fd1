"""Write docs/addresses.md from the address table: ``python -m bridge.address_reference``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import engine.errors as engine_errors
from bridge import errors
from bridge.arguments import usage
from bridge.route import Arg, Push, Route
from bridge.routes import PUSHES, ROUTES
from engine.params import ParamSpec

PAGE = Path(__file__).parent.parent / "docs" / "addresses.md"

HEAD = """\
# OSC addresses

Made from the address table in `bridge/routes.py` by `python -m bridge.address_reference`; do not edit.

Cuevox listens on port 7400 of 127.0.0.1 and ::1, over UDP and TCP. Over UDP it answers from the same socket to the
port that a message came from (`/client/replyport` and `/client/url` change that), over TCP on the connection. TCP
streams are framed by SLIP (OSC 1.1) or by a length before each packet (1.0); how a connection begins tells which. Both
take lines of text instead, and answer so: `/say narrator "Good evening."`, with quotes around texts that hold spaces
or look like numbers. A shell says `printf '/cue/1/go' | nc -N localhost 7400`.

* A **value** is set by its arguments and read without any: the answer comes on the same address. *both*, *read* and
  *write* say what is possible.
* A **trigger** fires without the argument in brackets, with true and with a number above 0. False and 0 are the
  release: tablets send 1 and 0. It means something to pads in gate mode only. Fades follow the press: `/panic 1 0.5`.
* Numbers of any type are taken for numbers of any other; texts are never numbers. Switches answer 0 or 1.
* What may be named in an address can be named by an argument too where a sender can't write addresses: `/cue/go 12`,
  `/slot/trigger 5 0.8`, `/strip/gain narrator -6`. Cues may be named by whole numbers. Arrays count as what is in them.
* Every address may have the level of this table before it: `/v1/cue/12/go`. Its answer then begins with it,
  too; what is subscribed to is named without.
* `{strip}` is a track's, a bus's or the master's id (`master`). `/list` tells every address that exists right now.
* **Patterns** (`? * [a-z] [!a-z] {one,two}`) work in incoming addresses and in subscriptions; in subscriptions `//`
  stands for any parts between: `/strip//norm`, `/event//*`.
* **Time**: messages of a bundle take effect at the same frame. A bundle's time tag names it exactly, up to 60 s ahead;
  one that lies in the past plays now, and its sender hears `/late s:address f:ms i:count`. The mixer is told 50 ms
  before, so feedback of what is scheduled may come up to that much before its sound.
* **Errors** come as `/reply/<address> i:id s:"error" s:code s:text`, the id being 0 without `/req`. Commands that go
  well are silent; `/client/ack 1` has them answered (`/reply/<address> 0 "ok"`), `/req` has one answered by its id.
* **Feedback**: changes of one address come at most 50 times a second, meters and position 30 times.
* **Sizes**: a packet that is sent here has at most 16,384 bytes, 64 arguments in a message, 256 messages. What is
  answered may be longer (all strips' meters, a clip's words): up to 60,000 bytes; beyond that the error is `too_big`.
"""

_NEVER_SENT = (errors.BridgeError, errors.Refused, errors.NoAnswer, errors.AddressTaken)


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, "## What you can send\n", *_table(("address", "arguments", "access", "what it does"), _routes())]
    parts += ["\n## What comes by itself\n", "To those whose subscription matches the address.\n"]
    parts += _table(("address", "arguments", "when"), _pushes())
    parts += ["\n## Error codes\n", *_table(("code", "meaning"), _codes())]
    return "\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield _row("---" for _ in head)
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _routes() -> Iterator[tuple[str, ...]]:
    for route in ROUTES:
        yield f"`{route.address}`", _arguments(route), route.access, route.help + _answer(route)


def _arguments(route: Route) -> str:
    if not route.args and not route.trigger:
        return ""
    ranges = [text for arg in (*route.args, *filter(None, (route.press,))) if (text := _range(arg))]
    return f"`{usage(route)}`" + (f"<br>{'; '.join(ranges)}" if ranges else "")


def _range(arg: Arg) -> str:
    named = f"{arg.shown}: "
    if arg.norm:
        return named + "0 to 1"
    if arg.truth:
        return named + "0 or 1"
    if isinstance(arg.spec, ParamSpec):
        unit = f" {arg.spec.unit}" if arg.spec.unit else ""
        return f"{named}{arg.spec.low:g} to {arg.spec.high:g}{unit}"
    if arg.spec is not None:
        return named + "the parameter's range"
    return named + arg.help if arg.help else ""


def _answer(route: Route) -> str:
    if not route.answers:
        return ""
    return f"<br>Answer: `{route.answer or route.address} {route.answers}`"


def _pushes() -> Iterator[tuple[str, ...]]:
    for push in PUSHES:
        topic = f"<br>Also by subscribing to `{push.topic}`." if push.topic else ""
        yield f"`{push.address}`", _pushed(push), push.help + topic
    yield "`/subscribed`", "`s:pattern i:count`", "All present values of a subscription have been told."
    yield "`/lease_expired`", "`s:pattern`", "A subscription ended because nothing was heard from its client."
    yield "`/dump/heard`", "`s:from s:message`", "A message came in from anybody; see `/dump`."
    yield "`/learnt`", "`s:from s:address s:message`", "What was asked for by `/learn/osc`; to the one who asked."
    yield "`/event/lost`", "`i:count`", "Events came too fast for this client; so many were not told."


def _pushed(push: Push) -> str:
    words = " ".join(f"{t}:{n}" for t, n in zip(push.types, push.names, strict=True))
    return f"`{words}`" if words else ""


def _codes() -> Iterator[tuple[str, str]]:
    """What can reach a client: the two packages' own lists, not what else happens to be imported."""
    known: dict[str, str] = {}
    for module, family in ((errors, errors.BridgeError), (engine_errors, engine_errors.EngineError)):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, family) and kind not in _NEVER_SENT:
                known.setdefault(kind.code, (kind.__doc__ or "").partition("\n")[0])
    yield from sorted((f"`{code}`", meaning) for code, meaning in known.items())


def main() -> None:
    """Write the page."""
    fresh = PAGE.with_suffix(".new")
    fresh.write_text(page(), encoding="utf-8")
    fresh.replace(PAGE)


if __name__ == "__main__":
    main()
