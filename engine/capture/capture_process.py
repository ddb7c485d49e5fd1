"""``python -m engine.capture.capture_process``: one piece of work on a capture, beside a running engine.

First line in: a Work as JSON. Line out: Worked, SaidAfter or Failed. The end of the input ends it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

from engine.capture.kept import Kept, read_kept, write_kept
from engine.capture.score import Residual
from engine.errors import EngineError
from engine.platform import die_with_parent, lower_priority
from engine.voices.take import Take


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Cut(_Message, frozen=True, kw_only=True):
    """Trim a capture; file: that is to be taken as its whole first. folder: of captures."""

    folder: str
    kept: Kept
    file: str = ""


class CutByHand(_Message, frozen=True, kw_only=True):
    """Cut a capture's line as it says."""

    folder: str
    kept: Kept


class TimeWords(_Message, frozen=True, kw_only=True):
    """Find when the words of a capture's text are said."""

    folder: str
    kept: Kept


class SayAfter(_Message, frozen=True, kw_only=True):
    """Lay a take, whose sound is ``audio``, out as a capture was said."""

    folder: str
    capture: str
    take: Take
    audio: str
    name: str


class Read(_Message, frozen=True, kw_only=True):
    """Tell what is known of a capture."""

    folder: str
    capture: str


class Note(_Message, frozen=True, kw_only=True):
    """Write down what is known of a capture."""

    folder: str
    kept: Kept


Work = Cut | CutByHand | TimeWords | SayAfter | Read | Note


class Worked(_Message, frozen=True, kw_only=True):
    """What is known of the capture by now."""

    kept: Kept


class SaidAfter(_Message, frozen=True, kw_only=True):
    """What the voice said lies there."""

    kept: Kept
    residual: Residual


class Failed(_Message, frozen=True, kw_only=True):
    """Why it could not be done, as bridges say it."""

    code: str
    text: str


Outcome = Worked | SaidAfter | Failed


def work(order: Work) -> Outcome:
    """Do it. Raises EngineError."""
    from engine.capture import work as bench  # aligners and effects

    folder = Path(order.folder)
    match order:
        case Cut(kept=kept, file=file):
            if file:
                bench.take_file(folder, kept.name, Path(file), kept.sample_rate)
            return Worked(kept=bench.cut(folder, kept))
        case CutByHand(kept=kept):
            return Worked(kept=bench.cut_by_hand(folder, kept))
        case TimeWords(kept=kept):
            return Worked(kept=bench.time_words(folder, kept))
        case SayAfter(capture=capture, take=take, audio=audio, name=name):
            said = bench.say_after(folder, capture, take, Path(audio), name)
            return SaidAfter(kept=said.kept, residual=said.residual)
        case Read(capture=capture):
            return Worked(kept=read_kept(folder, capture))
        case Note(kept=kept):
            write_kept(folder, kept)
            return Worked(kept=kept)


def main() -> None:
    """Do one piece of work; Ctrl-C is the supervisor's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]))
    lower_priority()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s capture: %(message)s")
    line = sys.stdin.buffer.readline()
    if not line:
        return
    outcome: Outcome
    try:
        outcome = work(msgspec.json.decode(line, type=Work))
    except EngineError as error:
        outcome = Failed(code=error.code, text=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
