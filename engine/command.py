"""Base: what all commands share."""

from __future__ import annotations

import msgspec


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all commands share: frozen, keyword-only, tagged with their own name on the wire and in the journal."""
