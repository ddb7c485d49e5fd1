"""The clerk: ``python -m engine.store.clerk_process``, which asks the database for a running engine.

First line in: Shelves as JSON; then a Question a line. Lines out: an Outcome each, in order. It ends with its input.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import msgspec

from engine.errors import EngineError
from engine.platform import die_with_parent, lower_priority
from engine.questions import Answered, Outcome, Question, Refused, Shelves
from engine.store.answers import Answers

_QUESTIONS: msgspec.json.Decoder[Question] = msgspec.json.Decoder(Question)


def main() -> None:
    """Answer until nobody asks any more; Ctrl-C is the supervisor's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(int(os.environ["CUEVOX_PARENT_PID"]))
    lower_priority()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s clerk: %(message)s")
    shelves = msgspec.json.decode(sys.stdin.buffer.readline(), type=Shelves)
    answers: Answers | None = None
    for line in sys.stdin.buffer:
        outcome: Outcome
        try:
            answers = answers or Answers(shelves)
            outcome = Answered(rows=answers.answer(_QUESTIONS.decode(line)))
        except EngineError as error:
            outcome = Refused(code=error.code, text=str(error))
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
    if answers is not None:
        answers.close()


if __name__ == "__main__":
    main()
