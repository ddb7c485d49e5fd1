"""The library on SQLite and on PostgreSQL: pages, words, pins, history, jobs, presets, and how much each asks for."""

import subprocess
import sys

import pytest
import soundfile
from msgspec.structs import replace
from sqlalchemy import inspect, text

from engine.errors import BadRange, UnknownThing
from engine.questions import JobNews, LibraryUsage, PinTake, SearchLibrary, Shelves
from engine.render.cache import TakeCache
from engine.store import steps
from engine.store.answers import Answers
from engine.store.database import Database, StoreError
from engine.store.history import history
from engine.store.jobs import GONE, Jobs
from engine.store.library import Library
from engine.store.presets import Presets
from engine.store.profiles import Profiles
from engine.store.pruning import Rule, prune
from engine.store.usage import usage
from engine.store.verifying import Inspector
from engine.store.words import folded, words_of
from engine.story.model import Line
from tests.store.stores import BOTH, Store, store, url_of  # noqa: F401 - a fixture
from tests.store.test_profiles import ANNA, speech


def texts(entries):
    return [entry.text for entry in entries]


def test_words_are_folded_alike_for_every_database():
    assert words_of("Größe: l'ÉTÉ, naïve_2!") == ["grosse", "l", "ete", "naive", "2"]
    assert folded("灯台に着いた") == "灯 台 に 着 い た"


def test_lines_are_found_by_their_words(store):  # noqa: F811
    for number, said in enumerate(
        ["The old lighthouse", "Der alte Leuchtturm, größer", "l'été au phare", "灯台に着いた"]
    ):
        store.note(said, voice="anna-2" if number % 2 else "berta")
    library = Library(store.database)
    for words, found in {
        "lighthouse OLD": ["The old lighthouse"],
        "grosser leucht": ["Der alte Leuchtturm, größer"],
        "ETE": ["l'été au phare"],
        "灯台": ["灯台に着いた"],
        "li": ["The old lighthouse"],
        "lighthouse phare": [],
        "'; drop table take; --": [],
        "a": ["l'été au phare", "Der alte Leuchtturm, größer"],
    }.items():
        assert texts(library.page(words=words)) == found, words
    assert texts(library.page(words="alte", voice="anna-2")) == ["Der alte Leuchtturm, größer"]
    assert library.page(words="alte", voice="anna") == ()
    assert library.page(words="alte", voice='"') == ()


def test_pages_follow_each_other_whatever_comes_meanwhile(store):  # noqa: F811
    for number in range(7):
        store.note(f"Line {number}", seed=number)
    library = Library(store.database)
    for manner in ({}, {"words": "line"}, {"voice": "plain"}, {"words": "line", "voice": "plain"}):
        first = library.page(limit=3, **manner)
        store.note(f"New {manner}")
        rest = library.page(limit=9, before=first[-1].id, **manner)
        assert [t for t in texts((*first, *rest)) if t.startswith("Line")][-4:] == [f"Line {n}" for n in (3, 2, 1, 0)]
        assert not {e.id for e in first} & {e.id for e in rest}


def test_a_page_is_one_statement_and_profiles_are_two(store):  # noqa: F811
    for number in range(20):
        store.note(f"Line {number}")
    profiles = Profiles(store.database, store.folder)
    soundfile.write(store.folder / "one.wav", speech(2.5), 24_000)
    for id_ in ("anna", "berta", "clara"):
        profiles.make(replace(ANNA, id=id_), [store.folder / "one.wav"] * 2, ["", ""])
    for ask, most in (
        (lambda: Library(store.database).page(words="line"), 1),
        (lambda: Library(store.database).page(voice="plain"), 1),
        (lambda: profiles.all(), 2),
        (lambda: store.takes.of(Line(text="Line 3", voice="plain")), 1),
        (lambda: history(store.database), 1),
    ):
        with store.counted() as statements:
            assert ask()
        asked = [s for s in statements if not s.startswith("BEGIN")]
        assert len(asked) <= most, asked
    assert len(profiles.all()) == 3 and len(list(store.media.files())) == 1  # the same sample six times


def test_what_is_asked_costs_as_many_statements_however_much_there_is(store):  # noqa: F811
    """No question has another one for each of its answers."""
    profiles = Profiles(store.database, store.folder, store.media)
    soundfile.write(store.folder / "one.wav", speech(2.5), 24_000)
    inspector = Inspector(store.database, store.media, TakeCache(store.folder / "takes"), profiles)
    asks = {
        "search": lambda: Library(store.database).page(words="line"),
        "takes": lambda: store.takes.of(Line(text="Same", voice="plain")),
        "profiles": profiles.all,
        "history": lambda: history(store.database),
        "jobs": lambda: Jobs(store.database).newest(),
        "presets": lambda: Presets(store.database).all(),
        "usage": lambda: usage(store.database, store.media.folder, store.folder / "takes"),
        "verify": lambda: inspector.verify(quick=True),
        "prune": lambda: prune(store.database, store.media, Rule(max_bytes=0), dry_run=True),
    }
    counts = []
    for some in (range(2), range(2, 9)):
        for number in some:
            store.note(f"Line {number}", sound=store.sound(number))
            store.note("Same", seed=number)
            profiles.make(replace(ANNA, id=f"anna{number}"), [store.folder / "one.wav"], [""])
            (store.folder / f"deep{number}.yaml").write_text("kind: voice\nversion: 1\nname: Deep\n")
            Presets(store.database).put(store.folder / f"deep{number}.yaml")
            with Jobs(store.database).run("render", "story.yaml"):
                pass
        counted = {}
        for name, ask in asks.items():
            with store.counted() as statements:
                ask()
            counted[name] = len(statements)
        counts.append(counted)
    assert counts[0] == counts[1]


def test_pins_history_jobs_and_presets(store):  # noqa: F811
    store.note("Hello")
    library = Library(store.database)
    (entry,) = library.page()
    library.pin(entry.id, True)
    assert library.get(entry.id).pinned
    assert [(d.verb, d.kind) for d in history(store.database)] == [("pinned", "take"), ("made", "take")]
    assert "@" in history(store.database, kind="take", thing=str(entry.id))[0].made_by
    with pytest.raises(UnknownThing):
        library.pin(99, True)

    jobs = Jobs(store.database)
    with jobs.run("render", "story.yaml") as result:
        result.append("3 takes")
    with pytest.raises(ZeroDivisionError), jobs.run("import", "x"):
        1 / 0  # noqa: B018
    with pytest.raises(BadRange), jobs.run("import", "y"):
        raise BadRange("y is none")
    assert [(j.verb, j.state, j.fraction, j.result) for j in jobs.newest()] == [
        ("import", "failed", 0.0, "y is none"),
        ("import", "failed", 0.0, ""),
        ("render", "done", 1.0, "3 takes"),
    ]

    presets = Presets(store.database)
    file = store.folder / "deep.yaml"
    file.write_text("kind: voice\nversion: 1\nname: Deep\n")
    presets.put(file)
    assert presets.put(file) == presets.get("voice", "deep")
    assert [p.id for p in presets.all()] == ["deep"]
    with pytest.raises(UnknownThing, match="no preset of the kind voice named 'high'; there is: deep"):
        presets.get("voice", "high")
    file.write_text("kind: story\n")
    with pytest.raises(BadRange, match="one of voice, mix, surface"):
        presets.put(file)
    presets.remove("voice", "deep")
    assert presets.all() == ()


def test_jobs_of_an_engine_are_told_as_they_go_and_interrupted_once_it_is_gone(store):  # noqa: F811
    jobs, gone = Jobs(store.database), subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mine = JobNews(key="m", name="7", verb="export", what="story.yaml to friday", client="tablet")
    its = [replace(mine, key=key, name=key) for key in ("went on", "was cut off")]
    jobs.note([mine, replace(mine, fraction=0.25, stage="mix")])
    jobs.note(its, gone.pid)
    assert [(j.name, j.state, j.ended_at) for j in jobs.newest(2)] == [(n.name, "running", None) for n in its[::-1]]
    gone.communicate()
    jobs.note(its[:1])  # by its successor
    assert [(j.name, j.state, j.result) for j in jobs.newest()] == [
        ("was cut off", "interrupted", GONE), ("went on", "running", ""), ("7", "running", ""),
    ]  # fmt: skip
    newest = jobs.newest()[-1]
    assert (newest.client, newest.fraction, newest.stage) == ("tablet", 0.25, "mix") and "@" in newest.made_by
    jobs.note([replace(mine, state="cancelled", result="cancelled")])
    assert jobs.newest()[-1].state == "cancelled" and jobs.newest()[-1].ended_at is not None


@pytest.mark.parametrize("kind", BOTH)
def test_steps_up_and_down_keep_what_is_there(kind, request, tmp_path):
    url = url_of(kind, request)
    store = Store(tmp_path, url)  # noqa: F811
    for number in range(3):
        store.note(f"Étude {number}", sound=store.sound(number))
    soundfile.write(tmp_path / "one.wav", speech(2.5), 24_000)
    anna = Profiles(store.database, tmp_path, store.media).make(ANNA, [tmp_path / "one.wav"], ["So she says."])
    with Jobs(store.database).run("render", "story.yaml"):
        pass
    Jobs(store.database).note([JobNews(key="k", name="1", verb="export", what="x", state="cancelled")])
    engine = store.database._engine
    with engine.connect() as connection:
        steps.move(connection, "0002")
        connection.commit()
        assert connection.execute(text("SELECT verb, state FROM job ORDER BY id")).all() == [
            ("render", "done"), ("export", "failed"),
        ]  # fmt: skip
        steps.move(connection, steps.HEAD)
        connection.commit()
        assert connection.execute(text("SELECT state, fraction FROM job ORDER BY id")).all() == [
            ("done", 1.0), ("failed", 0.0),
        ]  # fmt: skip
        steps.move(connection, "0001")
        connection.commit()
        assert steps.step_of(connection) == "0001"
        assert connection.execute(text("SELECT text, number FROM take ORDER BY id")).all() == [
            (f"Étude {n}", 1) for n in range(3)
        ]
        assert {c["name"] for c in inspect(connection).get_columns("take")}.isdisjoint({"media", "pinned"})
        assert not inspect(connection).has_table("media")
    store.database.close()

    again = Store(tmp_path, url)
    assert texts(Library(again.database).page(words="etude")) == ["Étude 2", "Étude 1", "Étude 0"]
    assert Profiles(again.database, tmp_path, again.media).all() == (anna,)
    assert [take.recipe.line.text for take in again.takes.of(Line(text="Étude 1", voice="plain"))] == ["Étude 1"]
    again.note("Étude 3")
    assert len(Library(again.database).page(words="etude 3")) == 1
    with again.database._engine.connect() as connection:
        steps.move(connection, steps.BASE)
        connection.commit()
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    again.database.close()


def test_what_is_no_postgresql_is_refused_without_its_password(tmp_path):
    for url, said in {
        "mysql://u:secret@h/x": "of the kind 'mysql'",
        "no url, secret": "is no URL",
        "postgresql://u:secret@127.0.0.1:1/x": r"postgresql\+psycopg://u:\*\*\*@127.0.0.1:1/x",
    }.items():
        pytest.importorskip("psycopg")
        with pytest.raises(StoreError, match=said) as failed:
            Database(tmp_path, url)
        assert "secret" not in str(failed.value)


def test_a_take_comes_back_from_the_library_as_it_was(store):  # noqa: F811
    cache = TakeCache(store.folder / "takes")
    kept = store.note("Hello", sound=store.sound(1))
    take = store.takes.bring_back(kept, cache)
    assert cache.get(kept.digest) == take
    assert (cache.audio(take) == soundfile.read(store.folder / "sound1.wav", always_2d=True)[0]).all()
    next(store.media.files()).unlink()
    assert store.takes.bring_back(kept, cache) is None


def test_a_running_engine_searches_pins_and_measures(store):  # noqa: F811
    store.note("The light is on", sound=store.sound(1))
    store.note("Nobody is at home")
    folder = str(store.folder)
    answers = Answers(
        Shelves(data_folder=folder, takes_folder=folder + "/takes", voice_folders=(), speak_with="", database=store.url)
    )
    ((entry, *said),) = answers.answer(SearchLibrary(words="ligh"))
    assert said == ["plain", 0.01, 0, "The light is on", ""]
    assert answers.answer(PinTake(entry=entry, pinned=True)) == ()
    assert [row[3] for row in answers.answer(SearchLibrary())] == [0, 1]
    assert [row[4] for row in answers.answer(SearchLibrary(before=entry + 1))] == ["The light is on"]
    ((takes, sounds, mb, pinned_mb, cached_mb, _),) = answers.answer(LibraryUsage())
    assert (takes, sounds, cached_mb) == (2, 1, 0.0) and mb == pinned_mb > 0.0
    with pytest.raises(UnknownThing):
        answers.answer(PinTake(entry=99, pinned=True))
    answers.close()
