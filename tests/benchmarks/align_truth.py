"""Recordings whose words are known to the synthesiser that made them: flite's and festival's voices, from Debian."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from engine.errors import VoiceError
from engine.speech.align.heard import at_rate
from engine.voices.backends.flite import FliteBackend

FLITE = ("slt", "rms", "awb", "kal16")
FESTIVAL = ("cmu_us_slt_arctic_hts", "kal_diphone")
HELD_OUT = "flite awb"
"""Told apart from the rest. The aligners' offset and weights were chosen on all six voices, this one among them: it
shows one voice by itself, and proves nothing about strangers."""

SENTENCES = (
    "The lamp on the pier went out shortly before midnight.",
    "Nobody had told the keeper that a ship was coming in.",
    "Fresh bread and salted butter stood on the kitchen table.",
    "She folded the letter twice and put it under the clock.",
    "A small brown dog ran after the last tram of the evening.",
    "Seven boats were tied to the wall below the old fort.",
    "Please turn the second valve until the needle drops.",
    "The road bends left behind the mill and climbs the hill.",
    "Rain had washed the chalk marks from the garden path.",
    "His brother sold honey and candles at the Friday market.",
    "We heard three slow knocks, then the sound of a key.",
    "The judge asked the tall man to sit down and be quiet.",
    "Most of the apples were gone when the wagon arrived.",
    "Keep the blue cable away from the hot side of the engine.",
    "Her voice was calm, but her hands would not stop shaking.",
    "The train to the coast leaves from platform nine at noon.",
    "A thin layer of ice covered the bucket by the door.",
    "They played cards for matches until the storm was over.",
    "Write your name on the top line and the date below it.",
    "The baker closed his shop and walked home along the river.",
    "It took two strong men to lift the bell from its frame.",
    "Open the window a little, the room smells of paint.",
    "The captain looked at the map and shook his head.",
    "Every child in the village knew the song about the fox.",
    "Cold soup and warm beer were all that the inn could offer.",
    "The clock in the hall struck four while we were talking.",
    "Put the silver spoons back before your aunt comes down.",
    "An owl called once from the edge of the dark wood.",
    "The price of coal went up again in the middle of winter.",
    "He carried the ladder across the yard without a word.",
    "Black smoke rose from the chimney of the empty house.",
    "The actors bowed, and the curtain fell for the last time.",
    "My uncle keeps his best tools in a box beneath the stairs.",
    "The lake was so still that the stars lay upon it.",
    "Someone had painted a yellow bird on the broken gate.",
    "You will need a sharp knife, some string and good light.",
    "The guard yawned and turned another page of his book.",
    "Long after the music stopped they were still dancing.",
    "The ink was dry, yet the paper felt strangely warm.",
    "Tell the driver to wait for us behind the theatre.",
)

_SAY = """(set! u (SynthText "{text}"))
(utt.save.wave u "{file}" 'riff)
(mapcar (lambda (w) (format t "WORD {number} %f\\n" (item.feat w "word_start"))) (utt.relation.items u 'Word))
"""


class Spoken(msgspec.Struct, frozen=True):
    """A sentence as a voice says it, mono at 16 kHz, and when each of its words begins."""

    voice: str
    text: str
    audio: np.ndarray
    starts: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.audio) / 16_000


def ground_truth(folder: Path, sentences: tuple[str, ...] = SENTENCES) -> list[Spoken]:
    """Return every sentence by every voice that is installed."""
    made = [each for speaker in FLITE for each in _flite(speaker, sentences)]
    if shutil.which("festival"):
        made += [each for voice in FESTIVAL for each in _festival(voice, sentences, folder)]
    return [each for each in made if len(each.starts) == len(each.text.split())]


def _flite(speaker: str, sentences: tuple[str, ...]) -> list[Spoken]:
    try:
        voice = FliteBackend().open({"speaker": speaker})
    except VoiceError:
        return []
    made = []
    for text in sentences:
        (chunk,) = voice.speak(text)
        starts = tuple(word.start_frame / voice.sample_rate for word in chunk.words)
        made.append(Spoken(f"flite {speaker}", text, at_rate(chunk.audio, voice.sample_rate), starts))
    return made


def _festival(voice: str, sentences: tuple[str, ...], folder: Path) -> list[Spoken]:
    files = [folder / f"{voice}-{number}.wav" for number in range(len(sentences))]
    told = [_SAY.format(text=text, file=files[n], number=n) for n, text in enumerate(sentences)]
    script = folder / f"{voice}.scm"
    script.write_text(f"(voice_{voice})\n" + "".join(told))
    done = subprocess.run(["festival", "-b", str(script)], capture_output=True, text=True, check=False)
    starts: dict[int, list[float]] = {}
    for number, start in re.findall(r"WORD (\d+) ([\d.]+)", done.stdout):
        starts.setdefault(int(number), []).append(float(start))
    made = []
    for number, found in starts.items():
        audio, rate = soundfile.read(files[number], dtype="float32")
        made.append(Spoken(f"festival {voice}", sentences[number], at_rate(audio, rate), tuple(found)))
    return made
