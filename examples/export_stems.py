"""Speak a story and write only its stems and mix, 32-bit float, then print how loud each is.

python examples/export_stems.py examples/lighthouse/story.yaml stems/
"""

import argparse
from pathlib import Path

from engine.export.exporter import export_story
from engine.export.options import ExportOptions
from engine.render.cache import TakeCache
from engine.render.renderer import render_story
from engine.settings import Settings
from engine.story.document import StoryDocument
from engine.voices.catalog import load_catalog


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("story", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    catalog = load_catalog()
    cache = TakeCache(Settings().takes_folder)
    story = StoryDocument.load(options.story, voices=catalog.presets.keys()).story
    manifest = export_story(
        story,
        base_folder=options.story.resolve().parent,
        takes=render_story(story, catalog, cache),
        cache=cache,
        out_folder=options.folder,
        options=ExportOptions(encoding="float32", formats=("stems",), overview=False),
    )
    for file in manifest.files:
        if file.levels is not None:
            print(f"{file.path}\t{file.levels.integrated_lufs} LUFS")  # noqa: T201


if __name__ == "__main__":
    main()
