"""Stories at the edges of what there is: other rates, two hundred tracks, six hours; every format still writes them."""

import shutil

import pytest
import readers
from export_stories import Workshop, nasty, sound
from sessions import export_sessions

from engine.export.manifest import read_manifest
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


def faded(shop: Workshop) -> Story:
    """Fades of every shape, of no frames, of one, and as long as the clip; clips that touch."""
    line = shop.line("A line of words", sound(9600, 1))
    shapes = ("linear", "equal_power", "s_curve", "exponential")
    clips = tuple(
        Clip(
            id=f"c{n}", start=At(frame=100 + 9600 * n), line=line, fade_in_shape=shape, fade_out_shape=shapes[n - 1],
            fade_in_frames=(0, 1, 4800, 9600)[n], fade_out_frames=(9600, 4800, 1, 0)[n],
        )
        for n, shape in enumerate(shapes)
    )  # fmt: skip
    return Story(title="Faded", tempo=(TempoPoint(tempo_bpm=97.3),), tracks=(Track(id="t", clips=clips),))


STORIES = {each.__name__: each for each in (nasty, other_rates, many_tracks, six_hours, faded)}
TOLERANCES = {readers.midi: 26.0, readers.srt: 49.0, readers.vtt: 49.0, readers.lrc: 241.0}
"""In frames, where it is more than one: half a tick of 1/960 beat, a millisecond, half a hundredth of a second."""

STEREO_TWICE = (readers.aaf, readers.aaf_by_otio)
"""What has a stereo sound as two clips at one place."""

SPOKEN = (readers.srt, readers.vtt, readers.lrc)


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.extra] * (name == "many_tracks")) for name in STORIES]
)
def exported(tmp_path_factory, request):
    return export_sessions(tmp_path_factory.mktemp(request.param), STORIES[request.param], formats=QUICK)


def told(exported) -> list[readers.Found]:
    """What the manifest says of each clip, and whether it is spoken."""
    manifest = read_manifest(exported.folder / "manifest.json")
    return [
        (
            readers.Found(
                clip.start_frame, clip.length_frames, clip.trim_start_frames, clip.fade_in_frames, clip.fade_out_frames
            ),
            clip.take is not None,
        )
        for clip in manifest.clips
    ]


def test_the_manifest_says_what_the_story_does(exported):
    found = sorted(each for each, _ in told(exported))
    if exported.story.title == "44.1":
        assert [each[:3] for each in found] == [(1001, 44102 - 17, 17), (1002, 27563 - 17, 17)]
        return
    placed = [(p.start_frame, p.length_frames, p.clip) for p in exported.placed.values()]
    assert found == sorted(
        (start, length, clip.trim_start_frames, clip.fade_in_frames, clip.fade_out_frames)
        for start, length, clip in placed
    )


def by_hundredth(found: list[readers.Found], exported) -> dict[int, readers.Found]:
    return {round(100 * each.start / exported.story.sample_rate): each for each in found}


@pytest.mark.parametrize(
    "read",
    [
        readers.reaper, readers.live, readers.dawproject, readers.aaf, readers.aaf_by_otio, readers.otio, readers.midi,
        readers.srt, readers.vtt, readers.lrc, pytest.param(readers.ardour, marks=pytest.mark.extra),
    ],
    ids=lambda read: read.__name__,
)  # fmt: skip
def test_each_reader_finds_every_clip_within_a_frame(exported, read):
    program = {readers.ardour: "ardour7-lua", readers.lrc: "ffprobe"}.get(read)
    if program and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    wanted = sorted(each for each, spoken in told(exported) if spoken or read not in SPOKEN)
    if not wanted:
        pytest.skip("nothing is spoken in this story")
    found = sorted(set(read(exported)) if read in STEREO_TWICE else read(exported))
    if read is readers.lrc:  # FFmpeg drops a line that says the same as another at the same hundredth
        wanted, found = ([each for _, each in sorted(by_hundredth(some, exported).items())] for some in (wanted, found))
    assert len(found) == len(wanted)
    tolerance = TOLERANCES.get(read, 1.0 if read is readers.ardour else 0.05)
    for ours, theirs in zip(wanted, found, strict=True):
        for name, told_there, told_here in zip(readers.Found._fields, theirs, ours, strict=True):
            if told_there is not None:
                assert told_there == pytest.approx(told_here, abs=tolerance), name
