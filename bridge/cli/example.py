"""The example story: where it lies, and a copy of it that can be played and edited."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.errors import MediaError

IN_WHEEL = "share/cuevox/examples/lighthouse/story.yaml"
FILES = ("story.yaml", "script.txt", "make_sounds.py")


def lay_out(folder: Path) -> Path:
    """Copy the example into ``folder`` (files that are there stay), make its sounds, and return the story's path."""
    source = example_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)
    _sound_maker(source / "make_sounds.py")(folder / "sounds")
    return folder / "story.yaml"


def example_folder() -> Path:
    """Return where the example lies: in a checkout under examples/, else where the wheel has put it."""
    checkout = Path(__file__).parents[2] / "examples" / "lighthouse"
    if (checkout / "story.yaml").exists():
        return checkout
    import importlib.metadata

    for file in importlib.metadata.files("cuevox") or ():
        if file.as_posix().endswith(IN_WHEEL):
            return Path(str(file.locate())).resolve().parent
    raise MediaError("the example story is not installed; it is examples/lighthouse in the repository")


def _sound_maker(path: Path) -> Callable[[Path], list[Path]]:
    spec = importlib.util.spec_from_file_location("cuevox_example_sounds", path)
    if spec is None or spec.loader is None:
        raise MediaError(f"{path} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    make: Callable[[Path], list[Path]] = module.make_sounds
    return make
