"""Plug-ins that are added while it plays: found as when a story is opened, and left out once they have crashed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.control.plugins import PluginHost
from engine.events import Event, PluginChanged
from engine.plugins.catalog import Catalog
from engine.plugins.facts import PluginFacts
from engine.plugins.prober import Prober
from engine.plugins.rack import Rack
from engine.story.equip import equip
from engine.story.model import Effect, Master, Story, Strip

HOW = "it ended the audio process while processing (SIGSEGV)"
NAME, FILES = "Voice Gate", ("vst3/Gate.vst3", "own/Room.vst3")


class Stage:
    """A host whose story lies in ``folder``, with Voice Gate in a plug-in folder and Room beside the story."""

    def __init__(self, folder: Path, *effects: str, crashed: dict[str, str] | None = None) -> None:
        self.gate, self.room = (folder / file for file in FILES)
        catalog = Catalog(folder / "plugins.json")
        for path, name in ((self.gate, NAME), (self.room, "Room")):
            path.mkdir(parents=True)
            catalog.keep(path, [PluginFacts(name=name, path=str(path))])
        self.told: list[Event] = []
        self.allowed: list[str] = []
        self.taken: dict[str, PluginFacts] = {}
        self.host = PluginHost(Rack([folder / "vst3"], catalog, folder), crashed or {}, self.allowed.append)
        strip = Strip(inserts=tuple(Effect(effect=effect) for effect in effects))
        story = equip(Story(title="t", master=Master(strip=strip)), self.host.lookup)
        self.host.attach(self.taken.update, self.told.extend, lambda: story)
        to_its_end(self.host.start)

    def retry(self, name: str) -> None:
        """Try a plug-in again."""
        to_its_end(lambda: self.host.retry(name))


def to_its_end(begin: Callable[[], object]) -> None:
    """Have a task begun, and wait for it."""

    async def done() -> None:
        before = asyncio.all_tasks()
        begin()
        await asyncio.gather(*(asyncio.all_tasks() - before))

    asyncio.run(done())


def spellings(stage: Stage) -> tuple[str, ...]:
    return NAME, "Gate", str(stage.gate), FILES[0], f"./own/../{FILES[0]}"


def test_one_is_found_by_its_name_its_file_or_a_path_from_the_story_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    for name in spellings(stage):
        found = stage.host.find(name)
        assert (found.name, found.path, found.fault) == (NAME, str(stage.gate), ""), name
    for name in (str(stage.room), FILES[1]):
        assert stage.host.find(name) == PluginFacts(name="Room", path=str(stage.room)), name


def test_what_is_not_there_or_has_not_been_tried_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.host.find("Room").fault.startswith("there is no such plug-in here; there is: Voice Gate. ")
    assert stage.host.find("Hall.vst3").fault == f"there is no file {tmp_path / 'Hall.vst3'}"
    (tmp_path / "Hall.vst3").mkdir()
    assert "/plugins/retry" in stage.host.find("Hall.vst3").fault


@pytest.mark.parametrize("number", range(5))
def test_one_that_crashed_stays_out_whatever_it_is_called(tmp_path: Path, number: int) -> None:
    crashed_as = (NAME, "Gate", str(tmp_path / FILES[0]), FILES[0], f"./own/../{FILES[0]}")[number]
    stage = Stage(tmp_path, crashed={f"plugin:{crashed_as}": HOW})
    for name in spellings(stage):
        assert stage.host.find(name).fault == f"quarantined: {HOW}", name
    assert stage.host.find(FILES[1]).fault == ""


def test_one_that_is_tried_again_comes_back_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def probe(_: Prober, path: Path) -> tuple[PluginFacts, ...]:
        tried.append(path)
        return (PluginFacts(name=NAME, path=str(path)),)

    effects = tuple(f"plugin:{name}" for name in (NAME, *FILES))
    stage = Stage(tmp_path, *effects, crashed={effects[0]: HOW})
    monkeypatch.setattr(Prober, "probe", probe)
    stage.retry(FILES[0])
    assert tried == [stage.gate]
    assert set(stage.allowed) == {f"plugin:{FILES[0]}", f"plugin:{NAME}"}
    assert {effect: facts.fault for effect, facts in stage.taken.items()} == dict.fromkeys(stage.allowed, "")
    assert {e.plugin for e in stage.told if isinstance(e, PluginChanged) and e.state == "ready"} == {NAME, FILES[0]}
    assert [stage.host.find(name).fault for name in spellings(stage)] == [""] * 5
