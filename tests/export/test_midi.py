"""The MIDI file, read back by mido: events within half a tick by the file's own tempo map."""

import mido
import pytest
from export_stories import RATE
from sessions import export_sessions

from engine.export.sessions.midi import TICKS_PER_BEAT
from engine.story.tempo import TempoMap


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("midi"), formats=("midi",))


@pytest.fixture(scope="module")
def file(exported):
    return mido.MidiFile(exported.file("midi/*.mid"), charset="utf-8")


def timed(track) -> list[tuple[int, mido.MetaMessage]]:
    now, found = 0, []
    for message in track:
        now += message.time
        found.append((now, message))
    return found


def seconds_of(file, tick: int) -> float:
    """Return when a tick is, by the tempos that the file holds."""
    seconds, last, tempo = 0.0, 0, 500_000
    for at, message in timed(file.tracks[0]):
        if message.type == "set_tempo" and at <= tick:
            seconds += (at - last) * tempo / TICKS_PER_BEAT / 1e6
            last, tempo = at, message.tempo
    return seconds + (tick - last) * tempo / TICKS_PER_BEAT / 1e6


HALF_TICK = 0.5 * 60 / 61.05 / TICKS_PER_BEAT + 1e-9
"""Of the slowest tempo in the story."""


def test_the_tempo_map_is_on_its_bars(file, exported):
    changes = [(at, m.tempo) for at, m in timed(file.tracks[0]) if m.type == "set_tempo"]
    meters = [(at, m.numerator) for at, m in timed(file.tracks[0]) if m.type == "time_signature"]
    bars = [0, 2 * 4, 2 * 4 + 4 * 3]
    assert changes == [
        (beat * TICKS_PER_BEAT, round(6e7 / point.tempo_bpm))
        for beat, point in zip(bars, exported.story.tempo, strict=True)
    ]
    assert meters == [(beat * TICKS_PER_BEAT, beats) for beat, beats in zip(bars, (4, 3, 5), strict=True)]


def test_markers_are_within_half_a_tick(file, exported):
    tempo = TempoMap(exported.story.tempo, RATE)
    read = {m.text: seconds_of(file, at) for at, m in timed(file.tracks[0]) if m.type == "marker"}
    wanted = {marker.name: tempo.frame(marker.at.bar) / RATE for marker in exported.story.markers}
    assert read == pytest.approx(wanted, abs=HALF_TICK)


def test_each_track_sings_its_words(file, exported):
    assert [track.name for track in file.tracks[1:]] == [track.name or track.id for track in exported.story.tracks]
    for track, read in zip(exported.story.tracks[:-1], file.tracks[1:], strict=False):
        clip = track.clips[0]
        placed = exported.placed[clip.id]
        wanted = [
            (word.text, (placed.start_frame + word.start_frame - clip.trim_start_frames) / RATE)
            for word in exported.shop.takes[clip.line].words
            if clip.trim_start_frames <= word.start_frame < clip.trim_start_frames + placed.length_frames
        ]
        lyrics = [(m.text.strip(), seconds_of(file, at)) for at, m in timed(read) if m.type == "lyrics"]
        assert [text for text, _ in lyrics] == [text for text, _ in wanted]
        assert [at for _, at in lyrics] == pytest.approx([at for _, at in wanted], abs=HALF_TICK)
        (cue,) = [at for at, m in timed(read) if m.type == "cue_marker"]
        assert seconds_of(file, cue) == pytest.approx(placed.start_frame / RATE, abs=HALF_TICK)
