"""`cuevox import`: a script becomes a story, or what is new in it comes into the story that was made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli import options

CAST_FIRST = ("narrator", "announcer", "keeper", "grandmother", "child")
"""Voices are dealt out to speakers in this order, then the others: people before ghosts."""

Script = Annotated[
    Path,
    typer.Argument(
        help="Plain text (`NAME: words`), .fountain, .md, .docx, .epub, .csv, .tsv, .srt or .vtt.", metavar="SCRIPT"
    ),
]
To = Annotated[Path, typer.Option("--to", help="The story to write.", metavar="STORY.YAML")]
Cast = Annotated[list[str] | None, typer.Option("--voice", help="Who speaks whom: NAME=VOICE. May be repeated.")]
Source = Annotated[
    Path | None, typer.Argument(help="After `voicebox`: its data folder, or the archive of a profile.", metavar="DIR")
]
Consent = Annotated[str, typer.Option("--consent", help="Voicebox: who agreed to be cloned, and when.")]
Gap = Annotated[float, typer.Option("--gap", help="Seconds between two lines.")]


Update = Annotated[
    bool, typer.Option("--update", help="Take a changed script over into the story that was made of it.")
]


def import_script(
    script: Script,
    source: Source = None,
    to: To = Path("story.yaml"),
    voice: Cast = None,
    gap: Gap = 0.4,
    update: Update = False,
    consent: Consent = "",
) -> None:
    """Turn a script into a story; with --update, into the one that is there already. `voicebox DIR`: all of it.

    STORY.cast.csv beside the story says which voice speaks whom: edit it, and import again with --update.
    """
    from bridge.cli.import_voicebox import import_voicebox
    from engine.story.document import StoryDocument
    from engine.story.rescript import origins_of
    from engine.story.script import deal, story_of
    from engine.story.script_file import cast_path, read_script, write_cast, write_origins

    if str(script) == "voicebox":
        import_voicebox(source, to, consent)
        return
    if update:
        _update(script, to, voice, gap)
        return
    speeches = read_script(script, gap)
    cast, dealt = cast_of(cast_path(to), voice)
    speakers = deal(speeches, dealt, cast)
    story = story_of(speeches, script.stem, speakers)
    StoryDocument.create(to, story)
    write_cast(cast_path(to), speakers)
    write_origins(to, origins_of(story, speeches))
    clips = sum(len(track.clips) for track in story.tracks)
    typer.echo(f"{to}\t{len(story.tracks)} tracks, {clips} lines")


def _update(script: Path, to: Path, voice: list[str] | None, gap: float) -> None:
    """Take a changed script over; placed clips and takes of unchanged lines stay as they are."""
    from bridge.cli import screen
    from bridge.cli.render import recover
    from engine.story.document import StoryDocument
    from engine.story.rescript import update_story
    from engine.story.script import deal
    from engine.story.script_file import cast_path, read_origins, read_script, write_cast, write_origins

    document = StoryDocument.load(to)
    recover(document, options.effective())
    told, dealt = cast_of(cast_path(to), voice)
    cast = {**{track.name or track.id: track.voice for track in document.story.tracks if track.voice}, **told}
    speeches = read_script(script, gap)
    speakers = deal(speeches, dealt, cast)
    found = update_story(document.story, read_origins(to), speeches, speakers)
    document.save(found.story)
    write_cast(cast_path(to), {**cast, **speakers})
    write_origins(to, found.origins)
    screen.print_table(("clip", "what", "text"), [(each.clip, each.what, each.text) for each in found.changes])
    other = {each.clip for each in found.changes if each.what not in ("gone", "marker", "placed")}
    same = len(found.origins) - len(other)
    screen.people.print(f"{max(0, same)} lines stay as they are")


def cast_of(table: Path | None, pairs: list[str] | None) -> tuple[dict[str, str], list[str]]:
    """Return who speaks whom, as a table and pairs NAME=VOICE say, and the voices for everybody else.

    Those can speak at once, people before ghosts. Raises BadRange, StoryError for a voice that there is not.
    """
    from engine.errors import BadRange
    from engine.story.script_file import read_cast
    from engine.voices.catalog import load_catalog
    from engine.voices.preset import model_of

    known = load_catalog(options.effective().voice_folders).presets
    voices = sorted(known, key=lambda voice: CAST_FIRST.index(voice) if voice in CAST_FIRST else len(CAST_FIRST))
    cast = {} if table is None else read_cast(table, voices)
    for pair in pairs or ():
        name, equals, preset = pair.partition("=")
        if not equals or preset not in voices:
            raise BadRange(f"--voice {pair}: expected NAME=VOICE with one of {', '.join(voices)}")
        cast[name.strip()] = preset
    return cast, [voice for voice in voices if not model_of(known[voice])]
