"""A stand-in for Ableton Live: the part of its object model that our remote script uses, and nothing else.

Objects have slots: an attribute that Live's does not have is an AttributeError, for reading and for writing. Live
12.0.5 and later have ``Track.create_audio_clip``; an older one does not.
"""

from __future__ import annotations

import importlib.util
import itertools
import select
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

PACK = Path(__file__).parents[2] / "bridge" / "live"
WAIT_SECONDS = 30.0
_pointers = itertools.count(1)


class Clip:
    __slots__ = ("_live_ptr", "color", "file_path", "name", "start_time", "warping")

    def __init__(self, name="", start_time=0.0, file_path=""):
        self._live_ptr = next(_pointers)
        self.name, self.color, self.start_time, self.file_path, self.warping = name, 0, start_time, file_path, True


class ClipSlot:
    __slots__ = ("_clip",)

    def __init__(self, clip=None):
        self._clip = clip

    @property
    def has_clip(self):
        return self._clip is not None

    @property
    def clip(self):
        return self._clip


class Track:
    __slots__ = (
        "_live_ptr",
        "arrangement_clips",
        "clip_slots",
        "fired_slot_index",
        "has_audio_input",
        "name",
        "playing_slot_index",
    )

    def __init__(self, name, *slots, audio=True):
        self._live_ptr = next(_pointers)
        self.name, self.clip_slots, self.has_audio_input = name, list(slots), audio
        self.playing_slot_index, self.fired_slot_index, self.arrangement_clips = -1, -1, []


class Track12(Track):
    __slots__ = ()

    def create_audio_clip(self, path, position):
        if not isinstance(position, float) or not Path(path).is_absolute():
            raise RuntimeError("invalid path or position")
        clip = Clip(Path(path).stem, position, path)
        self.arrangement_clips.append(clip)


class Scene:
    __slots__ = ("_live_ptr", "color", "fired", "is_triggered", "name")

    def __init__(self, name):
        self._live_ptr = next(_pointers)
        self.name, self.color, self.is_triggered, self.fired = name, 0, False, 0

    def fire(self):
        self.fired += 1


class Song:
    __slots__ = ("_kind", "calls", "is_playing", "scenes", "seconds", "tracks")

    def __init__(self, kind):
        self._kind, self.is_playing, self.seconds, self.calls = kind, False, 0.0, []
        self.tracks, self.scenes = [], []

    def get_current_smpte_song_time(self, time_format):
        assert time_format == 0  # Live.Song.TimeFormat.ms_time
        whole, ms = divmod(round(self.seconds * 1000), 1000)
        return SimpleNamespace(hours=whole // 3600, minutes=whole // 60 % 60, seconds=whole % 60, frames=ms)

    def create_audio_track(self, index):
        assert index == -1
        self.tracks.append(self._kind("Audio"))

    def start_playing(self):
        self.calls.append("start")
        self.is_playing = True

    def continue_playing(self):
        self.calls.append("continue")
        self.is_playing = True

    def stop_playing(self):
        self.calls.append("stop")
        self.is_playing = False


class Application:
    __slots__ = ("_version",)

    def __init__(self, version):
        self._version = version

    def get_major_version(self):
        return self._version[0]

    def get_minor_version(self):
        return self._version[1]

    def get_bugfix_version(self):
        return self._version[2]


class Live:
    """One Live of a version with our script loaded as Live loads it: as the package ``Cuevox``.

    now: the second at which it is; it stands until a test moves it on.
    """

    def __init__(self, monkeypatch, version=(12, 1, 0), engine=("127.0.0.1", 9)):
        self.kind = Track12 if version >= (12, 0, 5) else Track
        self.song, self.messages = Song(self.kind), []
        self.application = Application(version)
        live = ModuleType("Live")
        live.Application = SimpleNamespace(get_application=lambda: self.application)
        framework, surface = ModuleType("_Framework"), ModuleType("_Framework.ControlSurface")
        surface.ControlSurface = self._control_surface()
        settings = ModuleType("Cuevox.settings")
        settings.ENGINE = engine
        modules = {"Live": live, "_Framework": framework, "_Framework.ControlSurface": surface}
        for name, module in {**modules, "Cuevox.settings": settings}.items():
            monkeypatch.setitem(sys.modules, name, module)
        for name in [name for name in sys.modules if name.startswith("Cuevox.") and name != "Cuevox.settings"]:
            monkeypatch.delitem(sys.modules, name)
        spec = importlib.util.spec_from_file_location(
            "Cuevox", PACK / "__init__.py", submodule_search_locations=[str(PACK)]
        )
        package = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "Cuevox", package)
        spec.loader.exec_module(package)
        sys.modules["Cuevox.surface"].PORT = 0
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(sys.modules["Cuevox.surface"], "time", clock)
        self.script = package.create_instance(object())

    def hear(self):
        """Do a turn once a packet has come."""
        assert select.select([self.script._wire._socket], [], [], WAIT_SECONDS)[0]
        self.script.update_display()

    def _control_surface(live):  # noqa: N805
        class ControlSurface:
            def __init__(self, c_instance):
                self._c_instance = c_instance

            def song(self):
                return live.song

            def show_message(self, text):
                live.messages.append(text)

            def log_message(self, *texts):
                pass

            def update_display(self):
                pass

            def disconnect(self):
                pass

        return ControlSurface
