"""Control's link to an io process that runs already, for a control process before this one, and has nothing to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import msgspec
import pytest

from engine.control.io_link import IoLink
from engine.io.messages import (
    Ask,
    Begin,
    Close,
    Closed,
    Greet,
    Listen,
    Measure,
    Open,
    Opened,
    Play,
    Played,
    Receive,
    Received,
    Record,
    Running,
    Send,
    Sent,
    Started,
    Told,
)

TAKE = Record(take=2, folder="recordings/a", name="a", story="story.yaml", lanes=())
STREAM = Sent(name="a", kind="vban", lane=0, host="::1", port=6980)
OUTPUT = Played(strip="a", device="phones", lane=0)
RECEIVER = Received(name="a", kind="vban", lane=0, port=6980)


class Heir:
    """A link that follows another one; the io process is in our hands."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []
        self.anew = 0
        self.link = IoLink(lambda message: self.asked.append(msgspec.convert(message, Ask)))
        self.link.on_started_anew = self._start_anew
        self.link.resume()

    def hear(self, told: Told) -> None:
        self.asked.clear()
        self.link.hear(msgspec.to_builtins(told))

    def _start_anew(self) -> None:
        self.anew += 1


@pytest.fixture
def heir() -> Heir:
    return Heir()


@pytest.mark.parametrize(
    ("want", "ask"),
    [
        (lambda link: link.record(TAKE), TAKE),
        (lambda link: link.send([STREAM]), Send(streams=(STREAM,))),
        (lambda link: link.play([OUTPUT]), Play(outputs=(OUTPUT,))),
        (lambda link: link.receive([RECEIVER]), Receive(receivers=(RECEIVER,))),
        (lambda link: link.listen(Listen(device="mic")), Listen(device="mic")),
        (lambda link: link.keep(7, "long.flac"), Open(table=7, path="long.flac")),
        (lambda link: link.measure(anew=True), Measure(anew=True)),
    ],
    ids=["record", "send", "play", "receive", "listen", "keep", "measure"],
)
def test_an_io_process_that_runs_idly_is_told_what_is_wanted(
    heir: Heir, want: Callable[[IoLink], object], ask: Ask
) -> None:
    want(heir.link)
    assert heir.asked == [Greet()]
    heir.hear(Running())
    assert sorted(heir.asked, key=str) == sorted([Begin(), ask], key=str)
    heir.hear(Running())  # an answer to who was there before
    assert heir.asked == []
    want(heir.link)
    assert Greet() not in heir.asked
    assert heir.anew == 0
    heir.hear(Started())
    assert heir.anew == 1


def test_a_file_that_was_let_go_of_before_the_answer_is_closed(heir: Heir) -> None:
    closed: list[int] = []
    heir.link.keep(7, "long.flac")
    heir.link.close(7, lambda: closed.append(7))
    heir.hear(Running())
    assert heir.asked == [Close(table=7), Begin()]
    heir.hear(Closed(table=7))
    assert closed == [7]


def test_who_waits_for_a_file_hears_of_it(heir: Heir) -> None:
    async def show() -> None:
        waiting = asyncio.create_task(heir.link.open(7, "long.flac"))
        await asyncio.sleep(0)
        heir.hear(Running())
        heir.hear(Opened(table=7))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiting, 1.0)
        assert waiting.done() and not waiting.cancelled()

    asyncio.run(show())
