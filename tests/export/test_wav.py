"""WAV files as other programs read them: samples, broadcast extension, cue points, RF64."""

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from export_stories import RATE, Workshop, scene, sound
from wavinfo import WavInfoReader

from engine.export import wav_header
from engine.export.chunks import Broadcast, CuePoint, bext, cues
from engine.export.loudness import Levels
from engine.export.wav import WavWriter

LEVELS = Levels(
    peak_dbfs=-1.5,
    true_peak_dbtp=-1.25,
    integrated_lufs=-18.52,
    range_lu=7.5,
    max_momentary_lufs=-12.0,
    max_short_term_lufs=-14.25,
)
BROADCAST = Broadcast(
    description="The Lamp / Ünï",
    originator="Cuevox 1",
    reference="CUEVOX0001",
    made_at=datetime(2026, 5, 4, 3, 2, 1),
    coding_history="A=PCM\r\n",
)


def write(path: Path, audio: np.ndarray, encoding="pcm24", **chunks) -> Path:
    writer = WavWriter(path, sample_rate=RATE, encoding=encoding, channels=audio.shape[1], lead=chunks.get("lead", b""))
    for begin in range(0, len(audio), 999):
        writer.write(audio[begin : begin + 999])
    writer.finish(chunks.get("frames", len(audio)), lead=chunks.get("lead"), trail=chunks.get("trail", b""))
    return path


@pytest.mark.parametrize("channels", [1, 2])
def test_24_bits_are_rounded_to_the_nearest_step_and_clipped(tmp_path, channels):
    audio = sound(5001, 1, channels)
    audio[:4, 0] = (1.5, -1.5, 1.0, -1.0)
    read, rate = soundfile.read(write(tmp_path / "a.wav", audio), dtype="int32", always_2d=True)
    expected = np.clip(np.rint(audio.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    assert rate == RATE
    assert (read >> 8 == expected).all()


def test_floats_stay_as_they_are(tmp_path):
    audio = sound(5001, 1, 2) * 4
    read, _ = soundfile.read(write(tmp_path / "a.wav", audio, "float32"), dtype="float32")
    assert (read == audio).all()


def test_silence_that_is_skipped_reads_as_zeros(tmp_path):
    audio = sound(100, 1, 2)
    writer = WavWriter(tmp_path / "a.wav", sample_rate=RATE, encoding="pcm24")
    writer.write(audio)
    writer.skip(1_000_000)
    writer.write(audio)
    writer.skip(50)
    writer.finish(1_000_240)
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert len(read) == 1_000_240
    np.testing.assert_allclose(read[1_000_100:1_000_200], audio, atol=2**-23)
    assert not read[100:1_000_100].any()
    assert not read[1_000_200:].any()


def test_a_file_can_end_before_what_was_written(tmp_path):
    audio = sound(5000, 1, 2)
    read, _ = soundfile.read(write(tmp_path / "a.wav", audio, frames=4321))
    assert len(read) == 4321


def test_the_broadcast_extension_is_read_back(tmp_path):
    lead = bext(BROADCAST, LEVELS)
    found = WavInfoReader(str(write(tmp_path / "a.wav", sound(777, 1, 1), lead=lead))).bext
    assert (found.version, found.time_reference) == (2, 0)
    assert found.description == "The Lamp / ?n?"
    assert (found.originator, found.originator_ref) == ("Cuevox 1", "CUEVOX0001")
    assert (found.originator_date, found.originator_time) == ("2026-05-04", "03:02:01")
    assert found.loudness_value == pytest.approx(-18.52)
    assert found.loudness_range == pytest.approx(7.5)
    assert found.max_true_peak == pytest.approx(-1.25)
    assert found.max_momentary_loudness == pytest.approx(-12.0)
    assert found.max_shortterm_loudness == pytest.approx(-14.25)


def test_levels_can_be_filled_in_later_because_the_length_stays():
    assert len(bext(BROADCAST, None)) == len(bext(BROADCAST, LEVELS))


def test_cue_points_carry_their_labels(tmp_path):
    points = [CuePoint(frame=0, label="Start"), CuePoint(frame=400, label="Größe 語")]
    path = write(tmp_path / "a.wav", sound(777, 1, 1), trail=cues(points))
    reader = WavInfoReader(str(path), info_encoding="utf-8")
    labels = {label.name: label.text for label in reader.cues.labels}
    assert [cue.position for cue in reader.cues.cues] == [0, 400]
    assert [labels[cue.name] for cue in reader.cues.cues] == ["Start", "Größe 語"]


@pytest.mark.parametrize("encoding", ["pcm24", "float32"])
def test_a_file_too_long_for_riff_becomes_rf64(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(wav_header, "MAX_RIFF_BYTES", 5000)
    audio = sound(2001, 1, 2)
    path = write(
        tmp_path / "a.wav", audio, encoding, lead=bext(BROADCAST, LEVELS), trail=cues([CuePoint(frame=9, label="x")])
    )
    assert path.read_bytes()[:4] == b"RF64"
    read, _ = soundfile.read(path, dtype="float32")
    assert soundfile.info(path).format == "RF64"
    np.testing.assert_allclose(read, audio, atol=2**-23)
    if shutil.which("ffprobe"):
        assert probe(path)["streams"][0]["duration_ts"] == 2001


def probe(path: Path) -> dict:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    shop = Workshop(tmp_path_factory.mktemp("readers"))
    return shop.folder / "out", shop.export(scene(shop), formats=("stems",), overview=False)


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
def test_ffprobe_agrees(package):
    folder, manifest = package
    for entry in (file for file in manifest.files if file.levels):
        found = probe(folder / entry.path)
        assert found["streams"][0]["codec_name"] == "pcm_s24le"
        assert found["streams"][0]["duration_ts"] == manifest.frames
        assert found["format"]["tags"]["time_reference"] == "0"
        assert found["format"]["tags"]["encoded_by"].startswith("Cuevox")
    chapters = [chapter["tags"]["title"] for chapter in probe(folder / "mix.wav")["chapters"]]
    assert chapters == ["Start", "Who?"]


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
def test_sox_agrees(package):
    folder, manifest = package
    for entry in (file for file in manifest.files if file.levels):
        told = subprocess.run(
            ["sox", "--i", "-s", str(folder / entry.path)], capture_output=True, text=True, check=True
        )
        assert (told.stdout.strip(), told.stderr) == (str(manifest.frames), "")


@pytest.mark.skipif(not shutil.which("mediainfo"), reason="mediainfo is not installed")
def test_mediainfo_agrees(package):
    folder, manifest = package
    told = subprocess.run(
        ["mediainfo", "--Output=JSON", str(folder / "mix.wav")], capture_output=True, text=True, check=True
    )
    general, audio = json.loads(told.stdout)["media"]["track"][:2]
    assert (audio["BitDepth"], audio["SamplingCount"]) == ("24", str(manifest.frames))
    assert general["Producer"].startswith("Cuevox")


def test_wavinfo_reads_the_mix(package):
    folder, manifest = package
    mix = WavInfoReader(str(folder / "mix.wav"))
    levels = next(file for file in manifest.files if file.role == "mix").levels
    assert mix.bext.description == "The Lamp"
    assert mix.bext.loudness_value == pytest.approx(levels.integrated_lufs, abs=0.006)
    assert mix.bext.max_true_peak == pytest.approx(levels.true_peak_dbtp, abs=0.006)
    assert [cue.position for cue in mix.cues.cues] == [0, 72777]
    assert WavInfoReader(str(folder / "stems" / "01_Narrator.wav")).bext.description == "The Lamp / Narrator"
