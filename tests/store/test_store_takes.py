"""Takes in the store: several per line, each with its recipe; locks that the player follows without a database."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, inspect, text

from engine.errors import MediaError, UnknownThing
from engine.render.digest import digest
from engine.render.locks import FILE, Locks, line_key
from engine.store import steps
from engine.store.database import Database, StoreError
from engine.store.tables import Base
from engine.store.takes import Takes
from engine.story.model import Delivery, Line
from engine.voices.preset import Preset, complete_settings
from engine.voices.take import Take

PRESET = Preset(id="plain", name="Plain", backend="espeak", settings=complete_settings("espeak", {}))
LINE = Line(text="Hello there.", voice="plain")


def take_of(line, seed):
    return Take(
        digest=digest(line, PRESET, 48000, seed), text=line.text, voice="plain", sample_rate=48000, frames=100,
        channels=1, words=(), seed=seed,
    )  # fmt: skip


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path)
    yield database
    database.close()


def test_a_line_has_several_takes_with_their_seeds_and_recipes(database):
    takes = Takes(database)
    first, second = (takes.note(LINE, PRESET, take_of(LINE, seed)) for seed in (0, 7))
    assert takes.note(LINE, PRESET, take_of(LINE, 7)) == second
    assert [(t.number, t.seed) for t in takes.of(LINE)] == [(1, 0), (2, 7)]
    recipe = second.recipe
    assert digest(recipe.line, recipe.preset, recipe.sample_rate, recipe.seed) == second.digest
    assert takes.next_seed(LINE) == 8
    assert takes.of(replace(LINE, delivery=Delivery(seed=3))) == takes.of(LINE)
    assert takes.of(replace(LINE, text="Other.")) == ()
    takes.remark(LINE, 2, "the warm one")
    assert takes.get(LINE, 2).note == "the warm one"
    with pytest.raises(UnknownThing, match="no take of this line named '3'; there is: 1, 2"):
        takes.get(LINE, 3)
    assert first.digest != second.digest


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path):
    database = Database(tmp_path)
    kept = Takes(database).note(LINE, PRESET, take_of(LINE, 1))
    database.close()
    again = Database(tmp_path)
    assert Takes(again).of(LINE) == (kept,)
    with again.session() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    again.close()


def test_the_steps_make_the_tables_that_the_program_has(tmp_path, database):
    made = create_engine("sqlite://")
    Base.metadata.create_all(made)
    stepped = create_engine(f"sqlite:///{database.name}")
    for table in inspect(made).get_table_names():
        ours, theirs = (
            {(c["name"], str(c["type"]), c["nullable"]) for c in inspect(e).get_columns(table)} for e in (made, stepped)
        )
        assert ours == theirs
        assert len({frozenset(i["name"] for i in inspect(e).get_indexes(table)) for e in (made, stepped)}) == 1
    assert max(p.stem[1:5] for p in steps.MIGRATIONS.glob("versions/r*.py")) == steps.HEAD


def test_a_database_of_a_later_cuevox_is_refused(tmp_path, database):
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="of another Cuevox"):
        Database(tmp_path)


def test_several_programs_write_at_once(tmp_path):
    databases = [Database(tmp_path) for _ in range(3)]

    def write(database, base):
        for seed in range(base, base + 5):
            Takes(database).note(LINE, PRESET, take_of(LINE, seed))

    threads = [threading.Thread(target=write, args=(d, 10 * n)) for n, d in enumerate(databases)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    takes = Takes(databases[0]).of(LINE)
    assert [t.number for t in takes] == list(range(1, 16))
    for database in databases:
        database.close()


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        Database(tmp_path / "file")


def test_a_lock_is_seen_by_who_has_the_file_open_already(tmp_path):
    reader, writer = Locks(tmp_path), Locks(tmp_path)
    assert reader.get(LINE) is None
    writer.lock(LINE, "a" * 40)
    assert reader.get(replace(LINE, delivery=Delivery(seed=9))) == "a" * 40
    assert reader.digests == {line_key(LINE): "a" * 40}
    writer.unlock(LINE)
    assert Locks(tmp_path).get(LINE) is None


def test_a_lock_is_seen_that_follows_another_in_the_same_moment(tmp_path):
    reader, writer = Locks(tmp_path), Locks(tmp_path)
    for take in ("a" * 40, "b" * 40):
        writer.lock(LINE, take)
        os.utime(tmp_path / FILE, ns=(1, 1))
        assert reader.get(LINE) == take


def test_no_lock_is_lost_where_several_programs_lock_at_once(tmp_path):
    lines = [replace(LINE, text=f"Line {number}.") for number in range(60)]

    def lock(part):
        locks = Locks(tmp_path)
        for line in lines[part::3]:
            locks.lock(line, "a" * 40)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lock, range(3)))
    assert set(Locks(tmp_path).digests) == {line_key(line) for line in lines}


def test_a_list_of_locks_that_cant_be_read_is_not_written_over(tmp_path):
    (tmp_path / FILE).write_text("not a list")
    assert Locks(tmp_path).get(LINE) is None
    with pytest.raises(MediaError, match="not the list of locked takes"):
        Locks(tmp_path).lock(LINE, "a" * 40)
    assert (tmp_path / FILE).read_text() == "not a list"
