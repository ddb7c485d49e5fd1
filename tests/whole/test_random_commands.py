"""A running engine is sent whatever the address table knows, right and wrong: it answers all, stays up, and can save.

Seeded: the same commands in every run. ``tests/osc/fuzz.py`` spoils the packets; here they are whole.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.route import PLACEHOLDER, Arg, Route
from bridge.routes import ROUTES
from engine.params import ParamSpec
from engine.story.document import StoryDocument
from tests.whole.rig import Rig, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

COMMANDS = 600
AUDIO, CONTROL = "engine.realtime.audio_process", "bridge.cli.control_process"
LEFT_OUT = re.compile(
    r"/(quit|req|edit/on|at|atbeat|atpos|dump|learn|list|client|connect|clock|say/at|models|transcribe|plugins|midi|profiles"
    r"|library|capture|export|output|stream|receive|session|render|takes)(/.*|)"
)
"""What waits for a moment, needs more than this engine, or has the answers go elsewhere."""

FAULTS = re.compile(r"Traceback|Exception|never awaited|takes over|save failed")
WRONG: tuple[Any, ...] = (
    "", "nobody", "x" * 300, "a: [", "../a", "\n", "é", -1.0, 1e30, float("nan"), float("-inf"), 2**31 - 1, b"blob",
)  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "place": ("1.5", "2|1", "after", "after hello + 0.2", "@a", "hello:one"),
    "snap": ("", "word", "beat", "zero"),
    "text": ("Something new.", "One two three."),
    "voice": ("narrator", "giant"),
    "audio": ("click.wav", "tone.wav"),
    "effect": ("reverb", "delay", "highpass"),
    "target": ("gain_db", "pan", "send.room", "insert.1.cutoff_hz"),
    "curve": ("linear", "smooth", "hold"),
    "mix": ("stage", "podcast"),
    "marker": ("a", "b"),
    "mode": ("oneshot", "gate", "toggle", "retrigger", "layer"),
    "follow": ("none", "continue", "end"),
    "quantise": ("none", "beat", "bar"),
    "overlap": ("allow", "crossfade"),
    "message": ("note: 60, duration: 0.1",),
}
KINDS = {"track": "strip", "bus": "strip", "by": "strip", "other": "clip"}

STORY = """\
kind: story
version: 1
title: Whatever comes
tracks:
  - id: voice
    voice: narrator
    sends: {room: -12, desk: -20}
    inserts: [highpass: {cutoff_hz: 90}]
    automation: {gain_db: [[0:01, 0], [0:02, -12, hold]]}
    clips:
      - {id: hello, say: "One two three.", start: 0.1}
      - {id: there, say: "And there is more.", start: after + 0.3}
  - id: clicks
    duck: {by: [voice]}
    clips:
      - {id: click, audio: click.wav, start: 0.5}
      - {id: tone, audio: tone.wav, start: 1.0, fade_in: 0.1, group: g}
buses:
  - {id: room, inserts: [reverb]}
  - {id: desk, private: true}
cues:
  - {id: "1", clip: hello, follow: continue}
  - {id: "2", clip: tone, pre_wait: 0.1}
  - {id: "3", section: [a, b]}
  - {id: "4", group: ["2", "5"]}
  - {id: "5", send: [{note: 60, duration: 0.1}]}
slots:
  - {bank: a, index: 1, clip: click, mode: layer}
  - {bank: a, index: 2, clip: tone, mode: toggle, choke: g, quantise: beat, loop: true}
  - {bank: a, index: 3, say: "A pad.", track: voice, mode: gate, choke: g}
markers:
  - {id: a, at: 1|1}
  - {id: b, at: after hello}
snapshots:
  - {id: quiet, strips: {voice: {gain_db: -24}}}
"""


class Chance:
    """Draws commands for what the engine has."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self._rig, self._random = rig, random.Random(seed)
        self._routes = [route for route in ROUTES if not LEFT_OUT.fullmatch(route.address)]
        self._weights = [4.0 if re.match(r"/(clip|edit|mix|cue/{|slot/{)", r.address) else 1.0 for r in self._routes]

    def look(self) -> None:
        """See which addresses there are now."""
        heard = self._rig.client.heard
        heard.clear()
        self._rig.client.ask("/list", answer="/list/end")
        self._addresses = [str(m.params[0]) for m in heard if m.address == "/list"]
        heard.clear()

    def draw(self) -> tuple[Route, str, list[Any]]:
        """Return a row of the table, and an address and arguments for it."""
        (route,) = self._random.choices(self._routes, self._weights)
        wrong = self._random.random() < 0.2
        args = [] if route.access == "read" else [self._value(a, wrong) for a in self._wanted(route)]
        if route.trigger and args and not route.press:
            args.insert(0, 1)
        return route, self._address(route), args

    def _wanted(self, route: Route) -> tuple[Arg, ...]:
        least = sum(not arg.optional for arg in route.args)
        return route.args[: self._random.randint(least, len(route.args))]

    def _address(self, route: Route) -> str:
        form = re.compile(PLACEHOLDER.sub("[^/]+", route.address))
        there = [address for address in self._addresses if form.fullmatch(address)]
        return self._random.choice(there or [PLACEHOLDER.sub("nobody", route.address)])

    def _value(self, arg: Arg, wrong: bool) -> Any:
        if wrong and self._random.random() < 0.5:
            return self._random.choice(WRONG)
        if arg.type == "s":
            return self._random.choice(WORDS.get(arg.name) or self._ids(arg.name) or ["x1", "x2"])
        if isinstance(arg.spec, ParamSpec) and not arg.norm:
            number = self._random.uniform(arg.spec.low, min(arg.spec.high, arg.spec.low + 50.0))
            return int(number) if arg.type == "i" else number
        return self._random.randint(0, 3) if arg.type == "i" else self._random.choice([0.0, self._random.uniform(0, 3)])

    def _ids(self, name: str) -> list[str]:
        kind = KINDS.get(name, name)
        return sorted({part[2] for a in self._addresses if len(part := a.split("/")) > 3 and part[1] == kind})


class Asker:
    """Sends requests one by one; each has to be answered."""

    def __init__(self, rig: Rig) -> None:
        self._client, self._count = rig.client, 0

    def ask(self, address: str, *args: Any) -> list[Any]:
        """Return what is answered, without the request's number."""
        self._count += 1
        self._client.send("/req", self._count, address, *args)
        return self._client.wait(f"/reply{address}", self._count)[1:]

    def digest(self) -> list[Any]:
        """Return the story's version and digest."""
        return self.ask("/edit/digest")[1:]


def take_back(asker: Asker, before: list[Any], what: str) -> None:
    """Undo what was just done and do it again, if it was an edit: each gives the story that it should."""
    after = asker.digest()
    if after[0] == before[0]:
        return
    assert asker.ask("/undo")[0] == "ok", what
    assert asker.digest()[1] == before[1], what
    assert asker.ask("/redo")[0] == "ok", what
    assert asker.digest()[1] == after[1], what


def test_whatever_comes_is_answered_can_be_undone_and_saved(tmp_path: Path) -> None:
    path = write_story(tmp_path, STORY)
    with running(path, "--device", "null", "--midi", "off") as rig:
        rig.wait_ready()
        asker, chance = Asker(rig), Chance(rig, seed=1)
        at_first = [rig.child(module).pid for module in (AUDIO, CONTROL)]
        for number in range(COMMANDS):
            if number % 100 == 0:
                chance.look()
            route, address, args = chance.draw()
            what = f"{number}: {address} {args}"
            asker.ask("/edit/cancel")
            before = asker.digest()
            answered = asker.ask(address, *args)
            assert answered[0] == "ok" or (answered[1] != "engine_error" and answered[2]), f"{what}: {answered}"
            if answered[0] == "ok" and route.access in ("write", "both") and number % 2:
                take_back(asker, before, what)
        rig.client.ask("/subscribe", "/event/story/saved", answer="/subscribed")
        rig.client.ask("/session/save", answer="/event/story/saved")
        digest = asker.digest()[1]
        rig.client.ask("/subscribe", "/event/story/reloaded", answer="/subscribed")
        rig.client.ask("/session/reload", answer="/event/story/reloaded")
        assert asker.digest()[1] == digest
        assert [rig.child(module).pid for module in (AUDIO, CONTROL)] == at_first
        assert rig.stop() == 0
        rig.assert_all_gone()
        assert not FAULTS.search(rig.log.read_text())
    StoryDocument.load(path)
