"""An audio device that is listened to, through PortAudio. The io process, or whoever has time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError
from engine.input.base import UNKNOWN, Hear
from engine.output.device import find_device, forget_devices, list_inputs, portaudio
from engine.output.jack_clock import JackClock, server_answers


class DeviceInput:
    """Some channels of a device. wanted: its number or a part of its name; empty: the system's own.

    channels: from 1, in the order in which they are handed over. Raises DeviceError.
    """

    def __init__(self, wanted: str, sample_rate: int, channels: tuple[int, ...]) -> None:
        self._rate, self._picked = sample_rate, [channel - 1 for channel in channels]
        self._device = find_device(wanted or None, list_inputs(), "input")
        if max(channels) > self._device.channels:
            raise DeviceError(f"device {self._device} has no channel {max(channels)}")
        self.name = self._device.name
        self._jack: JackClock | None = None
        self._stream: Any = None

    def start(self, hear: Hear) -> None:
        """Open the device and begin. Raises DeviceError, naming the device and its rate."""
        sd = portaudio()
        self._hear = hear
        self._jack = JackClock() if self._device.on_jack else None
        try:
            self._stream = sd.InputStream(
                samplerate=self._rate,
                blocksize=0,
                device=self._device.number,
                channels=max(self._picked) + 1,
                dtype="float32",
                latency="high",  # nobody waits for it: what counts is that nothing gets lost
                callback=self._callback,
            )
            self._stream.start()
        except sd.PortAudioError as error:
            self.stop()
            raise DeviceError(f"can't listen at {self._rate} Hz to device {self._device}: {error}") from error

    def stop(self) -> None:
        """Stop the device and let go of all drivers."""
        stream, self._stream = self._stream, None
        jack, self._jack = self._jack, None
        if jack is not None and not server_answers():
            return  # PortAudio aborts the process when it takes leave of a server that is gone
        if stream is not None:
            stream.stop()
            stream.close()
        if jack is not None:
            jack.close()
        forget_devices()

    def answers(self) -> bool:
        """Return whether the driver is still there."""
        return server_answers() if self._jack is not None else bool(self._stream is not None and self._stream.active)

    def _callback(self, data: NDArray[np.float32], frames: int, when: Any, flags: Any) -> None:
        late = when.currentTime - when.inputBufferAdcTime if when.inputBufferAdcTime else 0.0
        if self._jack is not None:
            unix_seconds, _ = self._jack.cycle(frames)
            lost = max(0, self._jack.lost_frames)
        elif when.inputBufferAdcTime and self._stream is not None:
            unix_seconds = time.time() - (self._stream.time - when.currentTime)
            lost = UNKNOWN if flags.input_overflow else 0
        else:  # a driver without a clock
            unix_seconds = time.time() - frames / self._rate
            lost = UNKNOWN if flags.input_overflow else 0
        self._hear(data[:, self._picked], unix_seconds - late, lost)
