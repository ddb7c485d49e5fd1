"""Stems and mix: what lies in them, to the frame and to the bit."""

import msgspec
import numpy as np
import pytest
import soundfile
from export_stories import RATE, Workshop, play_live, scene, sound

from engine.export.exporter import export_story
from engine.story.model import At, Bus, Clip, Effect, Line, Marker, Master, Send, Story, Strip, Track

STEMS = ["01_Narrator.wav", "02_Keeper_„Ünï“.wav", "03_Bed.wav", "04_Room.wav"]


@pytest.fixture(scope="module")
def float_export(tmp_path_factory):
    shop = Workshop(tmp_path_factory.mktemp("float"))
    story = scene(shop)
    manifest = shop.export(story, encoding="float32")
    return shop, story, manifest


def test_the_files_are_named_and_numbered_and_equally_long(float_export):
    shop, _, manifest = float_export
    stems = [entry.path for entry in manifest.files if entry.role in ("track", "bus", "mix")]
    assert stems == [*(f"stems/{name}" for name in STEMS), "mix.wav"]
    infos = [soundfile.info(shop.folder / "out" / name) for name in stems]
    assert {(info.frames, info.samplerate, info.channels, info.subtype) for info in infos} == {
        (manifest.frames, RATE, 2, "FLOAT")
    }


def test_export_equals_what_the_live_mixer_plays_in_small_blocks(float_export):
    shop, story, manifest = float_export
    played = play_live(story, shop, manifest.frames, block=128)
    for name, strip in zip(STEMS, ("narrator", "keeper", "bed", "room"), strict=True):
        stem = shop.read(name)
        assert np.abs(stem).max() > 0.01
        np.testing.assert_allclose(stem, played.strips[strip], atol=1e-6, rtol=0)
    np.testing.assert_allclose(shop.read("mix.wav"), played.mix, atol=1e-6, rtol=0)


def test_float_stems_sum_to_the_input_of_the_master(float_export):
    shop, story, manifest = float_export
    total = sum(shop.read(name).astype(np.float64) for name in STEMS)
    np.testing.assert_allclose(total, play_live(story, shop, manifest.frames).premaster, atol=1e-6, rtol=0)


def test_24_bit_stems_sum_to_it_within_half_a_step_each(tmp_path):
    shop = Workshop(tmp_path)
    story = scene(shop)
    manifest = shop.export(story, formats=("stems",), overview=False)
    total = sum(shop.read(name).astype(np.float64) for name in STEMS)
    off = np.abs(total - play_live(story, shop, manifest.frames).premaster).max() * 2**23
    assert 0 < off <= 0.5 * len(STEMS) + 0.5


def test_the_mix_lies_where_its_stems_lie_although_the_limiter_looks_ahead(tmp_path):
    shop = Workshop(tmp_path)
    story = msgspec.structs.replace(scene(shop), master=Master(limiter_db=0.0))
    shop.export(story, encoding="float32", formats=("stems",), overview=False)
    total = sum(shop.read(name).astype(np.float64) for name in STEMS)
    assert np.abs(total).max() < 0.95
    np.testing.assert_allclose(shop.read("mix.wav"), total, atol=1e-6, rtol=0)


def test_a_clip_begins_and_ends_on_its_exact_frame(tmp_path):
    shop = Workshop(tmp_path)
    ones = np.full((5000, 1), 0.5, np.float32)
    clip = Clip(
        id="c", start=At(frame=12345), audio=shop.file("ones.wav", ones), trim_start_frames=7, length_frames=4321
    )
    story = Story(title="T", tracks=(Track(id="one", clips=(clip,)),), master=Master(limiter_db=None))
    shop.export(story, formats=("stems",), overview=False)
    for name in ("01_one.wav", "mix.wav"):
        heard = np.flatnonzero(shop.read(name)[:, 0])
        assert (heard[0], heard[-1]) == (12345, 12345 + 4321 - 1)
        assert (shop.read(name)[heard] == 0.5).all()


def test_a_24_bit_file_at_unity_comes_out_bit_for_bit(tmp_path):
    shop = Workshop(tmp_path)
    audio = shop.file("noise.wav", sound(70001, 5, channels=2))
    story = Story(
        title="T",
        tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), audio=audio),)),),
        master=Master(limiter_db=None),
    )
    shop.export(story, formats=("stems",), overview=False)
    written, _ = soundfile.read(shop.folder / "out" / "stems" / "01_one.wav", dtype="int32")
    given, _ = soundfile.read(shop.base / audio, dtype="int32")
    assert (written == given).all()


@pytest.mark.parametrize(("rate", "channels", "name"), [(44100, 1, "a.wav"), (22050, 2, "b.flac"), (RATE, 1, "c.flac")])
def test_other_rates_and_formats_are_converted_once_as_live(tmp_path, rate, channels, name):
    shop = Workshop(tmp_path)
    shop.file(name, sound(30011, 6, channels=channels), rate, "PCM_16")
    clip = Clip(id="c", start=At(frame=100), audio=name, trim_start_frames=1000, fade_in_frames=900)
    story = Story(title="T", tracks=(Track(id="one", clips=(clip,)),))
    manifest = shop.export(story, encoding="float32", overview=False)
    assert manifest.clips[0].length_frames == len(shop.source(clip)) - 1000
    np.testing.assert_allclose(
        shop.read("01_one.wav"), play_live(story, shop, manifest.frames).strips["one"], atol=1e-6
    )
    media = soundfile.info(shop.folder / "out" / "reaper" / "media" / f"{name[0]}.wav")
    assert (media.samplerate, media.frames, media.channels) == (RATE, len(shop.source(clip)), channels)


def test_a_clip_longer_than_many_windows_keeps_its_fades(tmp_path):
    shop = Workshop(tmp_path)
    audio = shop.file("long.wav", sound(1_500_000, 7, channels=2))
    clip = Clip(id="c", start=At(frame=777), audio=audio, fade_in_frames=700_000, fade_out_frames=790_000, gain_db=-2.0)
    story = Story(title="T", tracks=(Track(id="one", clips=(clip,)),))
    manifest = shop.export(story, encoding="float32", formats=("stems",), overview=False)
    played = play_live(story, shop, manifest.frames, block=8192)
    np.testing.assert_allclose(shop.read("01_one.wav"), played.strips["one"], atol=1e-6, rtol=0)


def test_mute_and_solo_are_as_the_story_says(tmp_path):
    shop = Workshop(tmp_path)
    story = scene(shop)
    tracks = list(story.tracks)
    tracks[0] = msgspec.structs.replace(tracks[0], strip=msgspec.structs.replace(tracks[0].strip, solo=True))
    manifest = shop.export(msgspec.structs.replace(story, tracks=tuple(tracks)), formats=("stems",), overview=False)
    peaks = {entry.strip: entry.levels.peak_dbfs for entry in manifest.files if entry.levels}
    assert peaks["keeper"] is None
    assert peaks["bed"] is None
    assert peaks["narrator"] > -20
    assert peaks["room"] > -60


def echoing(shop: Workshop, *, wet: float = 0.5, room_size: float = 0.6) -> Story:
    line = shop.line("Hello", sound(9600, 8, level=0.4))
    reverb = Effect(effect="reverb", params={"dry_level": 0.0, "wet_level": wet, "room_size": room_size})
    track = Track(
        id="one", strip=Strip(sends=(Send(to="room"),)), clips=(Clip(id="c", start=At(frame=4800), line=line),)
    )
    return Story(title="T", tracks=(track,), buses=(Bus(id="room", strip=Strip(inserts=(reverb,))),))


def test_files_go_on_until_every_tail_is_below_90_db(tmp_path):
    shop = Workshop(tmp_path)
    manifest = shop.export(echoing(shop), encoding="float32", formats=("stems",), overview=False)
    room, floor = np.abs(shop.read("02_room.wav")).max(axis=1), 10.0 ** (-90.0 / 20.0)
    assert manifest.story_end_frame == 14400
    assert manifest.tail.frames > RATE // 2
    assert not manifest.tail.capped
    assert room[-1] >= floor, "the last frame kept is the last that can be heard"
    rest = np.abs(play_live(echoing(shop), shop, manifest.frames + RATE).strips["room"][manifest.frames :])
    assert rest.max() < floor


def test_the_gap_between_two_echoes_is_not_the_end(tmp_path):
    shop = Workshop(tmp_path)
    delay = Effect(effect="delay", params={"delay_seconds": 2.0, "feedback": 0.3, "mix": 0.5})
    line = shop.line("Hello", sound(4800, 8, level=0.4))
    track = Track(id="one", strip=Strip(inserts=(delay,)), clips=(Clip(id="c", start=At(frame=0), line=line),))
    manifest = shop.export(Story(title="T", tracks=(track,)), formats=("stems",), overview=False)
    assert manifest.frames > 8 * RATE


def test_the_cap_cuts_a_tail_and_says_so(tmp_path):
    shop = Workshop(tmp_path)
    manifest = shop.export(echoing(shop, room_size=1.0), tail_cap_seconds=0.25, formats=("stems",), overview=False)
    assert manifest.tail.capped
    assert manifest.frames == 14400 + RATE // 4
    assert "tail" in manifest.warnings[0]


def test_no_tail_without_sound_and_a_marker_behind_the_last_clip_counts(tmp_path):
    shop = Workshop(tmp_path)
    story = Story(
        title="T",
        tracks=(Track(id="one", clips=(Clip(id="c", start=At(frame=0), line=shop.line("Hm", sound(5000, 1))),)),),
        markers=(Marker(id="end", at=At(frame=50000)),),
    )
    assert shop.export(story, formats=("stems",), overview=False).frames == 50000


def test_a_stem_over_full_scale_is_named(tmp_path):
    shop = Workshop(tmp_path)
    line = shop.line("LOUD", sound(20000, 3, level=0.9))
    track = Track(
        id="one", name="Shout", strip=Strip(gain_db=12.0), clips=(Clip(id="c", start=At(frame=0), line=line),)
    )
    story = Story(title="T", tracks=(track,), master=Master(limiter_db=-1.0))
    manifest = shop.export(story, "fixed", formats=("stems",), overview=False)
    assert [warning.split()[0] for warning in manifest.warnings] == ["stems/01_Shout.wav"]
    assert "float" in manifest.warnings[0]
    in_float = shop.export(story, "float", encoding="float32", formats=("stems",), overview=False)
    assert in_float.warnings == ()
    assert np.abs(shop.read("01_Shout.wav", "float")).max() > 1.5
    assert in_float.files[1].levels.true_peak_dbtp <= -0.9


def test_only_the_mix_can_be_had(tmp_path):
    shop = Workshop(tmp_path)
    manifest = shop.export(scene(shop), formats=("mix",), overview=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.txt", "manifest.json", "mix.wav"]
    assert [entry.path for entry in manifest.files] == ["mix.wav", "README.txt"]


def test_what_is_exported_again_is_the_same_to_the_byte(tmp_path):
    shop = Workshop(tmp_path)
    story = scene(shop)
    first, second = shop.export(story, "a"), shop.export(story, "b")
    assert first == second
    assert {entry.sha256 for entry in first.files} == {entry.sha256 for entry in second.files}


def test_a_failing_take_is_not_silently_silence(tmp_path):
    shop = Workshop(tmp_path)
    story = scene(shop)
    broken = np.array([[0.1], [np.nan], [0.1]] * 100, np.float32)
    shop.line("nothing", broken)
    line = Line(text="nothing", voice="narrator")
    tracks = (*story.tracks, Track(id="x", clips=(Clip(id="x1", start=At(frame=0), line=line),)))
    with pytest.raises(Exception, match="no numbers"):
        shop.export(msgspec.structs.replace(story, tracks=tracks))
    assert not (tmp_path / "out").exists()


def test_the_story_needs_no_title_or_name_that_files_can_have(tmp_path):
    shop = Workshop(tmp_path)
    line = shop.line("Hi", sound(5000, 1))
    tracks = tuple(
        Track(id=f"t{i}", name=name, clips=(Clip(id=f"c{i}", start=At(frame=0), line=line),))
        for i, name in enumerate(("../../etc/passwd", "CON", "a" * 500, "語り手 🎙", "..."))
    )
    story = Story(title="?/\\:*\n|", tracks=tracks)
    manifest = shop.export(story)
    paths = [entry.path for entry in manifest.files]
    assert all((tmp_path / "out" / path).resolve().is_relative_to(tmp_path / "out") for path in paths)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(p for p in paths if "/" not in p),
        "stems",
        "reaper",
        "manifest.json",
    }


def test_export_story_needs_nothing_but_its_arguments(tmp_path):
    shop = Workshop(tmp_path)
    manifest = export_story(
        scene(shop),
        base_folder=shop.base,
        takes=shop.takes,
        cache=shop.cache,
        out_folder=tmp_path / "new" / "deep" / "out",
    )
    assert (tmp_path / "new" / "deep" / "out" / "mix.wav").stat().st_size > manifest.frames * 6
