"""Problems of a story: where, what, and what is allowed; collected, sorted and told all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from engine.errors import StoryError

Path = tuple[str | int, ...]
"""Where something stands in a story: ``("tracks", 2, "clips", 0, "gain_db")``."""

MOST_TOLD = 100
"""A file with more problems than this has one cause; nobody reads on."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. line: in the file, from 1; None when there is no file."""

    path: Path
    text: str
    line: int | None = None


def path_text(path: Path) -> str:
    """Return a path as people write it: ``tracks[2].clips[0].gain_db``."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return steps.removeprefix(".")


def story_error(name: str, problems: Sequence[Problem]) -> StoryError:
    """Return the one error that tells every problem, a line each, in the order of the file."""
    told = sorted(problems, key=lambda p: p.line or 0)
    lines = [_told(name, problem) for problem in told[:MOST_TOLD]]
    if len(told) > MOST_TOLD:
        lines.append(f"{name}: and {len(told) - MOST_TOLD} more problems")
    return StoryError("\n".join(lines))


def allowed_text(allowed: Iterable[object]) -> str:
    """Return what is allowed as one list of words."""
    return ", ".join(str(word) for word in allowed) or "none"


def _told(name: str, problem: Problem) -> str:
    place = f"{name}:{problem.line}" if problem.line else name
    path = path_text(problem.path)
    return f"{place}: {path}: {problem.text}" if path else f"{place}: {problem.text}"
