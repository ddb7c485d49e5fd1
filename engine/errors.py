"""The errors of the engine: each says what, which, and what is allowed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Self

MOST_TOLD = 60
"""So many names of those there are fit into an answer that people read, and into a packet."""


class EngineError(Exception):
    """Something a user can mend; the message names the thing and what is allowed.

    ``code`` is the fixed word that bridges send instead of prose (``no_such_thing``, ``bad_range`` …).
    """

    code = "engine_error"

    @classmethod
    def relayed(cls, code: str, text: str) -> Self:
        """Return what another process, or an engine, has told of an error, under the same code."""
        error = cls(text)
        error.code = code
        return error


class UnknownThing(EngineError):
    """A strip, cue, slot, voice, effect, parameter … that does not exist."""

    code = "no_such_thing"

    def __init__(self, kind: str, name: object, known: Iterable[object]) -> None:
        names, more = sorted(str(k) for k in known), ""
        if len(names) > MOST_TOLD:
            first = min(max(0, bisect_left(names, str(name)) - MOST_TOLD // 2), len(names) - MOST_TOLD)
            more = f" and {len(names) - MOST_TOLD:,} more"
            names = names[first : first + MOST_TOLD]
        super().__init__(f"no {kind} named {str(name)!r}; there is: {', '.join(names) or 'none'}{more}")


class SaidNowhere(UnknownThing):
    """A text that no line of the story says."""

    def __init__(self, text: str) -> None:
        EngineError.__init__(self, f"{text!r} is said nowhere in this story")


class BadRange(EngineError):
    """A value outside what is allowed."""

    code = "bad_range"


class BadType(EngineError):
    """A value of the wrong type."""

    code = "bad_type"


class NotReady(EngineError):
    """The thing exists, but its take or device is not there yet."""

    code = "not_ready"


class Busy(EngineError):
    """A bounded queue is full, or the work is already running."""

    code = "busy"


class TooLate(EngineError):
    """A time tag lies in the past, and the policy is to drop."""

    code = "too_late"


class TooFar(EngineError):
    """A time tag lies beyond the horizon."""

    code = "too_far"


class PacketError(EngineError):
    """A packet from the network that is not what its protocol says."""

    code = "bad_packet"


class StoryError(EngineError):
    """A story that can't be read or is wrong; the message lists every problem with file, line and path."""

    code = "bad_story"


class VoiceError(EngineError):
    """A voice that can't speak: missing library, unknown language, failed synthesis."""

    code = "voice_failed"


class ModelError(EngineError):
    """A speech model that can't be pulled, kept or used."""

    code = "model_failed"


class ModelMissing(ModelError):
    """A speech model that is not on this machine, or nowhere."""

    code = "no_model"


class MediaError(EngineError):
    """An audio file that is missing, unreadable or in an unusable format."""

    code = "bad_media"


class DeviceError(EngineError):
    """An audio device that can't be opened."""

    code = "bad_device"


class OutputLost(DeviceError):
    """A device that played and is gone."""

    code = "device_lost"


class MemoryShort(EngineError):
    """Shared memory that can't be reserved, or a clip arena that is full."""

    code = "memory_short"


class ExportError(EngineError):
    """An export that can't be made; nothing has been written."""

    code = "export_failed"


class DiskFull(EngineError):
    """New takes would find no room on the disk; what is there stays."""

    code = "disk_full"


class OverQuota(EngineError):
    """More than may lie on the disk; the message names the limit and its setting."""

    code = "over_quota"


class SettingsError(EngineError):
    """A setting that is unknown or out of range; the message names where it came from."""

    code = "bad_settings"


class Conflict(EngineError):
    """An edit of something that somebody else has changed since; the message says what and who."""

    code = "conflict"
