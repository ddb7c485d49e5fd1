"""What is known of plug-in files, on disk: tried once, kept whole, quarantined until they change or are forgotten."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.plugins.catalog import Catalog, plugin_files, stamp
from engine.plugins.facts import PluginFacts
from engine.plugins.prober import PluginFault
from engine.plugins.rack import Rack


def bundle(folder: Path, name: str, text: str = "code") -> Path:
    """Lay a bundle out that holds no plug-in."""
    path = folder / f"{name}.vst3"
    inner = path / "Contents" / "x86_64-linux" / f"{name}.so"
    inner.parent.mkdir(parents=True)
    inner.write_text(text)
    return path


def fact(path: Path, name: str, **fields: object) -> PluginFacts:
    return PluginFacts(name=name, path=str(path), **fields)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vst3"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "cache" / "plugins.json")


def test_what_was_tried_is_known_by_another_process(folder: Path, catalog: Catalog, tmp_path: Path) -> None:
    path = bundle(folder, "Gate")
    catalog.keep(path, [fact(path, "Gate", latency_frames=64)])
    again = Catalog(tmp_path / "cache" / "plugins.json").entry(path)
    assert again is not None
    assert [(f.name, f.latency_frames) for f in again.plugins] == [("Gate", 64)]
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["plugins.json"], "nothing half written is left"


def test_a_file_that_changed_has_not_been_tried(folder: Path, catalog: Catalog) -> None:
    path = bundle(folder, "Gate")
    catalog.keep(path, fault="it crashed while loading (SIGSEGV)", quarantined=True)
    assert catalog.entry(path) is not None
    inner = path / "Contents" / "x86_64-linux" / "Gate.so"
    before = stamp(path)
    os.utime(inner, ns=(before[0] + 1_000_000_000, before[0] + 1_000_000_000))
    assert catalog.entry(path) is None


def test_forgetting_is_by_name_or_path(folder: Path, catalog: Catalog) -> None:
    paths = [bundle(folder, name) for name in ("Gate", "Room", "Verb")]
    for path, name in zip(paths, ("Voice Gate", "Room", "Verb"), strict=True):
        catalog.keep(path, [fact(path, name)])
    assert catalog.forget("Voice Gate") == (str(paths[0]),)
    assert catalog.forget(str(paths[1])) == (str(paths[1]),)
    assert catalog.forget("nobody") == ()
    assert list(catalog.entries()) == [str(paths[2])]


@pytest.mark.parametrize("text", ["", "{", '{"version": 7, "files": {}}', '{"files": {"a": 1}}'])
def test_a_broken_catalog_counts_for_nothing(folder: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "plugins.json"
    file.write_text(text)
    catalog = Catalog(file)
    assert catalog.entries() == {}
    path = bundle(folder, "Gate")
    catalog.keep(path, [fact(path, "Gate")])
    assert Catalog(file).entry(path) is not None


def test_bundles_are_found_in_folders_of_folders_but_not_looked_into(folder: Path) -> None:
    paths = [bundle(folder, "B"), bundle(folder / "Maker", "A")]
    bundle(paths[0], "Inner")
    assert set(plugin_files([folder, folder])) == set(paths)
    assert list(plugin_files([folder / "nothing"])) == []


def test_a_plug_in_is_found_by_its_name_or_its_path(folder: Path, catalog: Catalog) -> None:
    path = bundle(folder, "Gate")
    catalog.keep(path, [fact(path, "Voice Gate")])
    rack = Rack([folder], catalog, folder)
    for name in ("Voice Gate", "Gate", str(path), "Gate.vst3"):
        found = rack.find(name)
        assert (found.name, found.fault) == ("Voice Gate", ""), name


def test_what_is_not_there_is_told_with_what_is(folder: Path, catalog: Catalog) -> None:
    path = bundle(folder, "Gate")
    catalog.keep(path, [fact(path, "Voice Gate")])
    rack = Rack([folder], catalog)
    assert rack.find("Room").fault == f"there is no such plug-in in {folder}; there is: Voice Gate"
    assert rack.find("/nowhere/Room.vst3").fault == "there is no file /nowhere/Room.vst3"


def test_two_of_one_name_need_a_path(folder: Path, catalog: Catalog) -> None:
    first, second = bundle(folder / "a", "Gate"), bundle(folder / "b", "Gate")
    for path in (first, second):
        catalog.keep(path, [fact(path, "Gate")])
    rack = Rack([folder], catalog)
    assert rack.find("Gate").fault == f"there are several of that name; give the path: {first}, {second}"
    assert rack.find(str(second)).path == str(second)


def test_a_file_of_several_needs_a_name(folder: Path, catalog: Catalog) -> None:
    path = bundle(folder, "Suite")
    catalog.keep(path, [fact(path, "Gate", inner="Gate"), fact(path, "Room", inner="Room")])
    rack = Rack([folder], catalog)
    assert rack.find(str(path)).fault == "the file holds several: Gate, Room; name one of them"
    assert rack.find("Room").inner == "Room"


def test_what_crashed_stays_out_for_the_session(folder: Path, catalog: Catalog) -> None:
    path = bundle(folder, "Gate")
    catalog.keep(path, [fact(path, "Gate")])
    rack = Rack([folder], catalog)
    rack.crashed["Gate"] = "quarantined: it ended the audio process while processing (SIGSEGV)"
    assert rack.find("Gate").fault == rack.crashed["Gate"]
    assert rack.find(str(path)).fault == rack.crashed["Gate"]
    del rack.crashed["Gate"]
    assert not rack.find("Gate").fault


def test_the_untried_and_the_quarantined_say_so(folder: Path, catalog: Catalog) -> None:
    path, other = bundle(folder, "Gate"), bundle(folder, "Room")
    catalog.keep(path, fault="it gave no answer for 20 s while loading", quarantined=True)
    faults = {f.name: f.fault for f in Rack([folder], catalog).known()}
    assert faults["Gate"] == "quarantined: it gave no answer for 20 s while loading"
    assert faults["Room"].startswith("it has not been tried yet")
    assert other.exists()


class Trying:
    """Finds one plug-in in every file but Bad, as a prober does."""

    tried: list[str]

    def __enter__(self) -> Trying:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Have nothing to end."""

    def probe(self, path: Path) -> tuple[PluginFacts, ...]:
        self.tried.append(path.stem)
        if path.stem == "Bad":
            raise PluginFault("it crashed while loading (SIGSEGV)", dangerous=True)
        return (fact(path, path.stem),)


def test_what_can_not_be_kept_counts_for_the_session(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("engine.plugins.rack.Prober", Trying)
    tried: list[str] = []
    monkeypatch.setattr(Trying, "tried", tried, raising=False)
    cache = tmp_path / "cache"
    cache.write_text("no folder can be made here")
    for name in ("Bad", "Gate", "Room"):
        bundle(folder, name)
    rack = Rack([folder], Catalog(cache / "plugins.json"))
    for _ in range(2):
        found = {facts.name: facts.fault for facts in rack.scan()}
        assert found == {"Bad": "quarantined: it crashed while loading (SIGSEGV)", "Gate": "", "Room": ""}
    assert tried == ["Bad", "Gate", "Room"], "each once"
    rack.forget("Gate")
    assert rack.find("Gate").fault == ""
    assert tried[3:] == ["Gate"]
    (said,) = caplog.messages
    assert str(cache) in said
    cache.unlink()  # there is room again
    rack.forget("Room")
    assert set(Catalog(cache / "plugins.json").entries()) == {str(folder / f"{name}.vst3") for name in ("Bad", "Gate")}


def test_what_was_forgotten_stays_forgotten_where_that_can_not_be_written(
    folder: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (bundle(folder, "Gate"), bundle(folder, "Room")):
        catalog.keep(path, [fact(path, path.stem)])

    def fail(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.plugins.catalog.tempfile.mkstemp", fail)
    for name in ("Gate", "Room"):
        with pytest.raises(OSError, match="No space"):
            catalog.forget(name)
    assert catalog.entries() == {}
