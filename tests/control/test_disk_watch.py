"""The disk watch tells each state once, and early."""

from pathlib import Path

from engine.control.disk_watch import FULL_BYTES, LOW_BYTES, DiskWatch


def test_each_state_is_told_once():
    told = []
    watch = DiskWatch(Path("/takes"), told.extend)
    for free in (LOW_BYTES, LOW_BYTES - 1, LOW_BYTES // 2, FULL_BYTES - 1, 0, LOW_BYTES - 1, LOW_BYTES):
        watch.judge(free)
    assert [event.state for event in told] == ["low", "full", "low", "ok"]
    assert told[1].free_mb < 68 and told[0].folder == "/takes"
