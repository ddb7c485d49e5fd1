"""What waits to be handled: of moves the newest, and everything else finds faders where they stood when it was sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Double, Message
from bridge.moves import MAX_KNOWN, Moves
from bridge.osc import codec
from bridge.osc.waiting import Waiting
from bridge.routes import ROUTES
from bridge.tree import AddressTree

TREE = AddressTree(ROUTES)
FADERS = {
    "/strip/voice/gain": "voice", "/strip/voice/gain/norm": "voice", "/v1/strip/voice/gain": "voice",
    "/strip/voice/pan": "pan", "/strip/hall/gain": "hall", "/strip/spook/insert/1/cutoff_hz": "cutoff",
}  # fmt: skip
MOVE = st.builds(lambda a, v: Message(a, (v,)), st.sampled_from(sorted(FADERS)), st.sampled_from([1, 0.5, Double(2.0)]))
OTHER = st.sampled_from(
    [Message("/cue/1/go"), Message("/strip/voice/mute", (1,)), Message("/strip/gain", ("voice", 1.0))]
)
TAKE = None


def waiting(singly: bool = False) -> Waiting[bytes]:
    return Waiting(Moves(TREE), lambda: singly)


def seen(messages: list[Message]) -> list[object]:
    """Return what each message that is no move finds set, and what is set in the end."""
    stand: dict[str, Message] = {}
    found: list[object] = []
    for message in messages:
        if message.address in FADERS:
            stand[FADERS[message.address]] = message
        else:
            found.append((message, dict(stand)))
    return [*found, stand]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(MOVE, MOVE, OTHER, st.just(TAKE)), max_size=40))
def test_everything_finds_what_it_would_have_found(steps: list[Message | None]) -> None:
    queue, taken = waiting(), []
    for step in steps:
        if step is not None:
            assert queue.put(codec.encode(step), 0.0)
        elif len(queue):
            taken.append(queue.take()[0])
    taken += [queue.take()[0] for _ in range(len(queue))]
    told = [message for packet in taken for bundle in codec.parse(packet) for message in bundle.messages]
    assert seen(told) == seen([step for step in steps if step is not None])


def test_a_flood_of_moves_is_one_and_its_newest_value_has_room_where_nothing_else_has():
    queue = waiting()
    for step in range(1000):
        assert queue.put(codec.encode(Message("/strip/voice/gain", (-0.01 * step,))), step, room=step == 0)
    assert not queue.put(codec.encode(Message("/cue/1/go")), 1000.0, room=False)
    assert len(queue) == 1
    packet, came_at = queue.take()
    assert codec.parse(packet)[0].messages[0].args[0] == pytest.approx(-9.99) and came_at == 999.0


@pytest.mark.parametrize(
    "message",
    [
        Message("/cue/1/go", (1.0,)), Message("/strip/voice/mute", (1,)), Message("/slot/a/1/trigger", (0.5,)),
        Message("/at", (1.0,)), Message("/no/such", (1.0,)), Message("/strip/*/gain", (1.0,)), Message("/ping", (1,)),
        Message("/cuelist/main/cue/1/gain", (1.0,)), Message("/strip/voice/meter", (1.0,)), Message("/x", ("y,f", 1.0)),
    ],
    ids=lambda message: message.address,
)  # fmt: skip
def test_what_is_no_move_keeps_its_place(message):
    queue = waiting()
    for _ in range(3):
        queue.put(codec.encode(message), 0.0)
    assert len(queue) == 3


def test_who_wants_each_to_be_done_has_each_done():
    queue = waiting(singly=True)
    for step in range(3):
        queue.put(codec.encode(Message("/strip/voice/gain", (-1.0 * step,))), 0.0)
    values = [codec.parse(queue.take()[0])[0].messages[0].args[0] for _ in range(3)]
    assert values == [0.0, -1.0, -2.0]


def test_only_so_much_is_remembered():
    moves = Moves(TREE)
    for number in range(3 * MAX_KNOWN):
        moves.target(codec.encode(Message(f"/strip/{number}/gain", (1.0,))))
    assert len(moves._known) <= MAX_KNOWN
