"""What `cuevox monitor` shows: the engine's values by address, drawn as one screen. No wire, no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bridge.routes import ROUTES

STATUS_NAMES = tuple(
    word.partition(":")[2] for row in ROUTES if row.address == "/status" for word in row.answers.split()
)
CAUSE_NAMES = tuple(
    arg.name.replace("_", " ") for row in ROUTES if row.address == "/engine/underflows" for arg in row.args
)
FLOOR_DB = -60.0
LEAST_DB = -0.05
"""A smaller reduction, by ducking or the limiter, is none."""
BAR = 24
NEWS = 6
STATE_STYLES = {"playing": "bold green", "ready": "", "failed": "bold red", "rendering": "yellow", "queued": "dim"}


class Picture:
    """Takes messages and draws. Everything is text that came over OSC; what has not come yet is left out."""

    def __init__(self) -> None:
        self._values: dict[str, Sequence[object]] = {}
        self._news: deque[Text] = deque(maxlen=NEWS)

    def take(self, messages: Iterable[Sequence[object]]) -> None:
        """Take in what the engine told: addresses, each with its values."""
        for name, *values in messages:
            address = str(name)
            if address.startswith("/event/") or address in ("/late", "/fail"):
                self._news.append(Text(f"{address}  {'  '.join(map(_shown, values))}", style="yellow"))
            else:
                self._values[address] = values

    def clear(self) -> None:
        """Know nothing any more: the engine is gone."""
        self._values.clear()

    def status(self, values: Sequence[object]) -> None:
        """Take in the answer to ``/status``."""
        self._values["/status"] = values

    def draw(self) -> RenderableType:
        """Return the screen."""
        parts: list[RenderableType] = [self._head(), self._strips(), self._lists(), self._times()]
        return Group(*parts, *self._news)

    def _head(self) -> Text:
        status = dict(zip(STATUS_NAMES, self._values.get("/status", ()), strict=False))
        if not status:
            return Text("waiting for the engine", style="dim")
        lost = _number(status["underflows"])
        line = Text.assemble(
            (f"{status['device']}", "bold"),
            f"  {status['sample_rate']} Hz, {status['block_frames']} frames, "
            f"{_number(status['latency_seconds']) * 1e3:.1f} ms   "
            f"load {_number(status['load_mean']):.1%}, most {_number(status['load_peak']):.0%}   ",
            (f"{lost:.0f} underflows{self._causes()}", "bold red" if lost else ""),
            f"   {status['late_starts']} late   {status['players']} players   "
            f"control {_number(status['loop_lag_seconds']) * 1e3:.1f} ms   "
            f"takes {status['takes_ready']}/{status['takes_wanted']}",
        )
        playing = "playing" if self._value("/transport/playing") else "stopped"
        end = f" of {self._value('/transport/end'):.1f}"
        return line.append(f"\ntimeline {playing} at {self._value('/transport/position'):.1f}{end} s")

    def _causes(self) -> str:
        """Tell in brackets what underflows came from, the commonest cause first."""
        counts = zip(self._values.get("/engine/underflows", ()), CAUSE_NAMES, strict=False)
        told = [
            f"{count:.0f} {name}" for count, name in sorted(((_number(c), n) for c, n in counts), reverse=True) if count
        ]
        return f" ({', '.join(told)})" if told else ""

    def _strips(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("strip", "peak, RMS", "dBFS", "gain dB", "pan", "less dB", ""):
            table.add_column(name, justify="left" if name in ("strip", "peak, RMS", "") else "right")
        for strip, *levels in _chunks(self._values.get("/meters", ()), 5):
            numbers = [_number(level) for level in levels]
            peak = max(numbers[:2])
            flags = Text()
            if self._value(f"/strip/{strip}/mute"):
                flags.append("M ", "bold red")
            if self._value(f"/strip/{strip}/solo"):
                flags.append("S", "bold yellow")
            gain, pan, less = (self._value(f"/strip/{strip}/{name}") for name in ("gain", "pan", "reduction"))
            meter, taken = _meter(peak, max(numbers[2:])), f"{less:.1f}" if less <= LEAST_DB else ""
            table.add_row(str(strip), meter, f"{peak:.1f}", f"{gain:.1f}", f"{pan:+.2f}", taken, flags)
        return table

    def _lists(self) -> Text:
        following = self._values.get("/cue/next", ("",))[0]
        text = Text("cues   ")
        for name, state in self._states("/cue/"):
            text.append(f"{'▶' if name == following else ''}{name} {state}  ", STATE_STYLES.get(state, ""))
        text.append("\nslots  ")
        for name, state in self._states("/slot/"):
            text.append(f"{name} {state}  ", STATE_STYLES.get(state, ""))
        return text

    def _states(self, prefix: str) -> Iterator[tuple[str, str]]:
        for address, values in self._values.items():
            if address.startswith(prefix) and address.endswith("/state"):
                yield address.removeprefix(prefix).removesuffix("/state"), str(values[0])

    def _times(self) -> Text:
        """Draw how long callbacks take, and which processes run."""
        counts = [int(_number(count)) for count in self._values.get("/engine/histogram", ())]
        text = Text("callback")
        most = max(counts, default=0)
        for place, count in enumerate(counts):
            if count:
                text.append(f"  ≤{_time(place)} ").append("▁▂▃▄▅▆▇█"[min(7, 8 * count // (most + 1))], "cyan").append(
                    f"{count}"
                )
        text.append("\nprocesses")
        for name, pid in _chunks(self._values.get("/engine/processes", ()), 2):
            text.append(f"  {name} {pid}")
        return text

    def _value(self, address: str) -> float:
        return _number(self._values.get(address, (0.0,))[0])


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _chunks(values: Sequence[object], size: int) -> Iterator[Sequence[object]]:
    return (values[i : i + size] for i in range(0, len(values) - size + 1, size))


def _time(place: int) -> str:
    us = 1 << place
    return f"{us} µs" if us < 1000 else f"{us / 1000:.0f} ms"


def _meter(peak_db: float, rms_db: float) -> Text:
    peak, rms = (round(BAR * max(0.0, 1.0 - level / FLOOR_DB)) for level in (peak_db, rms_db))
    rms, peak = min(rms, BAR), min(peak, BAR)
    style = "red" if peak_db > -1.0 else "yellow" if peak_db > -12.0 else "green"
    return Text.assemble(("█" * rms, style), ("▒" * max(0, peak - rms), style), "·" * (BAR - max(peak, rms)))
