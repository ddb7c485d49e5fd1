"""What the monitor draws from what it is told, without a terminal."""

from __future__ import annotations

from rich.console import Console

from bridge.cli.monitor_view import STATUS_NAMES, Picture


def drawn(picture: Picture) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(picture.draw())
    return capture.get()


def test_strips_show_meters_faders_and_what_ducking_takes_away() -> None:
    picture = Picture()
    picture.take(
        [
            ("/meters", "voice", -6.0, -7.5, -12.0, -13.0, "music", -30.0, -30.0, -36.0, -36.0),
            ("/strip/voice/gain", -3.0),
            ("/strip/voice/pan", 0.5),
            ("/strip/voice/mute", 1),
            ("/strip/voice/reduction", 0.0),
            ("/strip/music/reduction", -12.3),
        ]
    )
    lines = drawn(picture).splitlines()
    voice, music = (next(line for line in lines if line.startswith(name)) for name in ("voice", "music"))
    assert voice.split()[-4:] == ["-6.0", "-3.0", "+0.50", "M"], "nothing is taken away"
    assert music.split()[-1] == "-12.3"
    assert voice.count("█") > music.count("█") > 0


def test_cues_slots_callbacks_processes_and_news_are_there_and_an_engine_that_is_gone_is_waited_for() -> None:
    picture = Picture()
    picture.status(["system" if name == "device" else 3 if name == "underflows" else 0.0 for name in STATUS_NAMES])
    picture.take(
        [
            ("/cue/next", "2"),
            ("/cue/1/state", "playing"),
            ("/cue/2/state", "ready"),
            ("/slot/a/1/state", "failed"),
            ("/engine/histogram", *[0] * 6, 40, 2, *[0] * 12),
            ("/engine/underflows", 1, 0, 0, 2, 0),
            ("/engine/processes", "control", 11, "worker", 12),
            ("/event/cue/started", "1", 0.25),
        ]
    )
    shown = drawn(picture)
    for words in (
        "3 underflows (2 stalled, 1 overload)",
        "1 playing",
        "▶2 ready",
        "a/1 failed",
        "≤64 µs",
        "worker 12",
        "/event/cue/started  1  0.250",
    ):
        assert words in shown
    picture.clear()
    assert "waiting for the engine" in drawn(picture)
