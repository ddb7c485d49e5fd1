from __future__ import annotations

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from bridge.live_port import LivePort
from engine.commands import (
    CancelJob,
    Chase,
    GoCue,
    Locate,
    LocateText,
    Play,
    ReloadStory,
    SaveStory,
    Say,
    SetInsertParam,
    SetLimiter,
    SetLoop,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
    Stop,
)
from engine.edits import SetLine
from engine.errors import BadRange, Busy, NotReady, UnknownThing, VoiceError
from engine.events import (
    ClipChanged,
    CueChanged,
    Dropped,
    InsertParamChanged,
    JobDone,
    JobFailed,
    JobProgressed,
    LimiterChanged,
    SendGainChanged,
    SlotChanged,
    SourceFailed,
    StripGainChanged,
    StripMuteChanged,
    StripPanChanged,
    StripSoloChanged,
    TransportChanged,
)
from engine.mixer.effects import EFFECTS
from engine.realtime.records import Kind, Report
from engine.session.library import AudioFile
from engine.story.model import After, At, Clip, Story, Track
from engine.units import db_to_gain
from tests.session.studio import Studio, line, small_story


@pytest.fixture
def studio() -> Studio:
    return Studio()


class TestTimeline:
    def test_it_plays_as_soon_as_the_last_take_is_told_to_be_ready(self) -> None:
        studio = Studio(load=False)
        port = LivePort(SimpleNamespace(session=studio.session))  # type: ignore[arg-type]
        *others, last = [source for source, _ in studio.loader.asked]
        for source in others:
            studio.deliver(source)
        with pytest.raises(NotReady, match="1 of its lines"):
            studio.session.apply(Play())
        studio.deliver(last)
        assert not studio.stage.timelines  # nobody has published it yet
        port.apply(Play())
        assert len(studio.stage.timelines[-1]) == len(studio.session.story.clips())
        assert Kind.PLAY in studio.stage.kinds()


class TestDesk:
    def test_a_fader_moves_story_journal_and_mixer(self, studio: Studio) -> None:
        command = SetStripGain(strip="voice", gain_db=-6.0, ramp_seconds=0.01)
        assert studio.do(command, 500) == (StripGainChanged(strip="voice", gain_db=-6.0),)
        (order,) = studio.stage.take(Kind.SET_GAIN)
        assert order["value"] == pytest.approx(db_to_gain(-6.0))
        assert (order["strip"], order["frame"], order["ramp_frames"]) == (0, 500, 480)
        assert studio.session.story.strips()["voice"].gain_db == -6.0
        assert studio.keeper.edits == [command]

    @pytest.mark.parametrize(
        ("command", "kind", "event"),
        [
            (SetStripPan(strip="spook", pan=-0.5), Kind.SET_PAN, StripPanChanged(strip="spook", pan=-0.5)),
            (SetStripMute(strip="hall", mute=True), Kind.SET_MUTE, StripMuteChanged(strip="hall", mute=True)),
            (SetStripSolo(strip="voice", solo=True), Kind.SET_SOLO, StripSoloChanged(strip="voice", solo=True)),
            (
                SetSendGain(strip="voice", bus="hall", gain_db=-12.0),
                Kind.SET_SEND,
                SendGainChanged(strip="voice", bus="hall", gain_db=-12.0),
            ),
            (
                SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=300.0),
                Kind.SET_INSERT,
                InsertParamChanged(strip="spook", insert=1, param="cutoff_hz", value=300.0),
            ),
            (SetLimiter(ceiling_db=-3.0), Kind.SET_LIMITER, LimiterChanged(limiter_db=-3.0)),
            (SetLimiter(limiter=False), Kind.SET_LIMITER, LimiterChanged(limiter_db=None)),
        ],
    )
    def test_every_edit_has_its_order_and_event(self, studio: Studio, command, kind, event) -> None:
        assert studio.do(command) == (event,)
        assert studio.stage.kinds() == [kind]

    def test_an_insert_parameter_is_addressed_by_its_place_in_the_table(self, studio: Studio) -> None:
        studio.do(SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=300.0))
        (order,) = studio.stage.take(Kind.SET_INSERT)
        assert list(EFFECTS["highpass"].params)[order["param"]] == "cutoff_hz"
        assert (order["index"], order["value"]) == (0, 300.0)

    @pytest.mark.parametrize(
        ("command", "error", "words"),
        [
            (SetStripGain(strip="nobody", gain_db=0), UnknownThing, "hall, master, spook, voice"),
            (SetStripGain(strip="voice", gain_db=99), BadRange, "-100 to 12 dB"),
            (SetStripGain(strip="voice", gain_db=float("nan")), BadRange, "nan"),
            (SetStripPan(strip="voice", pan=2), BadRange, "-1 to 1"),
            (SetSendGain(strip="spook", bus="hall", gain_db=0), UnknownThing, "send"),
            (SetInsertParam(strip="spook", insert=2, param="x", value=0), BadRange, "1 insert"),
            (SetInsertParam(strip="spook", insert=1, param="x", value=0), UnknownThing, "cutoff_hz"),
            (SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=-5), BadRange, "cutoff_hz"),
        ],
    )
    def test_a_wrong_edit_changes_nothing(self, studio: Studio, command, error, words: str) -> None:
        before = studio.session.story
        with pytest.raises(error, match=words):
            studio.do(command)
        assert studio.session.story is before
        assert studio.stage.orders == []
        assert studio.keeper.edits == []

    def test_edits_inside_together_reach_the_mixer_in_one_piece(self, studio: Studio) -> None:
        with studio.session.context.together():
            studio.do(SetStripMute(strip="voice", mute=True))
            studio.do(GoCue(cue="1"))
            assert studio.stage.orders == []
        assert studio.stage.kinds() == [Kind.SET_MUTE, Kind.START_PLAYER]


class TestTransport:
    def test_orders_and_reports(self, studio: Studio) -> None:
        studio.do(Locate(timeline_frame=48000))
        studio.do(Play(), 100)
        studio.do(Stop())
        assert studio.stage.kinds() == [Kind.LOCATE, Kind.PLAY, Kind.STOP]
        events = studio.report(Report.TRANSPORT, value=1, requested_frame=48000)
        assert events == [TransportChanged(playing=True, timeline_frame=48000)]

    def test_locate_before_the_start_is_refused(self, studio: Studio) -> None:
        with pytest.raises(BadRange, match="-1"):
            studio.do(Locate(timeline_frame=-1))

    def test_a_clock_is_gone_with_from_the_start_and_where_both_drift_apart(self, studio: Studio) -> None:
        rate = studio.session.story.sample_rate
        studio.do(Chase(timeline_frame=5 * rate, playing=True))
        assert studio.stage.kinds() == [Kind.LOCATE, Kind.PLAY]
        assert studio.stage.take(Kind.LOCATE)[0]["value"] == 5 * rate
        studio.report(Report.TRANSPORT, value=1, requested_frame=5 * rate)
        for apart in (0, rate // 12, -rate // 12):
            studio.do(Chase(timeline_frame=studio.session.transport.now() + apart, playing=True))
        studio.do(Chase(timeline_frame=0, playing=False))
        assert studio.stage.orders == []
        studio.do(Chase(timeline_frame=studio.session.transport.now() + rate // 5, playing=True))
        assert studio.stage.kinds() == [Kind.LOCATE, Kind.PLAY]

    def test_a_clock_does_not_start_what_somebody_stopped(self, studio: Studio) -> None:
        studio.report(Report.TRANSPORT, value=0, requested_frame=0)
        studio.do(Chase(timeline_frame=48000, playing=True))
        assert studio.stage.orders == []

    def test_a_clock_that_rests_places_a_fresh_timeline(self, studio: Studio) -> None:
        studio.do(Chase(timeline_frame=0, playing=False))
        assert studio.stage.orders == []
        studio.do(Chase(timeline_frame=700, playing=False))
        studio.do(Chase(timeline_frame=700, playing=False))
        assert studio.stage.kinds() == [Kind.LOCATE]

    def test_loop(self, studio: Studio) -> None:
        (event,) = studio.do(SetLoop(start_frame=100, end_frame=400))
        assert event == TransportChanged(playing=False, timeline_frame=0, loop=(100, 400))
        (order,) = studio.stage.take(Kind.SET_LOOP)
        assert (order["offset"], order["length"]) == (100, 300)
        with pytest.raises(BadRange):
            studio.do(SetLoop(start_frame=400, end_frame=100))

    def test_the_timeline_is_compiled_sorted_with_offsets_in_floats(self, studio: Studio) -> None:
        entries = studio.stage.timelines[-1]
        assert entries["start_frame"].tolist() == [0, 1000, 1000 + Studio.FRAMES + 100]
        assert entries["length"].tolist() == [500, Studio.FRAMES, Studio.FRAMES - 10]
        assert entries["strip"].tolist() == [1, 0, 0]
        after = next(s for s, _ in studio.loader.asked if s == line("and then"))
        assert entries["offset"][2] == studio.session.context.library.use(after).offset + 10

    def test_clips_keep_their_player_ids_over_generations(self, studio: Studio) -> None:
        before = studio.stage.timelines[-1]["player"].tolist()
        studio.session.publish()
        assert studio.stage.timelines[-1]["player"].tolist() == before

    def test_a_clip_may_start_as_it_was_laid_when_its_line_is_another_by_now(self, studio: Studio) -> None:
        player = studio.stage.timelines[-1]["player"][0]
        studio.do(SetLine(clip="boo", text="something else"))
        assert studio.report(Report.STARTED, player=player, actual_frame=5000) == []
        assert studio.report(Report.ENDED, player=player, actual_frame=7000) == []

    def test_play_waits_for_lengths_and_names_clips_that_are_missing(self) -> None:
        studio = Studio(load=False)
        with pytest.raises(NotReady, match="4 of its lines"):
            studio.do(Play())
        for source, _ in studio.loader.asked:
            studio.session.known(source, Studio.FRAMES)
        studio.session.publish()
        events = studio.do(Play())
        assert [e.what for e in events if isinstance(e, Dropped)] == ["clip boo", "clip hello", "clip after"]
        assert len(studio.stage.timelines[-1]) == 0

    def test_a_failed_line_is_named_and_the_rest_plays(self) -> None:
        studio = Studio(load=False)
        bad = line("hello there")
        for source, _ in tuple(studio.loader.asked):
            if source == bad:
                studio.session.failed(source, VoiceError("the voice lost its words"))
            else:
                studio.deliver(source)
        studio.session.publish()
        events = studio.do(Play())
        assert [(e.what, e.code) for e in events] == [("clip hello", "not_ready")]
        assert studio.stage.timelines[-1]["start_frame"].tolist() == [0, 1100]

    def test_where_a_sound_is_missing_a_clip_before_its_end_begins_with_the_timeline(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        rain = Clip(id="rain", start=At(frame=0), audio="rain.wav")
        more = Clip(id="more", start=After(gap_frames=-300), line=line("and then"))
        studio = Studio(Story(title="t", tracks=(Track(id="sound", clips=(rain, more)),)), load=False)
        for source, _ in tuple(studio.loader.asked):
            if isinstance(source, AudioFile):
                for _ in range(2):  # told once
                    studio.session.failed(source, NotReady("there is no rain.wav"))
            else:
                studio.deliver(source)
        assert [event for event in studio.told if isinstance(event, SourceFailed)] == [
            SourceFailed(source="rain.wav", users="clip rain", code="not_ready", text="there is no rain.wav")
        ]
        assert [r.message for r in caplog.records] == ["clip rain: no sound: there is no rain.wav"]
        studio.session.publish()
        studio.session.publish()
        assert studio.stage.timelines[-1]["start_frame"].tolist() == [0]
        assert [r.message for r in caplog.records if "'more' would start 300 frames before" in r.message] == [
            "clip 'more' would start 300 frames before the start of the timeline; it starts with it"
        ]


class TestSpeech:
    def test_a_line_is_spoken_as_soon_as_its_take_is_there(self, studio: Studio) -> None:
        (progress,) = studio.do(Say(voice="ghost", text="who goes there", job="j1"))
        assert progress == JobProgressed(job="j1", verb="say", fraction=0.0, stage="rendering")
        source, urgent = studio.loader.asked[-1]
        assert (source, urgent) == (line("who goes there", "ghost"), True)
        studio.deliver(source, frames=24000)
        assert JobDone(job="j1", verb="say", result="d" * 8, seconds=0.5) in studio.told
        (start,) = studio.stage.take(Kind.START_PLAYER)
        assert start["strip"] == 1  # the ghost's own track

    def test_a_known_line_is_spoken_at_once(self, studio: Studio) -> None:
        (event,) = studio.do(Say(voice="narrator", text="curtain", job="j"))
        assert isinstance(event, JobDone)

    def test_failure_reaches_every_job_that_waited(self, studio: Studio) -> None:
        for job in ("a", "b"):
            studio.do(Say(voice="ghost", text="hm", job=job))
        studio.session.failed(line("hm", "ghost"), VoiceError("no voice today"))
        failed = [e for e in studio.told if isinstance(e, JobFailed)]
        assert [(e.job, e.code, e.text) for e in failed] == [
            ("a", "voice_failed", "no voice today"),
            ("b", "voice_failed", "no voice today"),
        ]

    def test_a_failed_line_is_tried_again(self, studio: Studio) -> None:
        studio.do(Say(voice="ghost", text="hm", job="a"))
        studio.session.failed(line("hm", "ghost"), VoiceError("no voice today"))
        studio.do(Say(voice="ghost", text="hm", job="b"))
        assert [s for s, _ in studio.loader.asked].count(line("hm", "ghost")) == 2

    def test_cancel_stops_the_rendering_unless_another_job_waits_for_it(self, studio: Studio) -> None:
        studio.do(Say(voice="ghost", text="hm", job="a"))
        studio.do(Say(voice="ghost", text="hm", job="b"))
        studio.do(CancelJob(job="a"))
        assert studio.loader.cancelled == []
        studio.do(CancelJob(job="b"))
        assert studio.loader.cancelled == [line("hm", "ghost")]
        with pytest.raises(UnknownThing, match="job"):
            studio.do(CancelJob(job="b"))

    def test_cancel_stops_the_sound(self, studio: Studio) -> None:
        studio.do(Say(voice="narrator", text="curtain", job="j"))
        studio.do(CancelJob(job="j"))
        assert studio.stage.kinds() == [Kind.START_PLAYER, Kind.STOP_PLAYER]

    @pytest.mark.parametrize(
        ("command", "error", "words"),
        [
            (Say(voice="nobody", text="x"), UnknownThing, "ghost, narrator"),
            (Say(voice="ghost", text="  "), BadRange, "no text"),
            (Say(voice="ghost", text="x" * 5001), BadRange, "5001 characters"),
            (Say(voice="ghost", text="x", track="nowhere"), UnknownThing, "spook, voice"),
        ],
    )
    def test_wrong_wishes(self, studio: Studio, command: Say, error, words: str) -> None:
        with pytest.raises(error, match=words):
            studio.do(command)

    def test_too_many_waiting_lines_are_busy(self, studio: Studio) -> None:
        for number in range(64):
            studio.do(Say(voice="ghost", text=f"line {number}"))
        with pytest.raises(Busy, match="64"):
            studio.do(Say(voice="ghost", text="one more"))


class TestLibrary:
    def test_what_was_used_longest_ago_goes_first_and_the_storys_own_stays(self, studio: Studio) -> None:
        library = studio.session.context.library
        for text in ("one", "two"):
            studio.do(Say(voice="ghost", text=text))
            studio.deliver(line(text, "ghost"))
        library.use(line("one", "ghost"))
        assert library.oldest(set(), pressing=False) == line("two", "ghost")
        assert library.evict(line("two", "ghost")) is not None
        assert library.shelf(line("two", "ghost")).loaded is None
        assert library.oldest({line("one", "ghost")}, pressing=False) is None
        assert library.oldest(set(), pressing=False) == line("one", "ghost")
        library.evict(line("one", "ghost"))
        assert library.oldest(set(), pressing=False) is None

    def test_clips_tell_how_far_they_are(self) -> None:
        studio = Studio(load=False)
        studio.session.known(line("boo", "ghost"), 100)
        assert ClipChanged(clip="boo", state="rendering") in studio.told
        assert SlotChanged(bank="a", index=1, state="rendering") in studio.told

    def test_cues_tell_how_far_they_are(self) -> None:
        studio = Studio(load=False)
        assert studio.session.cues.state("2") == "queued"
        studio.deliver(line("curtain"))
        assert CueChanged(cue="2", state="ready") in studio.told

    def test_audio_files_are_sources_too(self) -> None:
        rain = Clip(id="rain", start=At(frame=0), audio="rain.wav")
        more = Clip(id="more", start=After(), audio="rain.wav")
        studio = Studio(Story(title="t", tracks=(Track(id="sound", clips=(rain, more)),)), load=False)
        assert [s for s, _ in studio.loader.asked] == [AudioFile(path="rain.wav")]


class TestStory:
    def test_save_and_reload_are_the_keepers(self, studio: Studio) -> None:
        studio.do(SaveStory())
        studio.do(ReloadStory())
        assert (studio.keeper.saves, studio.keeper.reloads) == (1, 1)

    def test_another_story_brings_its_levels_and_asks_for_its_lines(self, studio: Studio) -> None:
        new = Clip(id="new", start=At(frame=0), line=line("something new"))
        story = small_story()
        first, *others = story.tracks
        changed = Story(
            title="t",
            tracks=(Track(id="voice", clips=(*first.clips, new), strip=first.strip), *others),
            buses=story.buses,
            cues=story.cues[1:],
        )
        studio.do(SetStripGain(strip="voice", gain_db=-20.0))
        studio.stage.orders.clear()
        studio.session.adopt(changed)
        assert (line("something new"), False) in studio.loader.asked
        assert studio.session.cues.next_cue == "2"
        (gain,) = [o for o in studio.stage.orders if Kind.SET_GAIN <= o["kind"] <= Kind.SET_BYPASS]
        assert (gain["kind"], gain["strip"]) == (Kind.SET_GAIN, 0), "it is told what is elsewhere, and nothing else"
        assert gain["value"] == pytest.approx(db_to_gain(first.strip.gain_db))

    def test_what_was_turned_while_another_storys_mix_was_built_is_turned_in_it(self, studio: Studio) -> None:
        story = small_story()
        loud = replace(story.tracks[0], strip=replace(story.tracks[0].strip, gain_db=3.0))
        changed = replace(story, tracks=(loud, *story.tracks[1:]))
        studio.stage.orders.clear()
        turned = (SetStripGain(strip="voice", gain_db=-9.0), SetStripMute(strip="gone", mute=True))
        (misfit,) = studio.session.adopt(changed, turned)
        assert "gone" in misfit
        (gain,) = [o for o in studio.stage.orders if Kind.SET_GAIN <= o["kind"] <= Kind.SET_BYPASS]
        assert gain["value"] == pytest.approx(db_to_gain(-9.0))
        assert studio.session.story.tracks[0].strip.gain_db == -9.0

    def test_what_was_turned_while_a_story_was_loaded_goes_back_to_where_it_says(self, studio: Studio) -> None:
        story = small_story()
        loud = replace(story.tracks[0], strip=replace(story.tracks[0].strip, gain_db=3.0))
        changed = replace(story, tracks=(loud, *story.tracks[1:]))
        studio.stage.orders.clear()
        turned = (SetStripGain(strip="voice", gain_db=-9.0), SetStripMute(strip="gone", mute=True))
        assert studio.session.adopt(changed, turned, keeps=False) == ()
        (gain,) = [o for o in studio.stage.orders if Kind.SET_GAIN <= o["kind"] <= Kind.SET_BYPASS]
        assert (gain["strip"], gain["value"]) == (0, pytest.approx(db_to_gain(3.0)))
        assert studio.session.story.tracks[0].strip.gain_db == 3.0

    def test_a_limiter_that_was_switched_is_as_the_other_story_says(self, studio: Studio) -> None:
        story = studio.session.story
        studio.do(SetLimiter(limiter=False))
        studio.stage.orders.clear()
        studio.session.adopt(story)
        (limiter,) = [o for o in studio.stage.orders if o["kind"] == Kind.SET_LIMITER]
        assert limiter["value"] == story.master.limiter_db


def test_events_reach_every_listener_until_it_leaves(studio: Studio) -> None:
    heard: list = []
    leave = studio.session.listen(heard.extend)
    studio.do(SetStripMute(strip="voice", mute=True))
    leave()
    studio.do(SetStripMute(strip="voice", mute=False))
    assert heard == [StripMuteChanged(strip="voice", mute=True)]


def test_a_text_that_nobody_says_is_told_so(studio: Studio) -> None:
    with pytest.raises(UnknownThing, match="'zebra' is said nowhere in this story"):
        studio.do(LocateText(text="zebra"))
