"""The scripts for Reaper, run by Lua 5.4 in a stand-in that refuses what Reaper's API does not have."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from reaper_stand_in import IMGUI, PACK, SIGNATURES, Reaper, ReaperFault

from bridge.daws.lines import read_order
from engine.export.comeback.reaper import parse

EXPORT = """<REAPER_PROJECT 0.1 "7.0/cuevox" 1
  <NOTES 0 2
    |{title}, made by Cuevox.
  >
  MARKER 1 0 "Opening" 0 0 1 B {{M1}} 0
  MARKER 1 0.5 'The "end"' 1 0 1 R {{R1}} 0
  MARKER 1 4 "" 1
  <TRACK {{T1}}
    NAME "Captain Thorn"
    PEAKCOL 16777471
    VOLPAN 0.5 -0.25 -1 -1 1
    MUTESOLO 0 0 0
    TRACKID {{T1}}
    MAINSEND 1 0
    <ITEM
      POSITION {at}
      SNAPOFFS 0
      LENGTH 1.5
      MUTE 0 0
      IGUID {{I1}}
      FADEIN 0 0.02 0 0 0 0 0
      FADEOUT 0 0.03 0 0 0 0 0
      NAME "I drowned."
      VOLPAN 0.7 0.1 1 1
      SOFFS 0.25
      <SOURCE WAVE
        FILE "media/{sound}.wav"
      >
      <NOTES
        |cuevox clip=drowned take=0123456789abcdef
      >
      TKM 0.1 "I" 0
      TKM 0.3 "drowned." 0
    >{more}
  >
  <TRACK {{T2}}
    NAME Cliffs
    VOLPAN 1 0 -1 -1 1
    TRACKID {{T2}}
    AUXRECV 0 0 0.25 0 0 0 0 0 0 -1:U 0 -1 ''
  >
>
"""
SECOND = """
    <ITEM
      POSITION 3
      LENGTH 1
      IGUID {I2}
      NAME "Later."
      VOLPAN 1 0 1 1
      SOFFS 0
      <SOURCE WAVE
        FILE "media/later.wav"
      >
    >"""


@pytest.fixture
def reaper(tmp_path):
    return Reaper(tmp_path)


def exported(folder, at=1.0, sound="first", more=SECOND, title="Scene"):
    path = folder / "export" / "scene.rpp"
    (path.parent / "media").mkdir(parents=True, exist_ok=True)
    for name in (sound, "later"):
        (path.parent / "media" / f"{name}.wav").touch()
    path.write_text(EXPORT.format(at=at, sound=sound, more=more, title=title), newline="\r\n")
    parse(path.read_text())  # it is what our own reader takes for a project, too
    return str(path)


def items(reaper):
    return {i.texts["P_EXT:cuevox_key"]: i for t in reaper.tracks for i in t.items if "P_EXT:cuevox_key" in i.texts}


class TestStandIn:
    def test_it_refuses_unknown_functions_and_wrong_arguments(self, reaper):
        with pytest.raises(Exception, match="Reaper has no function GetPlayCursor"):
            reaper.lua.execute("reaper.GetPlayCursor()")
        with pytest.raises(ReaperFault, match="takes 2 arguments"):
            reaper.lua.execute("reaper.GetTrack(0)")
        with pytest.raises(ReaperFault, match="is no str"):
            reaper.lua.execute("reaper.ShowConsoleMsg(1)")

    @pytest.mark.parametrize("script", sorted(PACK.glob("*.lua")), ids=lambda path: path.stem)
    def test_scripts_call_nothing_else(self, script):
        called = set(re.findall(r"reaper\.(\w+)", script.read_text(encoding="utf-8")))
        assert called <= {*SIGNATURES, *IMGUI}

    def test_no_two_files_differ_in_case_only(self):
        names = [path.name.lower() for path in PACK.iterdir()]
        assert len(names) == len(set(names))


class TestSpeaking:
    def test_notes_become_a_take_with_its_words(self, reaper, tmp_path):
        track = reaper.new_track("Narrator")
        reaper.selected = [reaper.new_item(track, 2.0, 9.0, "It is\tcalm.\nOr not."), reaper.new_item(track, 5.0)]
        reaper.project_rate = 44100.0
        reaper.run("Cuevox_Speak selected items.lua")
        (command,) = reaper.commands
        assert command[1:3] == ["daw", "speak"]
        assert command[command.index("--rate") + 1] == "44100"
        order, answer = Path(command[3]), Path(command[command.index("--answer") + 1])
        assert order.read_text() == "0\tNarrator\tIt is\\tcalm.\\nOr not.\n"
        sound = tmp_path / "project" / "Cuevox" / "narrator_it-is-calm.wav"
        sound.parent.mkdir()
        sound.touch()
        answer.write_text(f"take\t0\t{sound}\t1.25\tnarrator\nword\t0\t0.5\tcalm.\n")
        reaper.turn()
        assert not reaper.selected[0].takes  # not until the answer is whole
        answer.write_text(answer.read_text() + "end\n")
        reaper.turn()
        item = reaper.selected[0]
        (take,) = item.takes
        assert (take.source.path, take.markers) == (str(sound), [(0.5, "calm.")])
        assert (item.values["D_LENGTH"], item.values["B_LOOPSRC"]) == (1.25, 0)
        assert (reaper.undo, reaper.open_blocks, reaper.refresh) == (["Cuevox: speak 1 items"], 0, 0)
        assert not order.exists()
        assert "1 of the selected items have no notes" in "".join(reaper.console)

    def test_another_text_is_another_take_and_the_same_one_is_chosen_again(self, reaper, tmp_path):
        item = reaper.new_item(reaper.new_track("x"), 0.0, 9.0, "Hear.")
        speak = reaper.require("lib_speak")
        for name in ("a", "b", "a"):
            (tmp_path / name).touch()
            speak.place(item, str(tmp_path / name), 2.0, name, reaper.lua.table())
        assert [take.texts["P_NAME"] for take in item.takes] == ["a", "b"]
        assert (item.active, item.values["D_LENGTH"]) == (0, 2.0)

    def test_what_failed_is_told_and_an_item_that_is_gone_is_no_harm(self, reaper, tmp_path):
        track = reaper.new_track("x")
        reaper.selected = [reaper.new_item(track, 0.0, 1.0, "One"), reaper.new_item(track, 1.0, 1.0, "Two")]
        reaper.run("Cuevox_Speak selected items.lua")
        track.items.pop(0)
        Path(reaper.commands[0][7]).write_text("take\t0\t/x.wav\t1\tghost\nfailed\t1\tno voice\\\\model\nend\n")
        reaper.turn()
        assert reaper.console == ["Cuevox: no voice\\model\n", "Cuevox: 1 of the items are not there any more\n"]

    def test_items_of_a_project_that_is_behind_by_then_are_spoken_all_the_same(self, reaper):
        reaper.selected = [reaper.new_item(reaper.new_track("x"), 0.0, 1.0, "A\rlone\r\nreturn\u2028and another.")]
        reaper.run("Cuevox_Speak selected items.lua")
        (wanted,) = read_order(Path(reaper.commands[0][3]))
        assert wanted.text == "A\nlone\nreturn\u2028and another."
        other = type(reaper.project)(kind="project")
        reaper.project, reaper.others = other, [reaper.project]
        answer, sound = Path(reaper.commands[0][7]), reaper.folder / "a.wav"
        sound.touch()
        answer.write_text(f"take\t0\t{sound}\t1\tghost\nend\n")
        reaper.turn()
        assert len(reaper.selected[0].takes) == 1
        reaper.run("Cuevox_Speak selected items.lua")
        reaper.project, reaper.others = reaper.others[0], []  # the one in front is closed
        Path(reaper.commands[1][7]).write_text("end\n")
        reaper.turn()
        assert "is closed" in reaper.messages[-1]

    def test_a_cuevox_that_does_not_start_is_told_and_one_that_is_slow_waited_for(self, reaper):
        reaper.selected = [reaper.new_item(reaper.new_track("x"), 0.0, 1.0, "One")]
        for written in (None, "take\t0\t/x.wav\t1\tghost\n"):
            reaper.run("Cuevox_Speak selected items.lua")
            if written:
                Path(reaper.commands[-1][7]).write_text(written)
            while reaper.turn(25.0):
                pass
        assert "did not start: run `cuevox setup reaper`" in reaper.messages[0]
        assert "no further line for ten minutes" in reaper.messages[1]

    def test_nothing_selected_says_what_to_do(self, reaper):
        reaper.run("Cuevox_Speak selected items.lua")
        assert "Insert > Empty item" in reaper.messages[0]
        assert not reaper.commands


class TestStory:
    def take(self, reaper, path):
        count = reaper.require("lib_story").take(path)
        return {name: count[name] for name in ("new", "changed", "gone", "kept")}

    def test_it_comes_in_at_the_edit_cursor(self, reaper, tmp_path):
        reaper.new_track("mine")
        reaper.cursor = 10.0
        assert self.take(reaper, exported(tmp_path)) == {"new": 2, "changed": 0, "gone": 0, "kept": 0}
        _, captain, cliffs = reaper.tracks
        assert (captain.texts["P_NAME"], captain.values["D_VOL"], captain.values["D_PAN"]) == (
            "Captain Thorn",
            0.5,
            -0.25,
        )
        assert captain.values["I_CUSTOMCOLOR"] == 16777471
        (send,) = captain.sends
        assert (send.to, send.values["D_VOL"]) == (cliffs, 0.25)
        item = items(reaper)["{I1}"]
        assert (item.values["D_POSITION"], item.values["D_LENGTH"]) == (11.0, 1.5)
        (take,) = item.takes
        assert take.source.path == str(tmp_path / "export" / "media" / "first.wav")
        assert take.markers == [(0.1, "I"), (0.3, "drowned.")]
        assert item.texts["P_NOTES"] == "cuevox clip=drowned take=0123456789abcdef"

    def test_refreshing_what_nobody_changed_changes_nothing(self, reaper, tmp_path):
        path = exported(tmp_path)
        self.take(reaper, path)
        reaper.cursor = 77.0  # the story stays where it was put
        assert self.take(reaper, path) == {"new": 0, "changed": 0, "gone": 0, "kept": 0}
        assert len(items(reaper)) == 2

    def test_the_story_moves_what_its_user_did_not(self, reaper, tmp_path):
        self.take(reaper, exported(tmp_path))
        item = items(reaper)["{I1}"]
        item.values["D_FADEINLEN"] = 0.5
        assert self.take(reaper, exported(tmp_path, at=2.0, sound="second"))["changed"] == 1
        assert (item.values["D_POSITION"], item.values["D_FADEINLEN"]) == (2.0, 0.5)
        assert item.takes[0].source.path.endswith("second.wav")

    def test_what_its_user_moved_stays_with_the_new_sound(self, reaper, tmp_path):
        self.take(reaper, exported(tmp_path))
        item = items(reaper)["{I1}"]
        item.values["D_POSITION"] = 33.0
        self.take(reaper, exported(tmp_path, at=2.0, sound="second"))
        assert item.values["D_POSITION"] == 33.0
        assert item.takes[0].source.path.endswith("second.wav")

    def test_what_the_story_has_no_more_goes_unless_it_was_touched(self, reaper, tmp_path):
        self.take(reaper, exported(tmp_path))
        assert self.take(reaper, exported(tmp_path, more=""))["gone"] == 1
        self.take(reaper, exported(tmp_path))
        items(reaper)["{I2}"].values["D_LENGTH"] = 0.4
        assert self.take(reaper, exported(tmp_path, more=""))["kept"] == 1

    def test_another_story_comes_beside_the_first_and_takes_nothing_of_it(self, reaper, tmp_path):
        reaper.cursor = 10.0
        self.take(reaper, exported(tmp_path))
        reaper.cursor = 60.0
        other = self.take(reaper, exported(tmp_path / "other", title="Another"))
        assert other == {"new": 2, "changed": 0, "gone": 0, "kept": 0}
        assert len(reaper.tracks) == 4
        assert [item.values["D_POSITION"] for track in reaper.tracks for item in track.items] == [
            11.0,
            13.0,
            61.0,
            63.0,
        ]
        assert self.take(reaper, exported(tmp_path, more=""))["gone"] == 1
        assert reaper.tracks[0].items[0].values["D_POSITION"] == 11.0

    def test_an_import_that_was_undone_comes_in_at_the_cursor_again(self, reaper, tmp_path):
        self.take(reaper, exported(tmp_path))
        reaper.tracks.clear()  # as Reaper's undo does; what a script wrote into the project may outlive it
        reaper.cursor = 5.0
        assert self.take(reaper, exported(tmp_path))["new"] == 2
        assert reaper.tracks[0].items[0].values["D_POSITION"] == 6.0

    def test_paths_with_strokes_turned_are_the_same_and_sounds_that_are_not_there_are_counted(self, reaper, tmp_path):
        assert reaper.require("lib_engine").same_path("C:\\x\\media/a.wav", "C:\\x\\media\\a.wav")
        path = exported(tmp_path)
        (tmp_path / "export" / "media" / "first.wav").unlink()
        story = reaper.require("lib_story")
        assert "\n1 sounds are not beside the project" in story.told(story.take(path))

    def test_the_action_asks_once_and_then_refreshes(self, reaper, tmp_path):
        reaper.chosen_file = exported(tmp_path)
        reaper.run("Cuevox_Import or refresh story.lua")
        reaper.answers.append(6)
        reaper.run("Cuevox_Import or refresh story.lua")
        assert [text[:11] for text in reaper.messages] == ["2 new items", "Refresh fro", "0 new items"]

    def test_a_file_that_is_no_project_is_told(self, reaper, tmp_path):
        (tmp_path / "x.rpp").write_text("hello")
        assert reaper.require("lib_story").take(str(tmp_path / "x.rpp"))[1].endswith("this is no Reaper project")


class TestMarkers:
    def test_they_come_in_and_move(self, reaper, tmp_path):
        reaper.AddProjectMarker2(0, False, 9.0, 0.0, "Opening", -1, 0)
        reaper.cursor = 2.0
        count = reaper.require("lib_marks").take(exported(tmp_path))
        assert (count["new"], count["moved"]) == (1, 1)
        assert [(m.region, m.at, m.end, m.name) for m in reaper.markers] == [
            (False, 2.0, 0.0, "Opening"), (True, 2.5, 6.0, 'The "end"'),
        ]  # fmt: skip

    def test_they_go_to_the_story_without_cues_and_doubles(self, reaper, tmp_path):
        for region, at, name in ((0, 1.5, "Storm\tfront"), (1, 1.5, "Storm\tfront"), (1, 3.0, "cue 12"), (0, 4.0, "")):
            reaper.AddProjectMarker2(0, bool(region), at, at + 1 if region else 0.0, name, -1, 0)
        given = []
        reaper.ExecProcess = lambda line, timeout: given.append(Path(line.split('"')[7]).read_text()) or "0\nnew: Storm"
        ok, said = reaper.require("lib_marks").give("/story.yaml", None)
        assert (ok, said) == (True, "new: Storm")
        assert given == ["1.5\t0\tStorm\\tfront\n"]

    @pytest.mark.parametrize(
        ("name", "start", "end"),
        [
            ("cue 12", "/cue/12/go", None),
            ("Cue: 12a hold", "/cue/12a/go", "/cue/12a/stop"),
            ("slot desk 3", "/slot/desk/3/trigger", "/slot/desk/3/release"),
            ("snapshot dark", "/snapshot/dark/recall", None),
            ("cue the storm now", None, None),
            ("Chorus", None, None),
        ],
    )
    def test_what_a_name_fires(self, reaper, name, start, end):
        fires = reaper.require("lib_marks").fires(name)
        assert (fires if isinstance(fires, tuple) else (fires, None)) == (start, end)


class TestFollowing:
    def start(self, reaper, script):
        reaper.run(script)
        self.sent = Path(reaper.commands[-1][3]) / "to-engine"
        self.seen = 0

    def fresh(self):
        lines = self.sent.read_text().splitlines()
        new, self.seen = lines[self.seen :], len(lines)
        return [line for line in new if line != "#"]

    def test_play_stop_and_locate(self, reaper):
        reaper.project_ext["Cuevox", "origin"] = "10"
        self.start(reaper, "Cuevox_Follow play cursor.lua")
        assert reaper.toggle == {(0, 51234): 1}
        reaper.play_state, reaper.position = 1, 12.5
        reaper.turn(0.0)
        assert self.fresh() == ["/transport/locate 2.5", "/transport/play"]
        reaper.turn()
        assert self.fresh() == []
        reaper.position = 30.0
        reaper.turn(0.0)
        assert self.fresh() == ["/transport/locate 20", "/transport/play"]
        reaper.play_state = 0
        reaper.turn()
        assert self.fresh() == ["/transport/stop"]
        reaper.cursor = 11.0
        reaper.turn()
        reaper.cursor = 5.0
        reaper.turn()
        assert self.fresh() == ["/transport/locate 1", "/transport/locate 0"]
        reaper.play_state, reaper.position = 1, 5.0
        reaper.turn(0.0)
        assert self.fresh() == ["/transport/locate 0", "/transport/stop"]
        for _ in range(49):
            reaper.turn(0.1)
        assert self.fresh() == ["/at 0.1 /transport/play"]
        reaper.end()
        assert self.fresh() == ["/clearsched /transport/play", "#end"]
        assert reaper.toggle == {(0, 51234): 0}

    def test_cues_are_sent_ahead_with_what_is_left(self, reaper):
        reaper.AddProjectMarker2(0, True, 1.0, 2.0, "cue 12 hold", -1, 0)
        self.start(reaper, "Cuevox_Fire cues of regions.lua")
        reaper.play_state, reaper.position, reaper.rate = 1, 0.8, 0.5
        reaper.turn(0.0)
        assert self.fresh() == []
        for _ in range(10):
            reaper.turn(0.05)
        (line,) = self.fresh()
        _, wait, address = line.split()
        assert address == "/cue/12/go"
        assert 0.1 < float(wait) <= 0.15  # seconds of the clock, not of the timeline
        reaper.play_state = 0
        reaper.turn()
        assert self.fresh() == []  # it has sounded
        reaper.play_state, reaper.position, reaper.rate = 1, 1.95, 1.0
        reaper.turn(0.0)
        assert self.fresh() == ["/at 0.05 /cue/12/stop"]
        reaper.play_state = 0
        reaper.turn(0.0)
        assert self.fresh() == ["/clearsched /cue/12/stop"]

    def test_a_region_at_the_very_start_is_fired_and_a_jump_fires_nothing_it_passes(self, reaper):
        for at in (0.0, 5.0, 9.0):
            reaper.AddProjectMarker2(0, False, at, 0.0, f"cue {at:.0f}", -1, 0)
        self.start(reaper, "Cuevox_Fire cues of regions.lua")
        reaper.play_state = 1
        reaper.turn(0.0)
        reaper.position = 9.0
        reaper.turn(0.0)
        assert self.fresh() == ["/at 0 /cue/0/go", "/at 0 /cue/9/go"]

    def test_what_the_engine_refuses_is_told_once(self, reaper):
        self.start(reaper, "Cuevox_Follow play cursor.lua")
        heard = self.sent.with_name("from-engine-1")
        heard.write_text('#connected\n/reply/cue/9/go 0 "error" "no_such_thing" "no cue"\n#ne')
        reaper.turn()
        with heard.open("a") as file:
            file.write("xt\n")
        self.sent.with_name("from-engine-2").write_text('/reply/cue/9/go 0 "error" "no_such_thing" "no cue"\n')
        reaper.turn()
        reaper.turn()
        assert len(reaper.console) == 1

    def test_a_still_script_gives_a_sign_of_life(self, reaper):
        self.start(reaper, "Cuevox_Fire cues of regions.lua")
        reaper.turn(5.0)
        assert self.sent.read_text() == "#\n"

    def test_the_engine_is_told_each_second_where_reaper_is(self, reaper):
        reaper.project_ext["Cuevox", "origin"] = "10"
        self.start(reaper, "Cuevox_Follow play cursor.lua")
        reaper.play_state, reaper.position = 1, 11.875
        for _ in range(17):
            reaper.turn(0.125)
        chases = ["/transport/chase 3 1", "/transport/chase 4 1"]
        assert self.fresh() == ["/transport/locate 2", "/transport/play", *chases]
        reaper.rate = 0.5  # nothing is where it was to be then
        for _ in range(17):
            reaper.turn(0.125)
        assert self.fresh() == []

    def test_a_mailbox_that_ended_while_reaper_stood_still_is_started_again(self, reaper):
        self.start(reaper, "Cuevox_Follow play cursor.lua")
        shutil.rmtree(self.sent.parent)
        reaper.turn(600.0)
        reaper.play_state = 1
        reaper.turn()
        assert len(reaper.commands) == 2
        assert "/transport/play" in (Path(reaper.commands[1][3]) / "to-engine").read_text()

    def test_a_mailbox_that_does_not_start_is_told(self, reaper):
        self.start(reaper, "Cuevox_Follow play cursor.lua")
        for _ in range(5):
            reaper.turn(20.0)
        assert len(reaper.console) == 1
        assert "did not start" in reaper.console[0]
        reaper.end()
        reaper.run("Cuevox_GO.lua")
        while reaper.turn(5.0):
            pass
        assert "did not start" in reaper.messages[0]

    def test_a_region_that_is_renamed_fires_what_it_is_named_after_now(self, reaper):
        reaper.AddProjectMarker2(0, False, 1.0, 0.0, "cue 1", -1, 0)
        self.start(reaper, "Cuevox_Fire cues of regions.lua")
        reaper.play_state = 1
        reaper.turn(0.1)
        reaper.SetProjectMarker3(0, 1, False, 1.0, 0.0, "cue 2", 0)
        reaper.turn(0.8)
        assert self.fresh() == ["/at 0.1 /cue/2/go"]


def test_all_actions_are_registered(reaper):
    reaper.run("Cuevox_Register.lua")
    assert [Path(path).name for path, _ in reaper.registered] == sorted(
        path.name for path in PACK.glob("Cuevox_*.lua") if path.name != "Cuevox_Register.lua"
    )
    assert [commit for _, commit in reaper.registered][-2:] == [False, True]


def test_the_panel_says_what_it_needs(reaper):
    reaper.run("Cuevox_Panel.lua")
    assert "needs ReaImGui" in reaper.messages[0]


def test_the_panel_does_what_the_actions_do(tmp_path):
    reaper = Reaper(tmp_path, api=SIGNATURES | IMGUI)
    reaper.run("Cuevox_Panel.lua")
    sent = Path(reaper.commands[0][3]) / "to-engine"
    assert "The engine does not run: `cuevox run`" in reaper.shown
    reaper.play_state, reaper.position = 1, 3.0
    for label in ("GO", "Story follows the play cursor"):
        reaper.pressed = label
        reaper.turn()
    reaper.turn()
    assert sent.read_text().splitlines()[:3] == ["/go", "/transport/locate 3.09", "/transport/play"]
    reaper.chosen_file = exported(tmp_path)
    reaper.pressed = "Import or refresh story"
    reaper.turn()  # its dialogs come when nothing is being drawn
    reaper.window = None  # and while they are there ReaImGui forgets the window
    reaper.turn()
    assert any(text.startswith("2 new items") for text in reaper.shown)
    assert [marker.name for marker in reaper.markers] == ["Opening", 'The "end"']
    reaper.pressed = "Speak selected items"
    reaper.turn()
    assert "Select items with notes first" in reaper.messages[-1]
    reaper.window_open = False
    reaper.turn()
    assert not reaper.turn()


def test_the_reapack_index_has_every_script():
    index = ElementTree.parse(PACK / "index.xml").getroot()
    sources = {source.get("file"): source for source in index.iter("source")}
    assert set(sources) == {path.name for path in PACK.glob("*.lua")}
    assert all(unquote(source.text).endswith(f"/bridge/reaper/{name}") for name, source in sources.items())
    assert {name for name, s in sources.items() if s.get("main")} == {path.name for path in PACK.glob("Cuevox_*.lua")}
