"""GET /picture.png and /picture.svg: the story's timeline, waveforms and words as they are now."""

from __future__ import annotations

from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import Response

from bridge.access import Right
from bridge.http.command import problem
from bridge.hub import Hub
from engine.errors import EngineError

MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


class PictureDesk:
    """Gives pictures to whoever may look."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.state.right < Right.VIEW:
            return problem("denied", "needs the right to view", 403)
        kind = request.path_params["kind"]
        if kind not in MEDIA_TYPES:
            return problem("no_such_thing", f"there is: {', '.join(f'/picture.{each}' for each in MEDIA_TYPES)}", 404)
        try:
            made = await self._hub.engine.picture(cast(Literal["png", "svg"], kind))
        except EngineError as error:
            return problem(error.code, str(error), 429 if error.code == "busy" else 500)
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
        return Response(made, media_type=MEDIA_TYPES[kind], headers=headers)
