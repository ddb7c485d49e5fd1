"""`cuevox setup`: put a pack into a DAW's folders, or take it out again."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.daws.installer import Done
    from bridge.daws.packs import Pack

Daw = Annotated[str, typer.Argument(help="reaper, live, ardour or bitwig.", metavar="DAW")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="The DAW's own folder, where it is not in its usual place.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take the pack out again, and bring back what was there before.")]
Status = Annotated[bool, typer.Option("--status", help="Only tell what was put where, and what has become of it.")]


def setup(
    daw: Daw, folder: Folder = None, undo: Undo = False, status: Status = False, osc_port: options.OscPort = None
) -> None:
    """Put the scripts of a DAW where it finds them: reaper, live, ardour or bitwig.

    Of a DAW that is there in several versions each gets them. A file of yours that is in the way is kept beside ours,
    and comes back with --undo.
    """
    from bridge.daws.installer import Installer
    from bridge.daws.packs import pack
    from bridge.places import reached_at

    settings = options.effective(osc_port=osc_port)
    chosen, receipts = pack(daw), settings.data_folder / "packs"
    if undo and status:
        raise typer.BadParameter("--status only tells; it does not go with --undo")
    files = chosen.files(_command(), (reached_at(settings.osc_host), settings.osc_port))
    done: list[Done] = []
    places = _places(chosen, folder, receipts, put=undo or status)
    strange = [] if undo or status else [place for place in places if not chosen.is_home(place)]
    for place in places:
        installer = Installer(chosen.name, place, receipts)
        done += installer.status(files) if status else installer.undo() if undo else installer.install(files)
    screen.print_table(("file", "what"), [(str(each.path), each.what) for each in done])
    for place in strange:
        screen.people.print(f"{place} has none of {', '.join(chosen.signs)}: is it {chosen.daw}'s own folder?")
        screen.people.print(f"If not: cuevox setup {chosen.name} --undo")
    for line in () if undo or status else chosen.then:
        screen.people.print(line)


def _places(chosen: Pack, folder: Path | None, receipts: Path, *, put: bool) -> tuple[Path, ...]:
    """Return the folders of a DAW that are meant: the one that is named, or all that there are, of every version.

    put: those into which the pack was put, also where the DAW has gone since.
    """
    from bridge.daws.installer import places_of
    from engine.errors import MediaError

    if folder is not None:
        named = folder.expanduser()
        if not put and not named.is_dir():
            raise _no_such_folder(chosen, (named,))
        return (named,)
    if put:
        found = places_of(chosen.name, receipts)
        if not found:
            raise MediaError(f"no scripts for {chosen.daw} were put anywhere by this Cuevox")
        return found
    places = chosen.folders()
    there = tuple(place for place in places if place.is_dir())
    if not there:
        raise _no_such_folder(chosen, places)
    return there


def _no_such_folder(pack: Pack, places: tuple[Path, ...]) -> Exception:
    from engine.errors import MediaError

    looked = ", ".join(str(place) for place in places) or "no place of this system"
    return MediaError(f"no folder of {pack.daw} found (looked at {looked}); start {pack.daw} once, or give --folder")


def _command() -> tuple[str, ...]:
    """Return how this Cuevox is started from anywhere."""
    beside = Path(sys.executable).with_name("cuevox.exe" if sys.platform == "win32" else "cuevox")
    found = str(beside) if beside.exists() else shutil.which("cuevox")
    return (found,) if found else (sys.executable, "-m", "bridge.cli.main")
