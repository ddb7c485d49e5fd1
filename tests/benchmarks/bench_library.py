"""A library of a million takes in SQLite: what a search, a page and a new take cost; and recovery of a long journal.

The reference is a plain scan of the same table for a word, in the same file, by sqlite3 itself. The same takes are
asked for from a PostgreSQL beside it, where its server is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from report import NOTES, Report, quantile

from engine.commands import SetStripGain
from engine.store.database import FILE, Database
from engine.store.library import Library
from engine.story.document import StoryDocument
from engine.story.journal import Journal

TAKES = 1_000_000
SEARCH_MS, PAGE_MS, RECOVERY_SECONDS = 50.0, 10.0, 1.0
TURNS = 40
WORDS = 20_000
VOICES = 40
EDITS = 2_000
COLUMNS = "line, number, digest, seed, voice, text, recipe, made_at, note, search_text, used_at"
SEARCHES: dict[str, dict[str, str]] = {
    "a word in every third line": {"words": "w0"},
    "a rare word": {"words": f"w{WORDS - 5:x}"},
    "two common words": {"words": "w0 w1"},
    "the beginning of a word": {"words": "w4e"},
    "a common word of a rare voice": {"words": "w0", "voice": f"voice{VOICES}"},
    "words that no line holds together": {"words": f"w{WORDS - 5:x} w{WORDS - 6:x}"},
}


def main() -> None:
    """Fill a library, ask it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=TAKES)
    parser.add_argument("--postgres-takes", type=int, default=None, help="as many as in SQLite unless said; 0: none")
    args = parser.parse_args()
    count = args.takes
    report = Report("library", f"A library of {count:,} takes")
    with tempfile.TemporaryDirectory(prefix="cuevox-bench-") as folder:
        database = Database(Path(folder))
        NOTES.print(f"filling {count:,} takes")
        report.add("filling it", _fill(Path(folder) / FILE, count) / count * 1e6, "µs per take")
        report.add("the file", (Path(folder) / FILE).stat().st_size / 1e6, "MB")
        _ask(report, Library(database), Path(folder) / FILE, count)
        database.close()
        _recover(report, Path(folder))
        _beside(report, Path(folder), count if args.postgres_takes is None else args.postgres_takes)
    report.finish()


def _fill(path: Path, count: int) -> float:
    began = time.perf_counter()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'take_search_new'").fetchone()
    connection.execute("DROP TRIGGER take_search_new")  # the index is made at once, afterwards
    connection.executemany(f"INSERT INTO take ({COLUMNS}) VALUES ({', '.join('?' * 11)})", _rows(count))
    connection.execute("INSERT INTO take_search (take_search) VALUES ('rebuild')")
    connection.execute(trigger)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return time.perf_counter() - began


def _beside(report: Report, folder: Path, count: int) -> None:
    """Ask a PostgreSQL of our own for the same."""
    with _postgres(folder) as url:
        if not count or not url:
            report.facts["PostgreSQL"] = "not asked for" if url else "not installed"
            return
        NOTES.print(f"filling {count:,} takes into PostgreSQL")
        database = Database(folder, url)
        began = time.perf_counter()
        _copy(url, count)
        report.add("PostgreSQL: filling it", (time.perf_counter() - began) / count * 1e6, "µs per take")
        library = Library(database)
        for what, manner in SEARCHES.items():
            p95 = _timed(lambda manner=manner: library.page(**manner))  # type: ignore[misc]
            report.add(f"PostgreSQL, search: {what}, 95 %", p95, "ms")
        p95 = _timed(library.page)
        report.add("PostgreSQL, list page: the newest, 95 %", p95, "ms")
        database.close()


@contextlib.contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """Lend the URL of an empty database, empty where there is no server."""
    from tests.postgres_server import NOBODY, Server, binaries

    programs = binaries()
    if programs is None:
        yield ""
        return
    place, as_user = folder / "postgres", None
    place.mkdir()
    folder.chmod(0o755)
    if os.getuid() == 0:
        import pwd

        as_user = next(user.pw_name for user in pwd.getpwall() if user.pw_name in NOBODY)
        shutil.chown(place, as_user)
    server = Server(programs, place, as_user)
    try:
        yield server.database("bench")
    finally:
        server.stop()


def _copy(url: str, count: int) -> None:
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY take ({COLUMNS}, seconds, pinned, origin, facts) FROM STDIN") as copy:
            for row in _rows(count):
                copy.write_row((*row, 1.0, False, "", ""))
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE take")


def _rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield takes of lines of 4 to 16 words; few words are common, most are rare, as in speech.

    They are folded as they are.
    """
    chance = random.Random(1)
    words = [f"w{number:x}" for number in range(WORDS)]
    weights = [1.0 / (number + 1) for number in range(WORDS)]
    drawn = chance.choices(words, weights, k=1 << 20)
    for number in range(count):
        start = chance.randrange(len(drawn) - 16)
        text = " ".join(drawn[start : start + chance.randrange(4, 17)])
        when = "2026-01-01 00:00:00.000000"
        voice = f"voice{min(VOICES, int(chance.expovariate(0.2)))}"
        name = f"{number:040x}"
        yield name, 1, name, 0, voice, text, "null", when, "", text, when


def _ask(report: Report, library: Library, path: Path, count: int) -> None:
    scan = _scan(path)
    for what, manner in SEARCHES.items():
        p95 = _timed(lambda manner=manner: library.page(**manner))  # type: ignore[misc]
        report.add(f"search: {what}, 95 %", p95, "ms", at_most=SEARCH_MS, reference=scan, reference_name="LIKE scan")
    pages = {
        "the newest": {},
        "in the middle": {"before": count // 2},
        "of a voice, deep": {"voice": "voice3", "before": count // 3},
    }
    for what, where in pages.items():
        p95 = _timed(lambda where=where: library.page(**where))  # type: ignore[misc]
        report.add(f"list page: {what}, 95 %", p95, "ms", at_most=PAGE_MS)


def _scan(path: Path) -> float:
    connection = sqlite3.connect(path)
    began = time.perf_counter()
    connection.execute("SELECT id FROM take WHERE text LIKE ? LIMIT 50", (f"%w{WORDS - 5:x}%none",)).fetchall()
    connection.close()
    return (time.perf_counter() - began) * 1e3


def _timed(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(TURNS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1e3)
    return quantile(took, 0.95)


def _recover(report: Report, folder: Path) -> None:
    """Open a story of 1,000 clips whose journal holds edits that were never saved."""
    clips = "".join(f"      - {{id: c{n}, start: {n}, say: Line {n}.}}\n" for n in range(1000))
    head = "kind: story\nversion: 1\ntitle: Long\ntracks:\n  - id: t\n    voice: narrator\n    clips:\n"
    path = folder / "story.yaml"
    path.write_text(head + clips)
    journal = Journal(path)
    for number in range(EDITS):
        journal.append(SetStripGain(strip="t", gain_db=-(number % 60) / 2))
    journal.close()
    began = time.perf_counter()
    story, dropped = Journal(path).replay(StoryDocument.load(path).story)
    seconds = time.perf_counter() - began
    assert not dropped and story.tracks[0].strip.gain_db == -((EDITS - 1) % 60) / 2
    report.add(f"recovery: 1,000 clips and {EDITS:,} edits", seconds, "s", at_most=RECOVERY_SECONDS)


if __name__ == "__main__":
    main()
