"""The page of shared memory is the same in C++ and in Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bridge.plugin.build import SOURCES
from engine.daw import layout

NAMES = {
    "host": "plugin.host", "generation": "plugin.generation", "instance": "plugin.instance",
    "sample_rate": "plugin.sample_rate", "max_block_frames": "plugin.max_block_frames",
    "latency_frames": "plugin.latency_frames", "bus": "plugin.bus", "takes_notes": "plugin.takes_notes",
    "looks": "plugin.looks",
    "asked_requests": "asked.requests", "asked_notes": "asked.notes",
    "taken_requests": "taken.requests", "taken_notes": "taken.notes",
    "done": "answered.done", "refusal": "answered.refusal", "bell": "answered.bell", "waiting": "answered.waiting",
    "held": "answered.held",
    "blocks": "counted.blocks", "misses": "counted.misses", "missed_frames": "counted.missed_frames",
    "given_up": "counted.given_up", "lost_notes": "counted.lost_notes",
}  # fmt: skip
HEADER_NAMES = {
    **{name: f"about.{name}" for name in layout.HEADER.names[:7]},
    **{name: f"engine.{name}" for name in layout.HEADER.names[7:12]},
    "bell": "door.bell", "waiting": "door.waiting", "bus": "bus",
}  # fmt: skip


@pytest.mark.extra
def test_every_field_lies_where_the_plug_in_has_it(tmp_path: Path) -> None:
    wanted = {
        **{f"offsetof(Request, {n})": at for n, (_, at, *_) in layout.REQUEST.fields.items()},
        **{f"offsetof(Note, {n})": at for n, (_, at, *_) in layout.NOTE.fields.items()},
        **{f"offsetof(Slot, {NAMES.get(n, n)})": at for n, (_, at, *_) in layout.SLOT.fields.items()},
        **{f"offsetof(Header, {HEADER_NAMES[n]})": at for n, (_, at, *_) in layout.HEADER.fields.items()},
        "sizeof(Request)": layout.REQUEST.itemsize, "sizeof(Slot)": layout.SLOT.itemsize,
        "sizeof(Header)": layout.HEADER.itemsize, "kSegmentBytes": layout.SEGMENT_BYTES,
        "kMagic": layout.MAGIC, "kVersion": layout.VERSION, "kMaxRequestFrames": layout.MAX_REQUEST_FRAMES,
        **{f"k{''.join(part.title() for part in flag.name.split('_'))}": int(flag) for flag in layout.Flag},
        **{f"k{''.join(part.title() for part in each.name.split('_'))}": int(each) for each in layout.Refusal},
    }  # fmt: skip
    source = tmp_path / "layout.cpp"
    lines = [f'static_assert({what} == {value}u, "{what}");' for what, value in wanted.items()]
    source.write_text("\n".join(('#include "protocol.h"', "using namespace cuevox;", *lines, "")))
    subprocess.run(["g++", "-std=c++17", "-fsyntax-only", f"-I{SOURCES}", str(source)], check=True)
