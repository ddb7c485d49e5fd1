"""The audio process: ``python -m engine.realtime.audio_process``.

First line in: an AudioConfig as JSON; first line out: ``{"ready": AudioFacts}`` or ``{"error": text}``; a standby says
``{"standby": {}}``. Each further line in is answered: ``{"graph": …}`` with ``{"graph": number, "faults": …}`` (why
plug-ins could not be loaded, by effect) or an error; of the standby also ``{"take_over": TakeOver}`` with ``{"ready":
…}``, ``{"look": {}}`` with ``{"missing": text}``: why the device that is wanted can't be had, or nothing, and, not
answered, ``{"states": …}``: what plug-ins of the process that plays have made of themselves, as that tells by itself.
It tells ``{"patch": …}``, too: what its ports are connected to on JACK; ``take_over`` brings that back.
``{"lost": text}`` is its last word when the device is gone. The end of the input, or SIGTERM, stops it. Logs go to
standard error.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from engine.errors import EngineError, OutputLost
from engine.platform import die_with_parent, wait_readable

log = logging.getLogger("audio")

PARENT_VARIABLE = "CUEVOX_PARENT_PID"
CHECK_SECONDS = 0.25
"""How often the main thread looks after the callback."""
NOT_NEEDED = ("scipy", "cffi", "yaml", "typing_extensions")
"""What numba and msgspec would load in case a kernel, a configuration or a type needs it: 0.3 s."""
SWITCH_SECONDS = 0.00003
"""How long the main thread may hold the interpreter while the callback waits for it (default: 5 ms).

It waits anew after every kernel and effect of a block: while a graph is built, some twenty times this.
"""


def main() -> None:
    """Run the process; its exit code is 0 after a clean stop, 1 after an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    answers = _private_stdout()
    _quiet_environment()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    die_with_parent(int(os.environ.get(PARENT_VARIABLE, os.getppid())))
    code = 1
    try:
        code = _serve(answers)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except Exception:  # the process's edge: below it leaves without the interpreter's own report
        log.exception("the audio process failed")
    finally:
        logging.shutdown()
        answers.flush()
        os._exit(code)  # PortAudio's own exit handler aborts when its JACK server is gone


def _private_stdout() -> IO[bytes]:
    """Return the real standard output; what C libraries print (JACK, ALSA) goes to standard error from now on."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return answers


def _quiet_environment() -> None:
    """No thread pools beside the callback; no sound server started by us. Before numpy is imported."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["JACK_NO_START_SERVER"] = "1"
    for name in NOT_NEEDED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    sys.setswitchinterval(SWITCH_SECONDS)


def _serve(answers: IO[bytes]) -> int:
    # Imported while the supervisor still gathers the configuration.
    from engine.mixer.compile import cache_folder, warm
    from engine.realtime.config import AudioConfig
    from engine.realtime.service import AudioService

    def answer(message: dict[str, Any]) -> None:
        answers.write(msgspec.json.encode(message) + b"\n")

    if not any(cache_folder().rglob("*.nbi")):
        log.warning("the mixer's kernels are compiled before the first sound, once: that takes a minute or two")
    warm()
    lines = _lines()
    first = next(filter(None, lines), None)  # control may try plug-ins before it says what is to be played
    if first is None:
        return 0
    service: AudioService | None = None
    try:
        config = msgspec.json.decode(first, type=AudioConfig)
        service = AudioService(config)
        if config.standby:
            service.prepare()
            answer({"standby": {}})
        else:
            answer({"ready": service.start()})
            service.settle()
        for line in lines:
            if not line:
                service.check()
            if said := service.obey(line) if line else service.news():
                answer(said)
    except OutputLost as error:
        answer({"lost": str(error)})
        os._exit(1)  # its driver is in no state to be stopped, and somebody waits to take over
    except (EngineError, msgspec.MsgspecError) as error:
        log.error("%s", error)
        answer({"error": str(error)})
        if service is not None and service.hangs:
            os._exit(1)
        return 1
    finally:
        if service is not None:
            service.stop()
    return 0


def _lines() -> Iterator[bytes]:
    """Yield the lines of standard input, and an empty one whenever ``CHECK_SECONDS`` have passed without one."""
    pending = b""
    while True:
        if not wait_readable(0, CHECK_SECONDS):
            yield b""
            continue
        chunk = os.read(0, 1 << 20)
        if not chunk:
            return
        *whole, pending = (pending + chunk).split(b"\n")
        yield from whole


if __name__ == "__main__":
    main()
