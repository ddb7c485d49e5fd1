"""Cuevox Return in Ardour 7 without a screen, as it is worked with: notes, play, locate, save, reopen, export."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.daw.ardour_host import RETURN, RETURN_MIDI, Ardour, is_there, write_notes
from tests.daw.plugin_rig import Audio, exported, lay_out, serving
from tests.whole.rig import Rig

pytestmark = [pytest.mark.extra, pytest.mark.skipif(not is_there(), reason="Ardour 7 is not installed")]

LINK = f"test-ardour-{os.getpid()}"
PAD = 36
NOTES = (60_025, 200_000, 240_025)
"""Frames at which the pad is pressed: while the story's clips sound, and behind them."""
END = 300_000
LATE = 2 * 256
"""Ardour tells an LV2 plug-in the place of what comes out of it at that moment, not of what goes in."""
WAIT_SECONDS = 30.0
NEAR_SECONDS = 0.05
"""What Ardour asks for lies before its playhead by the latencies that it makes up for."""
CONNECTED, NO_ENGINE = "0.0", "5.0"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("daw"))


@pytest.fixture(scope="module")
def export(story: Path) -> dict[str, Audio]:
    return exported(story)


@pytest.fixture(scope="module")
def ardour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ardour]:
    with Ardour(tmp_path_factory.mktemp("ardour"), LINK) as it:
        yield it


def test_a_session_with_notes_and_a_return_is_played_saved_reopened_and_exported(
    story: Path, export: dict[str, Audio], ardour: Ardour, tmp_path: Path
) -> None:
    session = tmp_path / "walk" / "walk.ardour"
    with serving(story, LINK) as rig:
        ardour.do(f'open(create_session("{session.parent}", "walk", 48000))')
        ardour.do(f'add("Notes", "{RETURN_MIDI}", true)')
        ardour.do(f'add("Back", "{RETURN}")')
        for track, bus in (("Back", 1), ("Notes", 2)):
            ardour.wait(f'get("{track}", "Status") == {CONNECTED}')
            ardour.do(f'set("{track}", "Bus", {bus})')
        ardour.do('rest(0.3) S:save_state("") close_session()')
        write_notes(session, "Notes", dict.fromkeys(NOTES, PAD))

        ardour.do(f'open(load_session("{session.parent}", "walk"))')
        ardour.wait(f'get("Back", "Status") == {CONNECTED}')
        ardour.do("locate(48000, false)")
        _wait_for(rig, lambda playing, seconds: not playing and abs(seconds - 1.0) < NEAR_SECONDS)
        ardour.do("roll()")
        _wait_for(rig, lambda playing, seconds: playing and seconds > 1.2)
        ardour.do("locate(192000, true)")
        _wait_for(rig, lambda playing, seconds: playing and 4.2 < seconds < 6.0)
        ardour.do("stop()")
        _wait_for(rig, lambda playing, _: not playing)
        ardour.do('S:save_state("") close_session()')
    _put_a_track_in_front(story)

    ardour.do(f'open(load_session("{session.parent}", "walk"))')
    ardour.wait(f'get("Back", "Status") == {NO_ENGINE}')
    with serving(story, LINK):
        for track in ("Back", "Notes"):
            ardour.wait(f'get("{track}", "Status") == {CONNECTED}')
        heard = ardour.export(tmp_path / "walk.wav", 0, END)
        for track in ("Back", "Notes"):
            ardour.do(f'set("{track}", "Blocks of latency", 0)')
        ardour.do("rest(0.3)")
        prompt = ardour.export(tmp_path / "prompt.wav", 0, END)
    np.testing.assert_allclose(heard, _wanted(story, export), atol=1e-6)
    before = NOTES[0]  # with no latency a pad may come a block late: who asks first has it mixed
    np.testing.assert_allclose(prompt[:before], export["one"][:before], atol=1e-6)


def _wait_for(rig: Rig, there: Callable[[bool, float], bool]) -> None:
    """Wait until the story plays, and is, as ``there`` says."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not there(bool(rig.client.ask("/transport/playing")[0]), rig.client.ask("/transport/position")[0]):
        assert time.monotonic() < deadline


def _put_a_track_in_front(story: Path) -> None:
    """Change what the numbers of the buses mean."""
    story.write_text(story.read_text().replace("tracks:\n", "tracks:\n  - id: new\n", 1))


def _wanted(story: Path, export: dict[str, Audio]) -> Audio:
    """Return the track that comes back, as late as the plug-in is, and the pad's clip wherever a note begins."""
    wanted = np.zeros((END, 2), np.float32)
    wanted[LATE : LATE + len(export["one"])] = export["one"]
    pad = soundfile.read(story.parent / "noise0.wav", dtype="float32", always_2d=True)[0]
    for frame in NOTES:
        wanted[frame : frame + len(pad)] += pad
    return wanted
