"""The transcript: a show as a file of lines that play it again: the story, then every input with its frame.

An input is written once the audio process has said at which frame it took what came of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from operator import le
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from engine.commands import Command, Turn
from engine.errors import MediaError
from engine.mixer.graph import Graph
from engine.plugins.facts import PluginFacts
from engine.plugins.states import States
from engine.realtime.link import Handed
from engine.session.inputs import (
    Adopted,
    Advanced,
    Did,
    Equipped,
    Evicted,
    Failed,
    Flow,
    Flowed,
    Heard,
    Input,
    Known,
    Learnt,
    Published,
    PutOff,
    Reached,
    Shelved,
    Swapped,
    Swept,
    Taken,
)
from engine.session.library import AudioFile, Source, Stretched
from engine.story.history import Past
from engine.story.model import Line, Story

VERSION = 1
NOTHING = Handed()
EVERYTHING = Handed(*3 * [1 << 62])


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. folder: where the story's audio files are looked for. block_frames: as the device asked.

    history: what of the story could be taken back.
    """

    transcript: int = VERSION
    cuevox: str = ""
    folder: str
    sample_rate: int
    block_frames: int
    max_players: int
    story: Story
    history: Past = Past()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One input. frame: the engine frame of the block that took what came of it; None at the end of the show."""

    frame: int
    what: Input | None


class Transcript:
    """Writes. An input waits until all that was handed over by then is taken: ``taken`` tells the frames.

    before: what had been handed over, and taken, before the first input.
    """

    def __init__(self, path: Path, header: Header, before: Handed = NOTHING) -> None:
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise MediaError(f"the transcript {path} can't be written: {error.strerror}") from error
        self._waiting: deque[tuple[Handed, Input]] = deque()
        self._taken = before
        self._write(msgspec.json.encode(header))

    def note(self, what: Input, handed: Handed) -> None:
        """Take in an input after which so much had been handed over."""
        self._waiting.append((handed, what))

    def taken(self, taken: Handed, frame: int) -> None:
        """Hear that the block at ``frame`` took so much. A part that says less than before says nothing."""
        self._taken = Handed(*map(max, self._taken, taken))
        while self._waiting and all(map(le, self._waiting[0][0], self._taken)):
            self._entry(frame, self._waiting.popleft()[1])

    def happened(self, what: Swapped | Flowed, frame: int) -> None:
        """Hear what happened of itself at ``frame``."""
        self._entry(frame, what)

    def close(self, frame: int) -> None:
        """Write what still waits and the end of the show."""
        self.taken(EVERYTHING, frame)
        self._write(msgspec.json.encode({"frame": frame, "end": True}))
        self._file.close()

    def _entry(self, frame: int, what: Input) -> None:
        soon = {} if what.soon is None else {"soon": what.soon}
        self._write(msgspec.json.encode({"frame": frame, **_told(what), **soon}))

    def _write(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()


def read_transcript(path: Path) -> tuple[Header, Iterator[Entry]]:
    """Return the header and the entries. Raises MediaError naming the line that is wrong."""
    try:
        first, *lines = path.read_bytes().splitlines()
        header = msgspec.json.decode(first, type=Header)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror}") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise MediaError(f"{path}:1: this is no transcript ({error})") from error
    if header.transcript != VERSION:
        raise MediaError(f"{path}:1: a transcript of version {header.transcript}; this cuevox reads {VERSION}")
    return header, _entries(path, lines)


def _entries(path: Path, lines: list[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=2):
        try:
            fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            frame = msgspec.json.decode(fields.pop("frame"), type=int)
            soon = msgspec.json.decode(fields.pop("soon", b"null"), type=int | None)
            what = _understood(fields)
            yield Entry(frame=frame, what=None if what is None else msgspec.structs.replace(what, soon=soon))
        except (KeyError, msgspec.MsgspecError) as error:
            if number == len(lines) + 1:
                return  # a crash has torn the last line
            raise MediaError(f"{path}:{number}: {error}") from error


def _told(what: Input) -> dict[str, Any]:
    match what:
        case Did(command=command, at_frame=at_frame):
            return {"command": command, **({} if at_frame is None else {"at_frame": at_frame})}
        case Known(source=source, frames=frames):
            return {"known": _source_told(source), "frames": frames}
        case Shelved(source=source, digest=digest):
            return {"shelved": _source_told(source), "digest": digest}
        case PutOff(source=source):
            return {"put_off": _source_told(source)}
        case Evicted(source=source):
            return {"evicted": _source_told(source)}
        case Failed(source=source, code=code, text=text):
            return {"failed": _source_told(source), "code": code, "text": text}
        case Heard(count=count):
            return {"heard": count}
        case Published():
            return {"published": True}
        case Adopted(story=story, meanwhile=meanwhile, keeps=keeps):
            return {"story": story, "meanwhile": meanwhile, "keeps": keeps}
        case Swapped(graph=graph):
            return {"swapped": graph}
        case Taken(count=count):
            return {"taken": count}
        case Swept(places=places):
            return {"swept": places}
        case Advanced(reached=reached):
            return {"advanced": True, "reached": reached}
        case Flowed(player=player, source=source, did=did, frames=frames):
            return {"flowed": _source_told(source), "player": player, "did": did, "frames": frames}
        case Equipped(plugins=plugins):
            return {"plugins": plugins}
        case Learnt(states=states):
            return {"learnt": states}


def _understood(fields: dict[str, msgspec.Raw]) -> Input | None:
    def get(name: str, kind: Any, default: Any = None) -> Any:
        return msgspec.json.decode(fields[name], type=kind) if name in fields else default

    match next(iter(fields), ""):
        case "command":
            command: Command = get("command", Command)
            return Did(command=command, at_frame=get("at_frame", int))
        case "known":
            return Known(source=_source_understood(get("known", dict)), frames=get("frames", int))
        case "shelved":
            return Shelved(source=_source_understood(get("shelved", dict)), digest=get("digest", str))
        case "put_off":
            return PutOff(source=_source_understood(get("put_off", dict)))
        case "evicted":
            return Evicted(source=_source_understood(get("evicted", dict)))
        case "failed":
            source = _source_understood(get("failed", dict))
            return Failed(source=source, code=get("code", str), text=get("text", str))
        case "heard":
            return Heard(count=get("heard", int))
        case "published":
            return Published()
        case "story":
            return Adopted(
                story=get("story", Story),
                meanwhile=get("meanwhile", tuple[Turn, ...], ()),
                keeps=get("keeps", bool, True),
            )
        case "swapped":
            return Swapped(graph=get("swapped", Graph))
        case "taken":
            return Taken(count=get("taken", int))
        case "swept":
            return Swept(places=get("swept", tuple[int, ...]))
        case "advanced":
            return Advanced(reached=get("reached", Reached | None))
        case "flowed":
            source = _source_understood(get("flowed", dict))
            return Flowed(source=source, player=get("player", int), did=get("did", Flow), frames=get("frames", int))
        case "plugins":
            return Equipped(plugins=get("plugins", dict[str, PluginFacts]))
        case "learnt":
            return Learnt(states=get("learnt", States))
        case "end":
            return None
        case other:
            raise msgspec.ValidationError(f"no input named {other!r}")


def _source_told(source: Source) -> dict[str, Any]:
    match source:
        case Line():
            return {"line": source}
        case AudioFile():
            return {"audio": source.path}
        case Stretched():
            return {"speed": source.speed, **_source_told(source.source)}


def _source_understood(told: dict[str, Any]) -> Source:
    plain = AudioFile(path=told["audio"]) if "audio" in told else msgspec.convert(told["line"], Line)
    return Stretched(source=plain, speed=told["speed"]) if "speed" in told else plain
