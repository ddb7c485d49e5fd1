"""A show with lines that sounded while they were made plays again to the last bit, wherever they ran dry."""

from functools import partial

import numpy as np
import pytest

from engine.commands import CancelJob, Say, TriggerSlot
from engine.control.diagnosis import Diagnosis
from engine.control.replay import Replay
from engine.control.transcript import read_transcript
from engine.events import JobDone, RanDry, WentOn
from engine.story.model import Line, Slot, SpeakLine
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


def _listed(part):
    return part if hasattr(part, "story") else list(part)
