"""`cuevox setup`: put a pack into a DAW's folders, or take it out again."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.daws.packs import Pack

Daw = Annotated[str, typer.Argument(help="reaper, live, ardour or bitwig.", metavar="DAW")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="The DAW's own folder, where it is not in its usual place.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take the pack out again, and bring back what was there before.")]


def setup(daw: Daw, folder: Folder = None, undo: Undo = False, osc_port: options.OscPort = None) -> None:
    """Put the scripts of a DAW where it finds them: reaper, live, ardour or bitwig.

    A file of yours that is in the way is kept beside ours, and comes back with --undo.
    """
    from bridge.daws.installer import Installer
    from bridge.daws.packs import pack

    settings = options.effective(osc_port=osc_port)
    chosen = pack(daw)
    place = folder.expanduser() if folder else _found(chosen)
    installer = Installer(chosen.name, place, settings.data_folder / "packs")
    if undo:
        done = installer.undo()
    elif not place.is_dir():
        raise _no_such_folder(chosen, (place,))
    else:
        done = installer.install(chosen.files(_command(), (settings.osc_host, settings.osc_port)))
    screen.print_table(("file", "what"), [(str(each.path), each.what) for each in done])
    for line in () if undo else chosen.then:
        screen.people.print(line)


def _found(pack: Pack) -> Path:
    """Return the folder of a DAW that is there; of several versions the newest."""
    places = pack.folders()
    there = [place for place in places if place.is_dir()]
    if not there:
        raise _no_such_folder(pack, places)
    return there[-1]


def _no_such_folder(pack: Pack, places: tuple[Path, ...]) -> Exception:
    from engine.errors import MediaError

    looked = ", ".join(str(place) for place in places) or "no place of this system"
    return MediaError(f"no folder of {pack.daw} found (looked at {looked}); start {pack.daw} once, or give --folder")


def _command() -> tuple[str, ...]:
    """Return how this Cuevox is started from anywhere."""
    beside = Path(sys.executable).with_name("cuevox.exe" if sys.platform == "win32" else "cuevox")
    found = str(beside) if beside.exists() else shutil.which("cuevox")
    return (found,) if found else (sys.executable, "-m", "bridge.cli.main")
