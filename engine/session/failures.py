"""Failures: what the story plays that can't be made or read, told once for each, with who plays it."""

from __future__ import annotations

import logging

from engine.errors import EngineError
from engine.events import SourceFailed
from engine.session.context import Context
from engine.session.library import AudioFile, Source, Stretched
from engine.story.model import CueTarget, PlayClip, SpeakLine

log = logging.getLogger(__name__)

MOST_NAMED = 5
"""Clips, cues and slots that are named; of others it is told how many they are."""


class Failures:
    """What has failed and was told. Control process only."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: dict[Source, str] = {}

    def failed(self, source: Source, error: EngineError) -> tuple[SourceFailed, ...]:
        """Return what is to be told of a source, and warn of it in the log; nothing, if it was told."""
        plain, text = source.source if isinstance(source, Stretched) else source, str(error)
        users = self._users(plain)
        if not users or self._told.get(plain) == text:
            return ()
        self._told[plain] = text
        more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
        said, what = ", ".join(users[:MOST_NAMED]) + more, plain.path if isinstance(plain, AudioFile) else plain.text
        log.warning("%s: no sound: %s", said, error)
        return (SourceFailed(source=what, users=said, code=error.code, text=text),)

    def loaded(self, source: Source) -> None:
        """Hear that a source is there: if it fails again, that is news."""
        self._told.pop(source.source if isinstance(source, Stretched) else source, None)

    def forget(self) -> None:
        """Begin anew with another story."""
        self._told.clear()

    def _users(self, source: Source) -> list[str]:
        """Return who plays a source, as people call them."""
        index, story = self._context.index, self._context.story
        clips = {clip.id for clip in index.made_of(source)}

        def plays(target: CueTarget) -> bool:
            if isinstance(target, SpeakLine):
                return target.line == source
            return isinstance(target, PlayClip) and target.clip in clips

        cues = [f"cue {cue.id}" for cues in story.cue_lists().values() for cue in cues if plays(cue.target)]
        slots = [f"slot {bank}/{number}" for (bank, number), all_ in index.targets.items() if any(map(plays, all_))]
        return [*(f"clip {clip.id}" for clip in index.made_of(source)), *cues, *slots]
