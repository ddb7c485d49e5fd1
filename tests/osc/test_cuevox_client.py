"""The client of users' scripts: it says, hears, comes back by itself and then knows the truth again."""

from __future__ import annotations

import asyncio
import contextlib
import doctest
import re
from functools import partial
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from served import Running

import cuevox as cuevox_module
from bridge.access import Right
from bridge.errors import Busy
from cuevox import AsyncCuevox, Cuevox, NoAnswer, Refused
from engine import commands as do
from engine import events as told


@pytest.fixture
def cuevox(running):
    with Cuevox(port=running.port) as cuevox:
        yield cuevox


def test_it_sets_and_gets(running, cuevox):
    cuevox.set("/strip/voice/gain", -6.0)
    assert cuevox.get("/strip/voice/gain") == -6.0
    cuevox.go("1")
    cuevox.trigger("a", 1, 0.5)
    assert running.engine.commands[1:] == [do.GoCue(cue="1"), do.TriggerSlot(bank="a", index=1, velocity=0.5)]


def test_a_refusal_has_the_engine_s_words(cuevox):
    with pytest.raises(Refused, match="the nearest is /strip/voice/gain"):
        cuevox.set("/strip/voice/gian", 1.0)


def test_it_knows_what_it_subscribed_to_and_hears_changes(running, cuevox):
    assert cuevox.subscribe("/strip/*/gain") == 4
    assert cuevox.values["/strip/voice/gain"] == (0.0,)
    running.call(running.engine.apply, do.SetStripGain(strip="voice", gain_db=-2.0))
    assert next(e for e in cuevox.events(10.0) if e == ("/strip/voice/gain", -2.0))
    assert cuevox.values["/strip/voice/gain"] == (-2.0,)


def test_what_was_heard_is_there_without_waiting_and_once(cuevox):
    cuevox.subscribe("/strip/voice/gain")
    heard = cuevox.heard()
    assert ("/strip/voice/gain", 0.0) in heard and ("/subscribed", "/strip/voice/gain", 1) in heard
    assert cuevox.heard() == []


def test_an_answer_of_a_thousand_words_is_heard_whole(running, cuevox):
    running.engine.slot_words = lambda bank, index: [("word", 12_000 * number) for number in range(1000)]
    heard = cuevox.ask("/slot/a/1/words")
    assert heard[::2] == ("word",) * 1000
    assert heard[1::2] == tuple(0.25 * number for number in range(1000))
    assert cuevox.subscribe("/slot/a/1/words") == 1
    assert cuevox.values["/slot/a/1/words"] == heard


def test_an_answer_that_no_packet_carries_is_refused_and_the_connection_goes_on(running, cuevox):
    running.engine.slot_words = lambda bank, index: [("word", 0.5)] * 10_000
    with pytest.raises(Refused, match="a packet holds 60000"):
        cuevox.ask("/slot/a/1/words")
    cuevox.subscribe("/slot/a/*/words")
    assert next(e for e in cuevox.heard() if e[0] == "/reply/slot/a/1/words")[1:4] == (0, "error", "too_big")
    assert cuevox.get("/strip/voice/gain") == 0.0


def test_events_end_when_nothing_comes(cuevox):
    assert list(cuevox.events(0.05)) == []


def test_a_line_is_spoken(running, cuevox):
    carry_out = running.engine._carry_out

    def speak(command):
        """Answer as an engine does that has the take: before the command is acknowledged."""
        if isinstance(command, do.Say):
            return (told.JobDone(job=command.job, verb="say", result="x", seconds=1.5),)
        return carry_out(command)

    running.engine._carry_out = speak
    assert cuevox.say("anna", "good evening") == 1.5


def test_jobs_are_waited_for(running, cuevox):
    carry_out = running.engine._carry_out

    def work(command):
        """Render at once; fail to export."""
        if isinstance(command, do.Render):
            return (told.JobDone(job=command.job, verb="render", result="3 takes", seconds=0.0),)
        if isinstance(command, do.Export) and command.formats == ("stems", "mix"):
            return (told.JobDone(job=command.job, verb="export", result="/x/friday", seconds=9.0),)
        if isinstance(command, do.Export):
            return (told.JobFailed(job=command.job, verb="export", code="export_failed", text="the disk is full"),)
        return carry_out(command)

    running.engine._carry_out = work
    cuevox.render()
    assert cuevox.export("friday", "stems", "mix") == "/x/friday"
    with pytest.raises(Refused, match="the disk is full"):
        cuevox.export("friday")
    assert cuevox.ask("/jobs") == ("7", "render", 0.5, "speak")


def test_no_engine_is_told(running):
    running.call(running.server.close)
    with Cuevox(port=running.port) as cuevox, pytest.raises(NoAnswer, match="cuevox run"):
        cuevox.play()


def test_an_engine_that_is_slow_to_answer_is_waited_for(running):
    with Cuevox(port=running.port, name="script", patience_seconds=1e-6) as cuevox:
        assert cuevox.get("/client/name") == "script"


async def reconnected(first: Running) -> None:
    async with AsyncCuevox(port=first.port) as cuevox:
        await cuevox.subscribe("/strip/voice/gain")
        assert cuevox.values == {"/strip/voice/gain": (0.0,)}
        await asyncio.to_thread(first.close)
        engine = FakeEngine()
        engine.apply(do.SetStripGain(strip="voice", gain_db=-12.0))
        second = await asyncio.to_thread(Running, engine, first.port)
        async with asyncio.timeout(20.0):
            while cuevox.connections < 2:
                await asyncio.sleep(0.02)
        assert cuevox.values == {"/strip/voice/gain": (-12.0,)}, "what changed meanwhile is known"
        second.call(engine.apply, do.SetStripGain(strip="voice", gain_db=-13.0))
        async for event in cuevox.events():
            if event == ("/strip/voice/gain", -13.0):
                break
        await cuevox.panic()
        await asyncio.to_thread(second.close)


def test_it_comes_back_by_itself_and_knows_the_truth(engine):
    asyncio.run(reconnected(Running(engine)))


def test_a_passcode_is_never_sent_as_it_is(running):
    running.hub.access._passcodes["do-everything"] = Right.ADMIN
    with Cuevox(port=running.port, passcode="do-everything", name="script") as cuevox:
        assert cuevox.get("/client/name") == "script"
    with Cuevox(port=running.port, passcode="another one") as stranger, pytest.raises(Refused, match="challenge"):
        stranger.play()


def test_an_engine_that_takes_no_passcode_just_now_is_asked_again(running, monkeypatch):
    monkeypatch.setattr("bridge.access.TRY_SECONDS", 0.5)
    running.hub.access._passcodes["do-everything"] = Right.ADMIN
    busy = []

    def use_up():
        with contextlib.suppress(Busy):
            while True:
                running.hub.access._try("127.0.0.1")
        busy.append(True)

    running.call(use_up)
    with Cuevox(port=running.port, passcode="do-everything", name="script") as cuevox:
        assert busy and cuevox.get("/client/name") == "script"


def test_the_python_of_the_control_page_works(running, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setattr("cuevox.Cuevox", partial(Cuevox, port=running.port))
    exec(compile(example, "control.md", "exec"), {})
    assert "/strip/voice/gain [0.0]" in capsys.readouterr().out
    assert len(running.hub.router.appointments) == 1


@pytest.mark.parametrize("name", ["Cuevox", "AsyncCuevox"])
def test_the_examples_in_its_docstrings_do_what_they_say(running, name):
    known = {"Cuevox": partial(Cuevox, port=running.port), "AsyncCuevox": partial(AsyncCuevox, port=running.port)}
    examples = doctest.DocTestFinder(recurse=False).find(getattr(cuevox_module, name), name, globs=known)
    (example,) = (e for e in examples if e.examples)
    example.globs["asyncio"] = asyncio
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append)
    assert result.attempted >= 2 and result.failed == 0, "".join(told)
