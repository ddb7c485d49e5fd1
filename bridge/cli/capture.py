"""`cuevox capture`: lines that somebody speaks, from an input of the running engine or from a file, said again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from cuevox import Cuevox
    from engine.capture.kept import Kept
    from engine.capture.work import Said
    from engine.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False)

WORK_SECONDS = 300.0
"""How long trimming, writing down and speaking may take."""

Name = Annotated[str, typer.Argument(help="Of its files in captures/ beside the story; the time unless given.")]
Text = Annotated[str, typer.Option("--text", help="What is said; else a listener finds out, if there is one.")]
Language = Annotated[str, typer.Option("--language", help="The code of its language: en, de.")]
Again = Annotated[str, typer.Option("--again", help="A voice that says it again with the same timing.")]
Device = Annotated[str, typer.Option("--device", help="Number or part of a name; else the setting input_device.")]
Channels = Annotated[str, typer.Option("--channels", help="One or two, from 1.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="Begin at once, end after so long.", min=0.1)]
Track = Annotated[str, typer.Option("--track", help="Put it on this track of the story, as a clip with its words.")]
Place = Annotated[
    str, typer.Option("--place", help="Where on it, as 12.5; else where it was said, or behind the track's last clip.")
]
Pre = Annotated[float | None, typer.Option("--pre", help="Seconds before the key that belong to it.", min=0.0)]


@app.callback()
def capture() -> None:
    """Capture lines that somebody speaks, and have voices say them again with the same timing."""


@app.command("line")
def line(
    name: Name = "",
    text: Text = "",
    language: Language = "",
    again: Again = "",
    device: Device = "",
    channels: Channels = "",
    seconds: Seconds = None,
    pre: Pre = None,
    track: Track = "",
    place: Place = "",
    osc_port: options.OscPort = None,
) -> None:
    """Capture a line through the running engine: any key begins and ends it, Ctrl-C forgets it."""
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/capture/*")
        cuevox.subscribe("/event/input")
        cuevox.subscribe("/fail")
        _arm(cuevox, device, channels)
        wanted = () if pre is None else (float(pre),)
        with _keys() as key:
            if seconds is None:
                screen.people.print("any key begins; what was just said is kept, too")
                key(None)
            cuevox.ask("/capture/start", 1, name, text, language, *wanted)
            try:
                screen.people.print("capturing; any key ends it" if seconds is None else "capturing")
                key(seconds)
            except KeyboardInterrupt:
                cuevox.ask("/capture/cancel")
                raise
        cuevox.ask("/capture/stop")
        ready = _told(cuevox, "/event/capture/ready")
        _print_ready(*ready[:6])
        found = str(ready[0])
        if again:
            found = Path(_again(cuevox, found, again, "")).stem
        if track:
            cuevox.ask("/capture/place", found, track, place)


@app.command("again")
def say_again(
    name: Annotated[str, typer.Argument(help="Of a capture of the running engine's story.")],
    voice: Annotated[str, typer.Argument(help="Who says it; see `cuevox voices`.")],
    to: Annotated[str, typer.Option("--name", help="Of the new file; else the capture's and the voice's.")] = "",
    track: Track = "",
    place: Place = "",
    osc_port: options.OscPort = None,
) -> None:
    """Have a voice say a capture again, each word when it was said then."""
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/capture/*")
        cuevox.subscribe("/fail")
        file = _again(cuevox, name, voice, to)
        if track:
            cuevox.ask("/capture/place", Path(file).stem, track, place)


@app.command("trim")
def trim(
    name: Annotated[str, typer.Argument(help="Of a capture of the running engine's story.")],
    start: Annotated[float | None, typer.Argument(help="Seconds from the first sound that was kept.")] = None,
    end: Annotated[float | None, typer.Argument(help="Seconds in the same. Without both: as it was before.")] = None,
    osc_port: options.OscPort = None,
) -> None:
    """Have a captured line begin and end elsewhere in all that was captured, or take that back."""
    from cuevox import Cuevox
    from engine.errors import BadRange

    if (start is None) != (end is None):
        raise BadRange("give where it begins and where it ends, or neither: then the last trimming is taken back")
    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/capture/*")
        cuevox.subscribe("/fail")
        if start is None or end is None:
            cuevox.ask("/capture/untrim", name)
        else:
            cuevox.ask("/capture/trim", name, start, end)
        _print_ready(*_told(cuevox, "/event/capture/ready")[:6])


@app.command("place")
def put_on_track(
    name: Annotated[str, typer.Argument(help="Of a capture, or of what a voice said after it.")],
    track: Annotated[str, typer.Argument(help="A track of the running engine's story.")],
    place: Annotated[str, typer.Argument(help="As 12.5; else where it was said, or behind the last clip.")] = "",
    clip: Annotated[str, typer.Option("--clip", help="The clip's id; else made up.")] = "",
    osc_port: options.OscPort = None,
) -> None:
    """Put a capture on a track as a clip, with its words; without an engine `cuevox edit` does it: /capture/place."""
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.ask("/capture/place", name, track, place, clip)


@app.command("list")
def list_captures(
    folder: Annotated[Path, typer.Option("--in", help="The folder of captures.", metavar="DIR")] = Path("captures"),
    json: options.Json = False,
) -> None:
    """List captures, and what voices said after them; the folder is the one beside the story."""
    from engine.capture.kept import names, read_kept

    found = [read_kept(folder, name) for name in names(folder)]
    if json:
        screen.print_json(found)
        return
    rows = [(k.name, f"{k.frames / k.sample_rate:.2f}", str(len(k.words)), k.voice, k.text) for k in found]
    screen.print_table(("capture", "seconds", "words", "voice", "text"), rows)


@app.command("file")
def from_file(
    file: Annotated[Path, typer.Argument(help="A sound file in which somebody says a line.", metavar="FILE")],
    text: Text = "",
    language: Language = "",
    again: Again = "",
    name: Annotated[str, typer.Option("--name", help="Of the capture; else the file's.")] = "",
    to: Annotated[Path, typer.Option("--to", help="The folder of captures.", metavar="DIR")] = Path("captures"),
    rate: Annotated[int, typer.Option("--rate", help="The sample rate of what is written.", min=8000)] = 48000,
) -> None:
    """Trim a recorded line and find its words, without an engine; --again has a voice say it with the same timing."""
    from engine.capture import work
    from engine.capture.kept import Kept, checked, free_name

    settings = options.effective()
    kept = Kept(
        name=free_name(to, checked(name or file.stem)), sample_rate=rate, frames=0, text=text, language=language
    )
    work.take_file(to, kept.name, file, rate)
    kept = work.cut(to, kept)
    kept = work.time_words(to, kept) if text else _heard(to, kept, settings)
    _print_ready(kept.name, str(to / f"{kept.name}.wav"), kept.frames / rate, kept.text, len(kept.words), kept.note)
    if again:
        said = _said(to, kept, again, settings)
        off = said.residual
        _print_spoken(
            str(to / f"{said.kept.name}.wav"), off.words, off.left, off.median_ms, off.most_ms, off.fastest, off.slowest
        )


def _heard(folder: Path, kept: Kept, settings: Settings) -> Kept:
    """Have a listener write a capture down."""
    from bridge.cli.transcribe import listen
    from engine.capture.heard import as_words
    from engine.capture.kept import sound_file, write_kept

    if not settings.capture_listener:
        return kept
    heard = listen(
        sound_file(folder, kept.name), settings, language=kept.language, model=settings.capture_listener
    )  # fmt: skip
    from msgspec.structs import replace

    kept = replace(kept, text=heard.text, language=heard.language, words=as_words(heard, kept.sample_rate))
    write_kept(folder, kept)
    return kept


def _said(folder: Path, kept: Kept, voice: str, settings: Settings) -> Said:
    """Have a voice say a capture again."""
    import asyncio

    from engine.capture import work
    from engine.capture.kept import free_name
    from engine.capture.speaking import speak_after
    from engine.render.cache import TakeCache
    from engine.voices.catalog import load_catalog
    from engine.voices.pool import VoicePool
    from engine.voices.take import Take

    cache = TakeCache(settings.takes_folder)

    async def spoken() -> Take:
        catalog = load_catalog(settings.voice_folders, settings.speak_with)
        pool = VoicePool(catalog=catalog, cache=cache, sample_rate=kept.sample_rate)
        try:
            return await speak_after(pool, kept, voice)
        finally:
            await pool.close()

    take = asyncio.run(spoken())
    name = free_name(folder, f"{kept.name} {voice}")
    return work.say_after(folder, kept.name, take, cache.audio_path(take.digest), name)


def _arm(cuevox: Cuevox, device: str, channels: str) -> None:
    """Have the engine listen. Raises DeviceError."""
    from engine.errors import BadRange, DeviceError

    state = cuevox.ask("/capture/status")
    if state[0] == "listening" and not device and not channels:
        return
    try:
        numbers = [int(part) for part in channels.replace(",", " ").split()]
    except ValueError:
        raise BadRange(f"--channels {channels!r}: one or two numbers, from 1") from None
    cuevox.ask("/capture/arm", 1, device, *numbers[:2])
    for address, *values in cuevox.events(options.PATIENCE_SECONDS + 20.0):
        if address == "/event/input":
            if values[0]:
                return
            raise DeviceError(str(values[1]) or "no input is listened to")
    if cuevox.ask("/capture/status")[0] != "listening":
        raise DeviceError("the engine does not say that it listens")


def _again(cuevox: Cuevox, name: str, voice: str, to: str) -> str:
    """Have a voice say it again, and return the file."""
    cuevox.ask("/capture/again", name, voice, *([to] if to else []))
    _, _, file, *how_well = _told(cuevox, "/event/capture/spoken")
    _print_spoken(file, *how_well)
    return str(file)


def _told(cuevox: Cuevox, address: str) -> tuple[Any, ...]:
    """Return what is told under ``address``. Raises EngineError where the work fails, NoAnswer."""
    from bridge.errors import NoAnswer
    from engine.errors import EngineError

    for told, *values in cuevox.events(WORK_SECONDS):
        if told == address:
            return tuple(values)
        if told == "/event/capture/ended" and (values[4] or not values[3]):
            raise EngineError(f"the capture ended: {values[4] or 'it was forgotten'}")
        if told == "/fail" and values[0] == "/capture":
            raise EngineError.relayed(str(values[2]), str(values[3]))
    raise NoAnswer(f"nothing was told under {address} in {WORK_SECONDS:g} s")


def _print_ready(name: str, file: str, seconds: float, text: str, words: int, note: str) -> None:
    typer.echo(f"{file}\t{seconds:.3f} s\t{words} words\t{text}")
    if note:
        screen.people.print(f"note: {name}: {note}")


def _print_spoken(
    file: str, words: int, left: int, median_ms: float, most_ms: float, fastest: float, slowest: float
) -> None:
    typer.echo(f"{file}\t{words} words\tmedian {median_ms:.1f} ms\tmost {most_ms:.1f} ms")
    screen.people.print(f"words are played at {slowest:.2f} to {fastest:.2f} of their speed")
    if left:
        screen.people.print(f"{left} words of the capture have no counterpart")


@contextmanager
def _keys() -> Iterator[Any]:
    """Lend what waits for a key, or so many seconds; Enter where the terminal gives no single keys."""

    def enter(seconds: float | None) -> None:
        if seconds is not None:
            time.sleep(seconds)
        else:
            sys.stdin.readline()

    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield enter
        return
    if not sys.stdin.isatty():
        yield enter
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield lambda seconds: time.sleep(seconds) if seconds is not None else sys.stdin.read(1)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
