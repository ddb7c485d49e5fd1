"""What a running engine captures: asked for in order, told as it comes, and gone on with by a successor."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from engine.capture.capture_process import Cut, CutByHand, Worked
from engine.capture.kept import Kept, write_kept
from engine.commands import CloseInput, OpenInput, StartCapture, StopCapture, TrimCapture, UntrimCapture
from engine.control.io_link import IoLink
from engine.control.listening import MAX_JOBS, InputConfig, LiveCaptures
from engine.edits import AddCapture
from engine.errors import BadRange, Busy, NotReady, UnknownThing, VoiceError
from engine.events import CaptureEnded, CaptureReady, CaptureStarted, InputChanged
from engine.io.messages import Capture, Captured, Capturing, EndCapture, Listen, Listening, Started
from engine.realtime.notes import Notes
from engine.speech.transcript import HeardWord, Transcript

RATE = 48_000


class Bench:
    """Captures of a control process; the io process is in our hands."""

    def __init__(self, folder, notes=None):
        self.asked, self.told, self.now = [], [], 100.0
        self.io = IoLink(self.asked.append)
        self.notes = notes or Notes()
        pool = SimpleNamespace(sample_rate=RATE)
        config = InputConfig(device="mic", channels=(2,))
        wall = lambda frame: self.now if frame is None else 1000.0 + frame / RATE  # noqa: E731
        self.captures = LiveCaptures(self.io, pool, folder, config, wall, self.notes)
        self.captures.tell = self.told.extend

    def hear(self, *messages):
        for message in messages:
            self.io.hear(msgspec.to_builtins(message))

    def asks(self, kind):
        found = [msgspec.convert(ask, kind) for ask in self.asked if ask.get("type") == kind.__name__]
        self.asked.clear()
        return found


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_capture_opens_the_input_and_is_cut_when_that_is_there(bench, tmp_path):
    assert bench.captures.apply(StartCapture(name="a", pre_seconds=1.5), RATE) == (CaptureStarted(name="a"),)
    bench.hear(Started())
    (listen,) = bench.asks(Listen)
    assert (listen.device, listen.channels, listen.keep_seconds) == ("mic", (2,), 60.0)
    assert bench.captures.status().state == "capturing"
    bench.hear(Listening(device="mic"))
    (ask,) = bench.asks(Capture)
    assert (ask.since, ask.pre_seconds) == (1001.0, 1.5)
    assert ask.path == str(tmp_path / "captures" / "a.whole.wav")
    with pytest.raises(Busy, match="'a' is being captured"):
        bench.captures.apply(StartCapture(), None)
    with pytest.raises(Busy):
        bench.captures.apply(CloseInput(), None)
    bench.hear(Capturing(take=ask.take, frames=RATE, peak=0.5))
    assert (bench.captures.status().seconds, round(bench.captures.status().peak_db)) == (1.0, -6)
    assert bench.captures.apply(StartCapture(toggle=True), None) == ()
    assert bench.asks(EndCapture) == [EndCapture(take=ask.take, until=100.0)]
    with pytest.raises(NotReady):
        bench.captures.apply(StopCapture(), None)
    bench.hear(Captured(take=ask.take, frames=2 * RATE, kept=False))
    assert bench.told == [InputChanged(device="mic"), CaptureEnded(name="a", seconds=2.0, kept=False)]
    assert bench.captures.status().state == "listening"


def test_an_input_that_can_not_be_opened_ends_it_with_its_words(bench):
    bench.captures.apply(StartCapture(name="a"), None)
    bench.hear(Started(), Listening(device="", text="no input device fits 'mic'; there is: none"))
    assert bench.told[-1].text.startswith("no input device") and bench.captures.status().state == "off"
    bench.asked.clear()
    bench.captures.apply(OpenInput(device="other", channel=1, right=2), None)
    assert bench.asks(Listen)[0].channels == (1, 2)


def test_what_is_wrong_is_said_before_anything_begins(bench, tmp_path):
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "a.json").write_text("{}")
    for command, error, said in (
        (StartCapture(name="../a"), BadRange, "letters, digits"),
        (StartCapture(name="a"), BadRange, "there is a capture named 'a' already"),
        (StartCapture(pre_seconds=61.0), BadRange, "0 to 60"),
        (OpenInput(device="file:/etc/passwd"), BadRange, "is no file of the story's folder"),
        (StopCapture(), NotReady, "nothing is being captured"),
    ):
        with pytest.raises(error, match=said):
            bench.captures.apply(command, None)
    assert bench.asked == [] and bench.captures.status().state == "off"


def test_a_successor_goes_on_and_hears_the_end(bench, tmp_path):
    bench.captures.apply(OpenInput(), None)
    bench.hear(Started(), Listening(device="mic"))
    bench.captures.apply(StartCapture(name="a"), None)
    (ask,) = bench.asks(Capture)
    heir = Bench(tmp_path, bench.notes)
    heir.captures.recall()
    heir.io.resume()
    assert heir.asks(Listen)[0].device == "mic"  # the io process knows, and says so again
    heir.hear(Listening(device="mic"))
    assert heir.asks(Capture) == []
    heir.captures.apply(StopCapture(), None)
    assert heir.asks(EndCapture)[0].take == ask.take
    heir.captures.lost()
    assert heir.told[-1] == CaptureEnded(name="a", seconds=0.0, text="the io process died")
    assert heir.notes.get("capture") is not None  # still listening
    heir.captures.apply(CloseInput(), None)
    assert heir.notes.get("capture") is None


def worker(bench, folder):
    """Have captures cut by the test: as soon as ``gate`` is open, in ``order``."""
    gate, order = asyncio.Event(), []

    async def outcome(work):
        order.append(type(work).__name__)
        await gate.wait()
        if isinstance(work, (Cut, CutByHand)):
            (folder / "captures").mkdir(exist_ok=True)
            write_kept(folder / "captures", work.kept)
        return Worked(kept=work.kept)

    bench.captures._bench._outcome = outcome
    return gate, order


def captured(bench, name, text="Who?"):
    """Capture a line in no time."""
    bench.captures.apply(StartCapture(name=name, text=text), RATE)
    (ask,) = bench.asks(Capture)
    bench.captures.apply(StopCapture(), None)
    bench.hear(Captured(take=ask.take, frames=RATE, pressed=100))


async def through(bench):
    async with asyncio.timeout(60):
        while bench.captures.jobs():
            await asyncio.sleep(0)


def test_more_lines_than_can_be_worked_on_at_once_are_all_written_down(bench, tmp_path):
    """What was said is not to be said again; until it is written down it can't be put on a track."""

    async def show():
        gate, _ = worker(bench, tmp_path)
        bench.captures.timeline = lambda frame: frame and 7 * RATE + frame
        bench.captures.apply(OpenInput(), None)
        bench.hear(Started(), Listening(device="mic"))
        bench.asked.clear()
        names = [f"line {number}" for number in range(MAX_JOBS + 2)]
        for name in names:
            captured(bench, name)
        assert len(bench.captures.jobs()) == len(names)
        with pytest.raises(NotReady, match="'line 3' is being written down"):
            bench.captures.clip_of(AddCapture(track="a", capture="line 3"))
        gate.set()
        await through(bench)
        assert [e.name for e in bench.told if isinstance(e, CaptureReady)] == names
        assert bench.captures.names() == tuple(sorted(names))
        clip = bench.captures.clip_of(AddCapture(track="a", capture="line 3", clip="k"))
        assert (clip.start_frame, clip.audio, clip.name) == (8 * RATE - 100, "captures/line 3.wav", "Who?")
        with pytest.raises(UnknownThing, match="there is: line 0"):
            bench.captures.clip_of(AddCapture(track="a", capture="nobody"))

    asyncio.run(show())


def test_a_successor_writes_down_what_the_one_before_had_not(bench, tmp_path):
    async def show():
        worker(bench, tmp_path)  # whose gate stays shut: it is killed at its work
        bench.captures.apply(OpenInput(), None)
        bench.hear(Started(), Listening(device="mic"))
        bench.asked.clear()
        captured(bench, "a")
        heir = Bench(tmp_path, bench.notes)
        gate, order = worker(heir, tmp_path)
        gate.set()
        heir.captures.recall()
        await through(heir)
        assert order == ["Cut", "TimeWords"]
        assert [e.name for e in heir.told if isinstance(e, CaptureReady)] == ["a"]
        heir.captures.apply(CloseInput(), None)
        assert heir.notes.get("capture") is None
        await bench.captures.close()

    asyncio.run(show())


def test_a_capture_is_trimmed_by_hand_unless_a_clip_plays_it_and_that_is_taken_back(bench, tmp_path):
    folder = tmp_path / "captures"

    async def show():
        gate, order = worker(bench, tmp_path)
        gate.set()
        folder.mkdir()
        write_kept(folder, Kept(name="a", sample_rate=2 * RATE, frames=4 * RATE, first=RATE, text="Who?"))
        trim = TrimCapture(capture="a", start_frame=RATE, end_frame=2 * RATE, job="7")
        assert bench.captures.apply(trim, None) == ()
        for soon in (trim, UntrimCapture(capture="a")):
            with pytest.raises(NotReady, match="is being written down"):
                bench.captures.apply(soon, None)
        await through(bench)
        ready, done = bench.told
        assert (ready.seconds, ready.start_seconds, ready.end_seconds, done.job) == (1.0, 1.0, 2.0, "7")
        bench.captures.clips_of = lambda audio: ["k1"] * (audio == "captures/a.wav")
        with pytest.raises(Busy, match=r"'a' is on the timeline \(k1\): trim the clip, or take it out"):
            bench.captures.apply(trim, None)
        bench.captures.clips_of = lambda audio: ()
        bench.captures.apply(UntrimCapture(capture="a"), None)
        await through(bench)
        assert (bench.told[-2].start_seconds, bench.told[-2].end_seconds) == (0.5, 2.5)
        assert order == ["CutByHand", "CutByHand"]
        with pytest.raises(UnknownThing, match="there is: a"):
            bench.captures.apply(UntrimCapture(capture="b"), None)

    asyncio.run(show())


def test_a_capture_without_a_text_is_written_down_by_a_listener(bench, tmp_path):
    heard = Transcript(
        text="Who is there?", language="en", seconds=1.0,
        words=(HeardWord(text="Who", start_seconds=0.1, end_seconds=0.3), HeardWord(text="there?", start_seconds=0.5,
                                                                                  end_seconds=0.9)),
    )  # fmt: skip

    async def listens(path, *, language, settings):
        assert (path, language, settings) == (tmp_path / "captures/a.wav", "", {"model": "small"})
        return heard

    async def has_no_model(path, *, language, settings):
        raise VoiceError("the model 'small' is not here; `cuevox models pull small`")

    async def show(transcribe):
        bench.captures._pool.transcribe = transcribe
        gate, order = worker(bench, tmp_path)
        gate.set()
        captured(bench, "a", text="")
        bench.told.clear()
        await through(bench)
        return order, next(e for e in bench.told if isinstance(e, CaptureReady))

    bench.captures._bench._listener = "small"
    bench.captures.apply(OpenInput(), None)
    bench.hear(Started(), Listening(device="mic"))
    bench.asked.clear()
    order, ready = asyncio.run(show(listens))
    assert (order, ready.text, ready.words, ready.note) == (["Cut", "Note"], "Who is there?", 2, "")
    (tmp_path / "captures/a.json").unlink()
    order, ready = asyncio.run(show(has_no_model))
    assert (order, ready.text, ready.words) == (["Cut"], "", 0)
    assert ready.note == "nobody has written it down: the model 'small' is not here; `cuevox models pull small`"
