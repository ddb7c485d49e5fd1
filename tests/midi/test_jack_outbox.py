"""The outbox of our JACK client: order, frames, cycles that are full, and what is late."""

import heapq

from bridge.midi.held_distance import FAR_FRAMES
from bridge.midi.jack_outbox import AT_ONCE, PATIENCE_SECONDS, Outbox
from bridge.midi.jack_packets import NO_FRAME

RATE, PERIOD = 48_000, 256


class Cycles:
    """Cycles that hold so many messages each."""

    def __init__(self, outbox, room=100):
        self.outbox, self.room, self.written = outbox, room, []

    def run(self, first, count):
        for start in range(first, first + count * PERIOD, PERIOD):
            left = [self.room]

            def write(number, place, message, start=start, left=left):
                if not left[0]:
                    return False
                left[0] -= 1
                self.written.append((start + place, number, message))
                return True

            self.outbox.write(start, PERIOD, write)
        return self.written


def test_messages_leave_in_order_of_frame_then_of_arrival():
    outbox = Outbox(RATE)
    for number, frame in enumerate((3000, 1000, 3000, AT_ONCE)):
        outbox.add(number, frame, NO_FRAME, b"\xf8")
    assert [(f, n) for f, n, _ in Cycles(outbox).run(768, 12)] == [(768, 3), (1000, 1), (3000, 0), (3000, 2)]
    assert outbox.late == 0


def test_it_knows_whose_messages_wait():
    outbox = Outbox(RATE)
    outbox.add(1, 10, NO_FRAME, b"\xf8")
    outbox.add(2, 700, NO_FRAME, b"\xf8")
    assert outbox.holds(1) and outbox.holds(2) and not outbox.holds(3)
    Cycles(outbox).run(0, 1)
    assert not outbox.holds(1) and outbox.holds(2)


def test_a_message_is_held_at_every_moment_until_it_is_written(monkeypatch):
    """Whoever gives a port back looks from another thread, and waits until nothing is held for it."""
    outbox, seen = Outbox(RATE), []
    outbox.add(1, 700, NO_FRAME, b"\xf8")
    push = heapq.heappush

    def looked_at(*args):
        seen.append((outbox.holds(1), outbox.empty))
        push(*args)

    monkeypatch.setattr(heapq, "heappush", looked_at)
    Cycles(outbox).run(0, 1)
    assert seen == [(True, False)] and outbox.holds(1)


def test_what_a_cycle_does_not_hold_leaves_with_the_next_one():
    outbox = Outbox(RATE)
    for number in range(5):
        outbox.add(number, 10, NO_FRAME, b"\xf8")
    assert [(f, n) for f, n, _ in Cycles(outbox, room=2).run(0, 4)] == [(10, 0), (10, 1), (256, 2), (256, 3), (512, 4)]


def test_distances_are_those_of_engine_frames_until_they_are_others_for_long():
    outbox = Outbox(RATE)
    off = FAR_FRAMES + 1
    for number, waver in enumerate((0, 7, -20, 33, FAR_FRAMES, off, off)):
        outbox.add(number, 5000 + 100 * number + waver, 100 * number, b"\xf8")
    later = 500 + round(PATIENCE_SECONDS * RATE)
    outbox.add(7, 5000 + later + off, later, b"\xf8")
    frames = [f for f, _, _ in Cycles(outbox).run(0, 700)]
    assert frames == [5000, 5100, 5200, 5300, 5400, 5500, 5600, 5000 + later + off]


def test_a_distance_that_is_out_of_all_reason_is_taken_anew_at_once():
    outbox = Outbox(RATE)
    outbox.add(1, 5000, 0, b"\xf8")
    outbox.add(2, 50_000, 100, b"\xf8")
    assert [f for f, _, _ in Cycles(outbox).run(0, 250)] == [5000, 50_000]


def test_what_leaves_late_is_counted_with_the_most_it_was_late():
    outbox = Outbox(RATE)
    for frame in (1000, 700, 999):
        outbox.add(1, frame, NO_FRAME, b"\xf8")
    Cycles(outbox).run(1024, 1)
    assert (outbox.late, outbox.latest_frames) == (1, 324), "less than 2 ms is not late"
