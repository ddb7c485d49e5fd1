"""The pipe between pool and workers: whole messages, or a clear end."""

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Busy, EngineError, MediaError, UnknownThing, VoiceError
from engine.story.model import Effect
from engine.voices import wire
from engine.voices.media import Facts
from engine.voices.preset import Preset
from engine.voices.take import Take, Word

PRESET = Preset(
    id="robot", name="Robot", backend="espeak", settings={"language": "en", "pitch": 3.0},
    effects=(Effect(effect="reverb", params={"room_size": 0.5}),), gain_db=-2.0,
)  # fmt: skip
TAKE = Take(
    digest="d", text="héllo", voice="robot", sample_rate=48000, frames=10, channels=1,
    words=(Word(text="héllo", start_frame=0, end_frame=9, text_start=0, text_end=5),), peak=0.5,
)  # fmt: skip
REQUESTS = [
    wire.Render(job=1, digest="d", text="héllo 😀", preset=PRESET, sample_rate=48000),
    wire.LoadTake(job=2, take=TAKE, offset=7),
    wire.LoadFile(job=3, path="/x y.wav", sample_rate=44100, offset=0, max_floats=9),
    wire.Probe(job=4, path="/z.wav", sample_rate=48000),
    wire.Cancel(job=5),
]
ANSWERS = [
    wire.Hello(job=0, backends={"espeak": "1.52"}, pid=7),
    wire.Progress(job=1, frames=480),
    wire.Rendered(job=1, take=TAKE),
    wire.Stored(job=1),
    wire.NotStored(job=1, text="full"),
    wire.Done(job=2, facts=Facts(frames=3, channels=2)),
    wire.NoTake(job=2),
    wire.Cancelled(job=3),
    wire.Failed(job=4, code="bad_media", text="no"),
]


def answers_in(data: bytes) -> list:
    async def read() -> list:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        found = []
        while (answer := await wire.read_answer(stream)) is not None:
            found.append(answer)
        return found

    return asyncio.run(read())


def test_messages_arrive_as_they_were_sent():
    stream = io.BytesIO(b"".join(wire.encode(request) for request in REQUESTS))
    assert [wire.read_request(stream) for _ in REQUESTS] == REQUESTS
    assert wire.read_request(stream) is None
    assert answers_in(b"".join(wire.encode(answer) for answer in ANSWERS)) == ANSWERS


@given(cut=st.integers(0, 200))
def test_a_message_cut_off_is_the_end(cut):
    data = wire.encode(ANSWERS[2]) + wire.encode(REQUESTS[0])
    first = len(wire.encode(ANSWERS[2]))
    assert answers_in(data[: min(cut, first)]) == ([ANSWERS[2]] if cut >= first else [])
    rest = wire.encode(REQUESTS[0])
    assert (wire.read_request(io.BytesIO(rest[:cut])) is None) == (cut < len(rest))


@given(noise=st.binary(min_size=0, max_size=40))
def test_nonsense_is_refused(noise):
    framed = len(noise).to_bytes(4, "little") + noise
    with pytest.raises(wire.BadMessage, match="can't be read"):
        wire.read_request(io.BytesIO(framed))
    with pytest.raises(wire.BadMessage):
        answers_in(framed)


def test_a_message_larger_than_allowed_is_refused_before_it_is_read():
    with pytest.raises(wire.BadMessage, match="4,294,967,295 bytes; at most 67,108,864"):
        wire.read_request(io.BytesIO(b"\xff\xff\xff\xff"))


@pytest.mark.parametrize("kind", [VoiceError, MediaError, Busy, UnknownThing, EngineError])
def test_an_error_crosses_the_pipe_as_what_it_was(kind):
    error = wire.error_from(wire.Failed(job=1, code=kind.code, text="what, and what is allowed"))
    assert type(error) is kind and str(error) == "what, and what is allowed"


def test_an_unknown_error_is_one_of_the_voice():
    assert type(wire.error_from(wire.Failed(job=1, code="?", text="x"))) is VoiceError
