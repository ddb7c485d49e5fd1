"""Devices of other rates and channel counts, up to the edge of PortAudio: what it is asked for, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sounddevice

from engine.errors import DeviceError
from engine.output import device as devices
from engine.output.device import DeviceOutput

Audio = np.ndarray


class Stream:
    """A stream that asks for one block as soon as it starts."""

    latency, time, active = 0.01, 0.0, True

    def __init__(self, **asked: Any) -> None:
        self.asked = asked
        self.heard = np.full((asked["blocksize"], asked["channels"]), np.nan, np.float32)

    def start(self) -> None:
        when = SimpleNamespace(outputBufferDacTime=0.0, currentTime=0.0)
        callback: Callable[..., None] = self.asked["callback"]
        callback(self.heard, len(self.heard), when, SimpleNamespace(output_underflow=False))

    def stop(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Card:
    """PortAudio with one device, which plays at its own rate only, unless it is asked to convert."""

    PortAudioError, WasapiSettings = sounddevice.PortAudioError, sounddevice.WasapiSettings
    default = SimpleNamespace(device=(-1, 0))

    def __init__(self, host: str, channels: int, rate: float) -> None:
        self._host, self._channels, self._rate = host, channels, rate
        self.stream: Stream | None = None

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": self._host}]

    def query_devices(self) -> list[dict[str, Any]]:
        device = {"name": "Card", "hostapi": 0, "default_samplerate": self._rate}
        return [{**device, "max_output_channels": self._channels}]

    def OutputStream(self, **asked: Any) -> Stream:  # noqa: N802
        converts = asked["extra_settings"] is not None
        if asked["samplerate"] != self._rate and not converts:
            raise self.PortAudioError("Error opening OutputStream: Invalid sample rate", -9997)
        self.stream = Stream(**asked)
        return self.stream


def opened(monkeypatch: pytest.MonkeyPatch, host: str, channels: int, rate: float) -> Card:
    card = Card(host, channels, rate)
    monkeypatch.setattr(devices, "portaudio", lambda: card)
    monkeypatch.setattr(devices, "forget_devices", lambda: None)
    DeviceOutput((None,), 48000, 64).start(lambda out, when, lost: out.__setitem__(slice(None), (0.5, 0.25)))
    return card


@pytest.mark.parametrize("host", ["ALSA", "JACK Audio Connection Kit", "ASIO"])
def test_a_refusal_names_the_device_what_was_wanted_and_what_it_offers(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr(devices, "JackClock", lambda: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(devices, "server_answers", lambda: True)
    with pytest.raises(DeviceError) as refused:
        opened(monkeypatch, host, 8, 44100.0)
    told = str(refused.value)
    assert f"can't play at 48000 Hz on device 0 'Card' ({host}, 8 outputs, 44100 Hz)" in told
    assert "Invalid sample rate" in told
    assert told.endswith("set the device to 48000 Hz, or sample_rate: 44100 in the story")


def test_wasapi_is_asked_to_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    card = opened(monkeypatch, "Windows WASAPI", 2, 44100.0)
    assert card.stream is not None and card.stream.asked["samplerate"] == 48000
    assert isinstance(card.stream.asked["extra_settings"], sounddevice.WasapiSettings)
    assert opened(monkeypatch, "Windows WASAPI", 2, 48000.0).stream.asked["extra_settings"] is None  # type: ignore[union-attr]


@pytest.mark.parametrize(("channels", "asked", "heard"), [(1, 1, [0.375]), (2, 2, [0.5, 0.25]), (64, 2, [0.5, 0.25])])
def test_any_count_of_outputs_plays(
    monkeypatch: pytest.MonkeyPatch, channels: int, asked: int, heard: list[float]
) -> None:
    stream = opened(monkeypatch, "Core Audio", channels, 48000.0).stream
    assert stream is not None and stream.asked["channels"] == asked
    np.testing.assert_array_equal(stream.heard, np.tile(np.float32(heard), (64, 1)))
