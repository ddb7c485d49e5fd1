"""Sent: which messages of cues went out, kept for a sender that goes on after this one."""

from __future__ import annotations

from typing import Literal

from bridge.port import EnginePort

SENT = "sent/"

Fate = Literal["new", "gone", "unknown"]


class Sent:
    """Marks by the messages' numbers (0: it has none), so that none goes out twice, or is lost without a word.

    A mark is set before and after a message goes out: who dies in between leaves one that nobody knows about. ``going``
    and ``gone`` may be called by any thread.
    """

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self._before = {int(name): note for name, note in engine.recalled(SENT).items()}
        self._frames: dict[int, int | None] = dict.fromkeys(self._before)

    def fate(self, number: int) -> Fate:
        """Return what became of a message before this process was there."""
        note = self._before.get(number)
        return "new" if note is None else "unknown" if note else "gone"

    def going(self, number: int) -> None:
        """Mark that a message is about to go out."""
        if number:
            self._engine.remember(f"{SENT}{number}", b"?")

    def gone(self, number: int) -> None:
        """Mark that it has."""
        if number:
            self._engine.remember(f"{SENT}{number}", b"")

    def note(self, number: int, frame: int) -> None:
        """Take note of a message that is due at a frame."""
        if number:
            self._frames[number] = frame

    def forget(self, before_frame: int) -> None:
        """Forget the marks of what was due before a frame: nobody tells of it again."""
        for number, frame in tuple(self._frames.items()):
            if frame is None:
                self._frames[number] = before_frame
            elif frame < before_frame:
                del self._frames[number]
                self._engine.remember(f"{SENT}{number}", None)
