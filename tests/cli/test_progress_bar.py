"""The bar of long work: how much is done, and the time left as the pace so far tells it."""

import io

import pytest
import rich.progress
from rich.console import Console

from bridge.cli import screen


class Clock:
    """A clock that goes when it is told to, in seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shown(monkeypatch):
    """Return ``shown((seconds, fraction), …)``: the line that stands there each time."""
    clock = Clock()
    console = Console(file=io.StringIO(), width=120, color_system=None)
    made: list[rich.progress.Progress] = []

    class Bars(rich.progress.Progress):
        def __init__(self, *columns, **more) -> None:
            super().__init__(*columns, auto_refresh=False, get_time=clock, **more)
            made.append(self)

    monkeypatch.setattr(screen, "people", console)
    monkeypatch.setattr(screen, "Progress", Bars)

    def run(*steps: tuple[float, float]) -> list[str]:
        lines = []
        with screen.progress_bar("export") as tell:
            for seconds, fraction in steps:
                clock.now = 100.0 + seconds
                tell(fraction, "mix")
                with console.capture() as line:
                    console.print(made[0].get_renderable())
                lines.append(line.get().splitlines()[0])
        return lines

    return run


def test_the_time_left_is_what_the_pace_so_far_says(shown):
    assert [line[-12:] for line in shown((1, 0.05), (2, 0.1), (4, 0.2), (10, 0.5), (20, 1.0))] == [
        "left -:--:--", "left 0:00:18", "left 0:00:16", "left 0:00:10", "left 0:00:00",
    ]  # fmt: skip


def test_it_grows_where_the_work_gets_slower(shown):
    lines = shown((10, 0.5), (20, 0.625), (30, 0.75))
    assert [line[-7:] for line in lines][1:] == ["0:00:30", "0:00:20"]


def test_what_is_done_and_the_time_it_took_stand_before_it(shown):
    (line,) = shown((65, 0.5))
    assert line.startswith("export ")
    assert "mix 0:01:05 left" in line
    assert line.count("━") >= 10
