"""What espeak-ng brings along, as its data folder tells: languages and variants. Loads no library."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import espeakng_loader


def library_path() -> str:
    """Return where the library lies."""
    return str(espeakng_loader.get_library_path())


@cache
def data_folder() -> Path:
    """Return the folder of languages, variants and dictionaries."""
    return Path(espeakng_loader.get_data_path())


@cache
def language_files() -> dict[str, str]:
    """Return the language file of each language, which is the name that the library knows it by."""
    ranked: dict[str, tuple[int, str]] = {}
    for path in sorted((data_folder() / "lang").rglob("*")):
        rows = [row.split() for row in path.read_text("utf-8", "replace").splitlines()] if path.is_file() else []
        named = [row for row in rows if row[:1] == ["language"]]
        if not named or not (data_folder() / f"{_dictionary(rows, named[0][1])}_dict").exists():
            continue  # no language, or one whose dictionary is not shipped
        for place, row in enumerate(named):
            rank = 100 * place + int(row[2] if len(row) > 2 else 5)  # espeak-ng's own priority; 5 unless said
            ranked[row[1]] = min(ranked.get(row[1], (rank, path.name)), (rank, path.name))
    return {language: name for language, (_, name) in ranked.items()}


def _dictionary(rows: list[list[str]], language: str) -> str:
    return next((row[1] for row in rows if row[:1] in (["dictionary"], ["translator"])), language.split("-")[0])


def languages() -> frozenset[str]:
    """Return the languages that espeak-ng speaks, as its data folder names them."""
    return frozenset(language_files())


@cache
def variants() -> frozenset[str]:
    """Return the variants (timbres) that any language can be spoken in; ``""`` is the language's own."""
    return frozenset({"", *(path.name for path in (data_folder() / "voices" / "!v").iterdir())})
