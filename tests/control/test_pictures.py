"""Pictures of a running engine's story: one that takes too long is given up, said so, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.control import pictures
from engine.control.pictures import Pictures
from engine.errors import ExportError
from engine.export.picture_process import PictureOrder
from tests.session.studio import small_story


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_may_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = PictureOrder(
        story=small_story(), kind="svg", folder=str(tmp_path), takes_folder=str(tmp_path / "takes"), voice_folders=(),
        speak_with="",
    )  # fmt: skip
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def note(*args: str, **more: int) -> asyncio.subprocess.Process:
        started.append(await start(*args, **more))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", note)

    async def show() -> bytes:
        drawing = Pictures(lambda _: order)
        with monkeypatch.context() as impatient:
            impatient.setattr(pictures, "PATIENCE_SECONDS", 0.001)
            with pytest.raises(ExportError, match=r"not drawn within 0\.001 s"):
                await drawing.draw("svg")
        assert started[0].returncode is not None
        return await drawing.draw("svg")

    assert b"<svg" in asyncio.run(show())
