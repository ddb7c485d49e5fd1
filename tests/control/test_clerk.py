"""The clerk: a process of its own that asks the real database; and what a running engine may ask of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.control.clerk import Clerk, project_file
from engine.control.store_desk import StoreDesk
from engine.errors import BadRange, EngineError
from engine.events import VoicesChanged
from engine.questions import (
    AddProfile,
    ChangeProfile,
    CheckSample,
    ExportProfile,
    ImportProfile,
    ListProfiles,
    ListTakes,
    RemoveProfile,
    Shelves,
    ShowProfile,
    WordSample,
)
from engine.story.model import Effect, Line, Story, Track
from engine.voices.catalog import Catalog

RATE = 24_000


def shelves(folder: Path) -> Shelves:
    data = str(folder / "data")
    return Shelves(
        data_folder=data, takes_folder=str(folder / "takes"), voice_folders=(f"{data}/voices",), speak_with=""
    )


def write_speech(path: Path) -> None:
    time = np.arange(6 * RATE) / RATE
    words = 0.2 * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 2 * time) > -0.5)
    soundfile.write(path, np.concatenate([np.zeros(RATE), words, np.zeros(RATE)]), RATE)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.wav", "a/../../b.wav", "C:\\a.wav", "..\\a.wav"])
def test_files_are_of_the_project_only(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRange, match="is no file of the story's folder"):
        project_file(tmp_path, name)


def test_a_link_does_not_lead_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "out").symlink_to(tmp_path)
    with pytest.raises(BadRange, match="is no file"):
        project_file(tmp_path / "project", "out/a.wav")
    assert project_file(tmp_path, "samples/a.wav") == str(tmp_path / "samples" / "a.wav")


@pytest.mark.extra
def test_a_profile_is_checked_made_carried_and_forgotten_while_an_engine_runs(tmp_path: Path) -> None:
    write_speech(tmp_path / "ines.wav")
    asyncio.run(_profiles(tmp_path))


async def _profiles(folder: Path) -> None:
    catalog, told = Catalog(presets={}), []
    desk = StoreDesk(Clerk(shelves(folder)), catalog, folder)
    desk.tell = told.extend
    try:
        assert "speech above noise" in {str(row[0]) for row in await desk.ask(CheckSample(file="ines.wav"))}
        made = AddProfile(
            profile="ines", consent="Ines, 2026", files=("ines.wav",), name="", backend="pocket", language="en",
            effects="highpass: {cutoff_hz: 80}",
        )  # fmt: skip
        await desk.ask(made)
        with pytest.raises(EngineError, match="there is a profile 'ines' already"):
            await desk.ask(made)
        ((profile, name, backend, *_),) = await desk.ask(ListProfiles())
        assert (profile, name, backend) == ("ines", "ines", "pocket")
        assert catalog.get("ines").backend == "pocket" and told == [VoicesChanged()]
        assert (await desk.ask(ShowProfile(profile="ines")))[0] == ("Ines, 2026", "highpass: {cutoff_hz: 80}", "")
        await desk.ask(ChangeProfile(profile="ines", key="effects", value="gain: {gain_db: 3}"))
        await desk.ask(WordSample(profile="ines", number=1, text="Good night."))
        assert catalog.get("ines").effects == (Effect(effect="gain", params={"gain_db": 3.0}),)
        assert (await desk.ask(ShowProfile(profile="ines")))[1][3] == "Good night."
        await desk.ask(ExportProfile(profile="ines", file="ines.zip"))
        assert await desk.ask(ImportProfile(file="ines.zip", profile="ines-2")) == (("ines-2",),)
        desk.story = lambda: Story(title="", tracks=(Track(id="a", voice="ines"),))
        with pytest.raises(EngineError, match="the story needs the voice 'ines'"):
            await desk.ask(RemoveProfile(profile="ines"))
        await desk.ask(RemoveProfile(profile="ines-2"))
        assert list(catalog.presets) == ["ines"]
        with pytest.raises(EngineError, match="no profile named 'x'"):
            await desk.ask(RemoveProfile(profile="x"))
    finally:
        await desk.clerk.close()


@pytest.mark.extra
def test_who_stops_waiting_gets_no_answer_and_nobody_else_gets_it(tmp_path: Path) -> None:
    asyncio.run(_cancelled(tmp_path))


async def _cancelled(folder: Path) -> None:
    clerk = Clerk(shelves(folder))
    try:
        asked = asyncio.create_task(clerk.ask(ListProfiles()))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert await clerk.ask(ListTakes(line=Line(text="Hello.", voice="narrator"))) == ()
    finally:
        await clerk.close()
