"""`cuevox transcribe`: what is said in a recording, and when each word."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.speech.transcript import Passage, Transcript

File = Annotated[Path, typer.Argument(help="A sound file in which somebody speaks.", metavar="FILE")]
Language = Annotated[str, typer.Option("--language", help="The code of its language: en, de; else it is found out.")]
Model = Annotated[str, typer.Option("--model", help="What hears: a name of `cuevox models list`, a hub id, a folder.")]
Precision = Annotated[str, typer.Option("--precision", help="fp32, bf16 or int8.")]


class As(StrEnum):
    """What is printed."""

    TEXT = "text"
    WORDS = "words"
    JSON = "json"


def transcribe(
    file: File,
    language: Language = "",
    model: Model = "whisper-small",
    precision: Precision = "fp32",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    show: Annotated[As, typer.Option("--as", help="text, words (a table), json.")] = As.TEXT,
) -> None:
    """Write down what is said in a recording, however long: text, or words with start and end in seconds."""
    heard = listen(
        file,
        options.effective(),
        language=language,
        model=model,
        precision=precision,
        device=device,
        aloud=show is As.TEXT,
    )
    if show is As.JSON:
        screen.print_json(heard)
    elif show is As.WORDS:
        rows = [
            (w.text, f"{w.start_seconds:.3f}", f"{w.end_seconds:.3f}", w.source, str(w.confidence)) for w in heard.words
        ]
        screen.print_table(("word", "start", "end", "source", "confidence"), rows)
    if not heard.text:
        screen.people.print(f"nothing is said in {file}")


def listen(
    file: Path,
    settings: Settings,
    *,
    language: str = "",
    model: str = "whisper-small",
    precision: str = "fp32",
    device: str = "auto",
    aloud: bool = False,
) -> Transcript:
    """Return what is said in ``file``, under a progress bar; aloud: each part is printed as soon as it is heard."""
    from engine.render.cache import TakeCache
    from engine.voices.catalog import Catalog
    from engine.voices.pool import VoicePool

    chosen = {"model": model, "precision": precision, "device": device}

    async def heard() -> Transcript:
        pool = VoicePool(catalog=Catalog(presets={}), cache=TakeCache(settings.takes_folder), sample_rate=48000)
        try:
            with screen.progress_bar("listen") as progress:

                def hear(passage: Passage) -> None:
                    progress(passage.heard_seconds / passage.total_seconds, passage.text[-40:])
                    if aloud and passage.text:
                        typer.echo(passage.text)

                return await pool.transcribe(file, language=language, settings=chosen, on_passage=hear)
        finally:
            await pool.close()

    return asyncio.run(heard())
