"""Audio devices through PortAudio (sounddevice's only home)."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.errors import DeviceError
from engine.output.base import Ready, Render, nothing_to_do
from engine.output.channels import MAIN, told
from engine.output.jack_clock import JackClock, server_answers
from engine.output.jack_patch import JackPatch, Patch, open_patch

FIRST_BLOCK_SECONDS = 5.0
"""A device that has not asked for a block by then is broken."""

_JACK_NAME = ctypes.create_string_buffer(b"cuevox", 64)  # PortAudio keeps the pointer
_JACK_HOST = "JACK"
_ALSA_HOST = "ALSA"
_WASAPI_HOST = "Windows WASAPI"


class DeviceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A device that can play, or be listened to. default: it is taken when none is asked for."""

    number: int
    name: str
    host: str
    channels: int
    sample_rate: int
    default: bool
    way: Literal["input", "output"] = "output"

    @property
    def on_jack(self) -> bool:
        """Whether a JACK server is the device."""
        return self.host.startswith(_JACK_HOST)

    def __str__(self) -> str:
        return f"{self.number} {self.name!r} ({self.host}, {self.channels} {self.way}s, {self.sample_rate} Hz)"


def client_name(name: str) -> None:
    """Be known to JACK servers by ``name`` in this process; before any device is looked for."""
    _JACK_NAME.value = name.encode()[: len(_JACK_NAME) - 1]


def _name_on_jack() -> str:
    """Return by what name JACK knows this process: two of one name are told apart by it."""
    name = ctypes.c_char_p(_JACK_NAME.value)
    with contextlib.suppress(OSError, AttributeError):  # only where PortAudio was built with JACK
        ctypes.CDLL("libportaudio.so.2").PaJack_GetClientName(ctypes.byref(name))
    return (name.value or b"").decode()


def portaudio() -> Any:
    """Return the sounddevice module, with PortAudio started: that asks every driver for its devices."""
    with contextlib.suppress(OSError, AttributeError):  # only where PortAudio was built with JACK
        ctypes.CDLL("libportaudio.so.2").PaJack_SetClientName(_JACK_NAME)
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(f"PortAudio is not installed ({error}); use the null output or install it") from error
    if not sounddevice._initialized:
        sounddevice._initialize()
    return sounddevice


def forget_devices() -> None:
    """Let go of every driver; the next use asks them anew: a card was plugged in, a JACK server started or ended.

    No output may be open.
    """
    if "sounddevice" in sys.modules:
        sd = portaudio()
        while sd._initialized:
            sd._terminate()


def list_devices() -> tuple[DeviceInfo, ...]:
    """Return every device that can play. Raises DeviceError when PortAudio is missing."""
    return _listed("output")


def list_inputs() -> tuple[DeviceInfo, ...]:
    """Return every device that can be listened to. Raises DeviceError when PortAudio is missing."""
    return _listed("input")


def _listed(way: Literal["input", "output"]) -> tuple[DeviceInfo, ...]:
    sd = portaudio()
    hosts = [host["name"] for host in sd.query_hostapis()]
    able = [(number, d) for number, d in enumerate(sd.query_devices()) if d[f"max_{way}_channels"] > 0]
    default = sd.default.device[way == "output"]
    if default < 0:  # no sound card, but perhaps a JACK server
        default = next((number for number, d in able if _JACK_HOST in hosts[d["hostapi"]]), -1)
    listed = (
        DeviceInfo(
            number=number,
            name=d["name"],
            host=hosts[d["hostapi"]],
            channels=d[f"max_{way}_channels"],
            sample_rate=round(d["default_samplerate"]),
            default=number == default,
            way=way,
        )
        for number, d in able
    )
    return without_detour(tuple(listed))


def without_detour(devices: tuple[DeviceInfo, ...]) -> tuple[DeviceInfo, ...]:
    """Leave out ALSA's way to a JACK server that is there itself: it resamples, and has its name."""
    server = next((d for d in devices if d.on_jack), None)
    detours = [d for d in devices if server and (d.host, d.name) == (_ALSA_HOST, "jack")]
    leads = any(d.default for d in detours)
    return tuple(replace(d, default=True) if leads and d is server else d for d in devices if d not in detours)


def find_device(wanted: str | int | None, devices: tuple[DeviceInfo, ...], way: str = "output") -> DeviceInfo:
    """Return the device with that number, or whose name has that part; None: the default one.

    Raises DeviceError naming what there is, also when a part of a name fits several.
    """
    there = ", ".join(map(str, devices)) or "none"
    if wanted is None:
        fits = [d for d in devices if d.default]
    elif isinstance(wanted, int) or wanted.isdecimal():
        fits = [d for d in devices if d.number == int(wanted)]
    else:
        part = wanted.casefold()
        fits = [d for d in devices if part in f"{d.name}, {d.host}".casefold()]
        fits = [d for d in fits if part == d.name.casefold()] or fits
    if len(fits) == 1:
        return fits[0]
    if wanted is None:
        raise DeviceError(f"there is no default {way} device; there is: {there}")
    if not fits:
        raise DeviceError(f"no {way} device fits {str(wanted)!r}; there is: {there}")
    raise DeviceError(f"{str(wanted)!r} fits several {way} devices: {', '.join(map(str, fits))}")


def choose_device(wanted: Sequence[str | int | None], devices: tuple[DeviceInfo, ...]) -> DeviceInfo:
    """Return the first of ``wanted`` that is there. Raises DeviceError for the last of them."""
    for choice in wanted[:-1]:
        with contextlib.suppress(DeviceError):
            return find_device(choice, devices)
    return find_device(wanted[-1], devices)


def _found(wanted: Sequence[str | int | None]) -> DeviceInfo:
    """Return the first of ``wanted`` that is there.

    PortAudio looks for JACK once; a server that did not answer just then is looked for again. No output may be open.
    """
    try:
        return choose_device(wanted, list_devices())
    except DeviceError:
        if not server_answers():
            raise
        forget_devices()
        return choose_device(wanted, list_devices())


class DeviceOutput:
    """Plays through a device in the driver's thread: in stereo on its first two outputs, mixed down on a single one.

    wanted: see ``choose_device``. block_frames is a request; on JACK the server's period wins. private: the outputs
    that play private buses, see ``private_outputs``. patch: how it is to be connected on JACK; None: to the device.
    ``start`` returns after the first block, when ``block_frames`` and
    ``latency_frames`` tell what the driver really does.
    """

    def __init__(
        self,
        wanted: Sequence[str | int | None],
        sample_rate: int,
        block_frames: int,
        private: tuple[int, ...] = (),
        patch: Patch | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self._wanted, self._private = wanted, private
        self._device = _found(wanted)
        self.name = self._device.name
        self.steady = self._device.on_jack
        self.patch: JackPatch | None = None
        self._wanted_patch = patch
        self._jack: JackClock | None = None
        self._stream: Any = None
        self._latency_seconds = 0.0
        self._playing = threading.Event()

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Open the device and begin. Raises DeviceError, naming the device, its rate and its outputs."""
        sd = portaudio()
        self._device = _found(self._wanted)  # numbers may have moved since
        self._channels = self._needed(self._device)
        self._mixed = np.zeros((self.block_frames, self._width), np.float32)
        self._render = render
        self._playing.clear()
        self._jack = JackClock() if self._device.on_jack else None
        try:
            self._stream = sd.OutputStream(
                samplerate=self.sample_rate,
                blocksize=0 if self._jack else self.block_frames,  # other sizes than JACK's period only add jitter
                device=self._device.number,
                channels=self._channels,
                dtype="float32",
                latency="low",
                callback=self._callback,
                extra_settings=self._converting(sd),
            )
            self._latency_seconds = self._stream.latency
            ready()
            self._stream.start()
        except sd.PortAudioError as error:
            self.stop()
            raise DeviceError(self._refused(error)) from error
        if not self._playing.wait(FIRST_BLOCK_SECONDS):
            self.stop()
            raise DeviceError(f"device {self._device} does not ask for sound")
        self.latency_frames = round(self._latency_seconds * self.sample_rate)
        if self._jack is not None:
            self.patch = open_patch(_name_on_jack(), self._wanted_patch)

    def stop(self) -> None:
        """Stop the device and let go of all drivers: PortAudio's JACK client would stay in the graph."""
        stream, self._stream = self._stream, None
        jack, self._jack = self._jack, None
        patch, self.patch = self.patch, None
        if jack is not None and not server_answers():
            return  # PortAudio aborts the process when it takes leave of a server that is gone
        if stream is not None:
            stream.stop()
            stream.close()
        for guest in filter(None, (jack, patch)):
            guest.close()
        forget_devices()

    def answers(self) -> bool:
        """Return whether the driver is still there."""
        return server_answers() if self._jack is not None else bool(self._stream is not None and self._stream.active)

    @property
    def _width(self) -> int:
        """How many channels are mixed: the main mix, and private buses where somebody hears them."""
        return 2 * MAIN if self._private else MAIN

    def _needed(self, device: DeviceInfo) -> int:
        """Return how many outputs are opened. Raises DeviceError where there are too few."""
        if self._private and device.channels < self._private[-1]:
            has = f"{device.channels} output{'s' if device.channels > 1 else ''}"
            raise DeviceError(
                f"device {device} has {has}; private_output {told(self._private)} needs {self._private[-1]}: name"
                " others, or none, or another device"
            )
        return max(min(MAIN, device.channels), *self._private, 0)

    def _converting(self, sd: Any) -> Any:
        """Return what has the system resample for a device at another rate: WASAPI wants to be asked.

        CoreAudio does it by itself, ALSA where a device is a plug; others refuse.
        """
        if self._device.host == _WASAPI_HOST and self._device.sample_rate != self.sample_rate:
            return sd.WasapiSettings(auto_convert=True)
        return None

    def _refused(self, error: Exception) -> str:
        """Return what to tell when the device does not want to play."""
        text = f"can't play at {self.sample_rate} Hz on device {self._device}: {error}"
        if self._device.sample_rate == self.sample_rate:
            return text
        return (
            f"{text}. The story is at {self.sample_rate} Hz, the device at {self._device.sample_rate} Hz: set the"
            f" device to {self.sample_rate} Hz, or sample_rate: {self._device.sample_rate} in the story"
        )

    def _callback(self, out: NDArray[np.float32], frames: int, when: Any, flags: Any) -> None:
        if self._jack is not None:
            unix_seconds, lost = self._jack.cycle(frames)
        else:
            unix_seconds, lost = self._leaves_at(when), False
        if not self._playing.is_set():
            if self._jack is not None:
                self.block_frames = frames
                self._latency_seconds = when.outputBufferDacTime - when.currentTime
            self._playing.set()
        lost = lost or bool(flags.output_underflow)
        if self._channels == MAIN:
            self._render(out, unix_seconds, lost)
            return
        if frames > len(self._mixed):
            self._mixed = np.zeros((frames, self._width), np.float32)
        mixed = self._mixed[:frames]
        self._render(mixed, unix_seconds, lost)
        self._spread(mixed, out)

    def _spread(self, mixed: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Lay what was mixed onto the device's outputs."""
        if self._channels < MAIN:
            np.mean(mixed, axis=1, keepdims=True, out=out)
            return
        out[:] = 0.0
        out[:, :MAIN] = mixed[:, :MAIN]
        if len(self._private) == MAIN:
            out[:, self._private[0] - 1 : self._private[1]] = mixed[:, MAIN:]
        else:
            np.mean(mixed[:, MAIN:], axis=1, out=out[:, self._private[0] - 1])

    def _leaves_at(self, when: Any) -> float:
        """Return the wall time of the block: when it reaches the converter, less the device's nominal latency."""
        if self._stream is None or when.outputBufferDacTime == 0.0:  # a driver without a clock
            return time.time()
        ahead: float = when.outputBufferDacTime - self._stream.time
        return time.time() + ahead - self._latency_seconds
