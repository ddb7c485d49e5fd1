"""Packs are put into folders that stand for a DAW's, and taken out without a trace."""

import msgspec
import pytest

from bridge.daws.installer import Installer, places_of
from bridge.daws.packs import PACKS, PackFile, pack
from bridge.places import reached_at
from engine.errors import MediaError, UnknownThing

OLD = (PackFile(path="Scripts/Cuevox/a.lua", content=b"a1"), PackFile(path="Scripts/Cuevox/b.lua", content=b"b1"))
NEW = (PackFile(path="Scripts/Cuevox/a.lua", content=b"a2"), PackFile(path="OSC/c.txt", content=b"c"))


@pytest.fixture
def daw(tmp_path):
    (tmp_path / "daw" / "Scripts").mkdir(parents=True)
    (tmp_path / "daw" / "Scripts" / "mine.lua").write_bytes(b"mine")
    return tmp_path / "daw"


def installer(daw):
    return Installer("reaper", daw, daw.parent / "receipts")


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def whats(done):
    return [each.what for each in done]


def test_undo_leaves_no_trace(daw):
    before = tree(daw)
    assert whats(installer(daw).install(NEW)) == ["new", "new"]
    assert (daw / "OSC" / "c.txt").read_bytes() == b"c"
    assert whats(installer(daw).install(NEW)) == ["the same", "the same"]
    assert whats(installer(daw).undo()) == ["removed", "removed"]
    assert tree(daw) == before
    assert not list((daw.parent / "receipts").iterdir())


def test_a_newer_pack_replaces_ours_and_takes_away_what_it_has_no_more(daw):
    before = tree(daw)
    installer(daw).install(OLD)
    assert whats(installer(daw).install(NEW)) == ["updated", "new", "removed"]
    installer(daw).undo()
    assert tree(daw) == before


def test_a_file_of_the_users_is_kept_and_comes_back(daw):
    (daw / "OSC").mkdir()
    (daw / "OSC" / "c.txt").write_bytes(b"theirs")
    before = tree(daw)
    assert whats(installer(daw).install(NEW)) == ["new", "kept yours beside it"]
    assert (daw / "OSC" / "c.txt.before-cuevox").read_bytes() == b"theirs"
    assert whats(installer(daw).undo()) == ["removed", "restored"]
    assert tree(daw) == before


def test_what_the_user_changed_of_ours_is_never_lost(daw):
    installer(daw).install(OLD)
    (daw / "Scripts/Cuevox/a.lua").write_bytes(b"better")
    (daw / "Scripts/Cuevox/b.lua").write_bytes(b"better, too")
    assert whats(installer(daw).install(NEW)) == ["kept yours beside it", "new", "left, you changed it"]
    assert (daw / "Scripts/Cuevox/a.lua.before-cuevox").read_bytes() == b"better"
    assert whats(installer(daw).undo()) == ["restored", "removed"]
    assert (daw / "Scripts/Cuevox/a.lua").read_bytes() == b"better"
    assert (daw / "Scripts/Cuevox/b.lua").read_bytes() == b"better, too"


def test_an_install_that_breaks_off_can_be_undone(daw):
    before = tree(daw)
    with pytest.raises(MediaError, match="is a folder"):
        installer(daw).install((NEW[0], PackFile(path="Scripts", content=b"")))
    installer(daw).undo()
    assert tree(daw) == before


def test_the_status_tells_what_has_become_of_each_file(daw):
    installer(daw).install((*OLD, NEW[1]))
    assert whats(installer(daw).status((*OLD, NEW[1]))) == 3 * ["up to date"]
    (daw / "Scripts/Cuevox/b.lua").write_bytes(b"better")
    (daw / "OSC" / "c.txt").unlink()
    before = tree(daw)
    assert whats(installer(daw).status(NEW)) == ["of another version", "changed by you", "gone"]
    assert tree(daw) == before


def test_where_a_pack_was_put_is_known(daw, tmp_path):
    (tmp_path / "other").mkdir()
    installer(daw).install(OLD)
    Installer("reaper", tmp_path / "other", tmp_path / "receipts").install(OLD)
    Installer("ardour", tmp_path / "other", tmp_path / "receipts").install(NEW)
    assert set(places_of("reaper", tmp_path / "receipts")) == {daw, tmp_path / "other"}
    assert places_of("live", tmp_path / "receipts") == ()


def test_nothing_to_undo_is_told(daw):
    with pytest.raises(MediaError, match="no pack for reaper was put there"):
        installer(daw).status(NEW)
    with pytest.raises(MediaError, match="no pack for reaper was put there"):
        installer(daw).undo()


def test_a_receipt_that_is_none_stops_before_anything_is_done(daw):
    installer(daw).install(OLD)
    (receipt,) = (daw.parent / "receipts").iterdir()
    receipt.write_text("{")
    with pytest.raises(MediaError, match="can't be read"):
        installer(daw).install(NEW)


@pytest.mark.parametrize("name", [each.name for each in PACKS])
def test_every_pack_has_its_files_and_licence(name):
    files = {file.path: file.content for file in pack(name).files(("/bin/cuevox",), ("127.0.0.1", 7400))}
    assert all(files.values())
    assert len({path.lower() for path in files}) == len(files)
    assert pack(name).then
    assert msgspec.json.encode([pack(name).daw])


def test_an_engine_that_is_heard_everywhere_is_reached_here():
    assert [reached_at(host) for host in ("0.0.0.0", "::", "10.0.0.7")] == ["127.0.0.1", "::1", "10.0.0.7"]
    (follow,) = (file for file in pack("ardour").files((), ("::1", 7400)) if file.path.endswith("follow.lua"))
    assert b'"osc.udp://[::1]:7400"' in follow.content


def test_an_unknown_daw_is_told_with_those_that_there_are():
    with pytest.raises(UnknownThing, match="reaper"):
        pack("cubase")
