"""An outlet: ``python -m engine.io.outlet_process`` plays what comes through a ring on a sound device of its own.

First line in: an OutletConfig as JSON; each line out: an OutletState. It waits for a device that is not there; one that
is lost ends it, since its driver is in no state to be used again, and the io process starts another one. The end of the
input stops it. A process of its own: the callback shares the interpreter with nobody, and a driver that crashes takes
nothing with it.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import DeviceError
from engine.io.clocks.elastic import Elastic
from engine.io.outlet_messages import OutletConfig, OutletState
from engine.output.base import Output
from engine.output.null import NullOutput
from engine.platform import Grant, die_with_parent, raise_priority, silent_stderr, wait_readable
from engine.realtime.config import NULL_DEVICE
from engine.realtime.fades import Curtain
from engine.realtime.memory import Segment
from engine.realtime.sound_ring import RING_FRAMES, SoundReader

log = logging.getLogger("outlet")

TELL_SECONDS = 0.5
RETRY_SECONDS = 2.0
"""How often a device that is not there is looked for."""
QUIET_SECONDS, DEAF_SECONDS = 0.5, 3.0
"""A device that asks for nothing for so long is gone, if it does not answer either; or in any case."""
CURTAIN_SECONDS, SHUT_SECONDS = 0.005, 0.5
MARGIN_SECONDS = 0.010
"""What is kept beyond a block of either side: what comes a little late is heard in time."""
LEAVE_SECONDS = 1.5
"""How long a driver may take to let go."""
SWITCH_SECONDS = 0.0002


class Outlet:
    """Takes sound from the ring and gives it to a device. ``render`` is its callback; the rest is the main thread's."""

    def __init__(self, ring: SoundReader, in_rate: int, out_rate: int, block_seconds: float) -> None:
        self.callbacks = 0
        self.elastic = Elastic(in_rate, out_rate, block_seconds + MARGIN_SECONDS)
        self.curtain = Curtain(max(1, round(CURTAIN_SECONDS * out_rate)))
        self.shut = False
        self._ring = ring
        self._came = np.zeros((RING_FRAMES, 2), np.float32)
        self._priority: Grant | None = None
        ring.skip()

    def render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:  # noqa: ARG002 - a Render
        """Fill a block."""
        if self._priority is None:
            self._priority = raise_priority()
        count = self._ring.read(self._came)
        if count:
            self.elastic.put(self._came[:count], self._ring.written_ns * 1e-9)
        self.elastic.give(out, time.monotonic())
        self.shut = self.curtain.apply(out)
        self.callbacks += 1

    def state(self, output: Output) -> OutletState:
        """Return how it goes."""
        elastic = self.elastic
        return OutletState(
            state="playing",
            device=output.name,
            sample_rate=output.sample_rate,
            latency_seconds=elastic.aim_seconds + output.latency_frames / output.sample_rate,
            fill_seconds=elastic.fill_seconds,
            aim_seconds=elastic.aim_seconds,
            ppm=elastic.drift.ppm,
            dry=elastic.dry,
            over=elastic.over,
            lost_frames=elastic.lost_frames,
        )


class OutletProcess:
    """One process: waits for its device, plays, tells."""

    def __init__(self, config: OutletConfig, answers: IO[bytes]) -> None:
        self._config, self._answers = config, answers
        self._ring = SoundReader(Segment.attach(*config.ring))

    def run(self) -> int:
        """Play until the input ends; return the exit code."""
        while True:
            try:
                output, outlet = self._open()
                break
            except DeviceError as error:
                self._tell(OutletState(state="missing", text=str(error)))
            if _ended(RETRY_SECONDS):
                return 0
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the input ends too, and then it fades out
        gc.collect()
        gc.freeze()
        self._tell(outlet.state(output))
        heard, heard_at = 0, time.monotonic()
        while not _ended(TELL_SECONDS):
            now = time.monotonic()
            if outlet.callbacks != heard:
                heard, heard_at = outlet.callbacks, now
            elif now - heard_at > DEAF_SECONDS or (now - heard_at > QUIET_SECONDS and not output.answers()):
                self._tell(OutletState(state="lost", text=f"device {output.name!r} asks for no more sound"))
                return 1
            self._tell(outlet.state(output))
        leaving = threading.Timer(LEAVE_SECONDS, os._exit, (0,))  # its server may be gone
        leaving.daemon = True
        leaving.start()
        _fade_out(outlet)
        output.stop()
        return 0

    def _open(self) -> tuple[Output, Outlet]:
        """Open the device and begin. Raises DeviceError."""
        output = self._output()
        longest = max(self._config.block_frames / self._config.sample_rate, output.block_frames / output.sample_rate)
        outlet = Outlet(self._ring, self._config.sample_rate, output.sample_rate, 2.0 * longest)
        output.start(outlet.render)
        return output, outlet

    def _output(self) -> Output:
        """Return the device at its own rate, which need not be the engine's. Raises DeviceError."""
        rate, block = self._config.sample_rate, self._config.block_frames
        if self._config.device == NULL_DEVICE:
            return NullOutput(rate, block)
        from engine.output.device import DeviceOutput, choose_device, client_name, forget_devices, list_devices

        client_name(self._config.name)
        wanted = (self._config.device or None,)
        with silent_stderr():  # no device is no news here
            forget_devices()
            device = choose_device(wanted, list_devices())
        return DeviceOutput(wanted, device.sample_rate, block)

    def _tell(self, state: OutletState) -> None:
        self._answers.write(msgspec.json.encode(state) + b"\n")


def _fade_out(outlet: Outlet) -> None:
    outlet.curtain.close()
    deadline = time.monotonic() + SHUT_SECONDS
    while not outlet.shut and time.monotonic() < deadline:
        time.sleep(CURTAIN_SECONDS)


def _ended(seconds: float) -> bool:
    """Return whether the input has ended, within ``seconds``; nothing else comes in."""
    return wait_readable(0, seconds) and not os.read(0, 1)


def main() -> None:
    """Run the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what C libraries print goes to standard error
    os.environ["JACK_NO_START_SERVER"] = "1"
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    die_with_parent(int(os.environ.get("CUEVOX_PARENT_PID", os.getppid())))
    code = 1
    try:
        config = msgspec.json.decode(sys.stdin.buffer.readline(), type=OutletConfig)
        code = OutletProcess(config, answers).run()
    except Exception:  # the process's edge: below it leaves without the interpreter's own report
        log.exception("an outlet failed")
    finally:
        logging.shutdown()
        os._exit(code)  # PortAudio's own exit handler aborts when its JACK server is gone


if __name__ == "__main__":
    main()
