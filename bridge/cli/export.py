"""`cuevox export`: write a story as stems, mix, sessions for DAWs and a manifest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer

from bridge.cli import options
from engine.story.model import ExportFormat


class Bits(StrEnum):
    """Sample formats of exported files."""

    INT16 = "16"
    INT24 = "24"
    FLOAT32 = "32f"


class FileFormat(StrEnum):
    """Formats of stems and mix."""

    WAV = "wav"
    FLAC = "flac"
    AIFF = "aiff"
    MP3 = "mp3"
    OGG = "ogg"
    AAC = "aac"


class Set(StrEnum):
    """Sets of stems."""

    TRACK = "track"
    BUS = "bus"
    VOICE = "voice"
    SCENE = "scene"
    CUE = "cue"


class Sends(StrEnum):
    """What becomes of the returns."""

    RETURNS = "returns"
    NONE = "none"
    PRINTED = "printed"


def _option(flag: str, help_text: str, metavar: str | None = None) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(flag, help=help_text, metavar=metavar)
    return info


To = Annotated[Path, _option("--to", "Folder to write into.", "FOLDER")]
As = Annotated[
    list[str] | None,
    _option(
        "--as",
        f"What to write: {', '.join(get_args(ExportFormat))}. May be repeated. "
        "Unless given: stems, and what the story's `export:` names, else a Reaper project.",
        "FORMAT",
    ),
]
Encoding = Annotated[Bits, _option("--bits", "16-bit with dither, 24-bit, or 32-bit float.")]
Dither = Annotated[bool | None, typer.Option("--dither/--no-dither", help="Dither, or not; else 16 bits only.")]
Replace = Annotated[bool, _option("--replace", "Also replace exported files that somebody changed since.")]
Kind = Annotated[FileFormat, _option("--format", "File format of stems and mix.")]
Rate = Annotated[int | None, _option("--rate", "Sample rate of everything: 44100 to 192000.", "HZ")]
Per = Annotated[list[Set] | None, _option("--per", "Stems per track, bus, voice, scene or cue. May be repeated.")]
Dry = Annotated[bool, _option("--dry", "Tracks before inserts, fader and pan.")]
Returns = Annotated[Sends, _option("--sends", "Returns as stems, left away, or printed into every stem.")]
Mono = Annotated[bool, _option("--mono", "Write a stem whose sides are the same as mono.")]
Name = Annotated[str, _option("--name", "Stem names, of {nn} {name} {set} {title} {track} {voice} {scene} {cue}.")]
Tails = Annotated[bool, typer.Option("--tails/--no-tails", help="Let tails ring out after the story's end.")]
Begin = Annotated[float | None, _option("--from", "Where stems and mix begin.", "SECONDS")]
End = Annotated[float | None, _option("--until", "Where stems and mix end.", "SECONDS")]
Handles = Annotated[float, _option("--handles", "What consolidated clips keep before and after.", "SECONDS")]
Lufs = Annotated[float | None, _option("--lufs", "Loudness of the mix: -23 (EBU), -16 (podcast), -14.", "LUFS")]
Keep = Annotated[bool, _option("--keep-plugins", "VST3 plug-ins stay plug-ins in the Reaper project, too.")]
Words = Annotated[bool, _option("--word-markers", "Words as markers in Live, DAWproject and AAF, too.")]
Template = Annotated[Path | None, _option("--live-template", "A Live set of yours to build the set from.", "FILE")]
Acx = Annotated[bool, _option("--acx", "Check the mix by ACX's rules for audiobooks.")]


def export(
    story: options.StoryFile,
    to: To = Path("out"),
    formats: As = None,
    bits: Encoding = Bits.INT24,
    dither: Dither = None,
    file_format: Kind = FileFormat.WAV,
    rate: Rate = None,
    per: Per = None,
    dry: Dry = False,
    sends: Returns = Sends.RETURNS,
    mono: Mono = False,
    name: Name = "{nn}_{name}",
    tails: Tails = True,
    begin: Begin = None,
    until: End = None,
    handles: Handles = 0.0,
    lufs: Lufs = None,
    acx: Acx = False,
    keep_plugins: Keep = False,
    word_markers: Words = False,
    live_template: Template = None,
    replace: Replace = False,
    speak_with: options.SpeakWith = None,
    json: options.Json = False,
) -> None:
    """Write stems, the mix and sessions for DAWs, each in a folder, with a manifest and a picture of the timeline.

    All files start at 0 and are of equal length, tails included. Nothing is written when something is missing.
    """
    from bridge.cli import screen
    from bridge.cli.export_folder import ENCODINGS, list_files, write_folder

    manifest = write_folder(
        story, to, options.effective(speak_with=speak_with), formats=formats, encoding=ENCODINGS[bits.value],
        dither=dither, file_format=file_format.value, sample_rate=rate,
        per=[each.value for each in per or (Set.TRACK,)], dry=dry, sends=sends.value, mono=mono, name=name, tails=tails,
        start_seconds=begin, end_seconds=until, handle_seconds=handles, mix_lufs=lufs, acx=acx, replace_changed=replace,
        keep_plugins=keep_plugins, word_markers=word_markers, live_template=str(live_template or ""),
    )  # fmt: skip
    for warning in manifest.warnings:
        screen.people.print(f"note: {warning}")
    if json:
        screen.print_json(manifest)
    else:
        screen.print_table(("file", "what"), list(list_files(manifest, to)))
