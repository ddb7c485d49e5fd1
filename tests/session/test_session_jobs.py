"""Jobs of a session: takes that somebody waits for, exports that somebody else makes; one list, one way to cancel."""

from __future__ import annotations

import pytest
from studio import Studio, small_story

from engine.commands import CancelJob, Export, PrepareLine, PullModel, Render, Say, Transcribe
from engine.errors import Busy, EngineError, UnknownThing, VoiceError
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.session.jobs import MAX_RENDERS
from engine.session.library import Source


def missing(show: Studio) -> tuple[Source, ...]:
    return show.session.context.library.missing()


def jobs(events: list[Event]) -> list[Event]:
    return [e for e in events if isinstance(e, (JobProgressed, JobDone, JobFailed))]


def test_takes_that_are_there_are_done_at_once() -> None:
    show = Studio(small_story())
    (told,) = show.session.apply(Render(job="7"))
    assert isinstance(told, JobDone) and told.verb == "render" and told.job == "7"
    assert show.session.jobs.all() == ()


def test_progress_follows_the_takes() -> None:
    show = Studio(small_story(), load=False)
    sources = missing(show)
    show.session.apply(Render(job="7"))
    assert [(j.verb, j.fraction) for j in show.session.jobs.all()] == [("render", 0.0)]
    show.told.clear()
    for source in sources:
        show.deliver(source)
    told = jobs(show.told)
    fractions = [e.fraction for e in told if isinstance(e, JobProgressed)]
    assert fractions == sorted(fractions) and len(fractions) == len(sources) - 1
    assert isinstance(told[-1], JobDone) and len(told) == len(sources)


def test_one_that_fails_is_named_when_all_are_through() -> None:
    show = Studio(small_story(), load=False)
    first, *rest = missing(show)
    show.session.apply(Render(job="7"))
    show.session.failed(first, VoiceError("no breath"))
    for source in rest:
        show.deliver(source)
    (failed,) = [e for e in show.told if isinstance(e, JobFailed)]
    assert failed.code == "voice_failed" and "no breath" in failed.text


def test_who_began_what_is_told_once_it_has_begun() -> None:
    show, begun = Studio(small_story(), load=False), []
    show.session.jobs.begun = lambda *told: begun.append(told)
    show.session.apply(Render(job="7"), client="tablet")
    with pytest.raises(EngineError):
        show.session.apply(Export(folder="friday"), client="tablet")  # this session has nowhere to export to
    show.session.apply(Render())
    assert begun == [("7", "render", "", "tablet"), ("render-3", "render", "", "")]


def test_it_is_cancelled_and_counted() -> None:
    show = Studio(small_story(), load=False)
    for number in range(MAX_RENDERS):
        show.session.apply(Render(job=str(number)))
    with pytest.raises(Busy, match=f"{MAX_RENDERS} jobs wait"):
        show.session.apply(Render(job="more"))
    (told,) = show.session.apply(CancelJob(job="0"))
    assert isinstance(told, JobFailed) and told.code == "cancelled"
    with pytest.raises(UnknownThing, match="no job named '0'; there is: 1, 2"):
        show.session.apply(CancelJob(job="0"))


def test_a_successor_looks_anew_for_what_is_left() -> None:
    show = Studio(small_story())
    show.session.jobs.recall(("7",))
    show.told.clear()
    show.session.advance()
    (told,) = jobs(show.told)
    assert isinstance(told, JobDone) and told.job == "7"


def test_without_a_workshop_nothing_is_exported_and_nobody_listens() -> None:
    refused = (Export(folder="x"), "to export"), (Transcribe(file="x"), "to listen"), (PullModel(model="x"), "models")
    for command, refusal in refused:
        with pytest.raises(EngineError, match=refusal):
            Studio(small_story()).session.apply(command)


def test_a_line_that_is_prepared_is_spoken_at_once() -> None:
    show = Studio(small_story())
    assert show.session.apply(PrepareLine(voice="narrator", text="curtain up")) == ()
    (source, urgent) = show.loader.asked[-1]
    assert (source.text, urgent) == ("curtain up", False)
    show.deliver(source)
    told = show.session.apply(Say(voice="narrator", text="curtain up"))
    assert isinstance(told[0], JobDone)


def test_no_more_lines_are_prepared_than_may_wait() -> None:
    show = Studio(small_story())
    for number in range(64):
        show.session.apply(PrepareLine(voice="narrator", text=f"line {number}"))
    show.session.apply(PrepareLine(voice="narrator", text="line 0"))
    with pytest.raises(Busy, match="64 lines are being prepared"):
        show.session.apply(PrepareLine(voice="narrator", text="one more"))
    with pytest.raises(UnknownThing, match="no voice named 'nobody'"):
        show.session.apply(PrepareLine(voice="nobody", text="hello"))
    show.deliver(show.loader.asked[-1][0])
    show.session.apply(PrepareLine(voice="narrator", text="one more"))
