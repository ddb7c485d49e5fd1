"""`cuevox demo`: the whole instrument in a minute: speak a story, play it live over OSC, export it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.client import OscClient
    from engine.story.model import Story

EXCERPT_SECONDS = 20.0
SHOT_SECONDS = 1.6
READY_SECONDS = 60.0

All = Annotated[bool, typer.Option("--all", help="Play the whole scene, not its first 20 seconds.")]
To = Annotated[Path, typer.Option("--to", help="Folder to write into.", metavar="FOLDER")]


def demo(play_all: All = False, to: To = Path("out"), device: options.Device = None) -> None:
    """Speak the example story, play it live driven over OSC, and export stems, mix and a Reaper project."""
    from bridge.cli.engine_process import running_engine
    from bridge.cli.example import lay_out
    from bridge.cli.export_folder import list_files, write_folder
    from bridge.cli.render import open_story, render_all
    from bridge.client import OscClient

    settings = options.effective(device=device)
    story_path = lay_out(to / "story")
    document, catalog = open_story(story_path, settings)
    render_all(document, catalog, settings)
    arguments = ["--device", settings.device] if settings.device else []
    with running_engine(story_path, *arguments) as facts:
        if facts["fallback"] or facts["device"] == "null":
            screen.people.print("no sound device here: playing in silence, at real pace")
        with OscClient(facts["osc_host"], facts["osc_port"]) as client:
            _wait_for_takes(client)
            _play_scene(client, play_all)
            _fire(client, document.story)
    manifest = write_folder(story_path, to, "24", settings)
    screen.people.print("\nWhat lies where:")
    screen.print_table(("file", "what"), [(str(story_path), "the story"), *list_files(manifest, to)])


def _wait_for_takes(client: OscClient) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        status: Sequence[Any] = client.ask("/status")
        if status[10] == status[11]:
            return
        time.sleep(0.05)


def _play_scene(client: OscClient, play_all: bool) -> None:
    """Run the timeline under a bar, from OSC alone."""
    from bridge.errors import NoAnswer

    length = _scene_seconds(client) if play_all else EXCERPT_SECONDS
    client.ask("/transport/play")
    begun = time.monotonic()
    with screen.progress_bar("play") as progress:
        while (played := time.monotonic() - begun) < length:
            try:
                progress(played / length, f"timeline at {float(_first(client.ask('/transport/position'))):.1f} s")
            except NoAnswer:
                progress(played / length, "")
            time.sleep(0.1)
        progress(1.0, "")
    client.ask("/transport/stop")


def _scene_seconds(client: OscClient) -> float:
    """Return how long the scene is, as its engine tells."""
    return float(_first(client.ask("/transport/end")))


def _first(values: Sequence[Any]) -> Any:
    return values[0] if values else 0.0


def _fire(client: OscClient, story: Story) -> None:
    """Fire a few cues and slots."""
    from engine.story.model import PlaySection

    cues = [cue for cue in story.cues if not isinstance(cue.target, PlaySection)][:3]
    addresses = [(f"/cue/{cue.id}/go", f"cue {cue.id} {cue.name}") for cue in cues]
    addresses += [(f"/slot/{s.bank}/{s.index}/trigger", f"slot {s.bank}/{s.index} {s.name}") for s in story.slots[:4]]
    with screen.progress_bar("fire") as progress:
        for number, (address, what) in enumerate(addresses, 1):
            client.ask(address)
            progress(number / len(addresses), f"{address}  {what}")
            time.sleep(SHOT_SECONDS)
