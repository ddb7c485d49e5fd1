"""Pictures of the walk through Ardour for docs/daw.md: `python tools/picture_ardour.py`.

Needs ardour 7, xvfb, xdotool and imagemagick. The story is the lighthouse; engine and plug-ins are real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.daw.ardour_host import RETURN, RETURN_MIDI, Ardour, environment, write_notes
from tests.whole.rig import running

ROOT = Path(__file__).parents[1]
TO = ROOT / "docs" / "pictures"
LINK = f"picture-{os.getpid()}"
SIZE = "1280x720"
SESSION = "complaint"
WAIT_SECONDS = 120.0
NOTES = {48_000 * second: 36 + number for number, second in enumerate((2, 4, 5, 8, 9, 12))}
CAPTAIN, PROCESSOR = (50, 412), (60, 189)
"""Where the track's name is, and the plug-in in its mixer strip."""


def main() -> None:
    """Lay out a session, show it, and keep what is seen."""
    TO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        story = shutil.copytree(ROOT / "examples" / "lighthouse", folder / "lighthouse") / "story.yaml"
        subprocess.run([sys.executable, story.with_name("make_sounds.py")], check=True)
        with running(story, "--device", "daw", env={"CUEVOX_DAW_LINK": LINK}):
            session = lay_out(folder)
            configure(folder / "config" / "ardour7")
            with screen() as display:
                show(session, {**environment(folder, LINK), "DISPLAY": display, "ARDOUR_TRY_AUTOSTART_ENGINE": "1"})


def lay_out(folder: Path) -> Path:
    """Return a session with a track of notes and one that carries the captain back."""
    session = folder / SESSION / f"{SESSION}.ardour"
    with Ardour(folder, LINK) as ardour:
        ardour.do(f'open(create_session("{session.parent}", "{SESSION}", 48000))')
        for track, plugin, notes, bus in (("Notes", RETURN_MIDI, "true", 9), ("Captain", RETURN, "false", 3)):
            ardour.do(f'add("{track}", "{plugin}", {notes})')
            ardour.wait(f'get("{track}", "Status") == 0.0')
            ardour.do(f'set("{track}", "Bus", {bus})')
        ardour.do('rest(0.3) S:save_state("") close_session()')
    write_notes(session, "Notes", NOTES)
    return session


def configure(folder: Path) -> None:
    """Have Ardour ask nothing: it has been here before, and has its engine, which plays for nobody."""
    (folder / ".a7").touch()
    (folder / "instant.xml").write_text("<instant><no-memory-warning/></instant>")
    root = ElementTree.Element("Ardour")
    options = ElementTree.SubElement(root, "Config")
    for name, value in (("try-autostart-engine", "1"), ("hide-dummy-backend", "0")):
        ElementTree.SubElement(options, "Option", {"name": name, "value": value})
    states = ElementTree.SubElement(
        ElementTree.SubElement(ElementTree.SubElement(root, "Extra"), "AudioMIDISetup"), "EngineStates"
    )
    chosen = {
        "backend": "None (Dummy)", "driver": "Normal Speed", "device": "Silence", "input-device": "Silence",
        "output-device": "Silence", "sample-rate": "48000", "buffer-size": "1024", "n-periods": "0",
        "input-latency": "0", "output-latency": "0", "active": "1", "use-buffered-io": "0",
        "midi-option": "No MIDI I/O",
    }  # fmt: skip
    ElementTree.SubElement(states, "State", chosen)
    ElementTree.ElementTree(root).write(folder / "config", encoding="UTF-8", xml_declaration=True)


@contextmanager
def screen() -> Iterator[str]:
    """Have a screen that nobody sees, until the block ends."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE}x24", "-nolisten", "tcp"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{int(told.readline())}"
    finally:
        server.terminate()
        server.wait()


def show(session: Path, env: dict[str, str]) -> None:
    """Open the session in Ardour's window; keep what is seen of the session, and of the plug-in."""
    env = {**os.environ, **env}
    log = (session.parent / "window.log").open("w")
    ardour = subprocess.Popen(["ardour", "--no-announcements", "--no-splash", session], env=env, stdout=log, stderr=log)
    try:
        find(SESSION, env)
        time.sleep(8.0)  # it draws the tracks
        use(env, "mousemove", *CAPTAIN, "click", 1, "key", "shift+e")  # the mixer strip beside the tracks
        time.sleep(3.0)
        keep("ardour-session", env)
        use(env, "mousemove", *PROCESSOR, "click", "--repeat", 2, "--delay", 80, 1)
        time.sleep(4.0)
        keep("ardour-plugin", env)
    finally:
        ardour.terminate()
        try:
            ardour.wait(10.0)
        except subprocess.TimeoutExpired:
            ardour.kill()
            ardour.wait()
        log.close()


def find(title: str, env: dict[str, str]) -> None:
    """Wait for a window whose title holds a text."""
    deadline = time.monotonic() + WAIT_SECONDS
    search = ["xdotool", "search", "--onlyvisible", "--name", title]
    while not subprocess.run(search, env=env, capture_output=True, text=True, check=False).stdout.strip():
        assert time.monotonic() < deadline, f"no window named {title}"
        time.sleep(0.5)


def use(env: dict[str, str], *does: object) -> None:
    """Use mouse and keys."""
    subprocess.run(["xdotool", *map(str, does)], env=env, check=True)


def keep(name: str, env: dict[str, str]) -> None:
    """Write what is on the screen, in few colours: a small file."""
    picture = TO / f"{name}.png"
    subprocess.run(["import", "-window", "root", "+dither", "-colors", "64", "-strip", picture], env=env, check=True)


if __name__ == "__main__":
    main()
