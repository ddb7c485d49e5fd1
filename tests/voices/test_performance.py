"""Performances: passages joined to a line without loss of time, without a jump, with the line's words."""

import numpy as np
import pytest

from engine.errors import VoiceError
from engine.render.digest import digest
from engine.speech.parts import PLAIN, Tone
from engine.speech.script import Reading, script_of
from engine.story.model import Delivery, Line, Pronunciation
from engine.units import db_to_gain
from engine.voices.base import Chunk
from engine.voices.catalog import load_catalog
from engine.voices.direction import direct
from engine.voices.performance import JOINT_SECONDS, perform
from engine.voices.preset import Preset, complete_settings
from engine.voices.recording import record
from engine.voices.registry import backend
from tests.voices.fake_voice import GAP_FRAMES, WORD_FRAMES, ToneVoice

PLAINLY = Reading()
RATE = ToneVoice.sample_rate
ESPEAK = Preset(id="e", name="", backend="espeak", settings=complete_settings("espeak", {}))
REMOTE = Preset(id="r", name="", backend="remote", settings=complete_settings("remote", {}))
POCKET = Preset(id="p", name="", backend="pocket", settings=complete_settings("pocket", {}))


class Steady(ToneVoice):
    """Speaks one level without end or beginning: what a joint does to it is plain to see."""

    def speak(self, text, *, seed=0, stopped=lambda: False):
        return self._chunks()

    def _chunks(self):
        for frames in (1000, 37, 0, 3000):
            yield Chunk(audio=np.full((frames, 1), 0.5, np.float32))


def performed(text: str, reading: Reading = PLAINLY, tone: Tone = PLAIN, voice=None):
    voice = voice or ToneVoice()
    chunks = list(perform(voice, script_of(text, reading), tone))
    return np.concatenate([c.audio for c in chunks]), [w for c in chunks for w in c.words]


def test_passages_and_pauses_take_exactly_their_time():
    audio, words = performed("one two [pause 0.5] three. [pause 1]")
    each, pause = WORD_FRAMES + GAP_FRAMES, round(0.5 * RATE)
    assert len(audio) == 3 * each + pause + RATE
    assert [(w.text, w.start_frame) for w in words] == [("one", 0), ("two", each), ("three", 2 * each + pause)]
    assert not audio[2 * each : 2 * each + pause].any()


def test_words_lie_where_they_sound_after_every_joint():
    text = "First one. Then two, and three; four."
    audio, words = performed(text, Reading(longest=12))
    assert [w.text for w in words] == ["First", "one", "Then", "two", "and", "three", "four"]
    assert all(text[w.text_start : w.text_end] == w.text for w in words)
    sounding = np.abs(audio[:, 0]) > 0.01
    for word in words:
        inside = sounding[word.start_frame : word.end_frame]
        assert inside.mean() > 0.9
        assert not sounding[word.end_frame : word.end_frame + GAP_FRAMES].any()


def test_a_joint_has_no_step_and_no_other_level():
    audio, _ = performed("one two", Reading(longest=4), voice=Steady())
    fade = round(JOINT_SECONDS * RATE)
    assert len(audio) == 2 * 4037
    assert np.abs(np.diff(audio[:, 0])).max() <= 0.5 / (fade - 1) * 1.01
    np.testing.assert_array_equal(audio[fade : 4037 - fade], 0.5)
    np.testing.assert_array_equal(audio[4037 + fade : -fade], 0.5)


def test_a_whole_line_passes_untouched():
    audio, words = performed("one two three")
    plain = list(ToneVoice().speak("one two three"))
    np.testing.assert_array_equal(audio, np.concatenate([c.audio for c in plain]))
    assert words == [w for c in plain for w in c.words]


@pytest.mark.parametrize("speed", [0.5, 1.7])
def test_speed_and_pitch_of_a_voice_that_knows_neither(speed):
    plain, _ = performed("one two three four")
    audio, words = performed("one two three four", tone=Tone(speed=speed, pitch_semitones=12.0))
    assert len(audio) == round(len(plain) / speed)
    each = WORD_FRAMES + GAP_FRAMES
    assert [w.start_frame for w in words] == [round(i * each / speed) for i in range(4)]
    first = audio[words[0].start_frame : words[0].end_frame, 0]
    middle = first[len(first) // 4 : -len(first) // 4]
    pitch_hz = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * RATE / len(middle)
    assert pitch_hz == pytest.approx(660.0, rel=0.04)  # an octave above the voice's first word


def test_a_part_of_a_line_is_softer():
    text = '<speak>one <prosody volume="-6dB">two</prosody></speak>'
    audio, words = performed(text)
    peaks = [np.abs(audio[w.start_frame : w.end_frame]).max() for w in words]
    assert peaks[1] / peaks[0] == pytest.approx(db_to_gain(-6.0), rel=0.01)


def test_espeak_speaks_phonemes_and_emphasis():
    voice = backend("espeak").open(ESPEAK.settings)
    able = Reading(phonemes=True, emphasis=True)

    def said(text, *entries):
        chunks = list(perform(voice, script_of(text, able, entries)))
        return np.concatenate([c.audio for c in chunks]), [w for c in chunks for w in c.words]

    plain, _ = said("I met Bob today")
    other, words = said("I met Bob today", Pronunciation(word="Bob", phonemes="h3:maI@ni"))
    assert len(other) > 1.05 * len(plain)
    assert [w.text for w in words] == ["I", "met", "Bob", "today"]
    loud, strong = said("I *met* Bob & <you> [today](/t@deI/)")
    assert [w.text for w in strong if w.text.isalnum()] == ["I", "met", "Bob", "today"]
    assert np.abs(loud).max() > 1.1 * np.abs(plain).max()


def test_a_lines_options_become_its_voices_settings():
    direction = direct(_line(speed=1.5, seed=7), ESPEAK)
    assert direction.preset.settings["rate_wpm"] == 240.0
    assert direction.tone == Tone()
    assert "chance" in direction.notes[0]
    fast = direct(_line(speed=4.0, pitch_semitones=-2.0), ESPEAK)
    assert fast.preset.settings["rate_wpm"] == 450.0
    assert fast.tone == Tone(speed=pytest.approx(640 / 450), pitch_semitones=-2.0)
    assert direct(_line(instruct="whisper"), REMOTE).preset.settings["instructions"] == "whisper"
    pocket = direct(_line(temperature=0.2, speed=2.0, seed=7), POCKET)
    assert (pocket.preset.settings["temperature"], pocket.tone.speed, pocket.notes) == (0.2, 2.0, ())


@pytest.mark.parametrize(
    ("delivery", "says"),
    [
        ({"temperature": 0.5}, "no temperature; a line of it may have speed, pitch, seed"),
        ({"instruct": "x", "temperature": 0.5}, "no temperature and no instruct"),
    ],
)
def test_what_a_voice_cant_do_is_refused(delivery, says):
    with pytest.raises(VoiceError, match=says):
        direct(_line(**delivery), ESPEAK)


def test_what_shapes_a_take_is_in_its_digest():
    lines = [
        _line(),
        _line(speed=2.0),
        _line(pitch_semitones=1.0),
        Line(text="Hi", voice="e", pronounce=(Pronunciation(word="hi", phonemes="x"),)),
    ]
    assert len({digest(line, ESPEAK, 48000) for line in lines}) == len(lines)
    assert digest(_line(), ESPEAK, 48000) == digest(_line(), ESPEAK, 48000)


def test_a_recording_of_a_script_is_whole():
    script = script_of("one [pause 0.25] two", Reading())
    made = record(
        ToneVoice(), Preset(id="t", name="", backend="t", settings={}), "one [pause 0.25] two", 48000, script=script
    )
    assert [w.text for w in made.words] == ["one", "two"]
    assert made.words[1].start_frame == pytest.approx((WORD_FRAMES + GAP_FRAMES) / RATE * 48000 + 12000, abs=2)


def test_every_shipped_voice_does_what_a_line_may_ask():
    for preset in load_catalog().presets.values():
        assert direct(_line(speed=1.2, pitch_semitones=1.0), preset).tone.pitch_semitones == 1.0


def _line(**delivery) -> Line:
    return Line(text="Hi", voice="e", delivery=Delivery(**delivery))
