"""What stems can be: sets, dry, printed, a stretch of the timeline, other rates, formats and loudness."""

import shutil
import subprocess

import msgspec
import numpy as np
import pytest
import soundfile
from export_stories import RATE, Workshop, play_live, scene, sound
from wavinfo import WavInfoReader

from engine.errors import BadRange, ExportError
from engine.export.options import ExportOptions
from engine.export.rates import story_at
from engine.story.model import (
    At,
    Beat,
    Clip,
    Cue,
    Effect,
    Lane,
    Master,
    PlayClip,
    PlaySection,
    Point,
    SpeakLine,
    Story,
    Strip,
    Track,
)

FLOAT = {"formats": ("stems",), "overview": False, "encoding": "float32"}


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path)


def stems_of(manifest, role: str) -> dict[str, str]:
    return {entry.name: entry.path for entry in manifest.files if entry.role == role}


def total(shop: Workshop, paths) -> np.ndarray:
    return sum(shop.read(path).astype(np.float64) for path in paths)


def linear(shop: Workshop) -> Story:
    """The scene with nothing in it that treats a sum otherwise than its parts."""
    story = scene(shop)
    tracks = tuple(msgspec.structs.replace(t, strip=msgspec.structs.replace(t.strip, inserts=())) for t in story.tracks)
    return msgspec.structs.replace(story, tracks=tracks)


def test_stems_per_voice_sum_to_the_masters_input_where_nothing_is_nonlinear(shop):
    story = linear(shop)
    manifest = shop.export(story, per=("voice",), **FLOAT)
    stems = stems_of(manifest, "voice")
    assert set(stems) == {"narrator", "keeper", "sounds"}
    premaster = play_live(story, shop, manifest.frames).premaster
    np.testing.assert_allclose(total(shop, stems.values()), premaster, atol=2e-6, rtol=0)
    assert manifest.residuals["voice"] is None or manifest.residuals["voice"] < -110


def test_the_residual_of_a_nonlinear_bus_is_measured_and_told(shop):
    story = scene(shop)
    room = story.buses[0]
    crushed = msgspec.structs.replace(room.strip, inserts=(*room.strip.inserts, *scene_compressor()))
    story = msgspec.structs.replace(story, buses=(msgspec.structs.replace(room, strip=crushed),))
    manifest = shop.export(story, per=("track",), sends="printed", **FLOAT)
    premaster = play_live(story, shop, manifest.frames).premaster
    off = np.abs(total(shop, stems_of(manifest, "track").values()) - premaster).max()
    assert off > 1e-4
    assert manifest.residuals["track"] == pytest.approx(20 * np.log10(off), abs=0.1)


def scene_compressor():
    return (Effect(effect="distortion", params={"drive_db": 20.0}),)


def test_stems_per_scene_are_what_begins_between_two_markers(shop):
    manifest = shop.export(linear(shop), per=("scene",), **FLOAT)
    stems = stems_of(manifest, "scene")
    assert list(stems) == ["Start", "Who?"]
    assert not shop.read(stems["Who?"])[:72777].any()
    assert {soundfile.info(shop.folder / "out" / path).frames for path in stems.values()} == {manifest.frames}


def test_stems_per_cue_begin_at_zero_and_are_as_long_as_they_take(shop):
    story = scene(shop)
    extra = shop.line("There is only fog.", sound(9000, 11))
    story = msgspec.structs.replace(
        story,
        cues=(
            Cue(id="1", name="Lamp", target=PlayClip(clip="n1"), gain_db=-6.0),
            Cue(id="2", target=SpeakLine(line=extra, track="narrator")),
            Cue(id="3", name="All", target=PlaySection(from_marker="who")),
        ),
    )
    manifest = shop.export(story, per=("cue",), tail_db=-60.0, **FLOAT)
    stems = stems_of(manifest, "cue")
    assert [path.split("/")[-1] for path in stems.values()] == ["01_1_Lamp.wav", "02_2.wav", "03_3_All.wav"]
    lengths = [soundfile.info(shop.folder / "out" / path).frames for path in stems.values()]
    assert lengths[1] < lengths[0] < manifest.frames
    assert shop.read(stems["Lamp"])[100:2000].any()


def test_dry_stems_are_the_clips_alone(shop):
    story = scene(shop)
    manifest = shop.export(story, dry=True, **FLOAT)
    stems = stems_of(manifest, "track")
    open_tracks = tuple(msgspec.structs.replace(track, strip=Strip()) for track in story.tracks)
    played = play_live(msgspec.structs.replace(story, tracks=open_tracks), shop, manifest.frames)
    for track in story.tracks:
        np.testing.assert_allclose(shop.read(stems[track.name]), played.strips[track.id], atol=1e-6, rtol=0)
    assert stems_of(manifest, "bus") == {}
    assert {entry.tap.split(":")[0] for entry in manifest.files if entry.role == "track"} == {"dry"}


def test_returns_can_be_left_away(shop):
    manifest = shop.export(scene(shop), sends="none", **FLOAT)
    assert stems_of(manifest, "bus") == {}
    assert len(stems_of(manifest, "track")) == 3


def test_buses_alone(shop):
    assert set(stems_of(shop.export(scene(shop), per=("bus",), **FLOAT), "bus")) == {"Room"}


def test_a_stretch_of_the_timeline_is_that_part_of_the_whole(shop):
    story = scene(shop)
    shop.export(story, "whole", **FLOAT)
    manifest = shop.export(story, "part", start_seconds=0.5, end_seconds=1.75, **FLOAT)
    assert (manifest.start_frame, manifest.frames) == (24000, 60000)
    for name in ("01_Narrator.wav", "04_Room.wav", "mix.wav"):
        np.testing.assert_array_equal(shop.read(name, "part"), shop.read(name, "whole")[24000:84000])
    assert WavInfoReader(str(shop.folder / "part" / "mix.wav")).bext.time_reference == 24000
    with pytest.raises(ExportError, match="after the end"):
        shop.export(story, "late", start_seconds=1000.0, **FLOAT)


def test_without_tails_files_end_with_the_story(shop):
    manifest = shop.export(scene(shop), tails=False, **FLOAT)
    assert manifest.frames == manifest.story_end_frame


@pytest.mark.parametrize("rate", [44100, 96000])
def test_another_sample_rate_moves_everything_to_its_nearest_frame(shop, rate):
    manifest = shop.export(scene(shop), sample_rate=rate, **FLOAT)
    assert manifest.sample_rate == rate
    assert soundfile.info(shop.folder / "out" / "mix.wav").samplerate == rate
    starts = {clip.id: clip.start_frame for clip in manifest.clips}
    assert starts["n1"] == round(4801 * rate / RATE)
    assert starts["k1"] == round(72777 * rate / RATE)
    take = next(take for take in manifest.takes if take.text == "Who lit it?")
    assert take.frames == pytest.approx(33333 * rate / RATE, abs=1)
    heard = np.flatnonzero(np.abs(shop.read("02_Keeper_„Ünï“.wav")).max(axis=1) > 1e-4)
    assert heard[0] == pytest.approx(72777 * rate / RATE, abs=rate / 100)


@pytest.mark.parametrize(
    ("file_format", "encoding", "subtype"),
    [
        ("wav", "pcm16", "PCM_16"), ("flac", "pcm16", "PCM_16"), ("flac", "pcm24", "PCM_24"),
        ("aiff", "pcm24", "PCM_24"), ("aiff", "float32", "FLOAT"), ("mp3", "pcm24", "MPEG_LAYER_III"),
        ("ogg", "pcm24", "VORBIS"),
    ],
)  # fmt: skip
def test_other_formats_hold_the_same_sound(shop, file_format, encoding, subtype):
    story = scene(shop)
    shop.export(story, "plain", **FLOAT)
    manifest = shop.export(story, formats=("stems",), overview=False, file_format=file_format, encoding=encoding)
    for entry in (entry for entry in manifest.files if entry.levels):
        info = soundfile.info(shop.folder / "out" / entry.path)
        assert (info.format.lower(), info.subtype, info.samplerate) == (file_format, subtype, RATE)
        plain = shop.read(entry.path.replace(file_format, "wav"), "plain")
        if file_format in ("mp3", "ogg"):
            assert info.frames == pytest.approx(manifest.frames, abs=3000)
        else:
            steps = {"pcm16": 2**15, "pcm24": 2**23, "float32": 2**30}[encoding]
            assert info.frames == manifest.frames
            assert np.abs(shop.read(entry.path) - np.clip(plain, -1, 1)).max() * steps <= 1.51


def test_aac_begins_on_the_first_frame_and_ffmpeg_hears_the_same(shop):
    pytest.importorskip("av", reason="PyAV is not installed")
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    story = scene(shop)
    shop.export(story, "plain", formats=("stems",), overview=False)
    manifest = shop.export(story, formats=("stems",), overview=False, file_format="aac", mono=True)
    names = {entry.path for entry in manifest.files if entry.levels}
    assert "mix.m4a" in names and all(name.endswith(".m4a") for name in names)
    for name in names:
        decoded = shop.folder / "decoded.wav"
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(shop.folder / "out" / name), str(decoded)]
        subprocess.run(command, check=True)
        heard, rate = soundfile.read(decoded, dtype="float32", always_2d=True)
        plain = shop.read(name.replace("m4a", "wav"), "plain")
        assert rate == RATE
        assert len(heard) == pytest.approx(manifest.frames, abs=1100)
        frames = min(len(heard), len(plain))
        power = np.square(plain[:frames]).mean()
        assert np.square(heard[:frames] - plain[:frames]).mean() < 0.2 * power


def test_aac_without_its_library_says_what_to_install(shop, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r"cuevox\[aac\]"):
        shop.export(scene(shop), file_format="aac")
    assert not (shop.folder / "out").exists()


def test_16_bits_are_dithered_and_the_same_every_time(shop):
    quiet = shop.file("quiet.wav", np.full((48000, 1), 0.3 / 32768, np.float32), subtype="FLOAT")
    clip = Clip(id="c", start=At(frame=0), audio=quiet)
    story = Story(title="T", tracks=(Track(id="t", clips=(clip,)),), master=Master(limiter_db=None))
    for to in ("a", "b"):
        shop.export(story, to, formats=("stems",), overview=False, encoding="pcm16")
    audio = shop.read("01_t.wav", "a") * 32768
    assert set(np.unique(audio)) <= {-1.0, 0.0, 1.0}
    assert audio.mean() == pytest.approx(0.3, abs=0.02), "rounding alone would make it silence"
    assert (shop.folder / "a" / "mix.wav").read_bytes() == (shop.folder / "b" / "mix.wav").read_bytes()


def test_dither_can_be_had_at_24_bits_and_left_away_at_16(shop):
    story = scene(shop)
    shop.export(story, "plain", formats=("stems",), overview=False)
    manifest = shop.export(story, "dithered", formats=("stems",), overview=False, dither=True)
    assert manifest.dither == "triangular"
    steps = np.abs(shop.read("mix.wav", "dithered") - shop.read("mix.wav", "plain")).max() * 2**23
    assert 0.5 < steps <= 2.01
    manifest = shop.export(story, "rounded", formats=("stems",), overview=False, encoding="pcm16", dither=False)
    assert manifest.dither == "none"
    off = np.abs(shop.read("mix.wav", "rounded") - np.clip(shop.read("mix.wav", "plain"), -1, 1)).max() * 2**15
    assert off <= 1.01


def test_what_is_mono_stays_mono_if_asked(shop):
    line = shop.line("Hello", sound(9000, 1))
    clips = [Clip(id=f"c{pan}", start=At(frame=0), line=line, pan=pan) for pan in (0.0, 0.5)]
    tracks = tuple(Track(id=f"t{n}", clips=(clip,)) for n, clip in enumerate(clips))
    shop.export(Story(title="T", tracks=tracks), mono=True, **FLOAT)
    channels = [soundfile.info(shop.folder / "out" / "stems" / f"0{n + 1}_t{n}.wav").channels for n in (0, 1)]
    assert channels == [1, 2]
    np.testing.assert_allclose(shop.read("01_t0.wav")[:9000, 0], shop.source(clips[0])[:, 0], atol=1e-7)


@pytest.mark.parametrize("lufs", [-23.0, -16.0, -14.0])
def test_the_mix_alone_is_brought_to_a_loudness(shop, lufs):
    story = scene(shop)
    plain = shop.export(story, "plain", **FLOAT)
    manifest = shop.export(story, "loud", mix_lufs=lufs, **FLOAT)
    levels = {entry.path: entry.levels for entry in manifest.files if entry.levels}
    assert levels["mix.wav"].integrated_lufs == pytest.approx(lufs, abs=0.2)
    assert levels["mix.wav"].true_peak_dbtp <= -0.9
    assert manifest.frames == plain.frames
    np.testing.assert_array_equal(shop.read("01_Narrator.wav", "loud"), shop.read("01_Narrator.wav", "plain"))


def test_a_loudness_out_of_reach_is_told(shop):
    clicks = np.zeros((4 * RATE, 1), np.float32)
    clicks[::6000] = 0.9
    clip = Clip(id="c", start=At(frame=0), audio=shop.file("clicks.wav", clicks))
    manifest = shop.export(Story(title="T", tracks=(Track(id="t", clips=(clip,)),)), mix_lufs=-6.0, **FLOAT)
    assert any("LUFS, not -6" in warning for warning in manifest.warnings)
    assert manifest.mix_target_lufs == -6.0


def test_acx_tells_what_it_finds(shop):
    manifest = shop.export(scene(shop), acx=True, **FLOAT)
    mix = shop.read("mix.wav").astype(np.float64)
    assert manifest.acx.rms_dbfs == pytest.approx(20 * np.log10(np.sqrt(np.square(mix).mean())), abs=0.01)
    assert manifest.acx.peak_dbfs == pytest.approx(20 * np.log10(np.abs(mix).max()), abs=0.01)
    assert manifest.acx.passed is False
    told = [warning for warning in manifest.warnings if warning.startswith("ACX: ")]
    assert told and all("allowed" in warning for warning in told)
    assert "ACX: does not pass" in (shop.folder / "out" / "README.txt").read_text(encoding="utf-8")


def test_stems_are_named_by_a_template(shop):
    manifest = shop.export(scene(shop), name="{title}-{track}-{nn}", **FLOAT)
    assert manifest.files[0].path == "stems/The_Lamp-Narrator-01.wav"


def test_names_that_come_out_the_same_are_told_apart(shop):
    paths = [entry.path for entry in shop.export(scene(shop), name="same", **FLOAT).files if entry.levels]
    assert len({path.lower() for path in paths}) == len(paths)


def test_words_are_regions_of_a_tracks_stem_and_names_are_in_ixml(shop):
    shop.export(scene(shop), formats=("stems",), overview=False)
    reader = WavInfoReader(str(shop.folder / "out" / "stems" / "02_Keeper_„Ünï“.wav"), info_encoding="utf-8")
    labels = {label.name: label.text for label in reader.cues.labels}
    assert [labels[cue.name] for cue in reader.cues.cues] == ["Who", "lit", "it?"]
    assert [cue.position for cue in reader.cues.cues] == [72777 + n * 11111 for n in range(3)]
    assert {region.length for region in reader.cues.ranges} == {11111}
    assert "Keeper / „Ünï“ L" in [track.name for track in reader.ixml.track_list]


def test_consolidated_clips_have_stamps_handles_and_their_own_channels(shop):
    story = scene(shop)
    shop.export(story, formats=("clips",), overview=False, handle_seconds=0.02, encoding="float32")
    (path,) = (shop.folder / "out" / "clips").glob("Narrator/002*.wav")
    source = shop.source(story.tracks[0].clips[1])
    placed = 4801 + 60000 - 1000
    assert WavInfoReader(str(path)).bext.time_reference == placed - 960
    audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(audio, source[1234 - 960 : 1234 + 20001 + 960])
    assert audio.shape[1] == 1


def test_passes_run_beside_each_other_can_be_cancelled(shop):
    class Cancelled(Exception):
        pass

    def cancel(fraction: float, stage: str) -> None:
        if stage == "mix" and fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        shop.export(scene(shop), progress=cancel, per=("voice", "scene"), **FLOAT)
    assert sorted(path.name for path in shop.folder.iterdir()) == ["cache", "story"]


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": 12345}, {"name": "{oops}"}, {"mix_lufs": 3.0}, {"start_seconds": 2.0, "end_seconds": 1.0},
        {"file_format": "flac", "encoding": "float32"}, {"file_format": "mp3", "sample_rate": 96000}, {"formats": ()},
        {"file_format": "aac", "sample_rate": 192000},
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused(options):
    with pytest.raises(BadRange):
        ExportOptions(**options)


def test_automation_moves_along_to_another_rate(shop):
    lane = Lane(target="gain_db", points=(Point(at=At(frame=48000), value=-6.0), Point(at=Beat(bar=2), value=0.0)))
    story = scene(shop)
    narrator = msgspec.structs.replace(
        story.tracks[0], strip=msgspec.structs.replace(story.tracks[0].strip, automation=(lane,))
    )
    moved = story_at(msgspec.structs.replace(story, tracks=(narrator, *story.tracks[1:])), 96000)
    points = moved.tracks[0].strip.automation[0].points
    assert [point.at for point in points] == [At(frame=96000), Beat(bar=2)]
    assert moved.tracks[0].clips[0].start == At(frame=9602)
