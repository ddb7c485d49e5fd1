"""Sound from the network: from packets, over real UDP too, to what the mixer reads, whoever sends what else."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadRange
from engine.io.messages import Receive, Received, Receiving
from engine.io.network import reastream, vban
from engine.io.network.allowed import Allowed
from engine.io.network.receiver import LATE_PACKETS, Receiver, Receivers
from engine.mixer.inlets import Inlets
from engine.realtime.memory import Segment
from engine.realtime.records import Kind, records
from engine.realtime.sound_ring import INLETS_BYTES, SoundReader, SoundWriter

RATE = 48_000
HOME = "127.0.0.1"
WAIT_SECONDS = 20.0


def tone(start: int, frames: int, rate: int = RATE) -> NDArray[np.float32]:
    mono = 0.5 * np.sin(2.0 * np.pi * 1000.0 / rate * np.arange(start, start + frames))
    return np.repeat(mono.astype(np.float32)[:, np.newaxis], 2, axis=1)


def packet(
    number: int, frames: int = 256, rate: int = RATE, name: bytes = b"Talk", counted_from: int = 0
) -> vban.Sound:
    """Return a packet as it arrives."""
    sound = tone(number * frames, frames, rate)
    return vban.unpack(vban.pack(name, rate, number - counted_from, sound, vban.Format.INT16))


def _heard_on(strip: int, lane: int = 3) -> np.void:
    record = records(1)
    record["kind"], record["index"], record["strip"], record["value"] = Kind.SET_INLET, lane, strip, 1.0
    return record[0]


@pytest.fixture
def inlets() -> Iterator[Segment]:
    segment = Segment.create(INLETS_BYTES)
    yield segment
    segment.close()


class Wire:
    """A receiver, a sender that is faster by ``ppm``, and a mixer that takes blocks of 256."""

    def __init__(self, inlets: Segment, *, rate: int = RATE, ppm: float = 0.0) -> None:
        received = Received(name="Talk", kind="vban", lane=3, port=6980)
        self.receiver = Receiver(received, SoundWriter(inlets, 3), RATE)
        self._reader = SoundReader(inlets, 3)
        self._rate, self._faster = rate, 1.0 + ppm * 1e-6
        self._sent = self._ticks = 0
        self._jitter = random.Random(4)
        self.short = 0

    def run(self, seconds: float, lost: frozenset[int] = frozenset()) -> NDArray[np.float32]:
        """Let so much time pass, 2 ms at once; return what the mixer read."""
        heard, step = [], 0.002
        until = self._ticks * step + seconds
        while (now := self._ticks * step) < until:
            due = (self._sent + 1) * 256 / self._rate / self._faster + self._jitter.random() * 0.002
            if due <= now:
                if self._sent not in lost:
                    self.receiver.hear(packet(self._sent, rate=self._rate), HOME, now)
                self._sent += 1
            self.receiver.pour(now)
            if self._ticks * 96 % 256 < 96:
                block = np.zeros((256, 2), np.float32)
                self.short += self._reader.read(block) < 256
                heard.append(block)
            self._ticks += 1
        return np.concatenate(heard)


def power_off_tone(sound: NDArray[np.float32]) -> float:
    """Return what is no tone of 1 kHz, in dB beside it."""
    power = np.abs(np.fft.rfft(sound[:, 0] * np.kaiser(len(sound), 20.0))) ** 2
    near = np.abs(np.fft.rfftfreq(len(sound), 1.0 / RATE) - 1000.0) < 20.0
    return float(10.0 * np.log10(power[~near].sum() / power[near].sum()))


@pytest.mark.parametrize(("rate", "ppm"), [(48_000, 100.0), (44_100, -100.0)])
def test_a_tone_of_another_clock_is_read_as_that_tone(inlets: Segment, rate: int, ppm: float) -> None:
    wire = Wire(inlets, rate=rate, ppm=ppm)
    wire.run(1.0)
    wire.short = 0
    heard = wire.run(1.5)
    going = wire.receiver.going(2.5, "")
    assert wire.short == 0 and going.lost == 0
    assert (going.state, going.sender, going.sample_rate) == ("playing", HOME, rate)
    assert 0.4 < np.abs(heard).max() < 0.51
    assert power_off_tone(heard[-RATE:]) < -70.0


def test_packets_that_are_missing_are_silence_and_counted(inlets: Segment) -> None:
    wire = Wire(inlets)
    heard = wire.run(1.0, lost=frozenset({50, 90}))
    assert wire.receiver.going(1.0, "").lost == 2 * 256
    quiet = np.abs(heard[RATE // 5 :, 0]).reshape(-1, 64).max(axis=1) == 0.0
    assert 5 <= quiet.sum() <= 8, "two packets of 256, less what the filter smears"
    assert np.abs(np.diff(heard[:, 0])).max() < 0.09, "nothing clicks"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_late_lost_or_killed_nothing_clicks(inlets: Segment, seed: int) -> None:
    """The way from packets to a strip: the network, the sender and this process fail as chance wants."""
    chance, ears = random.Random(seed), Inlets(RATE, 256)
    ears.sources = [SoundReader(inlets, lane) for lane in range(4)]
    ears.set(_heard_on(0))
    received = Received(name="Talk", kind="vban", lane=3, port=6980)
    receiver, asleep_until, restarted = Receiver(received, SoundWriter(inlets, 3), RATE), 0, 0
    heard, came = [], []
    for block in range(700):
        now = block * 256 / RATE
        if chance.random() > 0.03:  # else it is lost, and those that are late come in another order
            came.insert(len(came) - (chance.random() < 0.03), packet(block, counted_from=restarted))
        if chance.random() < 0.01 and block - restarted > LATE_PACKETS:
            restarted = block + 1  # another program of the same name
        if chance.random() < 0.01:
            receiver = Receiver(received, SoundWriter(inlets, 3), RATE)  # the io process was killed
            asleep_until = block + chance.randrange(40)
        if chance.random() < 0.02:
            asleep_until = block + chance.randrange(8)
        if block >= asleep_until:
            while came:
                receiver.hear(came.pop(0), HOME, now)
            receiver.pour(now)
        inputs = np.zeros((1, 512), np.float32)
        ears.add(inputs, 256)
        heard.append(inputs[0, :256])
    sound = np.concatenate(heard)
    assert (np.abs(sound.reshape(-1, 256)).max(axis=1) > 0.4).sum() > 100
    assert np.abs(np.diff(sound)).max() < 0.5 * 2.0 * np.pi * 1000.0 / RATE + 0.03


def test_a_sender_that_begins_to_count_anew_is_heard_on(inlets: Segment) -> None:
    receiver = Wire(inlets).receiver
    for number in (*range(500, 520), *range(20)):
        receiver.hear(packet(number), HOME, 0.0)
    assert receiver.packets == 40 and receiver.going(0.0, "").lost == 0


def test_late_packets_and_those_of_others_are_left_out(inlets: Segment) -> None:
    wire = Wire(inlets)
    receiver = wire.receiver
    wire.run(0.2)
    before = receiver.packets
    receiver.hear(packet(3), HOME, 0.2)
    receiver.hear(packet(40), "10.0.0.9", 0.2)
    assert (receiver.packets, receiver.refused) == (before, 1), "not of this machine"
    receiver.hear(packet(40), "127.0.0.2", 0.2)
    assert receiver.refused == 2 and "127.0.0.2 sends it, too" in receiver.going(0.2, "").text
    assert receiver.going(2.0, "").text == "", "it does no more"
    receiver.hear(packet(0), "127.0.0.2", 5.0)
    assert receiver.going(5.0, "").sender == "127.0.0.2", "the first one has ended"


def test_a_rate_that_can_not_be_made_is_told(inlets: Segment) -> None:
    receiver = Wire(inlets).receiver
    receiver.hear(packet(0, rate=705_600), HOME, 0.0)
    assert receiver.going(0.0, "").text == "705600 Hz can't be made 48000 Hz"


@pytest.mark.parametrize(
    ("senders", "has", "has_not"),
    [
        ("", "127.0.0.1", "192.168.1.4"),
        ("192.168.1.4", "192.168.1.4", "192.168.1.5"),
        ("192.168.1.0/24", "192.168.1.77", "192.168.2.1"),
        ("any", "8.8.8.8", "::1"),
        ("fe80::/10", "fe80::1%eth0", "127.0.0.1"),
    ],
)
def test_whose_packets_are_heard(senders: str, has: str, has_not: str) -> None:
    allowed = Allowed(senders)
    assert allowed.has(has) and not allowed.has(has_not) and not allowed.has("nonsense")
    assert allowed.beyond == bool(senders)


def test_senders_that_can_not_be_read_are_refused() -> None:
    with pytest.raises(BadRange, match="senders 'my laptop'"):
        Allowed("my laptop")


def test_over_udp_both_kinds_come_in_beside_whatever_else_is_sent(inlets: Segment) -> None:
    told: list[Receiving] = []
    receivers = Receivers(inlets, RATE, told.append)  # type: ignore[arg-type]
    bytes_ = random.Random(1)
    receivers.receive(
        Receive(
            receivers=(
                Received(name="Talk", kind="vban", lane=0, port=0),  # one that is free
                Received(name="daw", kind="reastream", lane=1, port=0),
            )
        )
    )
    (opened,) = receivers._sockets.values()
    port = opened.getsockname()[1]
    head = vban.pack(b"Talk", RATE, 0, tone(0, 256), vban.Format.FLOAT32)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        deadline, number = time.monotonic() + WAIT_SECONDS, 0
        while not all(SoundReader(inlets, lane).waiting for lane in (0, 1)):
            assert time.monotonic() < deadline
            for data in (
                vban.pack(b"Talk", RATE, number, tone(256 * number, 256), vban.Format.FLOAT32),
                reastream.pack(b"daw", RATE, tone(150 * number, 150)),
                reastream.pack_notes(b"daw", (reastream.Note(data=b"\x90\x40\x40", delta_frames=0),)),
                bytes_.randbytes(bytes_.randrange(100)),
                head[: bytes_.randrange(len(head))],
                head[:4] + bytes_.randbytes(200),
            ):
                sender.sendto(data, (HOME, port))
            number += 1
            receivers.work()
    assert [each.name for each in told[-1].receivers] == ["Talk", "daw"]
    receivers.close()


def test_a_port_that_is_taken_is_told(inlets: Segment) -> None:
    told: list[Receiving] = []
    receivers = Receivers(inlets, RATE, told.append)  # type: ignore[arg-type]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOME, 0))
        port = other.getsockname()[1]
        receivers.receive(Receive(receivers=(Received(name="Talk", kind="vban", lane=0, port=port),)))
        deadline = time.monotonic() + WAIT_SECONDS
        while not told:
            assert time.monotonic() < deadline
            receivers.work()
    assert told[-1].receivers[0].state == "failing" and f"UDP port {port}" in told[-1].receivers[0].text
    receivers.close()
