"""What the voice pool and its workers say to each other: messages and their framing on a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeVar

import msgspec

from engine.errors import EngineError, VoiceError
from engine.speech.parts import PLAIN, Tone
from engine.speech.transcript import Passage
from engine.story.model import Delivery, Pronunciation
from engine.voices.media import Facts
from engine.voices.preset import Preset
from engine.voices.take import Take

if TYPE_CHECKING:
    from asyncio import StreamReader

LENGTH_BYTES = 4
LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Any message; ``job`` is the number that its answers repeat."""

    job: int


class Load(Message, frozen=True, kw_only=True):
    """Have the model of ``preset`` in memory. Answers: Loading, then Loaded. warm: and have it speak once, unheard."""

    preset: Preset
    warm: bool = False


class Render(Message, frozen=True, kw_only=True):
    """Speak ``text`` with ``preset``. Answers: Progress, Rendered, and after it Stored or NotStored.

    pronounce, delivery: the line's, see ``Take``. tone: what is done to the voice's sound. notes: of the take, so far.
    offset: where in the arena the header of its stream lies, behind which its sound is laid while it is being made, -1
    for nowhere; then Progress comes with every part. room_floats: how much there is for both.
    """

    digest: str
    text: str
    preset: Preset
    sample_rate: int
    seed: int = 0
    pronounce: tuple[Pronunciation, ...] = ()
    delivery: Delivery = Delivery()
    tone: Tone = PLAIN
    notes: tuple[str, ...] = ()
    offset: int = -1
    room_floats: int = 0


class RenderAll(Message, frozen=True, kw_only=True):
    """Speak several lines of one preset at once; each is answered by its own number, as if it had come alone."""

    renders: tuple[Render, ...]


class LoadTake(Message, frozen=True, kw_only=True):
    """Copy a take into the arena from float ``offset`` on, at ``speed``. Answer: Done, or NoTake."""

    take: Take
    offset: int
    speed: float = 1.0


class LoadFile(Message, frozen=True, kw_only=True):
    """Read an audio file, at ``speed``, into the arena, at most ``max_floats`` from ``offset`` on. Answer: Done."""

    path: str
    sample_rate: int
    offset: int
    max_floats: int
    speed: float = 1.0


class Probe(Message, frozen=True, kw_only=True):
    """Look how long an audio file is. Answer: Done."""

    path: str
    sample_rate: int


class Listen(Message, frozen=True, kw_only=True):
    """Say what is said in an audio file, with the listener and settings of ``preset``. Answers: Heard, then Listened.

    language: its code, empty: found out.
    """

    path: str
    preset: Preset
    language: str = ""


class Cancel(Message, frozen=True, kw_only=True):
    """Stop job ``job`` if it is still in work. Its answer: Cancelled, or what it had come to."""


Request = Load | Render | RenderAll | LoadTake | LoadFile | Probe | Listen | Cancel


class Hello(Message, frozen=True, kw_only=True):
    """The worker is ready. backends: name → version of what it can speak with. pid: its own."""

    backends: dict[str, str]
    pid: int


class Alive(Message, frozen=True, kw_only=True):
    """The job goes on; sent about once a second by work that takes long."""


class Loading(Message, frozen=True, kw_only=True):
    """A model is so far (0..1) in memory."""

    fraction: float
    stage: str


class Loaded(Message, frozen=True, kw_only=True):
    """The model is in memory. bytes: what this process takes there, by device; measured."""

    bytes: dict[str, int]


class Progress(Message, frozen=True, kw_only=True):
    """So many frames of the take are spoken."""

    frames: int


class Rendered(Message, frozen=True, kw_only=True):
    """The take is made; it can be loaded at once, and will be in the cache soon."""

    take: Take


class Stored(Message, frozen=True, kw_only=True):
    """The take of this job is in the cache."""


class NotStored(Message, frozen=True, kw_only=True):
    """The take of this job could not be kept; the worker still has it for a while."""

    text: str


class Heard(Message, frozen=True, kw_only=True):
    """What is said in the next part of a recording."""

    passage: Passage


class Listened(Message, frozen=True, kw_only=True):
    """All of a recording was heard, and told in parts."""


class Done(Message, frozen=True, kw_only=True):
    """Loaded or probed."""

    facts: Facts


class NoTake(Message, frozen=True, kw_only=True):
    """Neither memory nor cache has that take any more."""


class Cancelled(Message, frozen=True, kw_only=True):
    """The job was stopped."""


class Failed(Message, frozen=True, kw_only=True):
    """The job could not be done; code and text of the EngineError."""

    code: str
    text: str


Note = Alive | Loading | Progress | Heard | Stored | NotStored
"""Answers that come beside the one that settles a job."""

Answer = (
    Hello
    | Alive
    | Loading
    | Loaded
    | Progress
    | Rendered
    | Stored
    | NotStored
    | Heard
    | Listened
    | Done
    | NoTake
    | Cancelled
    | Failed
)

M = TypeVar("M")

_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class BadMessage(VoiceError):
    """Bytes on a worker's pipe that are no message."""


def encode(message: Request | Answer) -> bytes:
    """Return ``message`` with its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def read_request(stream: BinaryIO) -> Request | None:
    """Return the next request, None at the end of the stream, also one inside a message. Raises BadMessage."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = _checked_length(head)
    body = stream.read(length)
    return _decoded(_requests, body) if len(body) == length else None


async def read_answer(stream: StreamReader) -> Answer | None:
    """Return the next answer, None at the end of the stream, also one inside a message. Raises BadMessage."""
    try:
        head = await stream.readexactly(LENGTH_BYTES)
        body = await stream.readexactly(_checked_length(head))
    except (EOFError, ConnectionResetError):  # IncompleteReadError is an EOFError
        return None
    return _decoded(_answers, body)


def _checked_length(head: bytes) -> int:
    length = int.from_bytes(head, "little")
    if length > LONGEST_MESSAGE_BYTES:
        raise BadMessage(f"a message of {length:,} bytes; at most {LONGEST_MESSAGE_BYTES:,} are allowed")
    return length


def _decoded(decoder: msgspec.msgpack.Decoder[M], body: bytes) -> M:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise BadMessage(f"a message that can't be read: {error}") from error


def error_from(failed: Failed) -> EngineError:
    """Return the error that a worker reported, as the class it was there."""
    kind = next((cls for cls in _all_errors(EngineError) if cls.__dict__.get("code") == failed.code), VoiceError)
    return kind.__new__(kind, failed.text)  # past __init__: some take parts of the text


def _all_errors(root: type[EngineError]) -> list[type[EngineError]]:
    return [root, *(below for child in root.__subclasses__() for below in _all_errors(child))]
