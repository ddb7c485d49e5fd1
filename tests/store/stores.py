"""Both kinds of database for tests, and ways to fill and watch them."""

import atexit
import functools
import itertools
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import event

from engine.render.digest import digest
from engine.store.database import FILE, Database
from engine.store.media import Media
from engine.store.takes import Takes
from engine.story.model import Line
from engine.voices.preset import Preset, complete_settings
from engine.voices.take import Take

PRESET = Preset(id="plain", name="Plain", backend="espeak", settings=complete_settings("espeak", {}))
RATE = 48_000
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.extra)]
_numbers = itertools.count()


@functools.cache
def template():
    """Return an empty database, made once: each test has a copy of it."""
    folder = Path(tempfile.mkdtemp(prefix="cuevox-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Database(folder).close()
    return folder / FILE


def fresh(folder):
    """Put an empty database into a folder that has none."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FILE).exists():
        shutil.copyfile(template(), folder / FILE)


def url_of(kind, request):
    """Return the URL of an empty database of a kind."""
    return request.getfixturevalue("postgres").database(f"store{next(_numbers)}") if kind == "postgresql" else ""


class Store:
    """A database with its folders."""

    def __init__(self, folder, url=""):
        self.folder, self.url = folder, url
        if not url:
            fresh(folder)
        self.database = Database(folder, url)
        self.media = Media(folder / "media")
        self.takes = Takes(self.database, self.media)

    def sound(self, number=0, frames=480):
        """Return a file with a sound that no other number has."""
        path = self.folder / f"sound{number}.wav"
        audio = np.random.default_rng(number).uniform(-0.5, 0.5, (frames, 1)).astype(np.float32)
        soundfile.write(path, audio, RATE, subtype="FLOAT")
        return path

    def note(self, text="Hello there.", voice="plain", seed=0, sound=None):
        """Keep a take of a line."""
        line = Line(text=text, voice=voice)
        take = Take(
            digest=digest(line, PRESET, RATE, seed), text=text, voice=voice, sample_rate=RATE, frames=480, channels=1,
            words=(), seed=seed,
        )  # fmt: skip
        return self.takes.note(line, PRESET, take, sound)

    @contextmanager
    def counted(self):
        """Lend a list that each statement is put into."""
        statements = []

        def hear(_connection, _cursor, statement, _parameters, _context, _many):
            statements.append(statement)

        event.listen(self.database._engine, "before_cursor_execute", hear)
        yield statements
        event.remove(self.database._engine, "before_cursor_execute", hear)


@pytest.fixture(params=BOTH)
def store(request, tmp_path):
    store = Store(tmp_path, url_of(request.param, request))
    yield store
    store.database.close()
