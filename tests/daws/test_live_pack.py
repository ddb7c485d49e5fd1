"""The remote script for Ableton Live, in a stand-in for Live's object model, with a real UDP socket as the engine."""

import ast
import socket
import sys

import pytest
from live_stand_in import PACK, Clip, ClipSlot, Live, Scene
from pythonosc.osc_packet import OscPacket

from bridge.daws.live import Sound, place_in_live
from bridge.errors import NoAnswer
from bridge.message import Message
from bridge.osc import codec


@pytest.fixture
def engine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(30.0)
        yield wire


@pytest.fixture
def live(monkeypatch, engine):
    started = Live(monkeypatch, engine=engine.getsockname())
    yield started
    started.script.disconnect()


def heard(live, engine):
    """Let the script do a turn; return what the engine has heard by then, as the field's own OSC library reads it."""
    live.script.update_display()
    live.script._wire.send("/end")
    found = []
    while True:
        (timed,) = OscPacket(engine.recv(65536)).messages
        if timed.message.address == "/end":
            return [each for each in found if each[0] not in ("/subscribe", "/client/name")]
        found.append((timed.message.address, *timed.message.params))


def tell(live, engine, address, *values):
    engine.sendto(codec.encode(Message(address, values)), ("127.0.0.1", live.script._wire.port))
    live.hear()


def test_a_clip_that_starts_fires_its_cue_and_stops_it(live, engine):
    track = live.kind("Voices", ClipSlot(Clip("cue 12 hold")), ClipSlot(), ClipSlot(Clip("drums")))
    live.song.tracks, live.song.is_playing = [track], True
    tell(live, engine, "/live/follow", 0)
    assert heard(live, engine) == [("/transport/locate", 0.0), ("/transport/play",)]
    track.playing_slot_index = 0
    assert heard(live, engine) == [("/cue/12/go",)]
    assert heard(live, engine) == []
    track.fired_slot_index = 0  # launched again: it blinks until Live's moment comes
    assert heard(live, engine) == []
    track.fired_slot_index = -1
    assert heard(live, engine) == [("/cue/12/stop",), ("/cue/12/go",)]
    track.fired_slot_index = 0
    heard(live, engine)
    track.fired_slot_index = -2
    assert heard(live, engine) == []
    track.playing_slot_index = 2
    assert heard(live, engine) == [("/cue/12/stop",)]
    track.playing_slot_index = 0
    heard(live, engine)
    live.song.is_playing = False  # Live keeps the slot: it plays when Live does
    assert heard(live, engine) == [("/cue/12/stop",)]
    live.song.is_playing = True
    assert heard(live, engine) == [("/cue/12/go",)]


def test_a_set_of_thousands_is_read_little_by_little(live, engine):
    live.song.tracks = [live.kind(str(t), *[ClipSlot() for _ in range(700)]) for t in range(3)]
    live.song.scenes = [Scene(f"cue s{number}") for number in range(3)]
    last = live.song.tracks[2].clip_slots[-1] = ClipSlot(Clip("cue 99"))
    launches = live.script._launches
    turns = 0
    while not launches.cues():
        live.script.update_display()
        turns += 1
    assert (turns, launches.cues()) == (5, ["99", "s0", "s1", "s2"])
    live.song.tracks.pop()
    tell(live, engine, "/cue/99/name", "Gone")
    tell(live, engine, "/cue/s1/name", "Two\nlines")
    assert (last.clip.name, live.song.scenes[1].name) == ("cue 99", "cue s1 | Two lines")


def test_a_scene_fires_when_it_starts_not_when_it_is_pressed(live, engine):
    scene = Scene("slot desk 3")
    live.song.scenes = [scene]
    tell(live, engine, "/live/follow", 0)
    for playing, fired in ((False, []), (True, [("/slot/desk/3/trigger",)])):
        live.song.is_playing, scene.is_triggered = playing, True
        assert heard(live, engine) == []
        scene.is_triggered = False
        assert heard(live, engine) == fired  # where Live was stopped before its moment came, nothing was launched


def test_the_transport_is_followed(live, engine):
    live.song.seconds, live.song.is_playing = 83.25, True
    assert heard(live, engine) == [("/transport/locate", 83.25), ("/transport/play",)]
    live.song.seconds = 3725.5
    assert heard(live, engine) == [("/transport/locate", 3725.5)]
    live.now += 1.5
    live.song.seconds += 1.5
    assert heard(live, engine) == [("/transport/chase", 3727.0, 1)]
    live.song.is_playing = False
    assert heard(live, engine) == [("/transport/stop",)]
    tell(live, engine, "/live/follow", 0)
    live.song.seconds = 0.0
    assert heard(live, engine) == []


def test_the_engine_drives_live_without_hearing_it_back(live, engine):
    tell(live, engine, "/live/play")
    assert (live.song.calls, heard(live, engine)) == (["start"], [])
    tell(live, engine, "/live/stop")
    assert live.song.calls == ["start", "stop"]


def test_cues_give_names_and_colours(live, engine):
    clip, scene, other = Clip("cue 12 | old"), Scene("Cue 12"), Clip("cue 13")
    live.song.tracks, live.song.scenes = [live.kind("x", ClipSlot(clip), ClipSlot(other))], [scene]
    tell(live, engine, "/cue/12/name", "The storm")
    tell(live, engine, "/cue/12/color", "red")
    assert [clip.name, scene.name, other.name] == ["cue 12 | The storm", "Cue 12 | The storm", "cue 13"]
    assert (clip.color, scene.color, other.color) == (0xFF3636, 0xFF3636, 0)
    tell(live, engine, "/cue/12/name", "")
    assert clip.name == "cue 12"
    tell(live, engine, "/live/scene", "12")
    assert scene.fired == 1


def test_it_subscribes_to_names_and_colours(live, engine):
    live.script.update_display()
    packets = [OscPacket(engine.recv(65536)).messages[0].message for _ in range(2)]
    assert [p.address for p in packets] == ["/client/name", "/subscribe"]
    assert packets[1].params == ["/cue/*/{name,color}", 0, 60.0]


def test_a_take_becomes_a_clip_that_is_not_warped(live, engine, tmp_path):
    tell(live, engine, "/live/place", "Narrator", str(tmp_path / "take.wav"), 17.5)
    (track,) = live.song.tracks
    (clip,) = track.arrangement_clips
    assert (track.name, clip.start_time, clip.warping) == ("Narrator", 17.5, False)
    tell(live, engine, "/live/place", "Narrator", str(tmp_path / "b.wav"), 20)
    assert len(live.song.tracks) == 1


@pytest.mark.parametrize(
    ("track", "path", "why"),
    [("MIDI", "/x.wav", "is no audio track"), ("Narrator", "x.wav", "Live did not take x.wav")],
)
def test_what_live_does_not_take_is_told(live, engine, track, path, why):
    live.song.tracks = [live.kind("MIDI", audio=False)]
    tell(live, engine, "/live/place", track, path, 0.0)
    assert why in live.messages[-1]


@pytest.mark.parametrize(("what", "values"), [("dance", ()), ("place", ("Narrator", "/x.wav"))])
def test_what_the_script_does_not_do_is_told(live, engine, what, values):
    tell(live, engine, f"/live/{what}", *values)
    assert live.messages[-1] == f"Cuevox: /live/{what} with {len(values)} values is nothing that this script does"


def test_stems_of_an_export_are_placed_and_answered(live, tmp_path):
    sounds = [Sound(track="Narrator", path=tmp_path / "a.wav"), Sound(track="MIDI", path=tmp_path / "b.wav")]
    live.song.tracks = [live.kind("MIDI", audio=False)]
    placing = place_in_live(sounds, 4.0, ("127.0.0.1", live.script._wire.port), turn=live.hear)
    assert next(placing) == ("Narrator", "")
    assert "is no audio track" in next(placing)[1]
    assert live.song.tracks[1].arrangement_clips[0].start_time == 4.0


def test_no_live_is_told(tmp_path, engine):
    with pytest.raises(NoAnswer, match="Control Surface"):
        list(place_in_live([Sound(track="x", path=tmp_path)], 0.0, engine.getsockname(), patience_seconds=0.01))


def test_an_older_live_says_what_to_do(monkeypatch, engine):
    live = Live(monkeypatch, version=(12, 0, 1), engine=engine.getsockname())
    tell(live, engine, "/live/place", "Narrator", "/x.wav", 0.0)
    assert "Live 12.0.1 can't load sounds by script (12.0.5 can): drag /x.wav" in live.messages[-1]
    live.script.disconnect()


@pytest.mark.parametrize("packet", [b"", b"#bundle\0", b"/a", b"/a\0\0,i\0\0", b"\xff" * 40, b"/a\0\0,q\0\0\0\0\0\0"])
def test_bytes_that_are_no_message_are_nothing(live, engine, packet):
    assert sys.modules["Cuevox.osc"].decode(packet) == []


def test_a_refusal_is_shown(live, engine):
    tell(live, engine, "/reply/cue/9/go", 0, "error", "no_such_thing", "no cue named '9'")
    assert live.messages[-1] == "Cuevox: no cue named '9'"


@pytest.mark.parametrize("path", sorted(PACK.glob("*.py")), ids=lambda path: path.name)
def test_it_is_python_of_live_11(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
    imports = {node.names[0].name for node in ast.walk(tree) if isinstance(node, ast.Import)}
    assert imports <= {"contextlib", "re", "socket", "struct", "time", "Live"}
