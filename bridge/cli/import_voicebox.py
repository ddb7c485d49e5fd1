"""`cuevox import voicebox`: takes over what lies in a Voicebox data folder, or a profile's archive."""

from __future__ import annotations

from pathlib import Path

import typer

from bridge.cli import screen
from bridge.cli.library import opened


def import_voicebox(source: Path | None, to: Path, consent: str) -> None:
    """Make voices, takes and stories of it, and tell what had no counterpart."""
    from engine.errors import MediaError
    from engine.store.jobs import Jobs
    from engine.store.profiles import Profiles
    from engine.store.takes import Takes
    from engine.store.voicebox_import import VoiceboxImport

    if source is None:
        raise MediaError("import voicebox: name its data folder, or the archive of a profile")
    with opened() as (settings, database, media), screen.progress_bar("import") as meter:
        stories = to if to.suffix not in (".yaml", ".yml") else to.parent
        bring = VoiceboxImport(
            Profiles(database, settings.data_folder, media), Takes(database, media), consent=consent, stories=stories
        )
        with Jobs(database).run("import voicebox", str(source)) as result:
            report = bring.folder(source, meter) if source.is_dir() else bring.archive(source)
            result.append(f"{len(report.voices)} voices, {report.takes} takes, {len(report.stories)} stories")
    for voice in report.voices:
        typer.echo(f"voice\t{voice}")
    for story in report.stories:
        typer.echo(f"story\t{story}")
    typer.echo(f"takes\t{report.takes}")
    for line in report.left_out:
        screen.people.print(f"left out: {line}")
