"""The page at ``/``: what there is, live, made in the browser from what OSCQuery tells."""

from __future__ import annotations

from importlib.resources import files

PAGE = files("bridge.http").joinpath("page.html").read_text(encoding="utf-8")
