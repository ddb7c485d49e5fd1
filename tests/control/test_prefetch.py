"""Prefetch: what comes is there before it is needed, also where the story is larger than the clip memory."""

import asyncio

import numpy as np
import pytest

from engine.commands import Locate, Play, SelectBank
from engine.events import Dropped
from engine.story.model import At, Clip, Cue, Line, Slot, SpeakLine, Track
from tests.control.stage_rig import bare_story, run
from tests.voices.paced_backend import RATE, STEP_FRAMES, sound_of

pytestmark = pytest.mark.whole

CLIPS = 40
TEXTS = tuple("".join(chr(97 + (n * 7 + k) % 26) for k in range(20)) + f"{n:02d}" for n in range(CLIPS))
FRAMES = 22 * STEP_FRAMES
APART = FRAMES + 160


def long_story():
    clips = tuple(
        Clip(id=f"c{n}", start=At(frame=n * APART), line=Line(text=text, voice="quick")) for n, text in enumerate(TEXTS)
    )
    return bare_story(track=Track(id="a", clips=clips))


@pytest.mark.extra
def test_a_story_larger_than_the_memory_plays_through_without_a_gap(tmp_path, monkeypatch):
    """40 clips of 2.2 s, 5.6 MB, in 2 MB: they are made, some are loaded; the others come as the timeline gets near."""
    monkeypatch.setattr("engine.session.prefetch.HORIZON_SECONDS", 6.0)

    async def show(stage):
        stage.session.open()
        library = stage.session.context.library
        await stage.until(lambda: not library.missing())
        ready, wanted = library.counts()
        assert wanted == CLIPS and 3 <= ready < CLIPS // 2
        stage.session.publish()
        await stage.render(320)
        await stage.until(lambda: stage.session.prefetch.ahead().ready == stage.session.prefetch.ahead().wanted)
        stage.session.apply(Play())
        begun = len(stage.heard)
        while sum(map(len, stage.heard[begun:])) < CLIPS * APART:
            await stage.render(RATE // 2)
            await until_prepared(stage)
        heard = np.concatenate(stage.heard[begun:])
        for n, text in enumerate(TEXTS):
            np.testing.assert_allclose(heard[n * APART : n * APART + FRAMES], sound_of(text), atol=1e-6)
        assert not stage.events(Dropped)

    run(tmp_path, monkeypatch, long_story(), show, arena_bytes=2 << 20)


async def until_prepared(stage) -> None:
    """Give the workers the time that they have in a real engine, where audio is no faster than time."""

    def prepared() -> bool:
        ahead = stage.session.prefetch.ahead()
        return ahead.ready == ahead.wanted

    async with asyncio.timeout(60):
        while not prepared():
            await stage.render(16, 16)  # a millisecond, in which what is let go of is given back
            await asyncio.sleep(16 / RATE)


def test_a_locate_brings_what_lies_there(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.session.prefetch.HORIZON_SECONDS", 6.0)

    async def show(stage):
        stage.session.open()
        library = stage.session.context.library
        await stage.until(lambda: not library.missing())
        there = Line(text=TEXTS[30], voice="quick")
        assert library.shelf(there).loaded is None
        stage.session.publish()
        stage.session.apply(Locate(timeline_frame=30 * APART))
        await until_prepared(stage)
        assert library.shelf(there).loaded is not None
        assert library.shelf(there).near

    run(tmp_path, monkeypatch, long_story(), show, arena_bytes=2 << 20)


def test_the_next_cues_come_first_then_the_bank_at_hand(tmp_path, monkeypatch):
    def speak(text: str) -> SpeakLine:
        return SpeakLine(line=Line(text=text, voice="quick"), track="a")

    story = bare_story(
        cues=tuple(Cue(id=f"{n}", target=speak(f"cue {n}")) for n in range(4)),
        slots=tuple(Slot(bank=b, index=n, target=speak(f"slot {b}{n}")) for b in "xy" for n in (1, 2)),
    )

    async def show(stage):
        preferred = []
        monkeypatch.setattr(stage.loader, "prefer", lambda sources: preferred.append([s.text for s in sources]))
        stage.session.open()
        assert preferred[-1] == ["cue 0", "cue 1", "slot x1", "slot x2"]
        stage.session.apply(SelectBank(bank="y"))
        assert preferred[-1] == ["cue 0", "cue 1", "slot y1", "slot y2"]

    run(tmp_path, monkeypatch, story, show)
