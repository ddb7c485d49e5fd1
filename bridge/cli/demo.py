"""`cuevox demo`: the whole instrument in a minute: speak a story, play it live over OSC, export it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from cuevox import Cuevox
    from engine.settings import Settings
    from engine.story.model import Story

EXCERPT_SECONDS = 20.0
SHOT_SECONDS = 1.2
LOOK_SECONDS = 0.1

MUSIC_GAIN = "/strip/music/gain"
DIP_DB = -10.0
DIP_SECONDS = 9.0, 17.0
"""The music steps back while the captain complains: a fader, moved from outside."""

All = Annotated[bool, typer.Option("--all", help="Play the whole scene, not its first 20 seconds.")]
To = Annotated[Path, typer.Option("--to", help="Folder to write into.", metavar="FOLDER")]


def demo(
    play_all: All = False,
    to: To = Path("out"),
    device: options.Device = None,
    speak_with: options.SpeakWith = None,
) -> None:
    """Speak the example story, play it live driven over OSC, and export stems, mix and a Reaper project."""
    from bridge.cli.example import lay_out
    from bridge.cli.export_folder import list_files, write_folder
    from bridge.cli.render import open_story, render_all

    settings = options.effective(device=device, speak_with=speak_with)
    story_path = lay_out(to / "story")
    document, catalog = open_story(story_path, settings)
    render_all(document, catalog, settings)
    _perform(story_path, document.story, settings, play_all)
    manifest = write_folder(story_path, to, settings)
    screen.people.print("\nWhat lies where:")
    screen.print_table(("file", "what"), [(str(story_path), "the story, yours to edit"), *list_files(manifest, to)])


def _perform(story_path: Path, story: Story, settings: Settings, play_all: bool) -> None:
    """Start an engine of our own and play on it, through OSC alone."""
    from bridge.cli.engine_process import running_engine, tell_silence
    from cuevox import Cuevox

    told = {"--device": settings.device, "--speak-with": settings.speak_with}
    arguments = ["--discard-changes", *(word for flag, value in told.items() if value for word in (flag, value))]
    with running_engine(story_path, *arguments) as facts:
        tell_silence(facts)
        with Cuevox(facts["osc_host"], facts["osc_port"]) as cuevox:
            cuevox.wait_ready()
            _play_scene(cuevox, _number(cuevox, "/transport/end") if play_all else EXCERPT_SECONDS)
            _fire(cuevox, story)


def _play_scene(cuevox: Cuevox, length_seconds: float) -> None:
    """Run the timeline under a bar, and ride a fader meanwhile."""
    gain_db = _number(cuevox, MUSIC_GAIN)
    moves = [(DIP_SECONDS[0], gain_db + DIP_DB), (DIP_SECONDS[1], gain_db)]
    cuevox.play()
    stage = "/transport/play"
    begun = time.monotonic()
    with screen.progress_bar("play") as progress:
        while (played := time.monotonic() - begun) < length_seconds:
            if moves and played >= moves[0][0]:
                _, to_db = moves.pop(0)
                cuevox.set(MUSIC_GAIN, to_db)
                stage = f"{MUSIC_GAIN} {to_db:g}"
            progress(played / length_seconds, f"{_number(cuevox, '/transport/position'):5.1f} s  {stage}")
            time.sleep(LOOK_SECONDS)
        progress(1.0, "/transport/stop")
    cuevox.stop()


def _number(cuevox: Cuevox, address: str) -> float:
    """Return the one number that an address answers with."""
    values: tuple[Any, ...] = cuevox.ask(address)
    return float(values[0])


def _fire(cuevox: Cuevox, story: Story) -> None:
    """Fire a few cues and slots."""
    from engine.story.model import PlaySection

    cues = [cue for cue in story.cues if not isinstance(cue.target, PlaySection)][:3]
    shots = [(f"/cue/{cue.id}/go", cue.name) for cue in cues]
    shots += [(f"/slot/{slot.bank}/{slot.index}/trigger", slot.name) for slot in story.slots[:4]]
    with screen.progress_bar("fire") as progress:
        for number, (address, name) in enumerate(shots, 1):
            cuevox.ask(address)
            progress(number / len(shots), f"{address}  {name}")
            time.sleep(SHOT_SECONDS)
