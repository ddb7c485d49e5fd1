"""Pulling a model beside a running engine: what can't begin is refused at once; the pulls themselves need a hub."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.commands import PullModel
from engine.control.job_tasks import JobTasks
from engine.control.puller import MAX_PULLED, Puller
from engine.errors import BadRange, Busy, ModelMissing
from engine.realtime.notes import Notes


def test_what_can_t_begin_is_refused_at_once_and_leaves_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: object) -> tuple[str, float]:
        await asyncio.Event().wait()
        return "", 0.0

    monkeypatch.setattr(Puller, "_pull", wait)

    async def main() -> None:
        notes, tasks = Notes(), JobTasks(lambda _: None)
        puller = Puller(tmp_path, notes, tasks)
        with pytest.raises(BadRange, match="is on this machine already"):
            puller.begin("1", PullModel(model="./mine"))
        with pytest.raises(ModelMissing, match="no model named 'pocket'; give a folder, a hub id"):
            puller.begin("1", PullModel(model="pocket"))
        assert not notes.all("") and not tasks.jobs()
        for number in range(MAX_PULLED):
            puller.begin(str(number), PullModel(model="anna/voice"))
        with pytest.raises(Busy, match=f"{MAX_PULLED} models are being pulled already"):
            puller.begin("more", PullModel(model="anna/voice"))
        await tasks.close()  # as at the end of its process
        heir = Puller(tmp_path, notes, JobTasks(lambda _: None))
        assert heir.recall() == () and len(notes.all("")) == MAX_PULLED

    asyncio.run(main())
