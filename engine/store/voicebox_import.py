"""Takes a Voicebox folder over: profiles become voices, generations takes of the library, stories folders of their own.

The source stays as it is. What has no counterpart is told; a second import adds only what is new.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from engine.errors import EngineError, MediaError
from engine.mixer.effects import EFFECTS
from engine.params import SEED
from engine.store.kept_profile import Profile
from engine.store.media import sound_of
from engine.store.profiles import Profiles
from engine.store.takes import Takes
from engine.store.voicebox import Folder, Record, read_folder
from engine.store.voicebox_archive import unpacked
from engine.store.voicebox_story import write_story
from engine.story.model import Delivery, Line
from engine.voices.take import Take

ORIGIN = "voicebox"
BACKEND = "pocket"
"""What speaks with the voices that are taken over."""

Meter = Callable[[float, str], object]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken over, and what had no counterpart here, a line each. stories: their files."""

    voices: tuple[str, ...]
    takes: int
    stories: tuple[str, ...]
    left_out: tuple[str, ...]


class VoiceboxImport:
    """One import. consent: the note that each cloned voice needs; "": none is taken over.

    stories: where they go. Raises MediaError where the source can't be read, StoreError where the library can't.
    """

    def __init__(self, profiles: Profiles, takes: Takes, *, consent: str, stories: Path) -> None:
        self._profiles, self._takes, self._consent, self._stories = profiles, takes, consent, stories
        self._left_out: list[str] = []
        self._voices: list[str] = []
        self._ids: dict[object, str] = {}

    def folder(self, path: Path, meter: Meter | None = None) -> Report:
        """Take a data folder over. meter: hears how far it is."""
        source = read_folder(path)
        told = meter or (lambda _part, _what: None)
        for profile in source.rows("profiles"):
            told(0.0, str(profile.get("name")))
            self._profile(source, profile)
        rows, takes = source.rows("generations"), 0
        for number, row in enumerate(rows):
            told(number / len(rows), str(row.get("text") or ""))
            takes += self._generation(source, row)
        stories = [written for story in source.rows("stories") if (written := self._story(source, story))]
        return self._report(takes, stories)

    def archive(self, path: Path) -> Report:
        """Take the profile of an archive over."""
        with (
            tempfile.TemporaryDirectory(prefix="cuevox-voicebox-") as folder,
            unpacked(path, Path(folder)) as (profile, samples),
        ):
            self._make({"name": path.stem, **profile}, samples)
        return self._report(0, [])

    def _report(self, takes: int, stories: list[Path]) -> Report:
        return Report(
            voices=tuple(self._voices),
            takes=takes,
            stories=tuple(map(str, stories)),
            left_out=tuple(self._left_out),
        )

    def _leave(self, what: str, why: str) -> None:
        self._left_out.append(f"{what}: {why}")

    def _profile(self, source: Folder, row: Record) -> None:
        name = f"profile {row.get('name')!r}"
        self._ids[row.get("id")] = identifier(str(row.get("name") or row.get("id")), self._ids.values())
        samples = []
        for sample in source.rows_of("profile_samples", "profile_id", row.get("id")):
            path = source.file(sample.get("audio_path"))
            if path is None:
                self._leave(name, f"its sample {sample.get('audio_path')} is not in the folder")
            else:
                samples.append((path, str(sample.get("reference_text") or "")))
        if samples:
            self._make(row, samples, self._ids[row.get("id")])
        else:
            self._leave(name, f"it has no samples (a {row.get('voice_type') or 'built-in'} voice); its takes are kept")

    def _make(self, row: Record, samples: list[tuple[Path, str]], id_: str = "") -> None:
        name = str(row.get("name") or "voice")
        id_ = id_ or identifier(name, ())
        for column in ("description", "avatar_path", "default_engine", "personality"):
            if row.get(column):
                self._leave(f"profile {name!r}", f"its {column} ({str(row[column])[:60]!r})")
        if not self._consent:
            self._leave(f"profile {name!r}", "cloned voices need a note of consent: give it with --consent")
            return
        if any(profile.id == id_ for profile in self._profiles.all()):
            self._leave(f"profile {name!r}", f"there is a voice {id_!r} already")
            return
        profile = Profile(
            id=id_,
            name=name,
            backend=BACKEND,
            language=str(row.get("language") or "en"),
            consent=self._consent,
            settings={},
            effects=self._effects(row.get("effects_chain"), f"profile {name!r}"),
            samples=(),
        )
        try:
            self._profiles.make(profile, [path for path, _ in samples], [text for _, text in samples])
            self._voices.append(id_)
        except EngineError as error:
            self._leave(f"profile {name!r}", str(error))

    def _effects(self, chain: object, where: str) -> list[dict[str, dict[str, float]]]:
        """Return a chain as a preset has it; both sides call parameters as Pedalboard does."""
        try:
            given = msgspec.json.decode(chain) if isinstance(chain, str) and chain else chain or []
        except msgspec.DecodeError:
            given = None
        if not isinstance(given, list):
            self._leave(where, "its effects can't be read")
            return []
        found = []
        for each in (each for each in given if isinstance(each, dict) and each.get("enabled", True)):
            kind = re.sub(r"filter|[^a-z0-9]", "", str(each.get("type") or each.get("name")).lower())
            if kind not in EFFECTS:
                self._leave(where, f"its effect {kind!r}")
                continue
            found.append({kind: self._params(kind, each.get("params") or each.get("parameters") or {}, where)})
        return found

    def _params(self, kind: str, given: Mapping[str, object], where: str) -> dict[str, float]:
        ours = {param.attribute: (name, param.spec) for name, param in EFFECTS[kind].params.items()}
        values = {}
        for attribute, value in given.items():
            try:
                name, spec = ours[attribute]
                values[name] = spec.check(value, name)
            except KeyError:
                self._leave(where, f"{attribute} of its effect {kind!r}")
            except EngineError as error:
                self._leave(where, f"its effect {kind!r}: {error}")
        return values

    def _generation(self, source: Folder, row: Record) -> int:
        """Keep a generation, and each of its versions, as takes of one line; return how many."""
        where = f"generation {row.get('id')}"
        if str(row.get("status") or "completed") not in ("completed", "complete", "done", "success"):
            self._leave(where, f"it is {row['status']}")
            return 0
        self._tell_unkept(source, row, where)
        versions = source.rows_of("generation_versions", "generation_id", row.get("id"))
        notes = {str(v.get("audio_path")): _note(v, versions) for v in versions}
        kept = 0
        for named in dict.fromkeys([str(row.get("audio_path")), *notes]):
            path = source.file(named)
            if path is None:
                self._leave(where, f"its sound {named} is not in the folder")
                continue
            try:
                self._keep(row, path, notes.get(named, ""))
                kept += 1
            except MediaError as error:
                self._leave(where, str(error))
        return kept

    def _tell_unkept(self, source: Folder, row: Record, where: str) -> None:
        """Tell what a take has no place for."""
        profile = next(iter(source.rows_of("profiles", "id", row.get("profile_id"))), None)
        if profile is None:
            self._leave(where, f"its profile {row.get('profile_id')!r} is not there; its voice is called {ORIGIN!r}")
        language = row.get("language")
        if language and profile is not None and language != (profile.get("language") or language):
            self._leave(where, f"its language ({language!r}; its voice speaks {profile['language']!r})")
        if row.get("seed") is not None and _seed(row) != row["seed"]:
            self._leave(where, f"its seed ({row['seed']!r}; {SEED.low:.0f} to {SEED.high:.0f} are kept)")

    def _keep(self, row: Record, path: Path, note: str) -> None:
        voice = self._ids.get(row.get("profile_id"), ORIGIN)
        delivery = Delivery(seed=_seed(row), instruct=str(row.get("instruct") or ""))
        line = Line(text=str(row.get("text") or ""), voice=voice, delivery=delivery)
        sound = sound_of(path, path.name)
        take = Take(
            digest=sound.sha256[:40],
            text=line.text,
            voice=voice,
            sample_rate=sound.sample_rate,
            frames=sound.frames,
            channels=sound.channels,
            words=(),
            source="none",
            seed=delivery.seed,
            delivery=delivery,
        )
        made = " ".join(str(row[name]) for name in ("engine", "model_size") if row.get(name))
        self._takes.bring(line, take, path, origin=f"{ORIGIN} {made}".strip(), note=note)

    def _story(self, source: Folder, row: Record) -> Path | None:
        name = str(row.get("name") or row.get("title") or row.get("id"))
        folder = self._stories / identifier(name, ())
        try:
            return write_story(source, row, name, folder, lambda why: self._leave(f"story {name!r}", why))
        except EngineError as error:
            self._leave(f"story {name!r}", str(error))
            return None


def identifier(name: str, taken: Iterable[str]) -> str:
    """Return an id made of a name that is not among ``taken``."""
    base = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:56] or "voice"
    known = set(taken)
    return next(each for each in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if each not in known)


def _seed(row: Record) -> int:
    given = row.get("seed")
    return given if isinstance(given, int) and SEED.low <= given <= SEED.high else 0


def _note(version: Record, versions: Iterable[Record]) -> str:
    """Return what a version is called, what it was made of, and whether it is the one that plays."""
    made_of = [v for v in versions if v.get("id") is not None and v["id"] == version.get("source_version_id")]
    label = str(version.get("label") or "")
    source = f"from {made_of[0]['label']}" if made_of and made_of[0].get("label") else ""
    return " ".join(filter(None, [label, source, "(default)" if version.get("is_default") else ""]))
