"""The Ardour session, loaded by Ardour 7 itself without a sound card: regions listed, its export nulled with ours."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from export_stories import RATE, Workshop, nasty, scene
from sessions import Exported, export_sessions

from engine.story.model import At, Clip, Master, Story, Track
from engine.story.tempo import TempoMap
from engine.units import db_to_gain

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(not shutil.which("ardour7-export"), reason="Ardour 7 is not installed"),
]


def audible(shop: Workshop) -> Story:
    """Return the nasty story with nothing soloed, no limiter, and an overlap: what Ardour does as we do.

    Two things it does otherwise: a region of one frame is silent, and a fade is up to a frame off, so it must be long
    enough for that not to be heard.
    """
    story = nasty(shop)
    tracks = [heard(track) for track in story.tracks]
    first = tracks[0].clips[0]
    overlap = msgspec.structs.replace(first, id="over", start=At(frame=10000), trim_start_frames=0, fade_in_frames=3000)
    overlap = msgspec.structs.replace(overlap, fade_in_shape="exponential")
    long = Clip(
        id="long", start=At(frame=30000), audio=shop.file("bed.wav", scene_bed(), RATE), fade_in_frames=60000,
        fade_out_frames=90000, fade_in_shape="equal_power", fade_out_shape="s_curve",
    )  # fmt: skip
    tracks[0] = msgspec.structs.replace(tracks[0], clips=(first, overlap, long))
    return msgspec.structs.replace(
        story, tracks=tuple(tracks), master=Master(strip=story.master.strip, limiter_db=None)
    )


def heard(track: Track) -> Track:
    clips = tuple(
        msgspec.structs.replace(
            clip,
            fade_in_frames=max(2000, clip.fade_in_frames) if clip.fade_in_frames else 0,
            length_frames=90 if clip.length_frames == 1 else clip.length_frames,
        )
        for clip in track.clips
    )
    return msgspec.structs.replace(track, clips=clips, strip=msgspec.structs.replace(track.strip, solo=False))


def scene_bed() -> np.ndarray:
    t = np.arange(200_000)[:, None] / RATE
    return (0.3 * np.sin(2 * np.pi * t * np.array([331.0, 457.0]))).astype(np.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("ardour"), audible, formats=("mix", "ardour"), encoding="float32")


def session_of(exported: Exported) -> Path:
    return exported.file("ardour/*/*.ardour")


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def listed(exported):
    session = session_of(exported)
    script = Path(__file__).with_name("ardour_regions.lua")
    told = run("ardour7-lua", script, session.parent, session.stem)
    return [line.split("\t") for line in told.splitlines() if "\t" in line]


def test_ardour_finds_every_region_on_its_frames(exported, listed):
    found = sorted(
        (name, int(position), int(start), int(length), pytest.approx(float(gain), rel=1e-5))
        for _, _, name, position, start, length, gain in (row for row in listed if row[0] == "REGION")
    )
    wanted = sorted(
        (
            placed.clip.name or Path(placed.clip.audio).stem,
            placed.start_frame,
            placed.clip.trim_start_frames,
            placed.length_frames,
            db_to_gain(placed.clip.gain_db),
        )
        for placed in exported.placed.values()
    )
    assert found == wanted


def test_ardour_finds_faders_mutes_and_markers(exported, listed):
    routes = {name: (float(gain), muted) for _, name, gain, muted in (row for row in listed if row[0] == "ROUTE")}
    for track in exported.story.tracks:
        gain, muted = routes[re.sub(r"[:\\/]", "-", track.name or track.id)]
        assert gain == pytest.approx(db_to_gain(track.strip.gain_db), rel=1e-5)
        assert muted == str(track.strip.mute).lower()
    tempo = TempoMap(exported.story.tempo, RATE)
    marks = {name: int(frame) for _, name, frame in (row for row in listed if row[0] == "MARK")}
    assert marks == {marker.name: tempo.frame(marker.at.bar) for marker in exported.story.markers}


def test_what_ardour_exports_is_our_mix(exported, tmp_path):
    session = session_of(exported)
    run("ardour7-export", "-b", "float", "-s", RATE, "-o", tmp_path / "ardour.wav", session.parent, session.stem)
    theirs, rate = soundfile.read(tmp_path / "ardour.wav", always_2d=True)
    ours = exported.shop.read("mix.wav").astype(np.float64)
    assert rate == RATE
    assert abs(len(theirs) - len(ours)) <= 1
    frames = min(len(theirs), len(ours))
    residual = np.abs(theirs[:frames] - ours[:frames]).max()
    assert np.abs(ours).max() > 0.1
    assert 20 * np.log10(residual + 1e-12) <= -80.0


def test_ardour_loads_a_story_with_effects(tmp_path):
    exported = export_sessions(tmp_path, scene, formats=("ardour",))
    session = session_of(exported)
    told = run("ardour7-lua", Path(__file__).with_name("ardour_regions.lua"), session.parent, session.stem)
    assert told.count("REGION") == len(exported.placed)
