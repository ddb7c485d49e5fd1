"""Known: what an edit may ask about takes and files, beside the story itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from engine.story.model import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SpokenWord(Protocol):
    """A word of a take, in frames of the take."""

    @property
    def text(self) -> str:
        """What is said."""
        ...

    @property
    def start_frame(self) -> int:
        """Where it begins."""
        ...

    @property
    def end_frame(self) -> int:
        """Where it has ended."""
        ...


class Known(Protocol):
    """What is known of a clip's source; nothing of it is guessed."""

    def frames(self, clip: Clip) -> int | None:
        """Return how long its source is before any trim; None: not known yet."""
        ...

    def words(self, clip: Clip) -> Sequence[SpokenWord]:
        """Return the words of its source; none where they are not known."""
        ...

    def sound(self, clip: Clip) -> NDArray[np.float32] | None:
        """Return its source, (frames, channels), to be read only; None: it is not at hand."""
        ...


class NothingKnown:
    """For stories whose takes nobody has made."""

    def frames(self, clip: Clip) -> int | None:  # noqa: ARG002
        """Know no length."""
        return None

    def words(self, clip: Clip) -> Sequence[SpokenWord]:  # noqa: ARG002
        """Know no words."""
        return ()

    def sound(self, clip: Clip) -> NDArray[np.float32] | None:  # noqa: ARG002
        """Know no sound."""
        return None
