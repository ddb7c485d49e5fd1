"""Make a story of a plain script: every speaker gets a track, a voice, and an own place between left and right.

python examples/script_to_story.py examples/lighthouse/script.txt story.yaml --cast NARRATOR=narrator GHOST=ghost
"""

import argparse
from pathlib import Path

import msgspec

from engine.story.document import StoryDocument
from engine.story.model import Story
from engine.story.script import import_script
from engine.voices.catalog import load_catalog


def spread(story: Story, width: float = 0.6) -> Story:
    """Return ``story`` with its tracks panned evenly from left to right; a story is a value, so this is a new one."""
    last = max(1, len(story.tracks) - 1)
    tracks = tuple(
        msgspec.structs.replace(
            track, strip=msgspec.structs.replace(track.strip, pan=round(width * (2 * number / last - 1), 2))
        )
        for number, track in enumerate(story.tracks)
    )
    return msgspec.structs.replace(story, tracks=tracks)


def main() -> None:
    """Parse the command line and write the story."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", type=Path)
    parser.add_argument("story", type=Path)
    parser.add_argument("--cast", nargs="*", default=[], metavar="NAME=VOICE", help="who speaks whom")
    options = parser.parse_args()
    story = import_script(
        options.script.read_text(encoding="utf-8"),
        title=options.script.stem.title(),
        name=options.script.name,
        voices=tuple(load_catalog().presets),
        cast=dict(pair.split("=", 1) for pair in options.cast),
    )
    StoryDocument.create(options.story, spread(story))
    print(f"{options.story}: {', '.join(track.name or track.id for track in story.tracks)}")  # noqa: T201


if __name__ == "__main__":
    main()
