"""`cuevox plugins`: what a shell sees of the catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import cuevox

from engine.params import ParamSpec
from engine.plugins.catalog import Catalog
from engine.plugins.facts import PluginFacts, PluginParam


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A world with a plug-in that is known and one that is quarantined; neither is more than a file."""
    catalog = Catalog(tmp_path / "cache" / "plugins.json")
    params = (PluginParam(name="threshold_db", index=0, spec=ParamSpec(low=-80.0, high=0.0, default=-40.0, unit="dB")),)
    for name in ("Gate", "Boom"):
        path = tmp_path / "vst3" / f"{name}.vst3"
        path.parent.mkdir(exist_ok=True)
        path.write_text("no code")
        if name == "Gate":
            facts = PluginFacts(name="Voice Gate", path=str(path), vendor="Maker", latency_frames=64, params=params)
            catalog.keep(path, [facts])
        else:
            catalog.keep(path, fault="it crashed while loading (SIGSEGV)", quarantined=True)
    return tmp_path


def test_listing_tells_what_is_ready_and_what_is_quarantined(folder: Path) -> None:
    done = cuevox(folder, "plugins", "list", CUEVOX_PLUGIN_FOLDERS=str(folder / "vst3"))
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        ("Boom", "0", "quarantined: it crashed while loading (SIGSEGV)"),
        ("Voice Gate", "64", "ready"),
    ]


def test_showing_tells_ranges(folder: Path) -> None:
    done = cuevox(folder, "plugins", "show", "Voice Gate", "--json", CUEVOX_PLUGIN_FOLDERS=str(folder / "vst3"))
    told = json.loads(done.stdout)
    assert told["params"][0]["name"] == "threshold_db"
    assert (told["params"][0]["spec"]["low"], told["params"][0]["spec"]["high"]) == (-80.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "Boom"), 1, "quarantined: it crashed while loading (SIGSEGV)"),
        (("show", "Nothing"), 1, "there is no such plug-in in"),
        (("forget", "Nothing"), 2, "no tried plug-in named 'Nothing'; there is: Boom, Gate"),
        (("state", "Voice Gate", "--set", "treshold=1"), 2, "there is: threshold_db"),
        (("state", "Voice Gate", "--set", "threshold_db=9"), 2, "outside -80 to 0 dB"),
    ],
)
def test_what_is_wrong_is_told_on_one_line(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = cuevox(folder, "plugins", *arguments, CUEVOX_PLUGIN_FOLDERS=str(folder / "vst3"))
    assert done.returncode == code
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_forgetting_ends_a_quarantine(folder: Path) -> None:
    done = cuevox(folder, "plugins", "forget", "Boom", CUEVOX_PLUGIN_FOLDERS=str(folder / "vst3"))
    assert done.stdout.strip() == str(folder / "vst3" / "Boom.vst3")
    rows = cuevox(folder, "plugins", "list", CUEVOX_PLUGIN_FOLDERS=str(folder / "vst3")).stdout
    assert "it has not been tried yet" in rows
