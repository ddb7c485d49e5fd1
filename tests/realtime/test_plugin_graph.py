"""Which plug-in a process died in: all effects are found that are the same one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from engine.mixer.graph import compile_graph
from engine.plugins.facts import PluginFacts
from engine.realtime.plugin_graph import same_plugin
from engine.story.model import Effect, Story, Strip, Track


def travelling(**plugins: PluginFacts) -> dict[str, Any]:
    """Return a graph with these plug-ins, by name, as it travels."""
    known = {f"plugin:{name}": facts for name, facts in plugins.items()}
    inserts = tuple(Effect(effect=effect) for effect in known)
    graph = compile_graph(Story(title="t", tracks=(Track(id="a", strip=Strip(inserts=inserts)),), plugins=known))
    travels: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(graph))
    return travels


def test_a_plug_in_is_the_same_by_its_name_and_by_any_path(tmp_path: Path) -> None:
    file, link = tmp_path / "One.vst3", tmp_path / "link.vst3"
    file.touch()
    link.symlink_to(file)
    one, linked = (PluginFacts(name="One", path=str(path)) for path in (file, link))
    other = PluginFacts(name="Other", path=str(tmp_path / "Other.vst3"))
    graphs = [travelling(One=one, Other=other), travelling(linked=linked)]
    assert same_plugin("plugin:One", graphs) == ("plugin:One", "plugin:linked")
    assert same_plugin("plugin:linked", graphs) == ("plugin:linked", "plugin:One")
    assert same_plugin("plugin:Other", graphs) == ("plugin:Other",)


def test_others_of_one_file_and_those_that_are_nowhere_are_others() -> None:
    first, second = (PluginFacts(name=name, path="/p/Shell.vst3", inner=name) for name in ("First", "Second"))
    graph = travelling(First=first, Second=second, Gone=PluginFacts(name="Gone"), Lost=PluginFacts(name="Lost"))
    assert same_plugin("plugin:First", [graph]) == ("plugin:First",)
    assert same_plugin("plugin:Gone", [graph]) == ("plugin:Gone",)
