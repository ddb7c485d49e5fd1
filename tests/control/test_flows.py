"""A show with lines that sounded while they were made plays again to the last bit, wherever they ran dry."""

import contextlib
import random
from functools import partial

import numpy as np
import pytest

from engine.commands import (
    CancelJob,
    GoCue,
    Locate,
    PauseAll,
    PauseCue,
    Play,
    ResumeAll,
    ResumeCue,
    Say,
    SetPoint,
    StandBy,
    Stop,
    TriggerSlot,
)
from engine.control.diagnosis import Diagnosis
from engine.control.replay import Replay
from engine.control.transcript import read_transcript
from engine.errors import EngineError
from engine.events import JobDone, RanDry, WentOn
from engine.story.model import At, Cue, Lane, Line, Point, Slot, SpeakLine, Strip, Track
from engine.voices.pool import VoicePool
from tests.control.stage_rig import BLOCK, bare_story, run
from tests.control.test_cold_lines import STEADY, header, steps
from tests.voices.paced_backend import GO, RATE, STEP_FRAMES

pytestmark = pytest.mark.whole

PAD = Slot(bank="x", index=1, target=SpeakLine(line=Line(text="the pad speaks", voice="slow"), track="a"))


async def play(stage):
    """Two lines, one of which runs dry twice, a pad that begins while its line is made, a line that is called off."""
    stage.pool.paces.learn("paced", STEADY)
    stage.session.apply(Say(voice="slow", text="abcdefghijkl", job="j"))
    await stage.render(3 * BLOCK)
    await steps(stage, 4)
    await stage.render(7 * STEP_FRAMES)
    await steps(stage, 4)
    await stage.render(6 * STEP_FRAMES)
    stage.gate.tell(GO * 4)
    await stage.until(lambda: stage.events(JobDone))
    await stage.render(6 * STEP_FRAMES)
    assert len(stage.events(RanDry)) == len(stage.events(WentOn)) == 2
    stage.session.apply(TriggerSlot(bank="x", index=1))
    await steps(stage, 5)
    await stage.render(STEP_FRAMES)
    stage.gate.tell(GO * 9)
    await stage.until(lambda: not stage.loader._rooms._rooms)
    await stage.render(14 * STEP_FRAMES)
    stage.session.apply(Say(voice="slow", text="never to its end", job="k"))
    await steps(stage, 4)
    await stage.render(2 * STEP_FRAMES)
    assert header(stage).ready
    stage.session.apply(CancelJob(job="k"))
    await stage.render(STEP_FRAMES)


def test_a_show_of_cold_lines_plays_again_bit_for_bit(tmp_path, monkeypatch):
    async def show(stage):
        diagnosis = Diagnosis(stage.session, stage.link, stage.memory, tmp_path, dict)
        diagnosis.record(tmp_path / "show.jsonl", tmp_path, BLOCK, 1024)
        await play(stage)
        stage.gate.tell(GO * 16)
        await diagnosis.close()
        heard.extend(stage.heard)
        again = partial(VoicePool, catalog=stage.pool.catalog, cache=stage.pool.cache, sample_rate=RATE)
        with Replay(*map(_listed, read_transcript(tmp_path / "show.jsonl"))) as replay:
            stage.gate.tell(GO * 100)
            await replay.render(again, lambda _: None)
            replay.play(lambda block: played.append(block[:, 0].copy()))
            assert not replay.differences

    heard, played = [], []
    run(tmp_path, monkeypatch, bare_story(slots=(PAD,)), show)
    live, offline = np.concatenate(heard), np.concatenate(played)
    assert np.abs(live).max() > 0.1
    length = min(len(live), len(offline))  # the transcript ends with the last block that took something in
    assert length > len(live) - 2 * BLOCK
    np.testing.assert_array_equal(offline[:length], live[:length])


WAITS = (
    Cue(id="1", target=SpeakLine(line=Line(text="one", voice="quick"), track="a"), pre_wait_frames=3000, follow="end"),
    Cue(id="2", target=SpeakLine(line=Line(text="two", voice="quick"), track="a"), post_wait_frames=900,
        follow="continue"),
    Cue(id="3", target=SpeakLine(line=Line(text="three", voice="quick"), track="a")),
    Cue(id="4", target=SpeakLine(line=Line(text="four", voice="quick"), track="a"), at=At(frame=9000)),
)  # fmt: skip
BEATS = tuple(
    Slot(bank="x", index=index, target=SpeakLine(line=Line(text="pad", voice="quick"), track="a"), quantise=quantise,
         mode="layer")
    for index, quantise in enumerate(("beat", "bar"), 1)
)  # fmt: skip


FADING = Lane(target="gain_db", points=(Point(at=At(frame=2000), value=0.0), Point(at=At(frame=12000), value=-20.0)))
TRACK = Track(id="a", strip=Strip(automation=(FADING,)))


@pytest.mark.parametrize("seed", range(3))
def test_a_show_of_waits_and_quantised_pads_plays_again_bit_for_bit(tmp_path, monkeypatch, seed):
    rng = random.Random(seed)
    things = [
        GoCue(), GoCue(cue="1"), GoCue(cue="2"), PauseCue(cue="1"), ResumeCue(cue="1"), PauseAll(), ResumeAll(),
        Play(), Stop(), TriggerSlot(bank="x", index=1), TriggerSlot(bank="x", index=2), StandBy(cue="1"),
        Play(), Locate(timeline_frame=500), Locate(timeline_frame=7000), Locate(timeline_frame=14000),
        SetPoint(strip="a", target="gain_db", timeline_frame=5000, value=-40.0),
        SetPoint(strip="a", target="gain_db", timeline_frame=5000, value=3.0),
    ]  # fmt: skip

    async def show(stage):
        diagnosis = Diagnosis(stage.session, stage.link, stage.memory, tmp_path, dict)
        diagnosis.record(tmp_path / "show.jsonl", tmp_path, BLOCK, 1024)
        stage.session.open()
        await stage.until(lambda: not stage.session.context.library.missing())
        stage.late = lambda: rng.randrange(0, 400)  # nobody knows when an order meets the mixer
        for _ in range(60):
            with contextlib.suppress(EngineError):
                stage.session.apply(rng.choice(things))
            await stage.render(rng.randrange(1, 12) * BLOCK)
        await diagnosis.close()
        heard.extend(stage.heard)
        again = partial(VoicePool, catalog=stage.pool.catalog, cache=stage.pool.cache, sample_rate=RATE)
        with Replay(*map(_listed, read_transcript(tmp_path / "show.jsonl"))) as replay:
            await replay.render(again, lambda _: None)
            replay.play(lambda block: played.append(block[:, 0].copy()))
            assert not replay.differences

    heard, played = [], []
    run(tmp_path, monkeypatch, bare_story(cues=WAITS, slots=BEATS, track=TRACK), show)
    live, offline = np.concatenate(heard), np.concatenate(played)
    assert np.abs(live).max() > 0.1
    length = min(len(live), len(offline))
    np.testing.assert_array_equal(offline[:length], live[:length])


def _listed(part):
    return part if hasattr(part, "story") else list(part)
