"""Many programs at once, each a process: no profile twice, none without its sound, no sound without its row."""

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from msgspec.structs import replace
from sqlalchemy import func, select

from engine.store.profiles import Profiles
from engine.store.tables import MediaRow, ProfileRow, SampleRow, TakeRow
from tests.store.stores import BOTH, Store, url_of
from tests.store.test_profiles import ANNA, speech

pytestmark = pytest.mark.extra

PROGRAM = """
import random, sys
from pathlib import Path
from msgspec.structs import replace
from engine.errors import BadRange, UnknownThing
from engine.store.profiles import Profiles
from tests.store.stores import Store
from tests.store.test_profiles import ANNA

folder, url, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
chance = random.Random(seed)
store = Store(folder, url)
profiles = Profiles(store.database, folder, store.media)
sound = (folder / "one.wav").read_bytes()
made = profiles.get("seed")
print("ready", flush=True)
sys.stdin.readline()
for turn in range(6):
    try:
        if chance.random() < 0.5:
            profiles.add(replace(made, id="anna"), [sound])
            print("made")
        else:
            profiles.remove("anna")
    except (BadRange, UnknownThing):
        pass
    store.note("All say this.", seed=chance.randrange(10), sound=folder / f"sound{chance.randrange(3)}.wav")
"""


@pytest.mark.parametrize("kind", BOTH)
def test_many_make_and_remove_the_same_voice(kind, request, tmp_path):
    url = url_of(kind, request)
    store = Store(tmp_path, url)
    profiles = Profiles(store.database, tmp_path, store.media)
    soundfile.write(tmp_path / "raw.wav", speech(2.5), 24_000)
    made = profiles.make(replace(ANNA, id="seed"), [tmp_path / "raw.wav"], [""])
    (tmp_path / "one.wav").write_bytes(profiles.sample_file("seed", made.samples[0]).read_bytes())
    for number in range(3):
        store.sound(number)
    root = Path(__file__).parents[2]
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), url, str(seed)],
            cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for seed in range(3)
    ]  # fmt: skip
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    said = []
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    for program in programs:
        said.append(program.communicate(timeout=100)[0])
        assert program.returncode == 0
    assert any("made" in text for text in said)

    with store.database.session() as session:
        ids = session.scalars(select(ProfileRow.id)).all()
        assert len(ids) == len(set(ids))
        assert session.scalar(select(func.count()).select_from(SampleRow)) == len(ids)
        numbers = session.scalars(select(TakeRow.number).order_by(TakeRow.number)).all()
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) <= 10
        kept = {(row.sha256, row.suffix) for row in session.scalars(select(MediaRow))}
    there = {path.name for path in (tmp_path / "profiles").iterdir()}
    assert there == set(ids) == {path.stem for path in (tmp_path / "voices").glob("*.yaml")}
    assert {(path.stem, path.suffix) for path in store.media.files()} == kept
    assert not list(store.media.forgotten())
    store.database.close()
