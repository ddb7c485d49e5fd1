"""A stand-in for Reaper: a project in memory, and the part of ReaScript's API that our scripts may call.

Every call is checked against the signature that ReaScript's documentation gives: an unknown function, a wrong number
of arguments or a wrong type is an error, as are names of values that Reaper does not have. Lua 5.4 runs the scripts.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import deque
from pathlib import Path
from types import SimpleNamespace

from lupa.lua54 import LuaRuntime

PACK = Path(__file__).parents[2] / "bridge" / "reaper"

SIGNATURES = {
    "AddMediaItemToTrack": "track", "AddProjectMarker2": "proj bool num num str int int", "AddTakeToMediaItem": "item",
    "AddRemoveReaScript": "bool int str bool", "CountSelectedMediaItems": "proj", "CountTakes": "item",
    "CountTracks": "proj", "CountTrackMediaItems": "track", "CreateTrackSend": "track track",
    "DeleteTakeMarker": "take int", "DeleteTrackMediaItem": "track item", "EnumProjectMarkers3": "proj int",
    "EnumProjects": "int", "GetProjectPathEx": "proj", "GetProjectStateChangeCount": "proj", "Undo_BeginBlock2": "proj",
    "Undo_EndBlock2": "proj str int", "ValidatePtr": "any str",
    "EnumerateFiles": "str int", "ExecProcess": "str int", "GetActiveTake": "item", "GetCursorPosition": "",
    "GetExtState": "str str", "GetMediaItemInfo_Value": "item str", "GetMediaItemTakeInfo_Value": "take str",
    "GetMediaItemTake_Source": "take", "GetMediaItem_Track": "item", "GetMediaSourceFileName": "source",
    "GetNumTakeMarkers": "take", "GetPlayPosition": "", "GetPlayState": "", "GetProjExtState": "proj str str",
    "GetResourcePath": "", "GetSelectedMediaItem": "proj int",
    "GetSetMediaItemInfo_String": "item str str bool", "GetSetMediaItemTakeInfo_String": "take str str bool",
    "GetSetMediaTrackInfo_String": "track str str bool", "GetSetProjectInfo": "proj str num bool",
    "GetTake": "item int",
    "GetTrack": "proj int", "GetTrackMediaItem": "track int", "GetUserFileNameForRead": "str str str",
    "InsertTrackAtIndex": "int bool", "Master_GetPlayRate": "proj", "PCM_Source_CreateFromFile": "str",
    "PCM_Source_Destroy": "source", "PreventUIRefresh": "int", "RecursiveCreateDirectory": "str int",
    "RefreshToolbar2": "int int", "SetActiveTake": "take", "SetItemStateChunk": "item str bool",
    "SetMediaItemInfo_Value": "item str num", "SetMediaItemTakeInfo_Value": "take str num",
    "SetMediaItemTake_Source": "take source", "SetMediaTrackInfo_Value": "track str num",
    "SetProjExtState": "proj str str str", "SetProjectMarker3": "proj int bool num num str int",
    "SetTakeMarker": "take int str num? int?", "SetToggleCommandState": "int int int",
    "SetTrackSendInfo_Value": "track int int str num", "ShowConsoleMsg": "str", "ShowMessageBox": "str str int",
    "TrackList_AdjustWindows": "bool", "Undo_BeginBlock": "", "Undo_EndBlock": "str int", "UpdateArrange": "",
    "UpdateItemInProject": "item", "ValidatePtr2": "proj any str", "atexit": "function", "defer": "function",
    "file_exists": "str", "get_action_context": "", "set_action_options": "int", "time_precise": "",
}  # fmt: skip
"""Of the API of Reaper 7, as ReaScript's documentation has it; a ? may be left away."""

IMGUI = {
    "ImGui_Begin": "window str bool?", "ImGui_Button": "window str", "ImGui_Checkbox": "window str bool",
    "ImGui_CreateContext": "str", "ImGui_End": "window", "ImGui_SameLine": "window", "ImGui_Separator": "window",
    "ImGui_Text": "window str", "ImGui_ValidatePtr": "any str",
}  # fmt: skip
"""Of ReaImGui, where that is installed."""

ITEM_VALUES = {
    "D_POSITION": 0.0,
    "D_LENGTH": 0.0,
    "D_FADEINLEN": 0.01,
    "D_FADEOUTLEN": 0.01,
    "B_MUTE": 0.0,
    "B_LOOPSRC": 1.0,
}
TAKE_VALUES = {"D_STARTOFFS": 0.0, "D_VOL": 1.0, "D_PAN": 0.0, "D_PLAYRATE": 1.0}
TRACK_VALUES = {"D_VOL": 1.0, "D_PAN": 0.0, "B_MUTE": 0.0, "I_SOLO": 0.0, "I_CUSTOMCOLOR": 0.0, "I_FOLDERDEPTH": 0.0}


class Thing(SimpleNamespace):
    """A pointer of Reaper: equal to itself only."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class ReaperFault(Exception):
    """What Reaper would answer with an error in the script."""


class Reaper:
    """One project, and the calls. run_commands: stand for `cuevox` when ExecProcess is to run it."""

    def __init__(self, folder: Path, *, run_commands: tuple[str, ...] = (), environment=None, api=SIGNATURES) -> None:
        self.folder = folder
        (folder / "resources").mkdir()
        (folder / "project").mkdir()
        self.run_commands, self.environment = run_commands, environment
        self.tracks, self.markers, self.selected = [], [], []
        self.ext, self.project_ext, self.messages, self.console = {}, {}, [], []
        self.commands, self.children, self.undo, self.exits = [], [], [], []
        self.deferred = deque()
        self.toggle, self.open_blocks, self.refresh = {}, 0, 0
        self.now, self.play_state, self.position, self.cursor, self.rate = 100.0, 0, 0.0, 0.0, 1.0
        self.answers: deque[int] = deque()  # of message boxes
        self.chosen_file: str | None = None
        self.project_rate = 0.0
        self.registered = []
        self.project, self.others, self.changes = Thing(kind="project"), [], 0
        self.pressed, self.shown, self.window_open, self.frame = "", [], True, None
        self.lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False)
        self.script = ""
        self._bind(api)

    def _bind(self, api) -> None:
        table = self.lua.table()
        for name in api:
            table[name] = self._checked(name, api[name].split())
        self.lua.globals()["reaper"] = self.lua.eval(
            "function(t) return setmetatable(t, {__index = function(_, k)"
            " if k == 'ImGui_CreateContext' then return nil end"  # not installed
            " error('Reaper has no function ' .. tostring(k), 2) end}) end"
        )(table)

    def _checked(self, name, kinds):
        needed = sum(not kind.endswith("?") for kind in kinds)

        def call(*arguments):
            if not needed <= len(arguments) <= len(kinds):
                raise ReaperFault(f"{name} takes {len(kinds)} arguments, got {len(arguments)}")
            for kind, argument in zip(kinds, arguments, strict=False):
                if not _fits(kind.rstrip("?"), argument):
                    raise ReaperFault(f"{name}: {argument!r} is no {kind}")
            return getattr(self, name)(*arguments)

        return call

    def run(self, script: str) -> None:
        """Run an action; what it defers waits for ``turn``."""
        self.script = str(PACK / script)
        self.lua.execute((PACK / script).read_text(encoding="utf-8"))

    def require(self, module: str):
        """Return a library of the pack."""
        self.lua.execute(f'package.path = "{PACK}/?.lua;" .. package.path')
        return self.lua.eval(f'(require("{module}"))')

    def turn(self, seconds: float = 0.03) -> bool:
        """Let time pass, then run what is deferred once; return whether there was anything."""
        self.now += seconds
        if self.play_state & 1:
            self.position += seconds * self.rate
        due, self.deferred = self.deferred, deque()
        for function in due:
            function()
        return bool(due)

    def end(self) -> None:
        """End the script as Reaper does: it is not deferred again, and what it left for its end is run."""
        self.deferred.clear()
        for function in self.exits:
            function()
        self.exits.clear()

    # what tests arrange

    def new_track(self, name: str) -> Thing:
        track = Thing(kind="track", items=[], values=dict(TRACK_VALUES), texts={"P_NAME": name}, sends=[])
        self.tracks.append(track)
        return track

    def new_item(self, track: Thing, at: float, length: float = 1.0, notes: str = "") -> Thing:
        item = self.AddMediaItemToTrack(track)
        item.values |= {"D_POSITION": at, "D_LENGTH": length}
        item.texts["P_NOTES"] = notes
        return item

    # ReaScript

    def AddMediaItemToTrack(self, track):  # noqa: N802
        item = Thing(kind="item", track=track, takes=[], values=dict(ITEM_VALUES), texts={}, active=0)
        track.items.append(item)
        return item

    def AddTakeToMediaItem(self, item):  # noqa: N802
        take = Thing(kind="take", item=item, source=None, values=dict(TAKE_VALUES), texts={}, markers=[])
        item.takes.append(take)
        return take

    def AddProjectMarker2(self, _, region, at, end, name, wanted, colour):  # noqa: N802
        number = wanted if wanted >= 0 else 1 + max((m.number for m in self.markers if m.region == region), default=0)
        self.markers.append(
            Thing(kind="marker", region=region, at=at, end=end, name=name, number=number, colour=colour)
        )
        self.markers.sort(key=lambda m: m.at)
        self.changes += 1
        return number

    def SetProjectMarker3(self, _, number, region, at, end, name, colour):  # noqa: N802
        for marker in self.markers:
            if (marker.number, marker.region) == (number, region):
                marker.at, marker.end, marker.name = at, end, name
                self.markers.sort(key=lambda m: m.at)
                self.changes += 1
                return True
        return False

    def EnumProjectMarkers3(self, _, index):  # noqa: N802
        if index >= len(self.markers):
            return (0, False, 0.0, 0.0, "", 0, 0)
        m = self.markers[index]
        return (index + 1, m.region, m.at, m.end, m.name, m.number, m.colour)

    def AddRemoveReaScript(self, add, section, path, commit):  # noqa: N802
        self.registered.append((path, commit))
        return len(self.registered)

    def CountSelectedMediaItems(self, _):  # noqa: N802
        return len(self.selected)

    def GetSelectedMediaItem(self, _, index):  # noqa: N802
        return _at(self.selected, index)

    def CountTakes(self, item):  # noqa: N802
        return len(item.takes)

    def GetTake(self, item, index):  # noqa: N802
        return _at(item.takes, index)

    def GetActiveTake(self, item):  # noqa: N802
        return _at(item.takes, item.active)

    def SetActiveTake(self, take):  # noqa: N802
        take.item.active = take.item.takes.index(take)

    def CountTracks(self, _):  # noqa: N802
        return len(self.tracks)

    def GetTrack(self, _, index):  # noqa: N802
        return _at(self.tracks, index)

    def CountTrackMediaItems(self, track):  # noqa: N802
        return len(track.items)

    def GetTrackMediaItem(self, track, index):  # noqa: N802
        return _at(track.items, index)

    def GetMediaItem_Track(self, item):  # noqa: N802
        return item.track

    def DeleteTrackMediaItem(self, track, item):  # noqa: N802
        track.items.remove(item)
        return True

    def InsertTrackAtIndex(self, index, _defaults):  # noqa: N802
        track = self.new_track("")
        self.tracks.insert(index, self.tracks.pop())
        return track and None

    def CreateTrackSend(self, source, target):  # noqa: N802
        source.sends.append(Thing(kind="send", to=target, values={}))
        return len(source.sends) - 1

    def SetTrackSendInfo_Value(self, track, category, index, name, value):  # noqa: N802
        if category != 0 or name not in ("D_VOL", "D_PAN", "B_MUTE", "I_SENDMODE"):
            raise ReaperFault(f"no value {name} of sends")
        track.sends[index].values[name] = value
        return True

    def GetMediaItemInfo_Value(self, item, name):  # noqa: N802
        return item.values[_known(name, ITEM_VALUES)]

    def SetMediaItemInfo_Value(self, item, name, value):  # noqa: N802
        item.values[_known(name, ITEM_VALUES)] = value
        return True

    def GetMediaItemTakeInfo_Value(self, take, name):  # noqa: N802
        return take.values[_known(name, TAKE_VALUES)]

    def SetMediaItemTakeInfo_Value(self, take, name, value):  # noqa: N802
        take.values[_known(name, TAKE_VALUES)] = value
        return True

    def SetMediaTrackInfo_Value(self, track, name, value):  # noqa: N802
        track.values[_known(name, TRACK_VALUES)] = value
        return True

    def GetSetMediaItemInfo_String(self, item, name, text, change):  # noqa: N802
        return _text(item, name, text, change, ("P_NOTES", "GUID"))

    def GetSetMediaItemTakeInfo_String(self, take, name, text, change):  # noqa: N802
        return _text(take, name, text, change, ("P_NAME", "GUID"))

    def GetSetMediaTrackInfo_String(self, track, name, text, change):  # noqa: N802
        return _text(track, name, text, change, ("P_NAME", "GUID"))

    def GetSetProjectInfo(self, _, name, value, change):  # noqa: N802
        if change or name not in ("PROJECT_SRATE", "PROJECT_SRATE_USE"):
            raise ReaperFault(name)
        return self.project_rate if name == "PROJECT_SRATE" else float(self.project_rate > 0)

    def PCM_Source_CreateFromFile(self, path):  # noqa: N802
        return Thing(kind="source", path=path, destroyed=False) if Path(path).exists() else None

    def PCM_Source_Destroy(self, source):  # noqa: N802
        source.destroyed = True

    def GetMediaItemTake_Source(self, take):  # noqa: N802
        return take.source

    def SetMediaItemTake_Source(self, take, source):  # noqa: N802
        take.source = source
        return True

    def GetMediaSourceFileName(self, source):  # noqa: N802
        if source.destroyed:
            raise ReaperFault("that source was destroyed: Reaper has crashed")
        return source.path

    def GetNumTakeMarkers(self, take):  # noqa: N802
        return len(take.markers)

    def SetTakeMarker(self, take, index, name, at=None, colour=None):  # noqa: N802
        if index != -1:
            raise ReaperFault("changing markers is not in this stand-in")
        take.markers.append((at, name))
        return len(take.markers) - 1

    def DeleteTakeMarker(self, take, index):  # noqa: N802
        del take.markers[index]
        return True

    def SetItemStateChunk(self, item, chunk, _undo):  # noqa: N802
        """Read what of an item's text this stand-in keeps; the text must be whole, as for Reaper."""
        lines = [line.strip() for line in chunk.split("\n")]
        depth = [sum(line.startswith("<") for line in lines), lines.count(">")]
        if lines[0] != "<ITEM" or depth[0] != depth[1]:
            raise ReaperFault(f"no text of an item: {chunk[:40]!r}, {depth}")
        words = {}
        for line in lines:
            words.setdefault(line.split(" ", 1)[0], _words(line)[1:])
        for key, value in (("POSITION", "D_POSITION"), ("LENGTH", "D_LENGTH"), ("MUTE", "B_MUTE")):
            item.values[value] = float(words.get(key, [0.0])[0])
        item.values["D_FADEINLEN"], item.values["D_FADEOUTLEN"] = (
            float(words["FADEIN"][1]) if "FADEIN" in words else 0.0,
            (float(words["FADEOUT"][1]) if "FADEOUT" in words else 0.0),
        )
        take = self.AddTakeToMediaItem(item)
        take.values |= {
            "D_STARTOFFS": float(words["SOFFS"][0]),
            "D_VOL": float(words["VOLPAN"][0]),
            "D_PAN": float(words["VOLPAN"][1]),
        }
        take.texts["P_NAME"] = words["NAME"][0]
        take.source = Thing(kind="source", path=words["FILE"][0], destroyed=False)
        take.markers = [(float(w[1]), w[2]) for w in (_words(line) for line in lines) if w[:1] == ["TKM"]]
        item.texts["P_NOTES"] = "\n".join(line[1:] for line in lines if line.startswith("|"))
        return True

    def ExecProcess(self, line, timeout):  # noqa: N802
        words = shlex.split(line)
        self.commands.append(words)
        if not self.run_commands:
            return "0\n"
        command = [*self.run_commands, *words[1:]]
        if timeout < 0:
            self.children.append(subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL))
            return "0\n"
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return f"{done.returncode}\n{done.stdout}{done.stderr}"

    def RecursiveCreateDirectory(self, path, _):  # noqa: N802
        Path(path).mkdir(parents=True, exist_ok=True)
        return 1

    def EnumerateFiles(self, path, index):  # noqa: N802
        return _at(sorted(file.name for file in Path(path).iterdir() if file.is_file()), index)

    def GetUserFileNameForRead(self, _start, _title, _ext):  # noqa: N802
        return (self.chosen_file is not None, self.chosen_file or "")

    def GetExtState(self, section, key):  # noqa: N802
        return self.ext.get((section, key), "")

    def GetProjExtState(self, _, section, key):  # noqa: N802
        value = self.project_ext.get((section, key), "")
        return (int(bool(value)), value)

    def SetProjExtState(self, _, section, key, value):  # noqa: N802
        self.project_ext[section, key] = value
        return 1

    def GetProjectPathEx(self, _):  # noqa: N802
        return str(self.folder / "project")

    def EnumProjects(self, index):  # noqa: N802
        """Return the project in front (-1), which tests may change."""
        return (self.project, "") if index == -1 else (None, "")

    def GetProjectStateChangeCount(self, _):  # noqa: N802
        return self.changes

    def ValidatePtr(self, thing, kind):  # noqa: N802
        return kind == "ReaProject*" and thing in (self.project, *self.others)

    def GetResourcePath(self):  # noqa: N802
        return str(self.folder / "resources")

    def GetPlayPosition(self):  # noqa: N802
        return self.position

    def GetPlayState(self):  # noqa: N802
        return self.play_state

    def GetCursorPosition(self):  # noqa: N802
        return self.cursor

    def Master_GetPlayRate(self, _):  # noqa: N802
        return self.rate

    def ShowConsoleMsg(self, text):  # noqa: N802
        self.console.append(text)

    def ShowMessageBox(self, text, _title, kind):  # noqa: N802
        if self.frame is not None:
            raise ReaperFault("a dialog inside a window that is being drawn")
        self.messages.append(text)
        return self.answers.popleft() if kind else 1

    def ValidatePtr2(self, project, thing, kind):  # noqa: N802
        if project is not None and project != 0 and project not in (self.project, *self.others):
            return False
        return kind == "MediaItem*" and any(thing in track.items for track in self.tracks)

    def Undo_BeginBlock(self):  # noqa: N802
        self.open_blocks += 1

    def Undo_EndBlock(self, text, _flags):  # noqa: N802
        self.open_blocks -= 1
        self.undo.append(text)

    def Undo_BeginBlock2(self, _):  # noqa: N802
        self.Undo_BeginBlock()

    def Undo_EndBlock2(self, _, text, flags):  # noqa: N802
        self.Undo_EndBlock(text, flags)

    def PreventUIRefresh(self, change):  # noqa: N802
        self.refresh += change

    def SetToggleCommandState(self, section, command, state):  # noqa: N802
        self.toggle[section, command] = state
        return True

    def get_action_context(self):
        return (True, self.script, 0, 51234, -1, -1, -1, "")

    def time_precise(self):
        return self.now

    def defer(self, function):
        self.deferred.append(function)
        return True

    def atexit(self, function):
        self.exits.append(function)
        return True

    def file_exists(self, path):
        return Path(path).is_file()

    # ReaImGui: a window holds from its context on; between Begin and End dialogs would stand in the way of drawing

    def ImGui_CreateContext(self, name):  # noqa: N802
        self.window = Thing(kind="window", name=name)
        return self.window

    def ImGui_ValidatePtr(self, thing, kind):  # noqa: N802
        return kind == "ImGui_Context*" and thing is self.window

    def ImGui_Begin(self, window, name, has_close=None):  # noqa: N802
        if window is not self.window or self.frame is not None:
            raise ReaperFault("no such window, or one that is being drawn")
        self.frame, self.shown = window, []
        return (True, self.window_open)

    def ImGui_End(self, window):  # noqa: N802
        if self.frame is not window:
            raise ReaperFault("nothing was begun")
        self.frame, self.pressed = None, ""

    def ImGui_Button(self, _, label):  # noqa: N802
        self.shown.append(label)
        return self.pressed == label

    def ImGui_Checkbox(self, _, label, on):  # noqa: N802
        self.shown.append(label)
        return (True, not on) if self.pressed == label else (False, on)

    def ImGui_Text(self, _, text):  # noqa: N802
        self.shown.append(text)

    def _nothing(self, *_):
        return None

    TrackList_AdjustWindows = UpdateArrange = UpdateItemInProject = RefreshToolbar2 = set_action_options = _nothing
    ImGui_SameLine = ImGui_Separator = _nothing


def _fits(kind, value) -> bool:
    match kind:
        case "any":
            return True
        case "proj":
            return value in (0, None) or (isinstance(value, Thing) and value.kind == "project")
        case "str":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "num":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "int":
            return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
        case "function":
            return callable(value)
    return isinstance(value, Thing) and value.kind == kind


def _at(things, index):
    return things[int(index)] if 0 <= index < len(things) else None


def _known(name, values):
    if name not in values:
        raise ReaperFault(f"no value {name}")
    return name


def _text(thing, name, text, change, names):
    if name not in names and not re.fullmatch(r"P_EXT:\w+", name):
        raise ReaperFault(f"no text {name}")
    if change:
        thing.texts[name] = text
    return (True, thing.texts.get(name, ""))


def _words(line):
    return [a or b or c or d for a, b, c, d in re.findall(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`|(\S+)", line)]
