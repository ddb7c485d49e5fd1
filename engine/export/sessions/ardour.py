"""An Ardour 7 session: a folder with the session file and the media where Ardour looks for it.

Positions are counted in superclocks, of which a frame has a whole number. Every track is stereo and pans by balance,
which is our own law; a mono sound is played on both sides. Regions are transparent: what overlaps is added, as here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from engine.export.colours import track_colour
from engine.export.naming import unique
from engine.export.plan import Plan
from engine.export.sessions.base import Session, SessionFormat, clip_title
from engine.export.sessions.beats import Beats
from engine.export.sessions.identity import clip_note
from engine.export.sessions.xml import Element, child, document, root
from engine.mixer.levels import shaped
from engine.realtime.records import Shape
from engine.story.model import MASTER, FadeShape, Strip, Track
from engine.story.timeline import Placed
from engine.units import db_to_gain

SUPERCLOCKS_PER_SECOND = 282_240_000
_BALANCE = "http://ardour.org/plugin/panner_balance"
_TICKS_PER_QUARTER = 1920
_VERSION = 7002
_SIDES = (1, 2)
_FADE_STEPS = 128


def _name(plan: Plan) -> str:
    return plan.title_file


def _files(plan: Plan) -> tuple[str, ...]:
    return (f"{_name(plan)}/{_name(plan)}.ardour",)


def write(session: Session) -> None:
    """Write the session folder."""
    for folder in ("analysis", "dead", "export", "externals", "peaks", "plugins"):
        (session.folder / _name(session.plan) / folder).mkdir(parents=True)
    text = document(_Writer(session).element())
    (session.folder / _files(session.plan)[0]).write_bytes(text)


FORMAT = SessionFormat(what="Ardour 7 session", files=_files, write=write, has=frozenset({"sends", "mutes", "solos"}))


class _Writer:
    def __init__(self, session: Session) -> None:
        self.session, self.story = session, session.plan.story
        self.media = session.folder / _name(session.plan) / "interchange" / _name(session.plan) / "audiofiles"
        self._clocks = SUPERCLOCKS_PER_SECOND // self.story.sample_rate
        self._numbers, self._sends = count(1000), count(1)
        names = {track.id: track.name for track in self.story.tracks} | {bus.id: bus.name for bus in self.story.buses}
        ids = list(self.story.strips())
        legal = unique(_legal(names.get(strip) or strip) if strip != MASTER else "Master" for strip in ids[::-1])
        self.names = dict(zip(ids[::-1], legal, strict=True))
        self.routes = {strip: self.new_id() for strip in ids}
        self._sources: dict[str, list[str]] = {}
        self._source_elements = root("Sources")

    def new_id(self) -> str:
        """Return an id that nothing has yet."""
        return str(next(self._numbers))

    def at(self, frame: int) -> str:
        """Return a time as Ardour writes it."""
        return f"a{frame * self._clocks}"

    def element(self) -> Element:
        """Return the whole session."""
        session = root(
            "Session", version=_VERSION, name=_name(self.session.plan), sample_rate=self.story.sample_rate,
        )  # fmt: skip
        _rename(session)
        child(session, "ProgramVersion", created_with="Cuevox", modified_with="Cuevox")
        config = child(session, "Config")
        for name, value in (
            ("use-region-fades", 1),
            ("use-transport-fades", 0),
            ("native-file-data-format", "FormatFloat"),
        ):
            child(config, "Option", name=name, value=value)
        playlists = self._playlists()
        session.append(self._source_elements)
        child(session, "Regions")
        child(session, "Metadata")
        self._locations(child(session, "Locations"))
        child(session, "Bundles")
        child(session, "VCAManager")
        routes = child(session, "Routes")
        orders = {strip_id: order for order, strip_id in enumerate([MASTER, *list(self.routes)[:-1]])}
        for strip_id, strip in reversed(self.story.strips().items()):  # what others send to comes first
            self._route(routes, orders[strip_id], strip_id, strip)
        session.append(playlists)
        child(session, "UnusedPlaylists")
        child(session, "RouteGroups")
        self._tempo(child(session, "TempoMap", superclocks_per_second=SUPERCLOCKS_PER_SECOND))
        session.set("id-counter", self.new_id())
        for each in session.iter():
            _rename(each)
        return session

    def _locations(self, locations: Element) -> None:
        child(
            locations, "Location", id_=self.new_id(), name="session", start="a0", end=self.at(self.session.frames),
            flags="IsSessionRange", locked=0,
        )  # fmt: skip
        for frame, marker in self.session.markers():
            at, name = self.at(frame), marker.name or marker.id
            child(locations, "Location", id_=self.new_id(), name=name, start=at, end=at, flags="IsMark", locked=0)

        for begin, end, name in self.session.scenes():
            child(
                locations, "Location", id_=self.new_id(), name=name, start=self.at(begin), end=self.at(end),
                flags="IsRangeMarker", locked=0,
            )  # fmt: skip

    def _tempo(self, tempo_map: Element) -> None:
        tempos, meters = child(tempo_map, "Tempos"), child(tempo_map, "Meters")
        for stretch in Beats(self.story).stretches:
            place: dict[str, Any] = {
                "sclock": round(stretch.frame * SUPERCLOCKS_PER_SECOND / self.story.sample_rate),
                "quarters": f"{stretch.beat}:0",
                "bbt": f"{stretch.point.bar if stretch.beat else 1}|1|0",
            }
            bpm = float(stretch.point.tempo_bpm)
            child(
                tempos, "Tempo", npm=bpm, enpm=bpm, note_type=4, type="Tempo::Constant", active=1, locked_to_meter=0,
                continuing=0, omega=0, **place,
            )  # fmt: skip
            child(meters, "Meter", note_value=4, divisions_per_bar=stretch.point.beats_per_bar, **place)

    def _route(self, routes: Element, order: int, strip_id: str, strip: Strip) -> None:
        is_track = strip_id in {track.id for track in self.story.tracks}
        kind = "AudioTrack" if is_track else ("MasterOut" if strip_id == MASTER else "AudioBus")
        name = self.names[strip_id]
        extra = {"mode": "Normal", "audio_playlist": self._playlist_ids[strip_id]} if is_track else {}
        route = child(
            routes, "Route", version=_VERSION, id_=self.routes[strip_id], name=name, default_type="audio",
            strict_io=int(strip_id == MASTER), active=1, meter_point="MeterPostFader", disk_io_point="DiskIOPreFader",
            **extra,
        )  # fmt: skip
        red, green, blue = track_colour(list(self.routes).index(strip_id))
        colour = red << 24 | green << 16 | blue << 8 | 0xFF
        child(route, "PresentationInfo", order=order, flags=f"{kind},OrderSet", color=colour)
        solo = int(strip.solo)
        child(
            route, "Controllable", name="solo", id_=self.new_id(), flags="Toggle,RealTime", value=solo, self_solo=solo,
            soloed_by_upstream=0, soloed_by_downstream=0,
        )  # fmt: skip
        self._ports(route, name, "Input", {})
        target = (
            [f"system:playback_{n}" for n in _SIDES] if strip_id == MASTER else [f"Master/audio_in {n}" for n in _SIDES]
        )
        self._ports(route, name, "Output", dict(zip(_SIDES, target, strict=True)))
        child(route, "MuteMaster", mute_point="PreFader,PostFader,Listen,Main", muted=int(strip.mute))
        self._control(route, "mute", float(strip.mute), flags="Toggle,RealTime")
        pannable = child(route, "Pannable")
        self._control(pannable, "pan-azimuth", (strip.pan + 1) / 2)
        self._processors(route, strip_id, strip, is_track)

    def _ports(self, route: Element, name: str, direction: str, connections: dict[int, str]) -> None:
        io = child(route, "IO", name=name, id_=self.new_id(), direction=direction, default_type="audio")
        for side in _SIDES:
            port = child(
                io, "Port", type="audio", name=f"{name}/audio_{'in' if direction == 'Input' else 'out'} {side}"
            )
            if side in connections:
                child(port, "Connection", other=connections[side])

    def _processors(self, route: Element, strip_id: str, strip: Strip, is_track: bool) -> None:
        name = self.names[strip_id]
        if is_track:
            self._processor(route, f"player:{name}", "diskreader")
        elif strip_id != MASTER:
            self._processor(route, "Return", "intreturn")
        self._control(self._processor(route, "Amp", "amp"), "gaincontrol", db_to_gain(strip.gain_db), flags="GainLike")
        for send in strip.sends:
            processor = self._processor(
                route, self.names[send.to], "intsend", own_input=1, own_output=1, role="Aux", bitslot=next(self._sends),
                selfdestruct=0, target=self.routes[send.to], allow_feedback=0,
            )  # fmt: skip
            self._panner(processor)
            gain = db_to_gain(send.gain_db)
            self._control(processor, "gaincontrol", gain, flags="GainLike,InlineControl")
        outs = self._processor(route, name, "main-outs", own_input=1, own_output=0, output=name, role="Main")
        self._panner(outs)

    def _processor(self, route: Element, name: str, kind: str, **more: object) -> Element:
        return child(route, "Processor", id_=self.new_id(), name=name, active=1, type=kind, **more)

    def _panner(self, processor: Element) -> None:
        shell = child(processor, "PannerShell", bypassed=0, user_panner=_BALANCE, linked_to_route=1)
        child(shell, "Panner", uri=_BALANCE, type="Stereo Balance")

    def _control(self, parent: Element, name: str, value: float, flags: str = "") -> None:
        child(parent, "Controllable", name=name, id_=self.new_id(), flags=flags, value=value)

    def _playlists(self) -> Element:
        playlists = root("Playlists")
        self._playlist_ids = {track.id: self.new_id() for track in self.story.tracks}
        for track in self.story.tracks:
            playlist = child(
                playlists, "Playlist", id_=self._playlist_ids[track.id], name=self.names[track.id], type="audio",
                orig_track_id=self.routes[track.id], frozen=0, combine_ops=0,
            )  # fmt: skip
            self._regions(playlist, track)
        return playlists

    def _regions(self, playlist: Element, track: Track) -> None:
        for layer, placed in enumerate(self.session.clips_of(track)):
            self._region(playlist, placed, layer)

    def _region(self, playlist: Element, placed: Placed, layer: int) -> None:
        clip = placed.clip
        sources = self._sources_of(placed)
        tied = {
            f"{role}-{number}": source for role in ("source", "master-source") for number, source in enumerate(sources)
        }
        region = child(
            playlist, "Region", name=clip_title(placed), muted=0, opaque=0, locked=0, automatic=0, whole_file=0,
            external=1, hidden=0, start=self.at(clip.trim_start_frames),
            length=f"{self.at(placed.length_frames)}@{self.at(placed.start_frame)}",
            sync_position=self.at(clip.trim_start_frames), layering_index=layer, default_fade_in=0, default_fade_out=0,
            fade_in_active=int(clip.fade_in_frames > 0), fade_out_active=int(clip.fade_out_frames > 0),
            scale_amplitude=db_to_gain(clip.gain_db), id_=self.new_id(), type="audio", first_edit="nothing",
            channels=len(sources), **tied,
        )  # fmt: skip
        child(child(region, "Extra"), "Cuevox", note=clip_note(placed, self.session.medium(placed)))
        self._fade(region, "FadeIn", clip.fade_in_frames, _fade_points(clip.fade_in_frames, clip.fade_in_shape))
        falling = _fade_points(clip.fade_out_frames, clip.fade_out_shape)
        points = [(clip.fade_out_frames - frame, value) for frame, value in reversed(falling)]
        self._fade(region, "FadeOut", clip.fade_out_frames, points)

    def _fade(self, region: Element, tag: str, frames: int, points: Sequence[tuple[int, float]]) -> None:
        """Add a fade as straight lines between points."""
        if not frames:
            return
        line = child(
            child(region, tag), "AutomationList", automation_id=tag.lower(), id_=self.new_id(),
            interpolation_style="Linear", state="Off", time_domain="AudioTime",
        )  # fmt: skip
        child(line, "events").text = "".join(f"\n{self.at(frame)} {value:.9g}" for frame, value in points) + "\n"

    def _sources_of(self, placed: Placed) -> list[str]:
        """Return the ids of the sources of both sides: one channel each, the same twice for mono."""
        name = self.session.shelf.put_clip(placed, self.media, bake_gain=False)
        if name not in self._sources:
            channels = 2 if placed.clip.pan else self.session.medium(placed).channels
            ids = [self.new_id() for _ in range(channels)]
            for channel, source_id in enumerate(ids):
                self._source(name, source_id, channel, placed)
            self._sources[name] = ids * (2 // channels)
        return self._sources[name]

    def _source(self, name: str, source_id: str, channel: int, placed: Placed) -> None:
        source = child(
            self._source_elements, "Source", name=name, take_id="", type="audio", flags="", id_=source_id, gain=1,
            channel=channel, origin="",
        )  # fmt: skip
        words = self.session.medium(placed).words
        if words:
            marks = child(source, "CueMarkers")
            for word in words:
                child(marks, "CueMarker", text=word.text, position=self.at(word.start_frame))


@lru_cache(maxsize=1024)
def _fade_points(frames: int, shape: FadeShape) -> tuple[tuple[int, float], ...]:
    """Return a rising fade as points, near enough that the lines between them are never off by more than -90 dB."""
    steps = 1 if shape == "linear" else min(_FADE_STEPS, max(1, frames))
    places = dict.fromkeys(round(frames * step / steps) for step in range(steps + 1))
    return tuple((place, shaped(Shape[shape.upper()], place / max(1, frames))) for place in places)


def _legal(name: str) -> str:
    """Return a name that Ardour takes for a route and its ports."""
    return " ".join(name.replace("/", "-").replace(":", "-").replace("\\", "-").split()) or "untitled"


def _rename(element: Element) -> None:
    """Turn attribute names into Ardour's, which have dashes."""
    for key in [key for key in element.attrib if "_" in key]:
        element.attrib[key.replace("_", "-")] = element.attrib.pop(key)
