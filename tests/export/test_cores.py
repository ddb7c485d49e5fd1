"""Several cores: an export that shares its strips between mixers writes the bytes that one mixer writes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from export_stories import Workshop, scene

from engine.errors import ExportError
from engine.mixer.plugins import EffectFailed
from engine.story.model import At, Duck, Effect, Lane, Point, Story, Strip

AUDIO = ("track", "bus", "mix", "voice")


def busy(shop: Workshop) -> Story:
    """The scene with chains, moving knobs, and a bed that both voices duck."""
    story = scene(shop)
    narrator, keeper, bed = story.tracks
    points = (Point(at=At(frame=20000), value=200.0), Point(at=At(frame=90000), value=2000.0))
    fade = Lane(target="gain_db", points=(Point(at=At(frame=9999), value=0.0), Point(at=At(frame=70001), value=-9.0)))
    chain = (Effect(effect="highpass"), Effect(effect="compressor", params={"threshold_db": -30.0}))

    def with_strip(thing, **changes):
        return msgspec.structs.replace(thing, strip=msgspec.structs.replace(thing.strip, **changes))

    return msgspec.structs.replace(
        story,
        tracks=(
            with_strip(narrator, inserts=chain, automation=(Lane(target="insert.1.cutoff_hz", points=points),)),
            with_strip(keeper, automation=(fade,)),
            with_strip(bed, duck=Duck(by=("narrator", "keeper"), look_ahead_ms=8.0), inserts=chain),
        ),
    )


def written(shop: Workshop, story: Story, to: str) -> dict[str, str]:
    manifest = shop.export(story, to, encoding="float32", formats=("stems",), per=("track", "voice"))
    return {entry.path: entry.sha256 for entry in manifest.files if entry.role in (*AUDIO, "overview")}


@pytest.mark.parametrize("cores", [2, 5])
def test_every_byte_is_the_same_whatever_the_cores(tmp_path, monkeypatch, cores):
    monkeypatch.setattr("engine.export.station.SHORT_SECONDS", 0.0)
    shop = Workshop(tmp_path)
    story = busy(shop)
    monkeypatch.setattr("engine.export.stems.cores", lambda: 1)
    alone = written(shop, story, "alone")
    monkeypatch.setattr("engine.export.stems.cores", lambda: cores)
    together = written(shop, story, "together")
    assert len(alone) == 9
    assert together == alone
    assert np.abs(shop.read("mix.wav", "together")).max() > 0.1


def test_a_short_story_is_mixed_by_one(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("engine.export.station.divide", lambda *args: seen.append(args))
    monkeypatch.setattr("engine.export.stems.cores", lambda: 4)
    shop = Workshop(tmp_path)
    shop.export(scene(shop), formats=("mix",), overview=False)
    assert not seen


@pytest.mark.parametrize("failing", ["narrator", "bed"])
def test_an_effect_that_fails_in_any_of_them_ends_the_export(tmp_path, monkeypatch, failing):
    monkeypatch.setattr("engine.export.station.SHORT_SECONDS", 0.0)
    monkeypatch.setattr("engine.export.stems.cores", lambda: 3)
    shop = Workshop(tmp_path)
    story = busy(shop)
    tracks = tuple(
        msgspec.structs.replace(
            track, strip=Strip(inserts=(Effect(effect="peak"),)) if track.id == failing else Strip()
        )
        for track in story.tracks
    )

    def fail(*_):
        raise EffectFailed("broken")

    monkeypatch.setattr("engine.mixer.chain.Chain.process", fail)
    with pytest.raises(ExportError, match=f"an effect failed on strip {failing}"):
        shop.export(msgspec.structs.replace(story, tracks=tracks, buses=()), formats=("mix",), overview=False)
    assert not (tmp_path / "out").exists()
