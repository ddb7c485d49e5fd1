"""The embedded voice beyond the contract: its settings, its languages, stopping, hostile text."""

import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadRange, BadType, UnknownThing, VoiceError
from engine.voices.backends import espeak, espeak_data
from engine.voices.preset import complete_settings
from engine.voices.registry import backend
from engine.voices.silence import QUIET
from tests.contracts.test_voice_contract import check_words, spoken

LINE = "The quick brown fox jumps over the lazy dog."


def voice(**changes):
    return backend("espeak").open(complete_settings("espeak", changes))


def pitch_hz(audio: np.ndarray, rate: int) -> float:
    """Return the median of the strongest repetition between 60 and 500 Hz, over voiced windows."""
    found = []
    for window in np.lib.stride_tricks.sliding_window_view(audio[:, 0], 1024)[::512]:
        if np.abs(window).max() > 0.05:
            spectrum = np.abs(np.fft.rfft(window * np.hanning(1024), 4096)) ** 2
            repeats = np.fft.irfft(spectrum)[rate // 500 : rate // 60]
            found.append(rate / (rate // 500 + int(np.argmax(repeats))))
    return float(np.median(found))


def test_rate_pitch_and_volume_do_what_they_say():
    slow, fast = (len(spoken(voice(rate_wpm=rate), LINE)[0]) for rate in (100.0, 250.0))
    assert 1.8 < slow / fast < 3.5
    low, high = (pitch_hz(spoken(voice(pitch=pitch), LINE)[0], 22050) for pitch in (10.0, 90.0))
    assert high > 1.4 * low
    soft, loud = (np.abs(spoken(voice(volume=volume), LINE)[0]).max() for volume in (20.0, 80.0))
    assert 2.5 < loud / soft < 6.0


def test_a_word_gap_makes_room_between_words():
    close, wide = (len(spoken(voice(word_gap_ms=gap), LINE)[0]) for gap in (0.0, 200.0))
    assert wide - close > 6 * 0.1 * 22050


def test_settings_of_one_line_do_not_leak_into_the_next():
    plain, shifted = voice(), voice(pitch=95.0, rate_wpm=300.0, variant="whisper", volume=20.0, word_gap_ms=300.0)
    before = len(spoken(plain, LINE)[0])
    spoken(shifted, LINE)
    assert abs(len(spoken(plain, LINE)[0]) - before) < 0.01 * before


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"language": "en-uk"}, UnknownThing, "no language named 'en-uk'; there is: en, .*en-gb.*and 1.. more"),
        ({"variant": "wisper"}, UnknownThing, "no variant named 'wisper'; there is: .*whisper"),
        ({"variant": 3}, BadType, "variant: expected a variant, got 3"),
        ({"rate_wpm": 20}, BadRange, "rate_wpm: 20 is outside 80 to 450 words per minute"),
        ({"pitch": "high"}, BadType, "pitch: expected a number, got 'high'"),
        ({"speed": 1}, UnknownThing, "no setting of espeak named 'speed'; there is: .*rate_wpm"),
    ],
)
def test_a_wrong_setting_names_what_is_allowed(changes, error, says):
    with pytest.raises(error, match=says):
        complete_settings("espeak", changes)


def test_the_library_knows_every_language_with_every_kind_of_variant():
    assert {"en", "en-us", "en-gb", "de", "fr", "es", "zh", "hi", "ar", "ru"} <= espeak_data.languages()
    assert {"", "m3", "f2", "whisper", "croak", "klatt"} <= espeak_data.variants()
    known = espeak._library()._library.espeak_SetVoiceByName
    assert [n for n in espeak_data.language_files().values() if known(f"{n}+f2".encode())] == []


def test_a_line_that_is_called_off_ends_within_the_buffer(monkeypatch):
    heard, reached, go_on = [], threading.Event(), threading.Event()
    read_events = espeak._read_events

    def hold_the_tenth(events):
        heard.append(events)
        if len(heard) == 10:
            reached.set()
            go_on.wait()
        return read_events(events)

    monkeypatch.setattr(espeak, "_read_events", hold_the_tenth)
    line = voice().speak(LINE * 100)
    next(line)
    reached.wait()
    closing = threading.Thread(target=line.close)
    espeak._library()._utterance.cancelled = True  # what closing does first
    closing.start()
    go_on.set()
    closing.join()
    assert len(heard) == 10


def test_a_word_that_begins_with_a_vowel_begins_half_way_to_it():
    """The library tells of "in" before the n of "again" is through, and of "the" together with "in"."""
    heard, text = espeak._Heard, "again in the"
    again, in_the = (heard(0, position=0), heard(0), heard(2000), heard(5000)), (heard(5000, position=6),)
    events = (*again, *in_the, heard(6200, vowel=True), heard(7000), heard(8400), heard(9500))
    listener = espeak._Listener(text, 22050, lambda place: place)
    early = listener.take([espeak._Part(np.full(12_000, 9000, "<i2").tobytes(), events)])
    words = (*early.words, *listener.finish().words)
    assert [(w.text, w.start_frame) for w in words] == [("again", 0), ("in", 5600), ("the", 8400)]


def test_control_characters_and_phoneme_codes_are_not_obeyed():
    """``\\x01`` begins a command of espeak-ng's own (``80P`` would raise the pitch for good)."""
    plain, steered = (spoken(voice(), text)[0] for text in ("So 95P it goes on and on", "So \x0195P it goes on and on"))
    assert abs(pitch_hz(plain, 22050) - pitch_hz(steered, 22050)) < 8
    assert abs(len(plain) - len(steered)) < 0.05 * len(plain)


def test_markup_is_spoken():
    assert len(spoken(voice(), "<b>go</b>")[0]) > 1.8 * len(spoken(voice(), "go")[0])
    assert len(spoken(voice(), "[[h@l'oU]] go")[0]) > 1.8 * len(spoken(voice(), "go")[0])


def test_a_long_text_has_all_its_words():
    text = "Many words of the text, number 25, said she… “Well!” \n" * 190
    audio, words = spoken(voice(rate_wpm=400.0), text)
    assert len(text) > 10_000
    check_words(text, words, len(audio))
    assert [w.text for w in words] == re.findall(r"\w+", text)


def test_a_text_without_end_is_refused():
    with pytest.raises(VoiceError, match="12,001 characters is too long to speak; at most 12,000"):
        voice().speak("a" * 12_001)


def test_a_line_ends_with_the_same_silence():
    for text in ("Go.", "Go!", "Go", "Go, \n\n\n", "Go..."):
        audio, _ = spoken(voice(), text)
        loud = np.flatnonzero(np.abs(audio[:, 0]) > QUIET)
        assert len(audio) - 1 - loud[-1] == round(0.06 * 22050)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_spoken_or_refused(text):
    try:
        audio, words = spoken(voice(rate_wpm=450.0), text)
    except VoiceError:
        return
    check_words(text, words, len(audio))


def test_threads_take_turns():
    lengths = {}

    def speak(number: int) -> None:
        lengths[number] = [w.text for w in spoken(voice(), f"number {number} is here")[1]]

    threads = [threading.Thread(target=speak, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == {n: ["number", str(n), "is", "here"] for n in range(8)}


@pytest.mark.whole
def test_the_first_line_of_a_process_is_always_the_same():
    code = (
        "import hashlib;"
        "from engine.voices.preset import complete_settings as c; from engine.voices.registry import backend;"
        f"said = backend('espeak').open(c('espeak', {{}})).speak({LINE!r});"
        "print(hashlib.md5(b''.join(chunk.audio.tobytes() for chunk in said)).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout != ""
