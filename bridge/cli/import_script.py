"""`cuevox import`: a plain script becomes a story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options

CAST_FIRST = ("narrator", "announcer", "keeper", "grandmother", "child")
"""Voices are dealt out to speakers in this order, then the others: people before ghosts."""

Script = Annotated[
    Path,
    typer.Argument(help="Plain text (`NAME: what they say`), .fountain, .csv, .tsv, .srt or .vtt.", metavar="SCRIPT"),
]
To = Annotated[Path, typer.Option("--to", help="The story to write.", metavar="STORY.YAML")]
Cast = Annotated[list[str] | None, typer.Option("--voice", help="Who speaks whom: NAME=VOICE. May be repeated.")]
Source = Annotated[
    Path | None, typer.Argument(help="After `voicebox`: its data folder, or the archive of a profile.", metavar="DIR")
]
Consent = Annotated[str, typer.Option("--consent", help="Voicebox: who agreed to be cloned, and when.")]
Gap = Annotated[float, typer.Option("--gap", help="Seconds between two lines.")]


def import_script(
    script: Script,
    source: Source = None,
    to: To = Path("story.yaml"),
    voice: Cast = None,
    gap: Gap = 0.4,
    consent: Consent = "",
) -> None:
    """Turn a script (`NAME: words`, blank lines, `(pause 1.5)`, `# scene`) into a story; `voicebox DIR`: all of it."""
    from bridge.cli.import_voicebox import import_voicebox
    from engine.errors import BadRange, MediaError
    from engine.story.document import StoryDocument
    from engine.story.script import import_script as read_script
    from engine.story.script_formats import reader_of
    from engine.voices.catalog import load_catalog
    from engine.voices.preset import model_of

    if str(script) == "voicebox":
        import_voicebox(source, to, consent)
        return
    settings = options.effective()
    known = load_catalog(settings.voice_folders).presets
    presets = sorted(known, key=lambda voice: CAST_FIRST.index(voice) if voice in CAST_FIRST else len(CAST_FIRST))
    cast: dict[str, str] = {}
    for pair in voice or ():
        name, equals, preset = pair.partition("=")
        if not equals or preset not in presets:
            raise BadRange(f"--voice {pair}: expected NAME=VOICE with one of {', '.join(presets)}")
        cast[name.strip()] = preset
    try:
        text = script.read_text(encoding="utf-8")
    except OSError as error:
        raise MediaError(f"{script}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{script} is not UTF-8 text") from error
    dealt = [voice for voice in presets if not model_of(known[voice])]  # those that need no model can speak at once
    story = read_script(
        text,
        title=script.stem,
        name=script.name,
        voices=dealt,
        cast=cast,
        gap_seconds=gap,
        read=reader_of(script.suffix),
    )
    StoryDocument.create(to, story)
    clips = sum(len(track.clips) for track in story.tracks)
    typer.echo(f"{to}\t{len(story.tracks)} tracks, {clips} lines")
