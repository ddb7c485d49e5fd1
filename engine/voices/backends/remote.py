"""Voices of a server that speaks OpenAI's ``POST /v1/audio/speech``: vLLM-Omni, Kokoro, pocket-tts and others."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from engine.params import ParamSpec
from engine.voices.base import Abilities, Choice, Report, Setting, Settings, Text, Voice, unheard

LINES_PER_SERVER = 2
"""How many lines each server has at once, in batches: one sounds while the next is on its way."""

ALIGNED, CAPTIONED = "align", "captioned_speech"
WORDS = frozenset({ALIGNED, CAPTIONED})

SETTINGS: Mapping[str, Setting] = {
    "urls": Text(kind="the servers' addresses, commas between", default="http://127.0.0.1:8000"),
    "model": Text(kind="the model's name at the server", default="tts-1"),
    "voice": Text(kind="the voice's name at the server", default="alloy"),
    "instructions": Text(kind="how it is to be spoken"),
    "speed": ParamSpec(low=0.25, high=4.0, default=1.0),
    "sample_rate": ParamSpec(low=8000.0, high=96_000.0, default=24_000.0, unit="Hz"),
    "timeout_seconds": ParamSpec(low=0.1, high=600.0, default=20.0, unit="s"),
    "words": Choice(kind="source of word times", default=ALIGNED, allowed=lambda: WORDS),
    "key_variable": Text(kind="the environment variable that holds the API key", default="OPENAI_API_KEY"),
}


class RemoteBackend:
    """The row of the registry."""

    settings = SETTINGS
    abilities = Abilities(speed="speed", instruct="instructions", chance=True, longest=4000)

    def version(self) -> str:
        """Return ours; what the server's is, nobody says."""
        return "1"

    def model(self, settings: Settings) -> str:
        """Return the servers: one worker waits for them, so that nobody else does."""
        return f"remote {settings['urls']}"

    def batch(self, settings: Settings) -> int:
        """Return how many lines are asked for at once."""
        return LINES_PER_SERVER * max(1, len(addresses(settings)))

    def fingerprint(self, settings: Settings) -> str:  # noqa: ARG002
        """Return nothing: the settings say it all."""
        return ""

    def open(self, settings: Settings, report: Report = unheard) -> Voice:  # noqa: ARG002
        """Return a voice. Raises VoiceError for an address that is none."""
        voice: Voice = import_module("engine.voices.backends.remote_voice").RemoteVoice(settings)
        return voice

    def memory(self) -> dict[str, int]:
        """Return nothing: the memory is the server's."""
        return {}


def addresses(settings: Settings) -> list[str]:
    """Return the servers' addresses."""
    return [url for part in str(settings["urls"]).split(",") if (url := part.strip().rstrip("/"))]


BACKEND = RemoteBackend()
