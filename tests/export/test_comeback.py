"""Sessions that come back: unchanged they change nothing, edited they change just that."""

import gzip
import re
import zipfile

import msgspec
import pytest
from export_stories import RATE, Workshop, nasty, placed_in, scene
from sessions import export_sessions

from engine.errors import MediaError
from engine.export.comeback.reimport import reimport
from engine.story.model import After, At

FORMATS = {"reaper": "reaper/*.rpp", "dawproject": "dawproject/*.dawproject", "live": "live/*/*.als"}


@pytest.fixture(params=FORMATS)
def kind(request):
    return request.param


def come_back(exported, path):
    shop = exported.shop
    return reimport(path, exported.story, base_folder=shop.base, takes=shop.takes, cache=shop.cache)


@pytest.mark.parametrize("story_of", [nasty, scene])
def test_a_session_that_nobody_touched_changes_nothing(tmp_path, kind, story_of):
    exported = export_sessions(tmp_path, story_of, formats=(kind,))
    merged = come_back(exported, exported.file(FORMATS[kind]))
    assert merged.changes == ()
    assert merged.left_out == ()
    assert merged.story == exported.story


def test_the_printed_stems_of_a_reaper_project_are_no_clips(tmp_path):
    exported = export_sessions(tmp_path, scene, formats=("stems", "reaper"))
    assert come_back(exported, exported.file("reaper/*.rpp")).left_out == ()


@pytest.fixture
def reaper(tmp_path):
    exported = export_sessions(tmp_path, scene, formats=("reaper",))
    return exported, exported.file("reaper/*.rpp")


def edit_item(path, clip: str, edit) -> None:
    """Replace the text of the item of a clip by what ``edit`` makes of it."""
    text = path.read_text(encoding="utf-8")
    items = re.split(r"(?=^    <ITEM\n)", text, flags=re.MULTILINE)
    changed = [re.sub(r"(?s)^    <ITEM\n.*?^    >\n", lambda m: edit(m[0]), i, count=1, flags=re.MULTILINE)
               if f"cuevox clip={clip} " in i or f"cuevox clip={clip}\n" in i else i for i in items]  # fmt: skip
    assert changed != items
    path.write_text("".join(changed), encoding="utf-8")


def setting(key: str, value: str):
    return lambda item: re.sub(rf"(?m)^(\s+){key} .*$", rf"\g<1>{key} {value}", item)


def starts(story, shop: Workshop) -> dict[str, int]:
    return {key: placed.start_frame for key, placed in placed_in(story, shop).items()}


def test_a_moved_clip_is_moved_and_no_other(reaper):
    exported, path = reaper
    edit_item(path, "n1", setting("POSITION", "0.75"))
    merged = come_back(exported, path)
    before, after = starts(exported.story, exported.shop), starts(merged.story, exported.shop)
    assert after == {**before, "n1": 36000}
    clips = merged.story.clips()
    assert clips["n1"][1].start == At(frame=36000)
    assert isinstance(clips["n2"][1].start, After), "what followed still follows, with another gap"
    assert [change.clip for change in merged.changes] == ["n1"]
    assert "moved by +0.650 s" in merged.changes[0].what


def test_a_trimmed_faded_regained_and_muted_clip(reaper):
    exported, path = reaper
    for key, value in (
        ("SOFFS", "0.1"), ("LENGTH", "0.5"), ("FADEIN", "0 0.05 0 0 0 0 0"), ("VOLPAN", "0.5 -0.25 1 1"),
        ("MUTE", "1 0"),
    ):  # fmt: skip
        edit_item(path, "k1", setting(key, value))
    merged = come_back(exported, path)
    clip = merged.story.clips()["k1"][1]
    assert (clip.trim_start_frames, clip.length_frames, clip.fade_in_frames) == (4800, 24000, 2400)
    assert (clip.gain_db, clip.pan, clip.mute) == (-6.02, -0.25, True)
    others = {key: c for key, (_, c) in merged.story.clips().items() if key != "k1"}
    assert others == {key: c for key, (_, c) in exported.story.clips().items() if key != "k1"}


def test_a_split_clip_becomes_two(reaper):
    exported, path = reaper

    def split(item: str) -> str:
        left = setting("LENGTH", "0.25")(item)
        right = setting("POSITION", "0.6")(setting("LENGTH", "1.0")(setting("SOFFS", "0.25")(item)))
        return left + right

    edit_item(path, "n1", split)
    merged = come_back(exported, path)
    placed = placed_in(merged.story, exported.shop)
    assert (placed["n1"].start_frame, placed["n1"].length_frames) == (4801, 12000)
    second = placed["n1-2"]
    assert (second.start_frame, second.length_frames, second.clip.trim_start_frames) == (28800, 48000, 12000)
    assert second.clip.line == placed["n1"].clip.line
    assert placed["n2"].start_frame == starts(exported.story, exported.shop)["n2"]


def test_a_deleted_clip_goes_and_one_that_a_clip_follows_is_muted(reaper):
    exported, path = reaper
    edit_item(path, "k1", lambda item: "")
    edit_item(path, "b1", lambda item: "")
    story = exported.story
    follower = msgspec.structs.replace(story.tracks[2].clips[1], start=After(clip="b1", gap_frames=-100_000))
    bed = msgspec.structs.replace(story.tracks[2], clips=(story.tracks[2].clips[0], follower))
    edited = exported._replace(story=msgspec.structs.replace(story, tracks=(*story.tracks[:2], bed)))
    merged = come_back(edited, path)
    clips = merged.story.clips()
    assert "k1" not in clips
    assert clips["b1"][1].mute


def test_a_clip_on_another_track_moves_there(reaper):
    exported, path = reaper
    text = path.read_text(encoding="utf-8")
    (item,) = re.findall(r"(?ms)^    <ITEM\n(?:(?!^    <ITEM).)*?cuevox clip=k1.*?^    >\n", text)
    text = text.replace(item, "")
    at = text.index("MAINSEND 1 0\n") + len("MAINSEND 1 0\n")
    path.write_text(text[:at] + item + text[at:], encoding="utf-8")
    merged = come_back(exported, path)
    assert [clip.id for clip in merged.story.tracks[0].clips] == ["n1", "n2", "k1"]
    assert starts(merged.story, exported.shop) == starts(exported.story, exported.shop)


def test_what_can_not_be_taken_over_is_told(reaper):
    exported, path = reaper
    edit_item(path, "k1", setting("PLAYRATE", "1.5 1 0 -1 0 0.0025"))
    edit_item(path, "n1", lambda item: item + re.sub("cuevox clip=n1 take=[0-9a-f]+", "mine", item).replace("n", "m"))
    merged = come_back(exported, path)
    assert {change.what for change in merged.left_out} >= {"its playback rate was changed"}
    assert len(merged.left_out) == 2


def test_a_moved_clip_of_a_dawproject(tmp_path):
    exported = export_sessions(tmp_path, nasty, formats=("dawproject",))
    path = exported.file("dawproject/*.dawproject")
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = parts["project.xml"].decode()
    (time,) = re.findall(r'<Clip [^>]*clip=c3[^>]* time="([^"]+)"', text)
    text = re.sub(r'(<Clip [^>]*clip=c3[^>]* time=)"[^"]+"', r'\g<1>"6.5"', text)
    parts["project.xml"] = text.encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    merged = come_back(exported, path)
    assert float(time) != 6.5
    assert starts(merged.story, exported.shop)["c3"] == round(6.5 * 60 / 97.3 * RATE)
    assert "c3" in {change.clip for change in merged.changes}


def test_a_disabled_and_a_warped_clip_of_a_live_set(tmp_path):
    exported = export_sessions(tmp_path, nasty, formats=("live",))
    path = exported.file("live/*/*.als")
    text = gzip.decompress(path.read_bytes()).decode()
    parts = re.split(r"(?=<AudioClip )", text)
    parts = [p.replace('<Disabled Value="false"', '<Disabled Value="true"') if "clip=c1" in p else p for p in parts]
    parts = [p.replace('<IsWarped Value="false"', '<IsWarped Value="true"') if "clip=c2" in p else p for p in parts]
    path.write_bytes(gzip.compress("".join(parts).encode()))
    merged = come_back(exported, path)
    assert [(change.clip, change.what) for change in merged.changes] == [("c1", "muted")]
    assert [change.clip for change in merged.left_out] == ["c2"]


def test_a_muted_clip_is_not_exported_and_stays_muted(tmp_path, kind):
    def muted(shop: Workshop):
        story = scene(shop)
        clip = msgspec.structs.replace(story.tracks[1].clips[0], mute=True)
        keeper = msgspec.structs.replace(story.tracks[1], clips=(clip,))
        return msgspec.structs.replace(story, tracks=(story.tracks[0], keeper, story.tracks[2]))

    exported = export_sessions(tmp_path, muted, formats=(kind,))
    merged = come_back(exported, exported.file(FORMATS[kind]))
    assert merged.story == exported.story


@pytest.mark.parametrize("name", ["a.rpp", "a.als", "a.dawproject", "a.txt"])
def test_a_file_that_is_no_session_is_named(tmp_path, name):
    shop = Workshop(tmp_path)
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(MediaError, match=name):
        reimport(tmp_path / name, scene(shop), base_folder=shop.base, takes=shop.takes, cache=shop.cache)
