"""The library's sound: kept once, pruned by age and size, verified, repaired; never with many files open."""

import resource
import subprocess
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from sqlalchemy import update

from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.store.database import StoreError
from engine.store.history import now
from engine.store.library import Library
from engine.store.media import MEDIA, Media
from engine.store.profiles import Profiles
from engine.store.pruning import Rule, prune
from engine.store.tables import TakeRow
from engine.store.usage import usage
from engine.store.verifying import DAMAGED, Inspector
from engine.story.model import Line
from tests.store.stores import Store, store  # noqa: F401 - a fixture

GENEROUS = Rule(max_bytes=1 << 40)


def filled(store, count=4):  # noqa: F811
    """Takes 0 to ``count``, a day older each, the first one the newest."""
    for number in range(count):
        store.note(f"Line {number}", sound=store.sound(number))
    with store.database.session() as session:
        for number in range(count):
            used = now() - timedelta(days=number)
            session.execute(update(TakeRow).where(TakeRow.text == f"Line {number}").values(used_at=used))
    return [e.media for e in reversed(Library(store.database).page())]


def names(pruned):
    return [each.sha256 for each in pruned.leaving]


def inspector(store):  # noqa: F811
    profiles = Profiles(store.database, store.folder, store.media)
    return Inspector(store.database, store.media, TakeCache(store.folder / "takes"), profiles)


def test_the_same_sound_is_kept_once(store):  # noqa: F811
    same = store.sound(1)
    for number in range(3):
        store.note(f"Line {number}", sound=same, voice="a" if number else "b")
    assert len(list(store.media.files())) == 1
    found = usage(store.database, store.media.folder, store.folder / "takes")
    size = same.stat().st_size
    assert (found.takes, found.whole.sounds, found.whole.bytes) == (3, 1, size)
    assert {(p.name, p.sounds, p.bytes) for p in found.voices} == {("a", 1, size), ("b", 1, size)}
    assert found.free_bytes > 0
    with pytest.raises(MediaError, match=r"no\.wav"):
        store.note("No sound", sound=store.folder / "no.wav")
    (store.folder / "text.wav").write_text("no sound at all")
    with pytest.raises(MediaError, match=r"text\.wav holds no sound"):
        store.note("No sound", sound=store.folder / "text.wav")
    assert len(list(store.media.files())) == 1 and not list(store.media.forgotten())


def test_what_was_used_longest_ago_goes_first(store):  # noqa: F811
    sounds = filled(store)
    size = next(store.media.files()).stat().st_size
    assert names(prune(store.database, store.media, GENEROUS)) == []
    assert names(prune(store.database, store.media, Rule(max_bytes=3 * size), dry_run=True)) == sounds[:-2:-1]
    assert len(list(store.media.files())) == 4
    done = prune(store.database, store.media, Rule(max_bytes=1 << 40, unused_days=1.5))
    assert names(done) == sounds[:1:-1] and {each.why for each in done.leaving} == {"age"}
    done = prune(store.database, store.media, Rule(max_bytes=size))
    assert names(done) == [sounds[1]] and done.kept_bytes == size
    assert [p.stem for p in store.media.files()] == [sounds[0]]
    entries = Library(store.database).page()
    assert [e.media for e in entries] == [None, None, None, sounds[0]]
    assert store.takes.of(Line(text="Line 3", voice="plain"))[0].recipe is not None


def test_pinned_locked_and_unrepeatable_takes_stay(store):  # noqa: F811
    sounds = filled(store)
    library = Library(store.database)
    entries = {e.text: e for e in library.page()}
    library.pin(entries["Line 3"].id, True)
    with store.database.session() as session:
        session.execute(update(TakeRow).where(TakeRow.text == "Line 2").values(recipe="null"))
    rule = Rule(max_bytes=0, unused_days=0, locked=(entries["Line 1"].digest,))
    done = prune(store.database, store.media, rule)
    assert names(done) == [sounds[0]] and done.over_bytes == 3 * done.bytes
    assert {p.stem for p in store.media.files()} == set(sounds[1:])


def test_what_is_missing_or_damaged_is_found_and_mended(store):  # noqa: F811
    sounds = filled(store)
    inspect = inspector(store)
    assert inspect.verify() == ()
    files = {path.stem: path for path in store.media.files()}
    cached = store.folder / "takes" / f"{Library(store.database).page()[-1].digest}.wav"
    cached.parent.mkdir()
    cached.write_bytes(files[sounds[0]].read_bytes())
    files[sounds[0]].unlink()  # the cache has it
    files[sounds[1]].unlink()  # nobody has it
    data = bytearray(files[sounds[2]].read_bytes())
    data[-1] ^= 1
    files[sounds[2]].unlink()  # another file of its own: this one is also the test's
    files[sounds[2]].write_bytes(data)
    stranger = files[sounds[3]].with_name("0" * 64 + ".wav")
    stranger.write_text("?")
    kinds = sorted(fault.kind for fault in inspect.verify())
    assert kinds == ["damaged", "missing", "missing", "unknown"]
    assert sorted(fault.kind for fault in inspect.verify(quick=True)) == ["missing", "missing", "unknown"]

    mended = {fault.what: fault.mended for fault in inspect.repair()}
    assert "copied again" in mended[sounds[0]] and "no longer promise" in mended[sounds[1]]
    assert all(mended.values()) and len(list((store.media.folder / DAMAGED).iterdir())) == 2
    assert inspect.verify() == () == inspect.repair()
    assert [e.media for e in reversed(Library(store.database).page())] == [sounds[0], None, None, sounds[3]]


def test_a_full_disk_damages_nothing(store, monkeypatch):  # noqa: F811
    filled(store, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.store.media._copy", full)
    with pytest.raises(MediaError, match="No space left on device"):
        store.note("New", sound=store.sound(9))
    assert [e.text for e in Library(store.database).page()] == ["Line 0"]
    assert inspector(store).verify() == ()


def test_sounds_may_be_kept_as_flac(store):  # noqa: F811
    media = Media(store.folder / "flac", flac=True)
    source = store.sound(3, frames=48_000)
    loud = store.folder / "loud.wav"
    soundfile.write(loud, np.full((480, 1), 1.5, np.float32), 48_000, subtype="FLOAT")
    for file, suffix in ((source, ".flac"), (loud, ".wav")):
        with media.incoming(file, linked=True) as (sound, copy), store.database.session(alone=MEDIA) as session:
            media.keep(session, sound, copy)
        kept = media.path(sound.sha256, sound.suffix)
        assert kept.suffix == suffix and not list(media.forgotten())
        heard, was = (soundfile.read(path, dtype="float32")[0] for path in (kept, file))
        assert np.abs(heard - was).max() <= (2.0**-23 if suffix == ".flac" else 0.0)
    flac = next(path for path in media.files() if path.suffix == ".flac")
    assert flac.stat().st_size < 0.8 * source.stat().st_size


@pytest.mark.extra
def test_a_disk_that_fills_up_ends_it_and_damages_nothing(tmp_path, request):
    """A real one: a disk in memory of 3 MB that takes are noted on until nothing more fits."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=False).returncode:
        pytest.skip("only root may mount a disk")
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", disk], check=True))
    full = Store(disk / "library")
    sounds = Store(tmp_path / "sounds")
    said = ""
    for number in range(200):
        try:
            full.note(f"Line {number}", sound=sounds.sound(number, frames=12_000))
        except (MediaError, StoreError) as error:
            said = str(error)
            break
    assert "No space left on device" in said or "disk is full" in said
    known = Library(full.database).page(limit=1000)
    assert 20 < len(known) == number
    assert {fault.kind for fault in inspector(full).verify()} <= {"unknown"}  # what found no row any more
    prune(full.database, full.media, Rule(max_bytes=1 << 20))
    full.note("There is room again", sound=sounds.sound(999))
    assert Library(full.database).page(words="room again")[0].media
    assert all(fault.mended for fault in inspector(full).repair())
    assert inspector(full).verify() == ()
    full.database.close()
    sounds.database.close()


def test_many_takes_open_few_files(store):  # noqa: F811
    used = max(int(name) for name in map(str, open_files())) + 1
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 12, before[1]))
    try:
        filled(store, 60)
        inspector(store).verify()
        prune(store.database, store.media, Rule(max_bytes=0))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert not list(store.media.files())


def open_files():
    from pathlib import Path

    return [path.name for path in Path("/proc/self/fd").iterdir()]
