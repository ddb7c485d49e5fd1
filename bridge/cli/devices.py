"""`cuevox devices`: where sound can go."""

from __future__ import annotations

from bridge.cli.options import Json


def devices(json: Json = False) -> None:
    """List the output devices, for `--device` and `--output`; `null` is always there and plays in silence.

    `jack-ports`, where a JACK or PipeWire server is: every bus has ports of its own there.
    """
    from bridge.cli import screen
    from engine.errors import DeviceError
    from engine.output.device import list_devices

    try:
        found = list_devices()
    except DeviceError as error:
        screen.people.print(f"{error}")
        found = ()
    if json:
        screen.print_json(found)
        return
    rows = [(str(d.number), d.name, d.host, str(d.channels), f"{d.sample_rate} Hz", _note(d.default)) for d in found]
    if any(d.on_jack for d in found):
        rows.append(("jack-ports", "a pair of ports for every bus", "cuevox", "2 a bus", "the server's", ""))
    rows.append(("null", "no sound, at real pace", "cuevox", "2", "any", _note(not any(d.default for d in found))))
    screen.print_table(("device", "name", "driver", "channels", "rate", ""), rows)


def _note(default: bool) -> str:
    return "default" if default else ""
