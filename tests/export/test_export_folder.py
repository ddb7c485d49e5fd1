"""The target folder: all or nothing, and nobody else's files."""

import errno
import json
import os
import resource
import shutil
import subprocess

import msgspec
import pytest
from export_stories import RATE, Workshop, scene, sound

from engine.errors import BadRange, EngineError, ExportError, MediaError, StoryError, UnknownThing
from engine.export import package
from engine.export.options import ExportOptions, options_from
from engine.export.plan import Plan
from engine.export.wav import WavWriter
from engine.story.model import At, Clip, Duck, Lane, Line, Point, Story, Track


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path)


def simple(shop: Workshop) -> Story:
    line = shop.line("Hello there", sound(20000, 1))
    return Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), line=line),)),))


def snapshot(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_progress_grows_to_one_and_names_stages(shop):
    heard = []
    shop.export(scene(shop), progress=lambda fraction, stage: heard.append((fraction, stage)))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for _, stage in heard)) == [
        "check",
        "mix",
        "reaper",
        "draw",
        "check sums",
        "done",
    ]


def test_where_nothing_is_mixed_the_sessions_are_the_work(shop):
    heard = {}
    formats = ("reaper", "midi", "captions", "markers")
    shop.export(scene(shop), formats=formats, progress=lambda fraction, stage: heard.setdefault(stage, fraction))
    assert [round(heard[name], 4) for name in formats] == [0.05, 0.2625, 0.475, 0.6875]


class Cancelled(Exception):
    pass


@pytest.mark.parametrize("at", [0.0, 0.05, 0.3, 0.86, 0.9, 0.95])
def test_a_cancelled_export_leaves_nothing_and_the_earlier_one_whole(shop, at):
    def cancel(fraction: float, stage: str) -> None:
        if fraction >= at:
            raise Cancelled

    story = simple(shop)
    with pytest.raises(Cancelled):
        shop.export(story, progress=cancel)
    assert sorted(path.name for path in shop.folder.iterdir()) == ["cache", "story"]
    shop.export(story)
    before = snapshot(shop.folder)
    with pytest.raises(Cancelled):
        shop.export(scene(shop), progress=cancel)
    after = snapshot(shop.folder)
    assert {name: after[name] for name in before} == before
    assert not [name for name in after if name.startswith(".")]


def test_exporting_again_replaces_what_we_wrote_and_removes_what_is_no_longer_part(shop):
    shop.export(scene(shop))
    shop.export(simple(shop))
    names = {path.name for path in (shop.folder / "out").iterdir()}
    assert names == {"stems", "reaper", "mix.wav", "overview.png", "README.txt", "manifest.json"}
    assert len(list((shop.folder / "out" / "reaper" / "media").iterdir())) == 1
    shop.export(simple(shop), formats=("stems",))
    assert not (shop.folder / "out" / "reaper").exists()


def test_other_files_in_the_folder_stay(shop):
    out = shop.folder / "out"
    (out / "reaper" / "media").mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (out / "reaper" / "media" / "mine.wav").write_text("mine")
    shop.export(simple(shop))
    shop.export(simple(shop), formats=("stems",))
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "reaper" / "media" / "mine.wav").read_text() == "mine"


@pytest.mark.parametrize("name", ["mix.wav", "manifest.json", "reaper/T.rpp", "stems/01_one.wav"])
def test_a_file_of_that_name_that_is_not_ours_stops_the_export(shop, name):
    (shop.folder / "out" / name).parent.mkdir(parents=True)
    (shop.folder / "out" / name).write_text("mine")
    with pytest.raises(ExportError, match=name):
        shop.export(simple(shop))
    assert snapshot(shop.folder / "out") == {name: b"mine"}


def test_a_file_that_somebody_changed_is_not_replaced_unasked(shop):
    story = simple(shop)
    shop.export(story)
    project = shop.folder / "out" / "reaper" / "T.rpp"
    project.write_text("edited in Reaper")
    with pytest.raises(ExportError, match=r"T\.rpp changed"):
        shop.export(story)
    assert project.read_text() == "edited in Reaper"
    shop.export(story, replace_changed=True)
    assert project.read_text().startswith("<REAPER_PROJECT")


def test_a_manifest_from_elsewhere_can_not_point_out_of_the_folder(shop):
    story = simple(shop)
    shop.export(story)
    victim = shop.folder / "victim.txt"
    victim.write_text("mine")
    manifest = shop.folder / "out" / "manifest.json"
    listed = json.loads(manifest.read_text())
    listed["files"] += [{"path": path, "sha256": ""} for path in ("../victim.txt", str(victim))]
    manifest.write_text(json.dumps(listed))
    shop.export(story, replace_changed=True)
    assert victim.read_text() == "mine"


def test_all_missing_media_are_named_before_anything_is_written(shop):
    story = scene(shop)
    (shop.base / "sounds" / "bed.wav").unlink()
    (shop.base / "sounds" / "bell.wav").write_text("not audio")
    del shop.takes[story.tracks[1].clips[0].line]
    shop.cache.audio_path(shop.takes[story.tracks[0].clips[0].line].digest).unlink()
    with pytest.raises(MediaError) as caught:
        shop.export(story)
    for name in ("bed.wav", "bell.wav", "Who lit it?", "The lamp is lit again."):
        assert name in str(caught.value)
    assert not (shop.folder / "out").exists()


@pytest.mark.parametrize("path", ["../secret.wav", "sounds/../../secret.wav", "/etc/passwd", "link.wav"])
def test_audio_outside_the_story_is_not_touched(shop, path):
    (shop.folder / "secret.wav").write_bytes(b"RIFF")
    (shop.base / "link.wav").symlink_to(shop.folder / "secret.wav")
    story = Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), audio=path),)),))
    with pytest.raises(MediaError, match="outside"):
        shop.export(story)


def test_files_of_many_channels_are_refused_by_name(shop):
    shop.file("five.wav", sound(100, 1, channels=5))
    story = Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), audio="five.wav"),)),))
    with pytest.raises(MediaError, match=r"five\.wav.*5 channels"):
        shop.export(story)


def test_a_story_without_clips_is_nothing_to_export(shop):
    with pytest.raises(ExportError, match="nothing to export"):
        shop.export(Story(title="T", tracks=(Track(id="one"),)))


def test_a_story_that_can_not_be_placed_is_refused(shop):
    line = shop.line("x", sound(100, 1))
    story = Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=-5), line=line),)),))
    with pytest.raises(StoryError):
        shop.export(story)


def test_options_are_checked():
    assert options_from({"encoding": "float32", "tail_db": -60}) == ExportOptions(encoding="float32", tail_db=-60)
    with pytest.raises(UnknownThing, match="tail_db"):
        options_from({"tail": 3})
    with pytest.raises(BadRange, match="encoding"):
        options_from({"encoding": "pcm12"})
    with pytest.raises(BadRange, match="tail_cap_seconds"):
        ExportOptions(tail_cap_seconds=float("inf"))
    with pytest.raises(BadRange, match="tail_db"):
        ExportOptions(tail_db=3.0)


def test_a_file_where_the_folder_should_be_is_named(shop):
    (shop.folder / "taken").write_text("mine")
    for to in ("taken", "taken/out"):
        with pytest.raises(ExportError, match="taken is a file"):
            shop.export(simple(shop), to)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_named(shop):
    shut = shop.folder / "shut"
    shut.mkdir(mode=0o500)
    with pytest.raises(ExportError, match="not writable"):
        shop.export(simple(shop), "shut/out")


def test_too_little_room_is_known_before(shop, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(ExportError, match=r"takes about \d MB.*0 MB are free"):
        shop.export(simple(shop))


def assert_full_disk_is_told(shop: Workshop, to: str) -> None:
    """Export a small story, then let a larger one meet the end of the disk: the first must stay as it is."""
    story = simple(shop)
    shop.export(story, to)
    before = snapshot(shop.folder / to)
    with pytest.raises(ExportError, match="nothing changed"):
        shop.export(long_story(shop), to)
    assert snapshot(shop.folder / to) == before
    assert not [path for path in (shop.folder / to).parent.iterdir() if path.name.startswith(".")]


def long_story(shop: Workshop) -> Story:
    line = shop.line("Long", sound(20 * RATE, 1))
    return Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), line=line),)),))


def test_a_disk_that_refuses_in_the_middle_changes_nothing(shop, monkeypatch):
    """A limit on file sizes stands for the full disk: anybody may set it."""
    monkeypatch.setattr(Plan, "stems_bytes", lambda self: 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    shop.export(simple(shop), "warm")  # compiled kernels are kept in files, too
    long_story(shop)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
        story = simple(shop)
        shop.export(story)
        before = snapshot(shop.folder / "out")
        line = next(line for line in shop.takes if line.text == "Long")
        longer = msgspec.structs.replace(
            story, tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), line=line),)),)
        )
        with pytest.raises(ExportError, match=f"{os.strerror(errno.EFBIG)}; nothing changed"):
            shop.export(longer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert snapshot(shop.folder / "out") == before
    assert not [path for path in shop.folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
def small_disk(shop):
    """Eight megabytes at ``disk``; needs the right to mount."""
    disk = shop.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_changes_nothing(shop, small_disk, monkeypatch):
    monkeypatch.setattr(Plan, "stems_bytes", lambda self: 0)
    assert_full_disk_is_told(shop, f"{small_disk.name}/out")


def test_a_disk_mounted_read_only_is_named(shop, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ExportError, match="not writable"):
        shop.export(simple(shop), f"{small_disk.name}/out")


def test_an_error_while_moving_in_puts_the_earlier_export_back(shop, monkeypatch):
    shop.export(scene(shop))
    before = snapshot(shop.folder / "out")
    moves = []
    replace = type(shop.folder).replace

    def fail_late(self, target):
        moves.append(target)
        if len(moves) == len(before) + 3:
            raise OSError(errno.EIO, "disk broke")
        return replace(self, target)

    monkeypatch.setattr(type(shop.folder), "replace", fail_late)
    with pytest.raises(ExportError, match="disk broke"):
        shop.export(simple(shop))
    monkeypatch.undo()
    assert snapshot(shop.folder / "out") == before


def test_an_effect_that_fails_stops_the_export(shop, monkeypatch):
    from engine.mixer.chain import Chain
    from engine.mixer.plugins import EffectFailed

    def fail(self, block, frame):
        raise EffectFailed("broken")

    monkeypatch.setattr(Chain, "process", fail)
    with pytest.raises(ExportError, match="effect failed on strip keeper"):
        shop.export(scene(shop))
    assert not (shop.folder / "out").exists()


def test_an_error_of_the_writing_thread_comes_out(shop, monkeypatch):
    def fail(self, block):
        raise OSError(errno.EIO, "disk broke")

    monkeypatch.setattr(WavWriter, "write", fail)
    with pytest.raises(ExportError, match="disk broke"):
        shop.export(simple(shop))


def test_a_file_that_shrinks_meanwhile_is_an_error(shop, monkeypatch):
    story = scene(shop)
    convert = package._convert_media

    def shrink(plan, folder, progress):
        os.truncate(shop.base / "sounds" / "bed.wav", 100_000)
        return convert(plan, folder, progress)

    monkeypatch.setattr(package, "_convert_media", shrink)
    with pytest.raises(MediaError, match=r"bed\.wav"):
        shop.export(story)


def test_errors_are_engine_errors_with_a_fixed_word():
    assert issubclass(ExportError, EngineError)
    assert ExportError.code == "export_failed"


def test_a_line_without_a_take_is_named(shop):
    line = Line(text="Nobody said this", voice="ghost")
    story = Story(title="T", tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), line=line),)),))
    with pytest.raises(MediaError, match=r"'Nobody said this' of voice 'ghost' has no take"):
        shop.export(story)


def test_what_no_session_has_is_told_in_the_readme_and_the_warnings(shop):
    story = scene(shop)
    narrator, keeper, bed = story.tracks
    lane = Lane(target="gain_db", points=(Point(at=At(frame=0), value=-6.0), Point(at=At(frame=48000), value=0.0)))
    narrator = msgspec.structs.replace(narrator, strip=msgspec.structs.replace(narrator.strip, automation=(lane,)))
    bed = msgspec.structs.replace(bed, strip=msgspec.structs.replace(bed.strip, duck=Duck(by=("narrator",))))
    story = msgspec.structs.replace(story, tracks=(narrator, keeper, bed))
    manifest = shop.export(story, formats=("stems", "reaper", "aaf", "midi"), overview=False)
    told = [warning for warning in manifest.warnings if "only in stems and mix" in warning]
    assert told == [
        f"{what}: not in {name}/, only in stems and mix"
        for name in ("reaper", "aaf")
        for what in ("automation of narrator (gain_db)", "ducking of bed")
    ]
    readme = (shop.folder / "out" / "README.txt").read_text(encoding="utf-8")
    assert "Not in it: sends of narrator, keeper." in readme.split("aaf/")[1]
    assert "sends" not in readme.split("reaper/")[1].split("aaf/")[0]
