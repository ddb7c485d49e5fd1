"""A subset of SSML: speak, p, s, break, emphasis, phoneme, sub, prosody. Anything else is refused by name. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from xml.parsers import expat

import msgspec

from engine.speech.parts import PLAIN, Marked, MarkupError, Part, Pause, Said, Tone, pause

_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.35, "x-fast": 1.75}
_PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
_VOLUMES = {"silent": -60.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0}
_ENDS = {"p": 0.6, "s": 0.3}
"""The pause behind a paragraph, and behind a sentence."""

_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "speak": frozenset({"version"}),
    "p": frozenset(),
    "s": frozenset(),
    "break": frozenset({"time", "strength"}),
    "emphasis": frozenset({"level"}),
    "phoneme": frozenset({"alphabet", "ph"}),
    "sub": frozenset({"alias"}),
    "prosody": frozenset({"rate", "pitch", "volume"}),
}
_ALPHABETS = frozenset({"espeak", "x-espeak"})
_TIME = re.compile(r"\+?(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>ms|s)")
_NUMBER = re.compile(r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?P<unit>%|st|dB)?")
_SPEEDS, _SEMITONES, _GAINS = (0.25, 4.0), (-24.0, 24.0), (-60.0, 24.0)


class _Open(msgspec.Struct, frozen=True, kw_only=True):
    """What holds inside an element. alias: said instead of its text."""

    name: str
    tone: Tone = PLAIN
    emphasis: bool = False
    phonemes: str = ""
    alias: str = ""


def is_ssml(text: str) -> bool:
    """Return whether a line's text is SSML."""
    return re.match(r"\s*<speak[\s>/]", text) is not None


def read_ssml(text: str) -> Marked:
    """Return the parts of an SSML text. Raises MarkupError."""
    reader = _Reader(text)
    return Marked(parts=tuple(reader.parts), notes=tuple(dict.fromkeys(reader.notes)))


class _Reader:
    """Reads one document; positions are characters of the text."""

    def __init__(self, text: str) -> None:
        self.parts: list[Part] = []
        self.notes: list[str] = []
        self._text = text
        self._data = text.encode("utf-8", "surrogatepass")
        self._is_ascii = len(self._data) == len(text)
        self._open: list[_Open] = []
        self._inside: list[Said] = []
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            raise MarkupError(f"SSML that can't be read: {error}") from error

    @property
    def _place(self) -> int:
        at = self._parser.CurrentByteIndex
        return at if self._is_ascii else len(self._data[:at].decode("utf-8", "surrogatepass"))

    def _doctype(self, *_: object) -> None:
        raise MarkupError("SSML with a document type is not read; take <!DOCTYPE …> out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name not in _ATTRIBUTES:
            raise MarkupError(f"<{name}> of SSML is not read; there is: {', '.join(_ATTRIBUTES)}")
        for key in attributes:
            if key.startswith(("xml", "xsi:")):
                self.notes.append(f"{key} of SSML makes no difference: the voice's preset says what it speaks")
            elif key not in _ATTRIBUTES[name]:
                allowed = ", ".join(sorted(_ATTRIBUTES[name])) or "nothing"
                raise MarkupError(f"<{name} {key}=…> of SSML is not read; <{name}> has {allowed}")
        outer = self._open[-1] if self._open else _Open(name="")
        if outer.alias or outer.phonemes:
            raise MarkupError(f"<{outer.name}> of SSML holds text only, not <{name}>")
        if name == "break":
            self.parts.append(_break(attributes))
        self._open.append(_opened(name, attributes, outer))

    def _end(self, name: str) -> None:
        closed = self._open.pop()
        if closed.alias or closed.phonemes:
            self._whole(closed)
        if name in _ENDS:
            self.parts.append(Pause(seconds=_ENDS[name]))

    def _whole(self, closed: _Open) -> None:
        """Lay down what stands for an element as a whole."""
        inside, self._inside = self._inside, []
        if not inside:
            raise MarkupError(f"<{closed.name}> of SSML holds no text")
        text = "".join(part.text for part in inside)
        said = Said(text=text, start=inside[0].start, end=inside[-1].end, say=closed.alias, phonemes=closed.phonemes)
        self.parts.append(msgspec.structs.replace(said, emphasis=closed.emphasis, tone=closed.tone))

    def _characters(self, text: str) -> None:
        here, start = self._open[-1], self._place
        if here.name == "break" and text.strip():
            raise MarkupError("<break> of SSML holds no text")
        end = self._text.index(";", start) + 1 if self._text[start] == "&" else start + len(text)
        said = Said(text=text, start=start, end=end, emphasis=here.emphasis, tone=here.tone)
        (self._inside if here.alias or here.phonemes else self.parts).append(said)


def _opened(name: str, attributes: Mapping[str, str], outer: _Open) -> _Open:
    inner = msgspec.structs.replace(outer, name=name)
    if name == "emphasis":
        level = attributes.get("level", "moderate")
        if level not in ("none", "moderate", "strong"):
            raise MarkupError(f"<emphasis level={level!r}> of SSML is not read; there is: none, moderate, strong")
        return msgspec.structs.replace(inner, emphasis=level != "none")
    if name == "sub":
        return msgspec.structs.replace(inner, alias=_needed(name, "alias", attributes))
    if name == "phoneme":
        alphabet = attributes.get("alphabet", "espeak")
        if alphabet not in _ALPHABETS:
            raise MarkupError(f"<phoneme alphabet={alphabet!r}> of SSML is not read; there is: espeak")
        return msgspec.structs.replace(inner, phonemes=_needed(name, "ph", attributes))
    return msgspec.structs.replace(inner, tone=_prosody(attributes).within(outer.tone)) if name == "prosody" else inner


def _needed(name: str, key: str, attributes: Mapping[str, str]) -> str:
    value = attributes.get(key, "").strip()
    if not value or any(sign in value for sign in "[]"):
        raise MarkupError(f"<{name}> of SSML needs {key}=…, without brackets")
    return value


def _break(attributes: Mapping[str, str]) -> Pause:
    if "time" in attributes:
        found = _TIME.fullmatch(attributes["time"].strip())
        if found is None:
            raise MarkupError(f"<break time={attributes['time']!r}> of SSML: write 500ms or 1.5s")
        seconds = float(found["number"]) / (1000.0 if found["unit"] == "ms" else 1.0)
        return pause(seconds, f"<break time={attributes['time']!r}>")
    strength = attributes.get("strength", "medium")
    if strength not in _BREAKS:
        raise MarkupError(f"<break strength={strength!r}> of SSML is not read; there is: {', '.join(_BREAKS)}")
    return Pause(seconds=_BREAKS[strength])


def _prosody(attributes: Mapping[str, str]) -> Tone:
    speed = _value("rate", attributes, _RATES, _speed, _SPEEDS, "0.8, 80% or -20%", 1.0)
    pitch = _value("pitch", attributes, _PITCHES, _pitch, _SEMITONES, "+2st or -10%", 0.0)
    gain = _value("volume", attributes, _VOLUMES, _gain, _GAINS, "-6dB", 0.0)
    return Tone(speed=speed, pitch_semitones=pitch, gain_db=gain)


def _value(
    name: str,
    attributes: Mapping[str, str],
    words: Mapping[str, float],
    read: Callable[[float, str, bool], float | None],
    limits: tuple[float, float],
    forms: str,
    default: float,
) -> float:
    """Return one attribute of prosody. Raises MarkupError, with what is allowed."""
    told = attributes.get(name, "default").strip()
    found = _NUMBER.fullmatch(told)
    value = words.get(told) if told != "default" else default
    if found is not None:
        value = read(float(found["number"]), found["unit"] or "", told[0] in "+-")
    if value is None or not limits[0] <= value <= limits[1]:
        allowed = f"{', '.join(words)}, or {forms}; at most {limits[0]:g} to {limits[1]:g}"
        raise MarkupError(f"<prosody {name}={told!r}> of SSML is not read; there is: {allowed}")
    return value


def _speed(number: float, unit: str, signed: bool) -> float | None:
    if unit == "%":
        return (100.0 + number if signed else number) / 100.0
    return None if unit or signed else number


def _pitch(number: float, unit: str, signed: bool) -> float | None:
    if unit == "st":
        return number
    ratio = 1.0 + number / 100.0
    return 12.0 * math.log2(ratio) if unit == "%" and signed and ratio > 0.0 else None


def _gain(number: float, unit: str, signed: bool) -> float | None:  # noqa: ARG001 - dB may stand without a sign
    return number if unit == "dB" else None
