"""A Live set of the user's own as the frame of an exported one: its version, its tracks, its devices and scenes stay.

The story's tracks come first. Each is a copy of the set's first audio track with its devices and without its clips, a
return one of its first return without devices; where the set has none, they are written from our own table.
"""

from __future__ import annotations

import copy
import gzip
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import msgspec

from engine.errors import MediaError
from engine.export.sessions.live_schema import LOUDEST, SILENT_SEND, Field, NewId, envelope, knob, markup

Element = ElementTree.Element

VERSIONS = ("11.", "12.")
MOST_RETURNS = 12
_POINTEES = ("AutomationTarget", "ModulationTarget", "Pointee")
_MIXER = "DeviceChain/Mixer"
_EVENTS = "DeviceChain/MainSequencer/Sample/ArrangerAutomation/Events"


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A track, a return or the master. sends: linear, one for each of the story's returns. clips: as XML.

    plain: the whole track from our own table, for a set that has none to copy.
    """

    name: str
    colour: int
    gain: float
    pan: float
    on: bool
    sends: Sequence[float] = ()
    clips: str = ""
    plain: Callable[[], Field] | None = None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is put into a set. tempo, meter: what holds at the start, and the events of its envelope."""

    tracks: Sequence[Lane]
    returns: Sequence[Lane]
    master: Lane
    tempo: tuple[float, Sequence[Field]]
    meter: tuple[int, Sequence[Field]]
    locators: Sequence[tuple[float, str]]


class Template:
    """A set that was read. Raises MediaError for a file that is none of Live 11 or 12, or lacks what every set has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.root = ElementTree.fromstring(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, ElementTree.ParseError) as error:
            raise MediaError(f"Live set {path} can't be read: {error}") from error
        version = self.root.get("MinorVersion", "")
        if self.root.tag != "Ableton" or not version.startswith(VERSIONS):
            raise MediaError(f"Live set {path} is of version {version or 'unknown'}: Live 11 and 12 are known")
        self.live_set = self._find(self.root, "LiveSet")
        self.tracks = self._find(self.live_set, "Tracks")
        main = "MainTrack" if self.live_set.find("MainTrack") is not None else "MasterTrack"
        self.main = self._find(self.live_set, main)
        self.scenes = len(self._find(self.live_set, "Scenes"))
        self._ids = count(int(self._find(self.live_set, "NextPointeeId").get("Value", 0)))
        self._track_ids = count(1 + max((int(track.get("Id", 0)) for track in self.tracks), default=0))
        self._returns = len(self.tracks.findall("ReturnTrack"))

    def new_id(self) -> str:
        """Return an id that nothing in the set has yet."""
        return str(next(self._ids))

    def check_returns(self, more: int) -> None:
        """Raise MediaError where ``more`` returns are too many."""
        if self._returns + more > MOST_RETURNS:
            known = f"{self._returns} returns and the story {more}"
            raise MediaError(f"Live set {self.path} has {known}; Live takes {MOST_RETURNS} in all")

    def filled(self, content: Content) -> str:
        """Return the set with ``content`` in it, as XML; once only."""
        audio, back = (copy.deepcopy(self.tracks.find(kind)) for kind in ("AudioTrack", "ReturnTrack"))
        for track in self.tracks:
            self._add_sends(track, [0.0] * len(content.returns))
        for number, lane in enumerate(content.tracks):
            self.tracks.insert(number, self._track(audio, lane, f"CuevoxClips{number}"))
        for lane in content.returns:
            self.tracks.append(self._track(back, lane))
        before = self._find(self.live_set, "SendsPre")
        for number in range(len(before), self._returns + len(content.returns)):
            ElementTree.SubElement(before, "SendPreBool", Id=str(number), Value="false")
        self._strip(self.main, content.master)
        self._tempo(content)
        self._locate(content.locators)
        self._set(self.live_set, "NextPointeeId", self.new_id())
        text = ElementTree.tostring(self.root, encoding="unicode")
        for number, lane in enumerate(content.tracks):
            text = text.replace(f"<CuevoxClips{number} />", lane.clips)
        return text

    def _track(self, example: Element | None, lane: Lane, clips: str = "") -> Element:
        """Return a track for ``lane``. clips: the name of what stands where its clips come."""
        if example is None:
            assert lane.plain is not None
            track = ElementTree.fromstring(markup([lane.plain()]))
            holders = self._find(track, f"{_MIXER}/Sends")
            holders[:] = []
        else:
            track = self._emptied(copy.deepcopy(example))
            holders = self._find(track, f"{_MIXER}/Sends")
            for holder in holders[self._returns :]:
                holders.remove(holder)
        track.set("Id", str(next(self._track_ids)))
        for holder in holders:
            self._set(holder, "Send/Manual", f"{SILENT_SEND:.10g}")
        self._add_sends(track, [*([0.0] * (self._returns - len(holders))), *lane.sends])
        self._set(track, "Name/EffectiveName", lane.name)
        self._set(track, "Name/UserName", lane.name)
        self._set(track, "Color", str(lane.colour))
        self._strip(track, lane)
        if clips:
            ElementTree.SubElement(self._find(track, _EVENTS), clips)
        return track

    def _emptied(self, track: Element) -> Element:
        """Take what lies in a copied track out of it."""
        for holder in (*track.iterfind("AutomationEnvelopes/Envelopes"), *track.iterfind("TakeLanes/TakeLanes")):
            holder[:] = []
        for events in track.iter("Events"):
            events[:] = []
        for value in track.iterfind("DeviceChain//ClipSlotList/ClipSlot/ClipSlot/Value"):
            value[:] = []
        if track.tag == "ReturnTrack":
            self._find(track, "DeviceChain/DeviceChain/Devices")[:] = []
        self._set(track, "TrackGroupId", "-1")
        return self._renumbered(track)

    def _renumbered(self, element: Element) -> Element:
        """Give a copy ids of its own, and have what refers to them inside it follow."""
        new = {each.get("Id", ""): self.new_id() for each in _pointees(element)}
        for each in _pointees(element):
            each.set("Id", new[each.get("Id", "")])
        for each in element.iter("PointeeId"):
            each.set("Value", new.get(each.get("Value", ""), each.get("Value", "")))
        return element

    def _add_sends(self, track: Element, levels: Sequence[float]) -> None:
        """Add a send for each of ``levels``, linear, behind those that a track has."""
        holders = track.find(f"{_MIXER}/Sends")
        if holders is None:
            return
        example = self.tracks.find(f".//{_MIXER}/Sends/TrackSendHolder")
        for level in levels:
            if example is None:
                holder = ElementTree.fromstring(markup([_holder(self.new_id)]))
            else:  # as this version of Live has it
                holder = self._renumbered(copy.deepcopy(example))
            holder.set("Id", str(len(holders)))
            self._set(holder, "Send/Manual", f"{max(SILENT_SEND, level):.10g}")
            holders.append(holder)

    def _strip(self, track: Element, lane: Lane) -> None:
        mixer = self._find(track, _MIXER)
        self._set(mixer, "Volume/Manual", f"{min(lane.gain, LOUDEST):.10g}")
        self._set(mixer, "Pan/Manual", f"{lane.pan:.10g}")
        self._set(mixer, "Speaker/Manual", str(lane.on).lower())

    def _tempo(self, content: Content) -> None:
        """Set tempo and meter where they stand: in the main track's mixer, and in the envelope of either."""
        envelopes = self._find(self.main, "AutomationEnvelopes/Envelopes")
        for name, (value, events) in (("TimeSignature", content.meter), ("Tempo", content.tempo)):
            self._set(self.main, f"{_MIXER}/{name}/Manual", f"{value:.10g}")
            target = self._find(self.main, f"{_MIXER}/{name}/AutomationTarget").get("Id", "")
            for each in list(envelopes):
                if self._find(each, "EnvelopeTarget/PointeeId").get("Value") == target:
                    envelopes.remove(each)
            number = 1 + max((int(each.get("Id", 0)) for each in envelopes), default=-1)
            envelopes.append(ElementTree.fromstring(markup([envelope(number, target, events)])))

    def _locate(self, locators: Sequence[tuple[float, str]]) -> None:
        """Add locators; Live has one at a place, which is the story's."""
        known, taken = self._find(self.live_set, "Locators/Locators"), {beat for beat, _ in locators}
        known[:] = [each for each in known if float(self._find(each, "Time").get("Value", 0)) not in taken]
        first = 1 + max((int(each.get("Id", 0)) for each in known), default=-1)
        known.extend(ElementTree.fromstring(markup([locator(first + n, *each)])) for n, each in enumerate(locators))

    def _find(self, element: Element, path: str) -> Element:
        found = element.find(path)
        if found is None:
            raise MediaError(f"Live set {self.path} has no {path} in its {element.tag}")
        return found

    def _set(self, element: Element, path: str, value: str) -> None:
        self._find(element, path).set("Value", value)


def locator(number: int, beat: float, name: str) -> Field:
    """Return a locator."""
    fields = ["LomId=0", f"Time={beat!r}", f"Name={name}", "Annotation=", "IsSongStart=false"]
    return ("Locator", {"Id": number}, fields)


def _holder(new_id: NewId) -> Field:
    return ("TrackSendHolder", {"Id": 0}, [knob("Send", SILENT_SEND, SILENT_SEND, 1, new_id), "Active=true"])


def _pointees(element: Element) -> Iterator[Element]:
    """Iterate over what has an id that is unique in the whole set."""
    for each in element.iter():
        if "Id" in each.attrib and (
            each.tag in _POINTEES or each.tag.endswith("ModulationTarget") or each.tag.startswith("ControllerTargets.")
        ):
            yield each
