"""`cuevox settings`: the effective settings and where each came from."""

from __future__ import annotations

import msgspec

from bridge.cli.options import Json


def settings(json: Json = False) -> None:
    """Show the effective settings, where each came from, and what it allows.

    Defaults < settings file < CUEVOX_… variables < flags. CUEVOX_SETTINGS names another file.
    """
    from bridge.cli import screen
    from engine.settings import SECRETS, describe, load_settings, settings_path

    loaded = load_settings()
    values = msgspec.to_builtins(loaded.settings)
    values |= {name: "(not shown)" for name in SECRETS if values[name]}
    if json:
        screen.print_json({n: {"value": v, "origin": loaded.origins[n]} for n, v in values.items()})
        return
    rows = [(n, str(v), loaded.origins[n], describe(n)[1], describe(n)[0]) for n, v in values.items()]
    screen.print_table(("setting", "value", "from", "allowed", "meaning"), rows)
    screen.people.print(f"file: {settings_path()}")
