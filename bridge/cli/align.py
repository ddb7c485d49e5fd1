"""`cuevox align` and `cuevox words`: when each word is spoken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import options, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.render.cache import TakeCache
    from engine.speech.align.file import FileRecording
    from engine.speech.align.heard import Span
    from engine.voices.take import Take

File = Annotated[Path, typer.Argument(help="A sound file in which the text is spoken.", metavar="FILE")]
Text = Annotated[str, typer.Option("--text", help="What is said in it.")]
TextFile = Annotated[Path | None, typer.Option("--text-file", help="A file with what is said in it.")]
Language = Annotated[str, typer.Option("--language", help="The code of its language: en, de, fr-fr.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Processes that align a long recording; otherwise a core each.", min=1, max=64),
]
TakeName = Annotated[str, typer.Argument(help="A take: its digest or the beginning of it, or its .wav.")]
Keep = Annotated[
    bool, typer.Option("--keep", help="Write them beside the file, too: a story that plays it knows its words then.")
]
Picture = Annotated[Path | None, typer.Option("--picture", help="Write a picture of it.", metavar="FILE.png")]

KEPT_RATE = 48_000
"""At which words that are kept count frames; stories of other rates convert them."""

COLUMNS = ("word", "start", "end", "source", "confidence")


def align(
    file: File,
    text: Text = "",
    text_file: TextFile = None,
    language: Language = "en",
    keep: Keep = False,
    workers: Workers = None,
    json: options.Json = False,
) -> None:
    """Find the words of a text in a recording, however long it is: start and end in seconds, how, and how surely."""
    from engine.errors import BadRange
    from engine.speech.align.file import FileRecording

    options.effective()
    said = text or (text_file.read_text("utf-8") if text_file else "")
    if not said.strip():
        raise BadRange("align: there is no text; give it with --text or --text-file")
    with screen.progress_bar("align") as progress:
        spans = _words_of(FileRecording(file), said, language, workers, lambda part: progress(part, file.name))
    if keep:
        _keep(file, said, spans)
    rows = [
        {
            "word": said[span.text_start : span.text_end],
            "start": round(span.start_seconds, 4),
            "end": round(span.end_seconds, 4),
            "source": span.source,
            "confidence": round(span.confidence, 3),
        }
        for span in spans
    ]
    _print(rows, json)


def _keep(file: Path, said: str, spans: list[Span]) -> None:
    from engine.voices.aligning import in_frames
    from engine.voices.beside import Said, keep_beside
    from engine.voices.media import probe

    words = in_frames(spans, said, KEPT_RATE, probe(file, KEPT_RATE).frames)
    screen.people.print(f"kept in {keep_beside(file, Said(text=said, sample_rate=KEPT_RATE, words=words))}")


def _words_of(
    recording: FileRecording, text: str, language: str, workers: int | None, hear: Callable[[float], None]
) -> list[Span]:
    """Return the words; a long recording is aligned by several processes."""
    from engine.speech.align.aligner import align as words_of
    from engine.speech.align.hands import MOST_HANDS, WORTH_SECONDS, hands

    count = min(workers or os.cpu_count() or 1, MOST_HANDS)
    if count == 1 or recording.seconds < WORTH_SECONDS:
        return list(words_of(recording, text, language, hear))
    with hands(language, count) as begin:
        return list(words_of(recording, text, language, hear, begin=begin, ahead=2 * count))


def words(take: TakeName, picture: Picture = None, json: options.Json = False) -> None:
    """Show the words of a take, with their times, what timed them and how surely; as a picture, too."""
    from engine.export.word_picture import draw_words
    from engine.render.cache import TakeCache

    cache = TakeCache(options.effective().takes_folder)
    found = find_take(cache, take)
    if picture is not None:
        draw_words(found, cache.audio(found), picture)
    if not found.words:
        screen.people.print("this take has no word times: its voice gives none, and nothing could align it")
    rate = found.sample_rate
    rows = [
        {
            "word": word.text,
            "start": round(word.start_frame / rate, 4),
            "end": round(word.end_frame / rate, 4),
            "source": word.source,
            "confidence": word.confidence,
        }
        for word in found.words
    ]
    _print(rows, json)


def find_take(cache: TakeCache, name: str) -> Take:
    """Return the take that ``name`` means. Raises UnknownThing."""
    from engine.errors import UnknownThing

    stem = Path(name).stem
    digests = sorted(path.stem for path in cache.folder.glob(f"{stem}*.json")) if stem.isalnum() else []
    take = cache.get(digests[0]) if len(digests) == 1 else None
    if take is None:
        raise UnknownThing("take", name, digests[:12])
    return take


def _print(rows: list[dict[str, object]], json: bool) -> None:
    if json:
        screen.print_json(rows)
    else:
        screen.print_table(COLUMNS, [[str(row[column]) for column in COLUMNS] for row in rows])
