"""The `cuevox` command: registers the others and turns their errors into one line and an exit code.

Each command's module imports nothing heavy at its top, so that `cuevox --help` stays quick.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from bridge.cli import (
    align,
    capture,
    collect,
    controllers,
    daw,
    demo,
    devices,
    doctor,
    edit,
    export,
    import_script,
    library,
    midi,
    models,
    monitor,
    plugin,
    plugins,
    profiles,
    read,
    record,
    reimport,
    render,
    replay,
    run,
    say,
    send,
    settings,
    setup,
    show,
    takes,
    transcribe,
    voices,
)  # fmt: skip
from bridge.errors import BadArguments, BadValue, BridgeError, NoSuchAddress
from engine.errors import BadRange, BadType, EngineError, MediaError, SettingsError, StoryError, UnknownThing

FAILED, WRONG_INPUT = 1, 2
BAD_INPUT = frozenset(
    error.code
    for error in (
        BadRange,
        BadType,
        MediaError,
        SettingsError,
        StoryError,
        UnknownThing,
        BadArguments,
        BadValue,
        NoSuchAddress,
    )
)
"""The codes of errors that the caller can mend; a running engine sends them, too."""

app = typer.Typer(
    name="cuevox",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted. Data on stdout, logs on stderr.",
)
app.command("run")(run.run)
app.command("replay")(replay.replay)
app.command("say")(say.say)
app.command("send")(send.send)
app.command("monitor")(monitor.monitor)
app.command("record")(record.record)
app.add_typer(capture.app, name="capture")
app.command("render")(render.render)
app.command("export")(export.export)
app.command("reimport")(reimport.reimport)
app.command("edit")(edit.edit)
app.command("find")(edit.find)
app.command("show")(show.show)
app.command("collect")(collect.collect)
app.command("backups")(collect.backups)
app.command("import")(import_script.import_script)
app.command("read")(read.read)
app.command("demo")(demo.demo)
app.command("align")(align.align)
app.command("words")(align.words)
app.command("transcribe")(transcribe.transcribe)
app.add_typer(midi.midi, name="midi")
app.command("controllers")(controllers.controllers)
app.command("voices")(voices.voices)
app.add_typer(models.app, name="models")
app.add_typer(takes.app, name="takes")
app.add_typer(profiles.app, name="profiles")
app.add_typer(library.app, name="library")
app.add_typer(plugin.app, name="plugin")
app.add_typer(plugins.app, name="plugins")
app.command("setup")(setup.setup)
app.add_typer(daw.app, name="daw")
app.command("devices")(devices.devices)
app.command("settings")(settings.settings)
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata  # 40 ms

        typer.echo(f"cuevox {importlib.metadata.version('cuevox')}")
        raise typer.Exit


@app.callback()
def cuevox(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Let a DAW, a MIDI pad or a tablet speak."""
    context.obj = debug


def main() -> None:
    """Run the command line; the process ends with the exit code."""
    try:
        app()
    except (EngineError, BridgeError, OSError) as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        typer.echo(f"cuevox: {error}", err=True)
        sys.exit(WRONG_INPUT if getattr(error, "code", None) in BAD_INPUT else FAILED)


if __name__ == "__main__":
    main()
