"""Importing a plain script: who says what, in order, becomes a story."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import msgspec

from engine.story.model import RESERVED_IDS, After, At, Clip, Line, Marker, Position, Story, Track
from engine.story.problems import Problem, story_error
from engine.units import seconds_to_frames

_SPEECH = re.compile(r"(?P<name>[^\s:(#][^:]{0,59}?)\s*:\s+(?P<text>\S.*)")
_PAUSE = re.compile(r"\(\s*pause\s+(?P<seconds>\d+(?:\.\d+)?)\s*s?\s*\)", re.IGNORECASE)
_DIRECTION = re.compile(r"\([^()]*\)")
MOST_PAUSE_SECONDS = 3600.0

Reader = Callable[[str, float], tuple[list["Spoken"], list[Problem]]]
"""Reads a script: its speeches and what is wrong with it; the number is the gap between two speeches in seconds."""


class Spoken(msgspec.Struct, kw_only=True):
    """One speech: who, what, how long after the one before, and the scenes that begin with it.

    start_seconds: where it is on the timeline, None: after the one before.
    """

    name: str
    text: str
    gap_seconds: float
    scenes: list[str]
    line: int
    start_seconds: float | None = None


class Speeches:
    """The speeches of a script, as they are read one after the other."""

    def __init__(self, gap_seconds: float) -> None:
        self.said: list[Spoken] = []
        self._gap, self._scenes = gap_seconds, list[str]()

    def scene(self, name: str) -> None:
        """Begin a scene with the next speech."""
        self._scenes.append(name or "scene")

    def add(self, name: str, text: str, line: int, start: float | None = None, gap: float | None = None) -> None:
        """Take a speech. start: its time in seconds; gap: how long after the one before, None: as ever."""
        usual = self._gap if self.said else 0.0
        scenes, self._scenes = self._scenes, []
        seconds = usual if gap is None else gap
        said = Spoken(name=name, text=text, gap_seconds=seconds, scenes=scenes, line=line, start_seconds=start)
        self.said.append(said)


def import_script(
    text: str,
    *,
    title: str = "Untitled",
    name: str = "script",
    voices: Sequence[str] = ("narrator",),
    cast: Mapping[str, str] | None = None,
    gap_seconds: float = 0.4,
    sample_rate: int = 48000,
    read: Reader | None = None,
) -> Story:
    """Return the story that a script tells. read: how its text is read (``script_formats``), None: as plain text.

    ``NAME: words`` is a speech, a line without a name goes on with it until a blank line, ``(pause 1.5)`` adds a
    pause, ``# scene`` a marker, other things in parentheses are directions and not spoken. Each name gets a track;
    voices are dealt out in order, ``cast`` decides where it names somebody. Raises StoryError naming file and lines.
    """
    speeches, problems = (read or read_plain)(text, gap_seconds)
    if not speeches and not problems:
        problems = [Problem(path=(), text="nobody says anything; a speech is written NAME: words", line=1)]
    if problems:
        raise story_error(name, problems)
    return story_of(speeches, title, deal(speeches, voices, cast or {}), sample_rate)


def deal(speeches: Sequence[Spoken], voices: Sequence[str], cast: Mapping[str, str]) -> dict[str, str]:
    """Return who speaks whom: as ``cast`` has it, the others are dealt out in order."""
    names = list(dict.fromkeys(speech.name for speech in speeches))
    return {name: cast.get(name) or voices[i % len(voices)] for i, name in enumerate(names)}


def story_of(speeches: Sequence[Spoken], title: str, speakers: Mapping[str, str], sample_rate: int = 48000) -> Story:
    """Return the story of speeches. speakers: the voice of each name."""
    names = list(dict.fromkeys(speech.name for speech in speeches))
    ids = track_ids(names)
    clips: dict[str, list[Clip]] = {n: [] for n in names}
    markers: list[Marker] = []
    before: str | None = None
    taken: set[str] = set()
    for speech in speeches:
        clip_id = f"{ids[speech.name]}-{len(clips[speech.name]) + 1}"
        start = start_of(speech, before, sample_rate)
        markers.extend(Marker(id=unique(slug(s) or "scene", taken), name=s, at=start) for s in speech.scenes)
        line = Line(text=speech.text, voice=speakers[speech.name])
        clips[speech.name].append(Clip(id=clip_id, start=start, line=line))
        before = clip_id
    tracks = tuple(Track(id=ids[n], name=n, voice=speakers[n], clips=tuple(clips[n])) for n in names)
    return Story(title=title, sample_rate=sample_rate, tracks=tracks, markers=tuple(markers))


def start_of(speech: Spoken, before: str | None, sample_rate: int) -> Position:
    """Return where a speech begins. before: the clip of the one before it."""
    if speech.start_seconds is not None:
        return At(frame=seconds_to_frames(speech.start_seconds, sample_rate))
    return _start(before, speech.gap_seconds, sample_rate)


def _start(before: str | None, gap_seconds: float, sample_rate: int) -> Position:
    frames = seconds_to_frames(gap_seconds, sample_rate)
    return At(frame=frames) if before is None else After(clip=before, gap_frames=frames)


def read_plain(text: str, gap_seconds: float) -> tuple[list[Spoken], list[Problem]]:
    """Return the speeches of a plain script, and what of it is none."""
    speeches: list[Spoken] = []
    problems: list[Problem] = []
    gap, scenes, open_speech = 0.0, list[str](), False
    for number, raw in enumerate(text.splitlines(), 1):
        pauses = {p.start(): float(p["seconds"]) for p in _PAUSE.finditer(raw)}
        before = sum(seconds for place, seconds in pauses.items() if _nothing_is_said(raw[:place]))
        after = sum(pauses.values()) - before
        bare = _PAUSE.sub(" ", raw)
        line = " ".join(_DIRECTION.sub(" ", bare).split())
        if any(p > MOST_PAUSE_SECONDS for p in pauses.values()):
            problems.append(Problem(path=(), text=f"a pause lasts at most {MOST_PAUSE_SECONDS:g} s", line=number))
        gap += before
        if bare.lstrip().startswith("#"):
            scenes.append(bare.strip().lstrip("#").strip() or "scene")
            open_speech = False
        elif match := _SPEECH.fullmatch(line):
            first_gap = gap if not speeches else gap_seconds + gap
            speeches.append(
                Spoken(name=match["name"], text=match["text"], gap_seconds=first_gap, scenes=scenes, line=number)
            )
            gap, scenes, open_speech = 0.0, [], True
        elif line and open_speech:
            speeches[-1].text += f" {line}"
        elif line:
            problems.append(Problem(path=(), text=f"who says this? {line[:40]!r} has no NAME: before it", line=number))
        elif not pauses:
            open_speech = False
        gap += after
    return speeches, problems


def _nothing_is_said(text: str) -> bool:
    """Return whether a line's beginning holds no words yet: nothing, a ``NAME:``, other pauses and directions."""
    bare = _DIRECTION.sub(" ", text).strip()
    return not bare or bare.endswith(":")


def track_ids(names: Sequence[str]) -> dict[str, str]:
    """Return a track's id for each name."""
    taken = set(RESERVED_IDS)
    return {name: unique(slug(name) or "voice", taken) for name in names}


def slug(name: str) -> str:
    """Return a name as an id: ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]


def unique(wanted: str, taken: set[str]) -> str:
    """Return an id like ``wanted`` that is not taken, and take it."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    taken.add(found)
    return found
