"""Settings: one frozen struct; defaults < file < environment < flags, and each value's origin is known."""

from __future__ import annotations

import os
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import platformdirs

from engine.errors import SettingsError

PREFIX = "CUEVOX_"
FILE_VARIABLE = "CUEVOX_SETTINGS"
"""Names the settings file to read in place of the user's own."""

NOT_SETTINGS = frozenset({FILE_VARIABLE, "CUEVOX_PARENT_PID", "CUEVOX_DAW_WAKE"})
"""Variables with our prefix that are no settings: how the engine's processes know their parent; the DAW's plug-in."""

PROFILE_VOICES = "voices"
"""Below the data folder: a preset for each profile."""

Midi = Literal["auto", "off", "alsa", "jack", "jack-rtmidi", "coremidi", "windows"]
ClockSource = Literal["internal", "auto", "mtc", "clock", "link", "jack"]
LogLevel = Literal["debug", "info", "warning", "error"]
Switch = Literal["on", "off"]


def _number(low: int, high: int, says: str) -> msgspec.Meta:
    return msgspec.Meta(ge=low, le=high, description=says)


def _text(says: str) -> msgspec.Meta:
    return msgspec.Meta(description=says)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine asks of the machine. The sample rate is the story's, so it is not here."""

    device: Annotated[
        str, _text("output device: number, part of a name, `null`, `daw`, `jack-ports`; empty: the system's own")
    ] = ""
    block: Annotated[int, _number(16, 8192, "frames that the device is asked for at once")] = 256
    private_output: Annotated[
        str, _text("outputs of the device which play private buses: 3-4, or 3 in mono; empty: none")
    ] = ""
    daw_link: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_.-]{1,64}$",
            description="what Cuevox Return looks for, where several engines run; it reads CUEVOX_DAW_LINK, too",
            extra={"allowed": "1 to 64 letters, digits, _ . -"},
        ),
    ] = "cuevox"
    osc_host: Annotated[str, _text("address that OSC is heard on; 127.0.0.1: this machine only")] = "127.0.0.1"
    osc_port: Annotated[int, _number(0, 65535, "UDP port that OSC is heard on; 0: any free one")] = 7400
    http: Annotated[Switch, _text("serve HTTP and WebSocket: the page, OSCQuery, /command, /events, speech")] = "on"
    http_port: Annotated[int, _number(0, 65535, "TCP port of HTTP; 0: any free one")] = 7480
    lan: Annotated[Switch, _text("let other machines in, with a passcode")] = "off"
    passcodes: Annotated[str, _text("what others show: RIGHT:CODE, commas between; view, trigger, edit, admin")] = ""
    discovery: Annotated[Switch, _text("be found by mDNS, when other machines are let in")] = "on"
    midi: Annotated[Midi, _text("way to the machine's MIDI ports; auto: the system's own; off: none")] = "auto"
    midi_ports: Annotated[str, _text("ports that are opened: parts of names, commas between; empty: all")] = ""
    midi_tcp: Annotated[int, _number(0, 65535, "TCP port of MIDI, as mido.sockets speaks it; 0: none")] = 0
    midi_reastream: Annotated[int, _number(0, 65535, "UDP port of MIDI from ReaStream, 58710 as a rule; 0: none")] = 0
    surfaces: Annotated[str, _text("surface presets for ports that no preset knows by name: ids, commas between")] = ""
    surfaces_dir: Annotated[str, _text("folder of your own surface presets and of what was learnt")] = ""
    clock_source: Annotated[ClockSource, _text("clock that the timeline follows; auto: the best there is")] = "internal"
    sync_out: Annotated[str, _text("what others are told to follow: mtc, clock, mmc, link; commas between")] = ""
    cache_dir: Annotated[str, _text("folder of takes; empty: the system's own")] = ""
    state_dir: Annotated[str, _text("folder of black boxes; empty: the system's own")] = ""
    data_dir: Annotated[str, _text("folder of profiles and of what is known of takes; empty: the system's own")] = ""
    database: Annotated[
        str, _text("URL of a PostgreSQL that a studio shares, postgresql://USER:PASSWORD@HOST/NAME; empty: our own")
    ] = ""
    media_dir: Annotated[str, _text("folder of the library's sound, shared with its database; empty: in data_dir")] = ""
    library_max_mb: Annotated[
        int, _number(16, 100_000_000, "size that `cuevox library prune` keeps the library's sound below")
    ] = 20_000
    library_format: Annotated[
        Literal["wav", "flac"],
        _text("how the library keeps new sounds: wav as they are, flac at 24 bits in half the room"),
    ] = "wav"
    library_prune: Annotated[
        Switch, _text("a running engine keeps the library within library_max_mb and library_unused_days by itself")
    ] = "off"
    library_unused_days: Annotated[
        int, _number(0, 36500, "days without use after which library_prune removes a sound; 0: any time")
    ] = 0
    cache_max_mb: Annotated[int, _number(16, 1_000_000, "size that the take cache is kept below")] = 2048
    clip_memory_mb: Annotated[int, _number(16, 65536, "shared memory reserved for clips")] = 256
    stream_seconds: Annotated[int, _number(1, 86400, "audio files that are longer are played from the disk")] = 60
    stream_memory_mb: Annotated[int, _number(2, 65536, "shared memory reserved for what plays from the disk")] = 32
    record_memory_mb: Annotated[
        int, _number(1, 65536, "shared memory between the sound and the disk it is written to")
    ] = 16
    input_device: Annotated[
        str, _text("what captures listen to: number, part of a name, file:FILE; empty: the system's own")
    ] = ""
    input_channels: Annotated[str, _text("channels of it that are captured, one or two, from 1: 1, or 1 2")] = "1"
    capture_pre_seconds: Annotated[int, _number(0, 60, "what a capture has of the time before its key was pressed")] = 2
    capture_listener: Annotated[
        str, _text("model that writes captures down which come without a text; empty: none")
    ] = "whisper-small"
    streams: Annotated[
        str, _text("strips that are sent over the network from the start: NAME KIND STRIP HOST[:PORT] [FORMAT], …")
    ] = ""
    receive: Annotated[
        str, _text("streams from the network that are heard from the start: NAME KIND STRIP[:PORT] [SENDERS], …")
    ] = ""
    outputs: Annotated[str, _text("strips that are played on further devices from the start: BUS=DEVICE, …")] = ""
    outputs_max_mb: Annotated[
        int, _number(1, 100_000_000, "what exports and recordings beside a story may take, of those asked for over OSC")
    ] = 100_000
    players: Annotated[int, _number(16, 16384, "clips that may sound at once")] = 1024
    log_level: Annotated[LogLevel, _text("least grave message that is logged")] = "info"
    speak_with: Annotated[
        str, _text("voice whose backend speaks for all voices, pocket for one; empty: each its own")
    ] = ""
    voices_dir: Annotated[str, _text("folder of your own voice presets")] = ""
    models_dir: Annotated[str, _text("folder of speech models; empty: the system's own")] = ""
    model_memory_mb: Annotated[int, _number(64, 4_000_000, "memory that speech models may take, per device")] = 8000
    plugin_folders: Annotated[str, _text("folders of plug-ins, colons between; empty: the system's own")] = ""
    preload: Annotated[str, _text("voices that are loaded at start: ids with commas between")] = ""
    standby: Annotated[Switch, _text("keep a second audio process ready to take over when the first one dies")] = "on"
    workers: Annotated[int, _number(1, 64, "processes that speak")] = 1
    model_workers: Annotated[int, _number(1, 64, "processes that may keep one speech model, where memory lasts")] = 1

    @property
    def cache_folder(self) -> Path:
        """Return the cache's folder, the system's own when none is set."""
        if self.cache_dir:
            return Path(self.cache_dir).expanduser()
        return Path(platformdirs.user_cache_dir("cuevox", appauthor=False))

    @property
    def state_folder(self) -> Path:
        """Return where black boxes are written, the system's own folder when none is set."""
        if self.state_dir:
            return Path(self.state_dir).expanduser()
        return Path(platformdirs.user_state_dir("cuevox", appauthor=False))

    @property
    def data_folder(self) -> Path:
        """Return the folder of profiles and of the database, the system's own when none is set."""
        if self.data_dir:
            return Path(self.data_dir).expanduser()
        return Path(platformdirs.user_data_dir("cuevox", appauthor=False))

    @property
    def media_folder(self) -> Path:
        """Return where the library's sound lies."""
        return Path(self.media_dir).expanduser() if self.media_dir else self.data_folder / "media"

    @property
    def takes_folder(self) -> Path:
        """Return where takes are cached."""
        return self.cache_folder / "takes"

    @property
    def plugin_search(self) -> tuple[Path, ...]:
        """Return where plug-ins are looked for."""
        from engine.plugins.catalog import standard_folders  # most commands need none

        given = tuple(Path(part).expanduser() for part in self.plugin_folders.split(os.pathsep) if part.strip())
        return given or standard_folders()

    @property
    def plugin_catalog(self) -> Path:
        """Return the file that keeps what is known of plug-ins."""
        return self.cache_folder / "plugins.json"

    @property
    def models_folder(self) -> Path:
        """Return where speech models are kept."""
        if self.models_dir:
            return Path(self.models_dir).expanduser()
        return Path(platformdirs.user_data_dir("cuevox", appauthor=False)) / "models"

    @property
    def surfaces_folder(self) -> Path:
        """Return the folder of the user's own surfaces, the system's place for it when none is set."""
        if self.surfaces_dir:
            return Path(self.surfaces_dir).expanduser()
        return Path(platformdirs.user_config_dir("cuevox", appauthor=False)) / "surfaces"

    @property
    def preloaded(self) -> tuple[str, ...]:
        """Return the voices that are loaded at start."""
        return tuple(filter(None, (voice.strip() for voice in self.preload.split(","))))

    @property
    def voice_folders(self) -> tuple[Path, ...]:
        """Return the folders of presets beside the built-in ones: of profiles, and the user's own."""
        own = (Path(self.voices_dir).expanduser(),) if self.voices_dir else ()
        return (self.data_folder / PROFILE_VOICES, *own)


SECRETS = frozenset({"passcodes", "database"})
"""Settings that are not shown."""

NAMES: tuple[str, ...] = Settings.__struct_fields__


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The effective settings and where each came from: ``default``, ``FILE:LINE``, ``CUEVOX_…`` or ``--flag``."""

    settings: Settings
    origins: dict[str, str]


def settings_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file's path, whether it exists or not."""
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE]).expanduser()
    return Path(platformdirs.user_config_dir("cuevox", appauthor=False)) / "settings.yaml"


def load_settings(
    flags: Mapping[str, object] | None = None, *, environ: Mapping[str, str] = os.environ, path: Path | None = None
) -> Loaded:
    """Read settings from ``path`` (None: ``settings_path``), ``environ`` and ``flags`` (None: not given).

    Raises SettingsError that lists every unknown name and wrong value with its origin and what is allowed.
    """
    file = path or settings_path(environ)
    problems: list[str] = []
    values: dict[str, object] = {}
    origins = dict.fromkeys(NAMES, "default")
    for name, origin, value in [
        *_from_file(file, required=path is not None or bool(environ.get(FILE_VARIABLE)), problems=problems),
        *_from_environment(environ),
        *_from_flags(flags or {}),
    ]:
        if name not in NAMES:
            problems.append(f"{origin}: no setting named {name!r}; there is: {', '.join(NAMES)}")
            continue
        checked, problem = _check(name, value, exact_type=origin.startswith(str(file)))
        if problem:
            problems.append(f"{origin}: {name}: {problem}")
        else:
            values[name], origins[name] = checked, origin
    if problems:
        raise SettingsError("\n".join(problems))
    return Loaded(settings=msgspec.convert(values, Settings), origins=origins)


def describe(name: str) -> tuple[str, str]:
    """Return what a setting means and what it allows, both for people."""
    meta = _meta(name)
    kind = _kind(name)
    if kind is int:
        return meta.description or "", f"{meta.ge} to {meta.le}"
    choices = get_args(kind)
    return meta.description or "", ", ".join(choices) if choices else (meta.extra or {}).get("allowed", "text")


Given = tuple[str, str, object]
"""A setting's name, its origin, its raw value."""


def _from_flags(flags: Mapping[str, object]) -> Iterable[Given]:
    return [(name, f"--{name.replace('_', '-')}", value) for name, value in flags.items() if value is not None]


def _from_environment(environ: Mapping[str, str]) -> Iterable[Given]:
    return [
        (variable.removeprefix(PREFIX).lower(), variable, text)
        for variable, text in sorted(environ.items())
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS
    ]


def _from_file(path: Path, *, required: bool, problems: list[str]) -> list[Given]:
    """Read a flat YAML mapping with the line of each key; what can't be read goes to ``problems``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if required:
            problems.append(f"{path}: no such settings file")
        return []
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: can't be read: {error}")
        return []
    return _parse(text, path, problems)


def _parse(text: str, path: Path, problems: list[str]) -> list[Given]:
    import yaml  # most runs have no settings file

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problems.append(f"{path}: not valid YAML: {error}")
        return []
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode) or not isinstance(data, dict):
        problems.append(f"{path}:1: expected `name: value` lines")
        return []
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in lines:
            problems.append(f"{path}:{key.start_mark.line + 1}: {key.value} is set twice")
        lines[key.value] = key.start_mark.line + 1
    return [(str(name), f"{path}:{lines.get(str(name), 1)}", value) for name, value in data.items()]


def _check(name: str, value: object, *, exact_type: bool) -> tuple[object, str]:
    """Return the converted value and no problem, or the problem. Environment and flags are text: numbers are parsed."""
    try:
        return msgspec.convert(value, _annotation(name), strict=exact_type), ""
    except msgspec.ValidationError:
        return None, f"expected {_expected(name)}, got {value!r}"


def _expected(name: str) -> str:
    kind = _kind(name)
    allowed = describe(name)[1]
    return f"a whole number, {allowed}" if kind is int else allowed if kind is str else f"one of {allowed}"


def _annotation(name: str) -> Any:
    return typing.get_type_hints(Settings, include_extras=True)[name]


def _kind(name: str) -> Any:
    return get_args(_annotation(name))[0]


def _meta(name: str) -> msgspec.Meta:
    meta = get_args(_annotation(name))[1]
    assert isinstance(meta, msgspec.Meta)
    return meta
