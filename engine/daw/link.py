"""The engine's end of the memory that it shares with plug-ins: made, taken over, served, given up."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.daw.layout import (
    BUSES,
    HEADER,
    ID_BYTES,
    MAGIC,
    SEGMENT_BYTES,
    SLOT,
    SLOTS,
    SLOTS_AT,
    VERSION,
    offset_of,
)
from engine.errors import DeviceError, MemoryShort
from engine.platform import (
    close_shared,
    link_name,
    map_named,
    open_named,
    reserve_shared,
    size_shared,
    unlink_named,
    wait_on_word,
    wake_word,
)
from engine.realtime.atomics import fence, load_acquire, store_release

MIX_NAME = "Mix"


class DawLink:
    """Header and slots. One engine at a time has a name: the lock goes with the process, however that ends.

    Made anew where it is of another version, otherwise taken over as it is: plug-ins that have mapped it go on.
    Raises DeviceError when another engine has the name, MemoryShort.
    """

    def __init__(self, name: str, sample_rate: int) -> None:
        self._name = link_name(name)
        try:
            self._handle = open_named(self._name)
            if self._is_strange():
                unlink_named(self._name)
                close_shared(self._handle)
                self._handle = open_named(self._name)
        except BlockingIOError as error:
            raise DeviceError(f"another engine already serves the DAW as {name!r}; daw_link takes another name") from (
                error
            )
        try:
            if self._handle >= 0:
                size_shared(self._handle, SEGMENT_BYTES)
                reserve_shared(self._handle, SEGMENT_BYTES)
        except MemoryShort:
            self.close()
            raise
        self._bytes: NDArray[np.uint8] = np.frombuffer(map_named(self._name, self._handle, SEGMENT_BYTES), np.uint8)
        self._address = int(self._bytes.ctypes.data)
        self.header: Any = self._bytes[:SLOTS_AT].view(HEADER)[0]
        slots = self._bytes[SLOTS_AT:].view(SLOT)
        self.slots = tuple(
            Slot(slots[number], self._address + SLOTS_AT + number * SLOT.itemsize) for number in range(SLOTS)
        )
        self._hosts: NDArray[np.uint32] = slots["host"]
        self._epoch, self._beat, self._bell, self._waiting, self._names = (
            self._address + offset_of(HEADER, field) for field in ("epoch", "beat", "bell", "waiting", "names")
        )
        self._bells = self._bytes[self._bell - self._address :][:4].view("<u4")
        self._introduce(sample_rate)

    def _is_strange(self) -> bool:
        """Whether the memory is none that this version made."""
        if self._handle < 0:
            return False
        size = os.fstat(self._handle).st_size
        return size not in (0, SEGMENT_BYTES)

    def _introduce(self, sample_rate: int) -> None:
        header = self.header
        store_release(self._epoch, 0)
        header["version"], header["slots"] = VERSION, SLOTS
        header["slots_at"], header["slot_bytes"] = SLOTS_AT, SLOT.itemsize
        header["sample_rate"], header["engine"] = sample_rate, os.getpid()
        for slot in self.slots:
            slot.forget()
        store_release(self._address + offset_of(HEADER, "magic"), MAGIC)

    def serve(self) -> None:
        """Let plug-ins ask from now on."""
        store_release(self._epoch, secrets.randbits(62) | 1)

    def name_buses(self, buses: Sequence[str], names: Sequence[str]) -> None:
        """Tell what strips there are, by index: id, empty where there is none, and name, empty where that is the id.

        Those that have no room can't be chosen.
        """
        ids = ["mix", *buses[: BUSES - 1]]
        for row, bus, name in zip(self.header["bus"], _filled(ids), _filled(_shown(ids, names)), strict=True):
            if row["id"] != bus:  # what stays is never away, not even for a moment
                row["id"] = bus
            if row["name"] != name:
                row["name"] = name
        store_release(self._names, load_acquire(self._names) + 1)

    def set_latency(self, mix_frames: int, strip_frames: int) -> None:
        """Tell by how much the mixer's outputs come late."""
        self.header["mix_latency_frames"], self.header["strip_latency_frames"] = mix_frames, strip_frames

    @property
    def hosts(self) -> list[int]:
        """The processes that have the slots, 0: nobody."""
        hosts: list[int] = self._hosts.tolist()
        return hosts

    def beat(self) -> None:
        """Give a sign of life."""
        store_release(self._beat, load_acquire(self._beat) + 1)

    def bell(self) -> int:
        """Return how often plug-ins have rung."""
        fence()
        return int(self._bells[0])

    def sleep(self, heard: int, seconds: float) -> None:
        """Sleep until a plug-in rings more than ``heard`` times, or for ``seconds``."""
        self.header["waiting"] = 1
        fence()
        if int(self._bells[0]) == heard:
            wait_on_word(self._bell, heard, seconds)
        self.header["waiting"] = 0

    def close(self) -> None:
        """Serve nobody any more, and leave nothing behind."""
        if hasattr(self, "_epoch"):
            store_release(self._epoch, 0)
        with contextlib.suppress(OSError):
            unlink_named(self._name)
        if self._handle >= 0:
            close_shared(self._handle)
            self._handle = -1


def _shown(ids: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return what is shown for buses, the mix first: each something else, so that it can be chosen by that."""
    own = zip(ids[1:], names[: len(ids) - 1], strict=True)
    shown = [MIX_NAME, *((name or bus) if bus else "" for bus, name in own)]
    often = Counter(shown)
    return [
        f"{_cut(name, ID_BYTES - 4 - len(bus))} ({bus})" if place and name != bus and often[name] > 1 else name
        for place, (bus, name) in enumerate(zip(ids, shown, strict=True))
    ]


def _filled(texts: Sequence[str]) -> list[bytes]:
    """Return a text for each bus that there may be, as it lies in its field."""
    return [_cut(text, ID_BYTES - 1).encode() for text in texts] + [b""] * (BUSES - len(texts))


def _cut(text: str, most_bytes: int) -> str:
    """Return as many of the characters of ``text`` as have room."""
    return text.encode()[: max(0, most_bytes)].decode(errors="ignore")


class Slot:
    """One instance's part, seen from the engine."""

    def __init__(self, row: Any, address: int) -> None:
        self.row = row
        self.requests, self.ring, self.answered_ns = row["request"], row["ring"], row["answered_ns"]
        self.requests_as_words: NDArray[np.int64] = self.requests.view(np.int64).reshape(len(self.requests), -1)
        self.notes: NDArray[np.void] = row["note"]
        self._at = {field: address + offset_of(SLOT, field) for field in SLOT.names or ()}
        self.taken = 0
        self.generation = 0
        self._holds = 0

    def forget(self) -> None:
        """Answer nothing that was asked before."""
        self.taken = self.asked
        self.generation = 0
        self.row["held"] = self._holds = 0
        store_release(self._at["taken_requests"], self.taken)
        store_release(self._at["taken_notes"], load_acquire(self._at["asked_notes"]))

    def take_notes(self, until: int) -> NDArray[np.void]:
        """Return the notes of this claim before stream frame ``until``; those of another one are passed over."""
        taken, asked = load_acquire(self._at["taken_notes"]), load_acquire(self._at["asked_notes"])
        if taken == asked:
            return self.notes[:0]
        waiting = self.notes[np.arange(taken, asked) % len(self.notes)]
        mine = waiting["generation"] == self.generation
        later = np.flatnonzero(mine & (waiting["stream"] >= until))
        count = int(later[0]) if len(later) else len(waiting)
        store_release(self._at["taken_notes"], taken + count)
        taken_now: NDArray[np.void] = waiting[:count][mine[:count]]
        return taken_now

    @property
    def host(self) -> int:
        """The process that has the slot, 0: nobody."""
        return int(self.row["host"])

    @property
    def claim(self) -> int:
        """Which claim the slot is under; what the plug-in wrote with it is there then."""
        claim = int(self.row["generation"])
        fence()
        return claim

    @property
    def asked(self) -> int:
        """How many requests there are."""
        return load_acquire(self._at["asked_requests"])

    def answer(self, done: int, refusal: int, now_ns: int, count: int = 1) -> None:
        """Say that the ring is valid before stream frame ``done``: ``count`` more requests are answered."""
        at = self.taken % len(self.answered_ns)
        self.answered_ns[at : at + count] = now_ns
        self.row["refusal"] = refusal
        if self._holds:
            self.row["held"] = self._holds = 0
        self.taken += count
        store_release(self._at["done"], done)
        store_release(self._at["taken_requests"], self.taken)
        self._ring()

    def give(self, done: int) -> None:
        """Say that the ring is valid before stream frame ``done``, if the DAW goes on as it does."""
        store_release(self._at["done"], done)
        self._ring()

    def _ring(self) -> None:
        self.row["bell"] += 1
        fence()
        if self.row["waiting"]:
            wake_word(self._at["bell"])

    def hold(self) -> None:
        """Say that the next request has to wait for what others bounce: the engine has not forgotten it."""
        if not self._holds:
            self.row["held"] = self._holds = 1

    def skip(self) -> None:
        """Pass over a request of an instance that is gone."""
        self.taken += 1
        store_release(self._at["taken_requests"], self.taken)
