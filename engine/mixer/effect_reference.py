"""Write docs/effects.md from the table of effects: ``python -m engine.mixer.effect_reference``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.mixer.effects import EFFECTS, EffectParam, EffectSpec

PAGE = Path(__file__).parent.parent.parent / "docs" / "effects.md"

HEAD = """\
# Effects

Made from the table in `engine/mixer/effects.py` by `python -m engine.mixer.effect_reference`; do not edit.

What `inserts` of a story and `effects` of a voice preset may hold. A parameter that is not given has its default. Over
OSC a parameter is `/strip/{strip}/insert/{number}/{parameter}`.

| effect | parameter | range | default |
|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    live = [row for name, spec in EFFECTS.items() if spec.live for row in _rows(name, spec)]
    rendered = [row for name, spec in EFFECTS.items() if not spec.live for row in _rows(name, spec)]
    text = HEAD + "\n".join(live)
    text += "\n\n## In voice presets only\n\nThese can't run in blocks, so they are rendered into the take.\n\n"
    return text + "| effect | parameter | range | default |\n|---|---|---|---|\n" + "\n".join(rendered) + "\n"


def _rows(name: str, spec: EffectSpec) -> Iterator[str]:
    why = f" Not live: {spec.why}." if spec.why else ""
    head = f"**{name}**<br>{spec.help}{why}"
    if not spec.params:
        yield f"| {head} | | | |"
    for number, (param, row) in enumerate(spec.params.items()):
        yield f"| {head if number == 0 else ''} | `{param}` | {_range(row)} | {row.spec.default:g} |"


def _range(param: EffectParam) -> str:
    unit = f" {param.spec.unit}" if param.spec.unit else ""
    return f"{param.spec.low:g} to {param.spec.high:g}{unit}"


def main() -> None:
    """Write the page."""
    fresh = PAGE.with_suffix(".new")
    fresh.write_text(page(), encoding="utf-8")
    fresh.replace(PAGE)


if __name__ == "__main__":
    main()
