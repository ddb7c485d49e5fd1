"""espeak-ng's phonemes of English as those of pocketsphinx's model, for words that are not in its dictionary. Pure."""

from __future__ import annotations

_VOWELS = {
    "a": "AE", "aa": "AE", "a#": "AH", "A": "AA", "A:": "AA", "A@": "AA R", "0": "AA", "0#": "AA", "O": "AO",
    "O:": "AO", "O2": "AO", "O@": "AO R", "o@": "AO R", "V": "AH", "@": "AH", "@2": "AH", "@5": "AH", "@L": "AH L",
    "@l": "AH L", "3": "ER", "3:": "ER", "I": "IH", "I2": "IH", "I#": "IH", "i": "IY", "i:": "IY", "U": "UH",
    "u": "UW", "u:": "UW", "E": "EH", "E#": "EH", "e": "EH", "e@": "EH R", "e:": "EH R", "i@": "IH R", "i@3": "IH R",
    "i3": "IH R", "U@": "UH R", "eI": "EY", "aI": "AY", "OI": "OY", "aU": "AW", "oU": "OW", "oU#": "OW",
    "aI@": "AY AH", "aI3": "AY ER", "aU@": "AW ER", "o": "OW", "W": "UH", "y": "UW", "y:": "UW", "Y": "ER",
    "A~": "AA N", "O~": "AO N", "E~": "AE N",
}  # fmt: skip
_CONSONANTS = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G", "f": "F", "v": "V", "T": "TH", "D": "DH", "s": "S",
    "z": "Z", "S": "SH", "Z": "ZH", "tS": "CH", "dZ": "JH", "m": "M", "n": "N", "N": "NG", "l": "L", "l#": "L",
    "r": "R", "r-": "R", "w": "W", "w#": "W", "j": "Y", "h": "HH", "t#": "T", "t2": "T", "d#": "D", "n-": "AH N",
    "m-": "AH M", "l-": "AH L", "x": "K", "C": "HH", "R": "R", "?": "", "B": "V", "Q": "G", "G": "G", "l^": "L Y",
    "n^": "N Y", "c": "K",
}  # fmt: skip
_ALL = {**_VOWELS, **_CONSONANTS}
_STRESS = "'," + "=%_:|;"


def arpabet(phonemes: str) -> str:
    """Return ARPABET for espeak-ng's phonemes, a space between each; "" where none is known."""
    made = [_sound(phoneme) for phoneme in phonemes.split()]
    return " ".join(sound for sound in made if sound)


def _sound(phoneme: str) -> str:
    """Return the sound of one phoneme: the longest beginning of it that is known, then the rest."""
    rest, sounds = phoneme.lstrip(_STRESS), []
    while rest:
        known = next((rest[:n] for n in range(len(rest), 0, -1) if rest[:n] in _ALL), "")
        if known:
            sounds.append(_ALL[known])
        rest = rest[len(known) or 1 :]
    return " ".join(sound for sound in sounds if sound)
