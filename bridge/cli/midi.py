"""`cuevox midi`: ports, what arrives and what it does, learning, and a look at a device's lights."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from bridge.midi.surface import Surface
    from bridge.midi.surfaces import Surfaces
    from engine.settings import Settings

LOOK_SECONDS = 0.6
"""How long `test` shows each look."""

LEARN_SECONDS = 60.0

midi = typer.Typer(no_args_is_help=True, help="MIDI ports, learning, and what arrives.")

Api = Annotated[str | None, typer.Option("--midi", help="auto, alsa, jack, jack-rtmidi, coremidi or windows.")]
Address = Annotated[str, typer.Argument(help="What the control is to move or fire, such as /strip/narrator/gain.")]
Options = Annotated[str, typer.Argument(help="As in a preset: `takeover: jump, invert: true`.", metavar="[OPTIONS]")]
Seconds = Annotated[float, typer.Option(help="How long to listen.")]
Port = Annotated[str, typer.Argument(help="Part of the port's name.", metavar="PORT")]


@midi.command("list")
def list_ports(midi: Api = None, json: options.Json = False) -> None:
    """List this machine's MIDI ports and the surface that each is taken for."""
    settings = options.effective(midi=midi)
    surfaces = _surfaces(settings)
    system = _system(settings)
    try:
        rows = [
            {"port": name, "direction": direction, "surface": surfaces.of(name).id}
            for direction, names in (("in", system.inputs()), ("out", system.outputs()))
            for name in names
        ]
    finally:
        system.close()
    if json:
        screen.print_json(rows)
        return
    screen.print_table(("port", "direction", "surface"), [tuple(map(str, row.values())) for row in rows])


@midi.command()
def monitor(osc_port: options.OscPort = None, json: options.Json = False) -> None:
    """Show what arrives at the running engine, and what it does, until Ctrl-C."""
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/midi/heard")
        for address, *values in cuevox.events():
            if address == "/event/midi/heard":
                _show(values, json=json)


@midi.command()
def learn(address: Address, how: Options = "", osc_port: options.OscPort = None) -> None:
    """Have the control that you move next move or fire an address from now on."""
    from bridge.errors import NoAnswer
    from cuevox import Cuevox

    settings = options.effective(osc_port=osc_port)
    with Cuevox(settings.osc_host, settings.osc_port, patience_seconds=options.PATIENCE_SECONDS) as cuevox:
        cuevox.subscribe("/event/midi/learned")
        cuevox.ask("/midi/learn", address, *([how] if how else []))
        screen.people.print(f"move the control that is to be {address} …")
        told = (values for where, *values in cuevox.events(LEARN_SECONDS) if where == "/event/midi/learned")
        learned = next(told, None)
        if learned is None:
            cuevox.ask("/midi/learn", "")
            raise NoAnswer(f"nothing was moved for {LEARN_SECONDS:g} s; nothing was learnt")
    typer.echo("\t".join(str(value) for value in learned))


@midi.command()
def test(port: Port, midi: Api = None, seconds: Seconds = 10.0) -> None:
    """Show every look on a device's pads, then print what it sends. Needs no engine."""
    settings = options.effective(midi=midi)
    system = _system(settings)
    try:
        name = _named(port, system.inputs())
        surface = _surfaces(settings).of(name)
        outputs = [o for o in system.outputs() if o == name or surface.fits(o)]
        screen.people.print(f"{name}: {surface.name or surface.id}")
        if outputs:
            _show_looks(system.open_output(outputs[0]), surface)
        heard = system.open_input(name, _print_heard)
        time.sleep(seconds)
        heard.close()
    finally:
        system.close()


def _show(values: list[object], *, json: bool) -> None:
    if json:
        screen.print_json_line(dict(zip(("port", "message", "effect"), values, strict=False)))
    else:
        typer.echo("\t".join(str(value) for value in values))


def _show_looks(output: Any, surface: Surface) -> None:
    from bridge.midi.lights import LOOKS, pad_light

    for message in surface.hello:
        output.send(message)
    for look in (*LOOKS, LOOKS[0]):
        screen.people.print(f"  {look}")
        for pads in surface.pads:
            for note in pads.notes:
                light = pad_light(pads.lights, note, look, pads.light_channel)
                if light is not None:
                    output.send(light)
        time.sleep(LOOK_SECONDS)
    for message in surface.goodbye:
        output.send(message)
    output.close()


def _print_heard(_: float, data: bytes) -> None:
    from bridge.midi.voiced import describe

    typer.echo(describe(data))


def _named(part: str, names: Any) -> str:
    from bridge.midi.port import PortError

    found = [name for name in names if part.lower() in name.lower()]
    if not found:
        raise PortError(f"no MIDI port named {part!r}; there is: {', '.join(names) or 'none'}")
    return str(found[0])


def _system(settings: Settings) -> Any:
    from bridge.midi.jack_ports import JackSystem, has_jack_client
    from bridge.midi.port import PortError
    from bridge.midi.rtmidi_ports import RtMidiSystem

    if settings.midi == "off":
        raise PortError("MIDI is switched off in the settings; --midi auto switches it on")
    if settings.midi == "jack" and has_jack_client():
        return JackSystem("Cuevox-midi")
    return RtMidiSystem("jack" if settings.midi == "jack-rtmidi" else settings.midi)


def _surfaces(settings: Settings) -> Surfaces:
    from bridge.midi.surfaces import Surfaces

    return Surfaces(settings.surfaces_folder)
