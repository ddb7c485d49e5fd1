"""Cold lines: they sound while the worker still makes them, as they will sound warm; what goes wrong is told."""

import numpy as np
import pytest

from engine.commands import CancelJob, Panic, Say, SetSlotCold, TriggerSlot
from engine.events import Dropped, JobDone, JobFailed, PlayedCold, RanDry, WentOn
from engine.realtime.stream import StreamHeader
from engine.story.model import Line, Slot, SpeakLine
from engine.voices.pace import Pace
from tests.control.stage_rig import BLOCK, bare_story, run
from tests.voices.paced_backend import DIE, FAIL, GO, RATE, STEP_FRAMES, sound_of

pytestmark = pytest.mark.whole

TEXT = "abcdefghijkl"
FADE = RATE // 200
LARGEST_STEP = 0.05
"""The voice's own is 0.03."""
STEADY = Pace(speed=10.0, gap_seconds=0.05, character_seconds=STEP_FRAMES / RATE)


def header(stage) -> StreamHeader:
    """The stream of the only line that is being made."""
    (room,) = stage.loader._rooms._rooms.values()
    return room.header


async def steps(stage, count: int) -> None:
    """Have the worker speak so many steps more."""
    stream = header(stage)
    wanted = stream.ready + count * STEP_FRAMES
    stage.gate.tell(GO * count)
    await stage.until(lambda: stream.ready >= wanted - FADE)  # the ceiling looks a moment ahead


def say(stage, text: str = TEXT, voice: str = "slow", job: str = "j") -> None:
    stage.session.apply(Say(voice=voice, text=text, job=job))


def from_first_sound(heard: np.ndarray) -> np.ndarray:
    return heard[int(np.flatnonzero(heard)[0]) :]


def test_a_cold_line_sounds_while_it_is_made_and_is_then_a_take_like_any_other(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        assert not (await stage.render(3 * BLOCK)).any()
        await steps(stage, 4)
        heard = [await stage.render(2 * STEP_FRAMES)]
        assert np.abs(heard[0]).max() > 0.1
        assert not stage.events(JobDone) and not header(stage).complete
        used = stage.loader.used_floats
        await steps(stage, 7)
        stage.gate.tell(GO)
        await stage.until(lambda: stage.events(JobDone))
        assert stage.loader.used_floats < used
        heard.append(await stage.render(11 * STEP_FRAMES))
        cold = from_first_sound(np.concatenate(heard))
        expected = sound_of(TEXT)
        np.testing.assert_array_equal(cold[: len(expected) - 1], from_first_sound(expected)[: len(expected) - 1])
        (done,) = stage.events(JobDone)
        line = Line(text=TEXT, voice="slow")
        take = await stage.pool.render(line, stored=True)
        assert (done.result, done.seconds) == (take.digest, len(expected) / RATE)
        np.testing.assert_array_equal(stage.pool.cache.audio(take)[:, 0], expected)
        say(stage)
        warm = from_first_sound(await stage.render(13 * STEP_FRAMES))
        np.testing.assert_array_equal(warm[: len(expected) - 1], cold[: len(expected) - 1])
        assert not stage.events(RanDry)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_running_dry_is_a_fade_and_told_and_so_is_going_on(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 4)
        heard = await stage.render(8 * STEP_FRAMES)
        (dry,) = stage.events(RanDry)
        assert dry.what == "job j" and not heard[-STEP_FRAMES:].any()
        stage.gate.tell(GO * 8)
        await stage.until(lambda: stage.events(JobDone))
        on = await stage.render(10 * STEP_FRAMES)
        (refilled,) = stage.events(WentOn)
        assert refilled.what == "job j" and refilled.gap_seconds > 0.0
        assert np.abs(on).max() > 0.1
        whole = np.concatenate([heard, on])
        assert np.abs(np.diff(whole)).max() < LARGEST_STEP

    run(tmp_path, monkeypatch, bare_story(), show)


def test_a_line_begins_later_with_a_voice_that_is_known_to_be_slow(tmp_path, monkeypatch):
    async def show(stage):
        slow = Pace(speed=0.5, gap_seconds=0.05, character_seconds=STEP_FRAMES / RATE)
        stage.pool.paces.learn("paced", slow)
        say(stage)
        await stage.until(lambda: stage.loader._rooms._watches)
        (watch,) = stage.loader._rooms._watches.values()
        watch.heard = lambda frames: slow  # the test's voice is as fast as the test
        await steps(stage, 6)
        assert not (await stage.render(2 * BLOCK)).any()
        await steps(stage, 3)
        assert (await stage.render(2 * BLOCK)).any()

    run(tmp_path, monkeypatch, bare_story(), show)


def test_cancel_fades_out_and_gives_everything_back(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 4)
        assert (await stage.render(STEP_FRAMES)).any()
        stage.session.apply(CancelJob(job="j"))
        stage.gate.tell(GO)
        heard = await stage.render(STEP_FRAMES)
        assert not heard[2 * FADE :].any()
        (failed,) = stage.events(JobFailed)
        assert failed.code == "cancelled"
        await stage.until(lambda: not stage.loader._rooms._rooms)
        await stage.until(lambda: not stage.loader._tasks)
        while stage.loader.used_floats:
            await stage.render(BLOCK)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_a_worker_that_dies_before_anything_sounds_costs_nothing(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        stream = header(stage)
        stage.gate.tell(DIE)
        await stage.until(lambda: stage.pool.deaths == 1)
        stage.gate.tell(GO * len(TEXT))
        await stage.until(lambda: stream.complete)
        heard = await stage.render(13 * STEP_FRAMES)
        expected = from_first_sound(sound_of(TEXT))
        np.testing.assert_array_equal(from_first_sound(heard)[: len(expected)], expected)
        assert not stage.events(JobFailed)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_a_worker_that_dies_while_a_line_sounds_is_followed_by_another_at_the_same_frame(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 4)
        heard = [await stage.render(STEP_FRAMES)]
        assert heard[0].any()
        stage.gate.tell(DIE)
        await stage.until(lambda: stage.pool.deaths == 1)
        stage.gate.tell(GO * len(TEXT))
        await stage.until(lambda: stage.events(JobDone))
        heard.append(await stage.render(12 * STEP_FRAMES))
        expected = from_first_sound(sound_of(TEXT))
        np.testing.assert_array_equal(from_first_sound(np.concatenate(heard))[: len(expected)], expected)
        assert not stage.events(JobFailed) and not stage.events(RanDry)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_a_control_process_that_follows_goes_on_with_what_sounds(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 4)
        heard = [await stage.render(STEP_FRAMES)]
        assert heard[0].any()
        used = stage.loader.used_floats
        await stage.follow()
        assert stage.loader.used_floats == used
        stage.gate.tell(GO * len(TEXT))
        await stage.until(lambda: stage.events(JobDone))
        (done,) = stage.events(JobDone)
        assert done.job == "j" and len(stage.session.context.players.all()) == 1
        heard.append(await stage.render(12 * STEP_FRAMES))
        expected = from_first_sound(sound_of(TEXT))
        np.testing.assert_array_equal(from_first_sound(np.concatenate(heard))[: len(expected)], expected)
        assert not stage.session.context.players.all() and not stage.events(RanDry)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_what_breaks_off_while_it_sounds_fades_out_and_fails(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 4)
        assert (await stage.render(STEP_FRAMES)).any()
        stage.gate.tell(FAIL)
        await stage.until(lambda: stage.events(JobFailed))
        (failed,) = stage.events(JobFailed)
        assert failed.code == "voice_failed" and len(stage.events(JobFailed)) == 1
        heard = await stage.render(4 * STEP_FRAMES)
        assert not heard[2 * FADE :].any() and np.abs(np.diff(heard)).max() < LARGEST_STEP
        assert not stage.session.context.players.all()

    run(tmp_path, monkeypatch, bare_story(), show)


def test_panic_silences_what_is_being_made(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        say(stage)
        await steps(stage, 5)
        assert (await stage.render(STEP_FRAMES)).any()
        stage.session.apply(Panic())
        assert not (await stage.render(STEP_FRAMES))[RATE // 25 :].any()
        stage.gate.tell(GO)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_a_line_that_outgrows_its_room_is_cut_off_told_and_then_whole(tmp_path, monkeypatch):
    async def show(stage):
        stage.pool.paces.learn("paced", Pace(speed=10.0, gap_seconds=0.01, character_seconds=0.0001))
        long = "abcdefghij" * 10
        say(stage, long)
        stage.gate.tell(GO * 70)
        stream = header(stage)
        await stage.until(lambda: stream.ready > 55 * STEP_FRAMES)
        assert (await stage.render(STEP_FRAMES)).any()
        stage.gate.tell(GO * 30)
        await stage.until(lambda: stage.events(JobFailed))
        (failed,) = stage.events(JobFailed)
        assert failed.code == "memory_short" and "longer than expected" in failed.text
        line = Line(text=long, voice="slow")
        await stage.until(lambda: stage.session.context.library.shelf(line).loaded)
        say(stage, long, job="again")
        (done,) = stage.events(JobDone)
        assert done.seconds == pytest.approx(len(long) * STEP_FRAMES / RATE)

    run(tmp_path, monkeypatch, bare_story(), show)


def test_the_embedded_voice_sounds_cold_as_it_does_warm(tmp_path, monkeypatch):
    async def show(stage):
        text = "The quick brown fox jumps over the lazy dog."
        say(stage, text, "plain")
        await stage.until(lambda: stage.events(JobDone))
        cold = from_first_sound(await stage.render(4 * RATE))
        say(stage, text, "plain", "again")
        warm = from_first_sound(await stage.render(4 * RATE))
        frames = min(len(cold), len(warm))
        np.testing.assert_array_equal(cold[:frames], warm[:frames])
        take = stage.pool.made(Line(text=text, voice="plain"))
        assert frames > 0.9 * take.frames

    run(tmp_path, monkeypatch, bare_story(), show)


def pad(text: str, cold: str = "wait") -> Slot:
    return Slot(bank="x", index=1, target=SpeakLine(line=Line(text=text, voice="slow"), track="a"), cold=cold)


@pytest.mark.parametrize("cold", ["wait", "skip", "last"])
def test_a_cold_pad_does_what_its_policy_says(tmp_path, monkeypatch, cold):
    async def show(stage):
        stage.pool.paces.learn("paced", STEADY)
        stage.session.apply(SetSlotCold(bank="x", index=1, cold=cold))
        stage.session.apply(TriggerSlot(bank="x", index=1))
        (told,) = stage.events(PlayedCold)
        assert (told.what, told.did) == ("slot x/1", "wait" if cold == "wait" else "skip")
        stage.gate.tell(GO * len(TEXT))
        shelf = stage.session.context.library.shelf
        await stage.until(lambda: shelf(Line(text=TEXT, voice="slow")).state == "ready")  # also where it plays by then
        heard = await stage.render(14 * STEP_FRAMES)
        assert heard.any() == (cold == "wait")
        assert not stage.events(Dropped)

    run(tmp_path, monkeypatch, bare_story(slots=(pad(TEXT),)), show)


def test_a_pad_plays_its_last_take_while_a_new_one_is_made(tmp_path, monkeypatch):
    async def show(stage):
        stage.session.open()
        stage.gate.tell(GO * len(TEXT))
        await stage.until(lambda: stage.session.slots.state("x", 1) == "ready")
        stage.session.apply(TriggerSlot(bank="x", index=1))
        first = from_first_sound(await stage.render(14 * STEP_FRAMES))
        stage.session.adopt(bare_story(slots=(pad("another text", "last"),)))
        stage.session.apply(TriggerSlot(bank="x", index=1))
        (told,) = stage.events(PlayedCold)
        assert told.did == "last" and "another text" in told.text
        again = from_first_sound(await stage.render(14 * STEP_FRAMES))
        np.testing.assert_array_equal(again[: 12 * STEP_FRAMES - 1], first[: 12 * STEP_FRAMES - 1])
        stage.gate.tell(GO * 12)

    run(tmp_path, monkeypatch, bare_story(slots=(pad(TEXT, "last"),)), show)
