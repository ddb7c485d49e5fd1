"""Ardour 7 without a screen, driven from Python line by line; a session of ours, and its file."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

import mido
import numpy as np
import soundfile

from tests.daw.plugin_rig import Audio, built
from tests.signals import RATE

SCRIPT = Path(__file__).parent / "hosts" / "ardour_host.lua"
WAIT_SECONDS = 30.0
RETURN, RETURN_MIDI = "urn:cuevox:return", "urn:cuevox:return-midi"
PRESET = "a0a2ab0c-0b7b-4a7e-9d7e-6d1f1b1c9d01"
BPM, TICKS = 120, 1920

needed = ("ardour7-lua", "ardour7-export")


class Ardour:
    """One run of Ardour; a context manager. Raises AssertionError where it answers something else than expected."""

    def __init__(self, folder: Path, link: str) -> None:
        self._said = (folder / "ardour.log").open("a")
        self.process = subprocess.Popen(
            ["ardour7-lua", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True,
            env={**os.environ, **environment(folder, link)},
        )  # fmt: skip

    def __enter__(self) -> Ardour:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._said.close()

    def do(self, lua: str) -> str:
        """Run a piece of Lua; return its value as text."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(lua + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            self._said.write(line)
            if line.startswith("@ "):
                done, _, answer = line[2:].strip().partition(" ")
                assert done == "ok", f"{lua}: {answer}"
                return answer
        self._said.flush()
        raise AssertionError(f"Ardour ended at {lua}:\n{Path(self._said.name).read_text()[-2000:]}")

    def wait(self, lua: str) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.do(f"return {lua}") != "true":
            assert time.monotonic() < deadline, lua
            self.do("rest(0.02)")

    def export(self, to: Path, begin: int, end: int) -> Audio:
        """Bounce the master bus from one frame to another; return it, (frames, 2)."""
        answer = self.do(f'return export("{to.parent}", "{to.stem}", {begin}, {end}, "{PRESET}")')
        assert answer == "true"
        return read(to)


def environment(folder: Path, link: str) -> dict[str, str]:
    """Return where Ardour finds our plug-ins, nothing of the user's, and a preset that keeps floats."""
    config = folder / "config"
    formats = config / "ardour7" / "export"
    if not formats.exists():
        formats.mkdir(parents=True)
        source = Path("/usr/share/ardour7/export")
        plain = (source / "BWAV 32float Export.format").read_text()
        identity = ElementTree.fromstring(plain).get("id")
        (formats / "Plain.format").write_text(plain)
        preset = (source / "wav.preset").read_text()
        old = ElementTree.fromstring(preset)
        inner = old.find("ExportFormat")
        assert inner is not None and identity is not None
        preset = preset.replace(inner.get("id", ""), identity).replace(old.get("id", ""), PRESET)
        (formats / "plain.preset").write_text(preset.replace(old.get("name", ""), "Plain"))
    return {
        "LV2_PATH": f"{built()}:/usr/lib/lv2", "CUEVOX_DAW_LINK": link, "XDG_CONFIG_HOME": str(config),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }  # fmt: skip


def read(path: Path) -> Audio:
    """Return a file's sound, (frames, channels)."""
    sound: Audio = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return np.ascontiguousarray(sound)


def is_there() -> bool:
    """Whether Ardour 7 is installed."""
    return all(shutil.which(program) for program in needed)


def write_notes(session: Path, track: str, notes: dict[int, int]) -> None:
    """Draw notes into a closed session: by the frame where each begins, on its track's playlist, in one region."""
    tree = ElementTree.parse(session)
    root = tree.getroot()
    playlist = next(p for p in root.iter("Playlist") if p.get("name", "").startswith(track))
    file = session.parent / "interchange" / session.stem / "midifiles" / "notes.mid"
    file.parent.mkdir(parents=True, exist_ok=True)
    length = _write_midi(file, notes)
    sources, regions = root.find("Sources"), root.find("Regions")
    assert sources is not None and regions is not None
    ElementTree.SubElement(
        sources,
        "Source",
        {"name": file.name, "type": "midi", "flags": "Writable,CanRename", "id": "90001", "take-id": ""},
    )
    region = {
        "name": "notes", "muted": "0", "opaque": "1", "locked": "0", "video-locked": "0", "automatic": "0",
        "import": "0", "external": "0", "hidden": "0", "position-locked": "0", "start": "b0", "sync-marked": "0",
        "length": f"b{length}@b0", "sync-position": "b0", "stretch": "1", "shift": "1", "layering-index": "0",
        "type": "midi", "first-edit": "nothing", "source-0": "90001", "master-source-0": "90001", "channels": "1",
    }  # fmt: skip
    ElementTree.SubElement(regions, "Region", {**region, "whole-file": "1", "id": "90002"})
    ElementTree.SubElement(playlist, "Region", {**region, "whole-file": "0", "id": "90003"})
    tree.write(session, encoding="UTF-8", xml_declaration=True)


def _write_midi(file: Path, notes: dict[int, int]) -> int:
    """Write a file of one track whose ticks are Ardour's own; return its length in them."""
    track, now = mido.MidiTrack(), 0
    begins = {frame * TICKS * BPM // (60 * RATE): key for frame, key in notes.items()}
    assert all(frame * TICKS * BPM % (60 * RATE) == 0 for frame in notes), "a place between two ticks"
    events = [(tick, "note_on", key, 127) for tick, key in begins.items()]
    events += [(tick + TICKS // 2, "note_off", key, 0) for tick, key in begins.items()]
    for tick, kind, key, velocity in sorted(events):
        track.append(mido.Message(kind, note=key, velocity=velocity, time=tick - now))
        now = tick
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(file)
    return now + TICKS
