"""What each DAW's pack consists of, and where that DAW looks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bridge.places import HostPort
from engine.errors import UnknownThing

HERE = Path(__file__).parent.parent


class PackFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a pack. path: below the DAW's folder."""

    path: str
    content: bytes


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack. folders: where this DAW may keep what is its user's, of each version. then: what is left to do.

    signs: names, of which such a folder has one at least.
    """

    name: str
    daw: str
    folders: Callable[[], tuple[Path, ...]]
    files: Callable[[tuple[str, ...], HostPort], tuple[PackFile, ...]]
    signs: tuple[str, ...]
    then: tuple[str, ...]

    def is_home(self, folder: Path) -> bool:
        """Tell whether a folder looks like this DAW's."""
        return any((folder / sign).exists() for sign in self.signs)


def pack(name: str) -> Pack:
    """Return a pack by its name. Raises UnknownThing."""
    found = {each.name: each for each in PACKS}
    if name not in found:
        raise UnknownThing("DAW pack", name, found)
    return found[name]


def _home(*parts: str) -> Path:
    return Path.home().joinpath(*parts)


def _config() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or _home(".config"))


def _by_system(linux: Iterable[Path], mac: Iterable[Path], windows: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(mac if sys.platform == "darwin" else windows if sys.platform == "win32" else linux)


def _windows(variable: str, *fallback: str) -> Path:
    return Path(os.environ.get(variable) or _home(*fallback))


def _folder(name: str, below: str, suffixes: tuple[str, ...]) -> list[PackFile]:
    files = sorted(path for path in (HERE / name).iterdir() if path.name.endswith(suffixes))
    return [PackFile(path=f"{below}{path.name}", content=path.read_bytes()) for path in files]


def _lua(words: Iterable[str]) -> str:
    return ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)


def _reaper_folders() -> tuple[Path, ...]:
    return _by_system(
        [_config() / "REAPER"],
        [_home("Library", "Application Support", "REAPER")],
        [_windows("APPDATA", "AppData", "Roaming") / "REAPER"],
    )


def _reaper_files(command: tuple[str, ...], osc: HostPort) -> tuple[PackFile, ...]:
    from bridge.controllers.reaper import patterns

    found = f"-- Written by `cuevox setup reaper`: how its scripts start Cuevox.\nreturn {{ {_lua(command)} }}\n"
    return (
        *_folder("reaper", "Scripts/Cuevox/", (".lua", "LICENSE")),
        PackFile(path="Scripts/Cuevox/lib_command.lua", content=found.encode()),
        PackFile(path="OSC/Cuevox.ReaperOSC", content=patterns(osc).encode()),
    )


def _live_folders() -> tuple[Path, ...]:
    library = ("Ableton", "User Library")
    places = [_home("Music", *library)], [_windows("USERPROFILE") / "Documents" / Path(*library)]
    return _by_system([], *places)


def _live_files(command: tuple[str, ...], osc: HostPort) -> tuple[PackFile, ...]:
    from bridge.daws.max_device import midi_effect

    del command
    host, port = osc
    patch = (HERE / "live" / "pads.maxpat").read_bytes().replace(b"127.0.0.1 7400", f"{host} {port}".encode())
    engine = f'"""Written by `cuevox setup live`: where the engine hears OSC."""\n\nENGINE = ({osc[0]!r}, {osc[1]})\n'
    return (
        *_folder("live", "Remote Scripts/Cuevox/", (".py", "LICENSE")),
        PackFile(path="Remote Scripts/Cuevox/settings.py", content=engine.encode()),
        PackFile(path="Presets/MIDI Effects/Max MIDI Effect/Cuevox Pads.amxd", content=midi_effect(patch)),
    )


def _ardour_folders() -> tuple[Path, ...]:
    versions = ("7", "8", "9")
    return _by_system(
        [_config() / f"ardour{version}" for version in versions],
        [_home("Library", "Preferences", f"Ardour{version}") for version in versions],
        [_windows("LOCALAPPDATA", "AppData", "Local") / f"Ardour{version}" for version in versions],
    )


def _ardour_files(command: tuple[str, ...], osc: HostPort) -> tuple[PackFile, ...]:
    del command
    host = f"[{osc[0]}]" if ":" in osc[0] else osc[0]
    here, there = b"osc.udp://127.0.0.1:7400", f"osc.udp://{host}:{osc[1]}".encode()
    return tuple(
        msgspec.structs.replace(file, content=file.content.replace(here, there))
        for file in _folder("ardour", "scripts/", (".lua", "LICENSE"))
    )


def _bitwig_folders() -> tuple[Path, ...]:
    documents = _home("Documents", "Bitwig Studio")
    return _by_system([_home("Bitwig Studio")], [documents], [documents])


def _bitwig_files(command: tuple[str, ...], osc: HostPort) -> tuple[PackFile, ...]:
    """The engine's port is a preference of the script."""
    del command, osc
    return tuple(_folder("bitwig", "Controller Scripts/Cuevox/", (".js", "LICENSE")))


PACKS = (
    Pack(
        name="reaper", daw="Reaper", folders=_reaper_folders, files=_reaper_files,
        signs=("reaper.ini", "reaper-kb.ini"),
        then=(
            "once, in Reaper: Actions > Show action list > New action > Load ReaScript…: Cuevox_Register.lua of"
            " Scripts/Cuevox; run it, and all Cuevox actions are in the list",
            "for the transport over OSC: Preferences > Control/OSC/web > Add > OSC, pattern config Cuevox",
        ),
    ),
    Pack(
        name="live", daw="Ableton Live", folders=_live_folders, files=_live_files,
        signs=("Presets", "Samples", "Defaults", "Remote Scripts"),
        then=(
            "restart Live; Preferences > Link, Tempo & MIDI > Control Surface: Cuevox",
            "with Max for Live: Cuevox Pads is among the Max MIDI effects of the User Library",
        ),
    ),
    Pack(
        name="ardour", daw="Ardour", folders=_ardour_folders, files=_ardour_files,
        signs=("config", "recent", "instant.xml"),
        then=(
            "in Ardour: Edit > Lua Scripts > Script Manager: Cuevox: Import Story is an action, set it to a slot;",
            "Cuevox: Follow Transport and Markers is an action hook, add it to the session",
        ),
    ),
    Pack(
        name="bitwig", daw="Bitwig Studio", folders=_bitwig_folders, files=_bitwig_files,
        signs=("Controller Scripts", "Extensions", "Library", "Projects"),
        then=("in Bitwig: Settings > Controllers > Add Controller > Cuevox > Cuevox",),
    ),
)  # fmt: skip
