"""Stories at the edges of what there is: other rates, two hundred tracks, six hours; every format still writes them."""

import pytest
import rpp
from export_stories import Workshop, placed_in, sound
from sessions import export_sessions

from engine.export.sessions.registry import SESSIONS
from engine.story.model import At, Bus, Clip, Marker, Send, Story, Strip, TempoPoint, Track

QUICK = tuple(name for name in SESSIONS if name != "clips")


def other_rates(shop: Workshop) -> Story:
    """A project of 44.1 kHz that plays mono and stereo files of 24 and 48 kHz."""
    files = [
        shop.file("mono.wav", sound(24001, 1), 24000),
        shop.file("stereo.wav", sound(30001, 2, channels=2), 48000),
    ]
    tracks = tuple(
        Track(
            id=f"t{n}",
            clips=(Clip(id=f"c{n}", start=At(frame=1001 + n), audio=name, trim_start_frames=17, fade_in_frames=441),),
        )
        for n, name in enumerate(files)
    )
    return Story(title="44.1", sample_rate=44100, tempo=(TempoPoint(tempo_bpm=97.3),), tracks=tracks)


def many_tracks(shop: Workshop) -> Story:
    line = shop.line("Hello there", sound(4800, 1))
    tracks = tuple(
        Track(
            id=f"t{n}",
            name=f"Track {n}",
            strip=Strip(sends=(Send(to="b"),)),
            clips=(Clip(id=f"c{n}", start=At(frame=100 * n), line=line),),
        )
        for n in range(200)
    )
    return Story(title="Many", tracks=tracks, buses=(Bus(id="b"),))


def six_hours(shop: Workshop) -> Story:
    """Clips at both ends of six hours, with a tempo that no clock divides."""
    line = shop.line("One two", sound(4800, 1))
    end = 6 * 3600 * 48000
    clips = (Clip(id="a", start=At(frame=1), line=line), Clip(id="z", start=At(frame=end - 1), line=line))
    tempo = (TempoPoint(tempo_bpm=97.3), TempoPoint(bar=1000, tempo_bpm=131.7, beats_per_bar=3))
    return Story(
        title="Long", tempo=tempo, tracks=(Track(id="t", clips=clips),), markers=(Marker(id="m", at=At(frame=end)),)
    )


@pytest.mark.parametrize("story_of", [other_rates, many_tracks, six_hours])
def test_every_format_writes_it_and_reaper_is_exact(tmp_path, story_of):
    exported = export_sessions(tmp_path, story_of, formats=QUICK)
    rate = exported.story.sample_rate
    manifest_clips = {}
    project = rpp.loads(exported.file("reaper/*.rpp").read_text(encoding="utf-8"))
    for track in project.findall("TRACK"):
        for item in track.findall("ITEM"):
            lines = {child[0]: child[1:] for child in item.children if isinstance(child, list)}
            note = next(str(child) for child in item.findall("NOTES")[0].children)
            manifest_clips[note.split("clip=")[1].split()[0].strip("'\"]")] = [
                float(lines[key][0]) * rate for key in ("POSITION", "LENGTH", "SOFFS")
            ]
    shop, story = exported.shop, exported.story
    if story_of is other_rates:
        lengths = {"c0": 44102 - 17, "c1": 27563 - 17}
        wanted = {f"c{n}": [1001 + n, lengths[f"c{n}"], 17] for n in range(2)}
        tolerance = 1.0
    else:
        placed = placed_in(story, shop)
        wanted = {key: [p.start_frame, p.length_frames, p.clip.trim_start_frames] for key, p in placed.items()}
        tolerance = 1e-3
    assert manifest_clips.keys() == wanted.keys()
    for key, values in wanted.items():
        assert manifest_clips[key] == pytest.approx(values, abs=tolerance)
