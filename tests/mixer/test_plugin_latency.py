"""What is late makes everything beside it late: paths stay together, whatever is added, bypassed or removed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np
import pytest
from late_plugin import LatePlugin, facts, load_late
from mixer_rig import Rig
from msgspec.structs import replace
from test_graph_changes import RATE, Stage, roughness, sine

from engine.commands import RemoveInsert
from engine.mixer.graph import compile_graph
from engine.mixer.latency import plan_latency
from engine.mixer.regraph import regraph
from engine.realtime.records import Kind
from engine.story.equip import equip
from engine.story.model import Bus, Effect, Master, Send, Story, Strip, Track


@pytest.fixture(autouse=True)
def _late(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("engine.mixer.chain.load_hosted", load_late)
    LatePlugin.made.clear()
    yield


def late(frames: int, **fields: object) -> Effect:
    return Effect(effect=f"plugin:late {frames}", **fields)  # type: ignore[arg-type]


def strips(**inserts: tuple[Effect, ...]) -> Story:
    """Return tracks a (dry), b and c with these inserts; c sends to buses that have some, too."""
    tracks = (
        Track(id="a"),
        Track(id="b", strip=Strip(inserts=inserts.get("b", ()))),
        Track(id="c", strip=Strip(inserts=inserts.get("c", ()), sends=(Send(to="hall"), Send(to="echo")))),
    )
    buses = (
        Bus(id="hall", strip=Strip(inserts=inserts.get("hall", ()), sends=(Send(to="echo"),))),
        Bus(id="echo", strip=Strip(inserts=inserts.get("echo", ()))),
    )
    master = Master(limiter_db=None, strip=Strip(inserts=inserts.get("master", ())))
    return equip(Story(title="t", tracks=tracks, buses=buses, master=master), facts)


CLICK = np.zeros(64, np.float32)
CLICK[0] = 1.0
EVERYWHERE = strips(b=(late(300),), c=(late(50),), hall=(late(700),), echo=(late(20), late(5)), master=(late(11),))


def heard_at(story: Story, blocks: tuple[int, ...] = (256,)) -> tuple[np.ndarray, Rig]:
    """Return the master of one click on each track at frame 500."""
    rig = Rig(story, CLICK, max_block_frames=1024)
    for player, track in enumerate("abc", 1):
        rig.start(0, 500, track, player=player, gain=10.0**player)
    sizes, total = [], 0
    for size in cycle(blocks):
        sizes.append(min(size, 4096 - total))
        total += sizes[-1]
        if total == 4096:
            break
    return rig.play_blocks(sizes).out[:, 0], rig


def test_every_path_arrives_at_one_frame():
    out, rig = heard_at(EVERYWHERE)
    assert rig.mixer.strip_latency_frames == 50 + 700 + 25
    assert rig.mixer.latency_frames == 775 + 11
    assert np.flatnonzero(out).tolist() == [500 + 786]
    # a and b once; c on its own way, and through hall, through hall and echo, and through echo
    assert out[500 + 786] == pytest.approx(10.0 + 100.0 + 4 * 1000.0)


def test_the_size_of_blocks_changes_nothing():
    out, _ = heard_at(EVERYWHERE)
    for blocks in ((64,), (1024,), (100, 7, 333)):
        assert np.array_equal(heard_at(EVERYWHERE, blocks)[0], out)


def test_without_anything_late_nothing_is_delayed_or_kept():
    out, rig = heard_at(strips())
    assert rig.mixer.latency_frames == 0
    assert np.flatnonzero(out).tolist() == [500]
    assert rig.mixer._alignment.late.heard.shape[2] == 1


def test_stems_are_equally_late():
    rig = Rig(EVERYWHERE, CLICK, max_block_frames=1024)
    for player, track in enumerate("ab", 1):
        rig.start(0, 500, track, player=player)
    heard = rig.play(2048)
    for index in range(2):
        assert np.flatnonzero(heard.strips[index, :, 0]).tolist() == [500 + rig.mixer.strip_latency_frames]


def test_a_bypassed_plug_in_stays_as_late():
    story = strips(b=(late(300, bypass=True, params={"gain": 0.0}),))
    out, _ = heard_at(story)
    assert out[800] == pytest.approx(10.0 + 100.0 + 3 * 1000.0 + 1000.0)


def test_a_plug_in_that_is_not_here_lets_everything_pass():
    story = replace(
        strips(b=(late(300),)), plugins={"plugin:late 300": facts("late 300", fault="quarantined: it crashed")}
    )
    out, rig = heard_at(story)
    assert rig.mixer.latency_frames == 0
    assert out[500] == pytest.approx(10.0 + 100.0 + 4 * 1000.0)
    assert not LatePlugin.made


def test_one_that_refuses_its_state_is_told_and_passed_by():
    out, rig = heard_at(strips(b=(late(300, state="broken"),)))
    assert rig.mixer.faults == {"plugin:late 300": "late 300 does not take its state"}
    assert out[500] == pytest.approx(10.0 + 100.0 + 4 * 1000.0)


def test_one_that_ended_a_process_is_never_called_again():
    rig = Rig(strips(b=(late(300),)), CLICK)
    rig.mixer.switch_off({"plugin:late 300"})
    calls = [plugin.calls for plugin in LatePlugin.made]
    rig.start(0, 0, "b")
    out = rig.play(1024).out[:, 0]
    assert [plugin.calls for plugin in LatePlugin.made] == calls
    assert np.flatnonzero(out).tolist() == [300]


def test_parameters_begin_where_the_story_says_and_glide_on_the_grid():
    story = strips(b=(late(0, params={"gain": 0.5}),))
    rig = Rig(story, np.ones(9600, np.float32))
    rig.start(0, 0, "b")
    assert rig.play(64).out[-1, 0] == pytest.approx(0.5)
    rig.send(Kind.SET_INSERT, 100, "b", index=0, param=0, value=1.5, ramp_frames=640)
    out = rig.play(2048, 1000).out[:, 0]
    steps = np.flatnonzero(np.diff(out)) + 1 + 64
    assert set((steps % 64).tolist()) == {0}
    assert out[-1] == pytest.approx(1.5)
    other = Rig(story, np.ones(9600, np.float32))
    other.start(0, 0, "b")
    other.play(64)
    other.send(Kind.SET_INSERT, 100, "b", index=0, param=0, value=1.5, ramp_frames=640)
    assert np.array_equal(other.play(2048, 77).out[:, 0], out)


def test_panic_forgets_what_was_on_its_way():
    rig = Rig(strips(b=(late(3000),)), np.ones(4800, np.float32))
    rig.start(0, 0, "b")
    rig.play(1024)
    rig.send(Kind.PANIC, ramp_frames=240)
    rig.play(1024)
    assert not rig.play(8192).out.any()
    rig.mixer.tidy()
    rig.start(0, strip="b", player=2)
    assert rig.play(8192).out[:, 0].max() == pytest.approx(1.0)


TWO = (Track(id="voice"), Track(id="other"))


def stage(*inserts: Effect) -> Stage:
    tracks = (Track(id="voice", strip=Strip(inserts=inserts)), *TWO[1:])
    story = equip(Story(title="t", tracks=tracks, master=Master(limiter_db=None)), facts)
    stage = Stage(story, sine())
    stage.start(0)
    return stage


def with_inserts(playing: Stage, strip: str, *inserts: Effect) -> np.ndarray:
    """Give a strip other inserts while it plays; return what was heard meanwhile."""
    before = playing.story
    tracks = tuple(replace(t, strip=replace(t.strip, inserts=inserts)) if t.id == strip else t for t in before.tracks)
    playing.story = equip(replace(before, tracks=tracks), facts)
    return playing.swap(regraph(playing.graph, before, playing.story))


@pytest.mark.parametrize("strip", ["voice", "other"])
def test_one_that_is_late_is_added_without_a_click_or_a_gap(strip: str):
    playing = stage()
    first = playing.play(9600)
    part = with_inserts(playing, strip, late(2000))
    rest = playing.play(24000)
    whole = np.concatenate([first, part, rest])[1000:]
    assert roughness(whole) < 2.5 * roughness(first[1000:])
    level = np.abs(whole[: len(whole) // 256 * 256].reshape(-1, 256)).max(axis=1)
    assert level.min() > 0.1, "there is a gap"
    assert playing.mixer.strip_latency_frames == 2000
    sound = sine()
    at = playing.mixer.frame - 4096
    np.testing.assert_allclose(rest[-4096:], sound[at - 2000 : at - 2000 + 4096], atol=1e-6)


@pytest.mark.parametrize("strip", ["voice", "other"])
def test_one_that_is_late_is_removed_without_a_click_or_a_gap(strip: str):
    playing = stage()
    with_inserts(playing, strip, late(2000))
    first = playing.play(24000)
    part = playing.edit(RemoveInsert(strip=strip, insert=1))
    rest = playing.play(24000)
    whole = np.concatenate([first, part, rest])[8000:]
    assert roughness(whole) < 2.5 * roughness(first[8000:])
    level = np.abs(whole[: len(whole) // 256 * 256].reshape(-1, 256)).max(axis=1)
    assert level.min() > 0.1
    assert playing.mixer.latency_frames == 0


def test_what_stays_is_not_built_anew():
    playing = stage(late(100))
    playing.play(2048)
    made = len(LatePlugin.made)
    with_inserts(playing, "voice", late(100), Effect(effect="gain"))
    assert len(LatePlugin.made) == made
    with_inserts(playing, "voice", late(100, state="aGk="), Effect(effect="gain"))
    assert len(LatePlugin.made) == made + 2, "another state is another instance, and its spare"


def test_a_quarantined_plug_in_leaves_and_comes_back():
    playing = stage(late(100))
    playing.play(2048)
    for fault in ("quarantined: it crashed", ""):
        before = playing.story
        playing.story = replace(before, plugins={"plugin:late 100": facts("late 100", fault=fault)})
        playing.swap(regraph(playing.graph, before, playing.story))
        playing.play(RATE // 10)
        assert playing.mixer.latency_frames == (0 if fault else 100)


def test_the_plan_of_buses_in_a_row():
    graph = compile_graph(EVERYWHERE)
    plan = plan_latency(graph, [0, 300, 50, 700, 25, 11])
    assert plan.arrives[:5] == (0, 0, 0, 50, 750)
    assert plan.leaves == (0, 300, 50, 750, 775, 786)
    assert plan.direct == (775, 475, 725, 25, 0, 0)
    assert plan.sends[2] == (0, 700)
    assert plan.total == 775


def test_a_private_bus_makes_nothing_late():
    buses = (Bus(id="ears", private=True, strip=Strip(inserts=(late(900),))),)
    tracks = (Track(id="a", strip=Strip(sends=(Send(to="ears"),))),)
    graph = compile_graph(equip(Story(title="t", tracks=tracks, buses=buses), facts))
    assert plan_latency(graph, [0, 900, 0]).total == 0
