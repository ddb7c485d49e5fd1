"""AAC in an .m4a file, by PyAV, which brings FFmpeg along: an extra, since nothing else here needs it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import ExportError

BIT_RATE_PER_CHANNEL = 128_000


def check_aac() -> None:
    """Raise ExportError where PyAV is not installed; it says how to install it."""
    if importlib.util.find_spec("av") is None:
        raise ExportError("AAC needs PyAV, which is not installed: pip install 'cuevox[aac]', or choose another format")


def write_aac(
    blocks: Iterator[NDArray[np.float32]], target: Path, *, sample_rate: int, channels: int, title: str = ""
) -> None:
    """Write blocks, shape (frames, channels), of -1 to 1.

    The encoder's lead-in is left out by the file's edit list, so what is played begins with the first frame.
    """
    import av

    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(target), "w", format="ipod") as container:
        container.metadata["title"] = title
        stream = container.add_stream("aac", rate=sample_rate, layout=layout)
        stream.bit_rate = BIT_RATE_PER_CHANNEL * channels
        place = 0
        for block in blocks:
            planar = np.ascontiguousarray(np.clip(block, -1.0, 1.0).T, np.float32)
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = sample_rate, place
            place += planar.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
