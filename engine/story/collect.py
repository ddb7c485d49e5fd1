"""Collecting a story: every file that it plays goes into one folder; what was moved is found again, or named."""

from __future__ import annotations

import filecmp
import secrets
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.errors import MediaError
from engine.story.document import StoryDocument
from engine.story.model import Clip, Story
from engine.story.whereabouts import differ, files_called
from engine.voices.beside import beside, said_beside

MEDIA = "media"


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What was collected. files: their names in the folder, by what the story called them. found: those elsewhere."""

    files: dict[str, str]
    found: dict[str, Path]


def collect(document: StoryDocument, to: Path, search: Sequence[Path] = ()) -> Collected:
    """Copy a story and all that it plays into ``to``, which may be its own folder. search: where moved files may lie.

    Raises MediaError that names every file that is nowhere, or in several unequal copies; nothing is written then.
    StoryError where there is another story already.
    """
    base = document.path.resolve().parent
    target = to.resolve() / document.path.name
    own = target == document.path.resolve()
    if not own and target.exists():
        raise MediaError(f"{target}: there is a file of that name already; it is not overwritten")
    sources, found = _locate(named_files(document.story), base, (base, *search))
    names = _names(sources, base)
    for name, source in sources.items():
        _copy(source, to / names[name])
        if said_beside(source) is not None:
            _copy(beside(source), beside(to / names[name]))
    story = renamed(document.story, names)
    if own:
        document.save(story)
    else:
        to.mkdir(parents=True, exist_ok=True)
        document.save_as(target, story)
    return Collected(files=names, found=found)


def named_files(story: Story) -> tuple[str, ...]:
    """Return every file that a story names, each once."""
    clips = (clip.audio for track in story.tracks for clip in track.clips)
    return tuple(dict.fromkeys([*(audio for audio in clips if audio), *(midi.file for midi in story.midi)]))


def renamed(story: Story, names: dict[str, str]) -> Story:
    """Return a story with its files called otherwise."""

    def clip(each: Clip) -> Clip:
        return each if each.audio is None else replace(each, audio=names[each.audio])

    return replace(
        story,
        tracks=tuple(replace(track, clips=tuple(map(clip, track.clips))) for track in story.tracks),
        midi=tuple(replace(midi, file=names[midi.file]) for midi in story.midi),
    )


def _locate(names: Iterable[str], base: Path, search: Sequence[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    sources, found, lost = {}, {}, []
    for name in names:
        path = base / name
        if path.is_file():
            sources[name] = path
            continue
        candidates = files_called(Path(name).name, search)
        if not candidates:
            lost.append(f"{name} is missing, and not in {', '.join(map(str, search))}")
        elif differ(candidates):
            lost.append(f"{name} is missing; it may be {', or '.join(map(str, candidates))}: they differ")
        else:
            sources[name] = found[name] = candidates[0]
    if lost:
        raise MediaError("\n".join(lost))
    return sources, found


def _names(sources: dict[str, Path], base: Path) -> dict[str, str]:
    """Return what each file is called in the folder: as it is, if it lies beside the story, else in ``media``."""
    names: dict[str, str] = {}
    taken: dict[str, Path] = {}
    for name, source in sources.items():
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts and source == base / name
        wanted = name if inside else f"{MEDIA}/{source.name}"
        stem, suffix, number = Path(wanted).with_suffix(""), source.suffix, 2
        while wanted in taken and taken[wanted] != source:
            wanted, number = f"{stem}-{number}{suffix}", number + 1
        taken[wanted] = source
        names[name] = wanted
    return names


def _copy(source: Path, place: Path) -> None:
    """Copy a file into its place, whole or not at all; one that is there already must be the same."""
    if place.exists():
        if not filecmp.cmp(source, place, shallow=False):
            raise MediaError(f"{place} is there already, and is not {source}")
        return
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        temporary.replace(place)
    except OSError as error:
        raise MediaError(f"{source} can't be copied to {place}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
