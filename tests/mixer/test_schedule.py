"""The schedule: records act in order of their frames, then of their arrival, and none is lost silently."""

import numpy as np
from mixer_rig import FADE, Rig, bare

from engine.mixer.schedule import CAPACITY
from engine.realtime.records import Kind, Report, records
from tests.signals import noise, ones


def test_records_act_in_order_of_frames_whatever_order_they_come_in():
    rig = Rig(bare(), ones(1), max_players=300)
    frames = np.random.default_rng(3).permutation(np.arange(10, 1500, 7)).tolist()
    for player, frame in enumerate(frames, 1):
        rig.start(0, frame, player=player)
    heard = rig.play(1536, 512).out[:, 0]
    assert np.flatnonzero(heard).tolist() == sorted(frames)
    started = rig.reports(Report.STARTED)
    assert started["actual_frame"].tolist() == sorted(frames)
    assert [frames[player - 1] for player in started["player"]] == sorted(frames)


def test_records_of_one_frame_act_in_order_of_arrival():
    rig = Rig(bare(), ones(5000))
    rig.start(0, 0)
    for value in (0.3, 0.7, 0.5):
        rig.send(Kind.SET_GAIN, 1000, value=value)
    assert (rig.play(2000, 512).out[1000 + FADE :] == 0.5).all()


def test_a_full_schedule_refuses_the_newest_and_reports_each():
    rig = Rig(bare(), ones(1), max_players=CAPACITY)
    block = records(CAPACITY + 3)
    block["kind"], block["player"] = Kind.START_PLAYER, np.arange(1, CAPACITY + 4)
    block["serial"], block["frame"] = block["player"] + 10, 1000
    block["length"], block["channels"], block["gain"] = 1, 1, 1.0
    rig.mixer.dispatch(block)
    full = rig.reports(Report.SCHEDULE_FULL)
    assert full["player"].tolist() == [CAPACITY + 1, CAPACITY + 2, CAPACITY + 3]
    assert full["serial"].tolist() == [CAPACITY + 11, CAPACITY + 12, CAPACITY + 13]
    assert full["requested_frame"].tolist() == [1000] * 3
    assert full["value"].tolist() == [Kind.START_PLAYER] * 3
    assert rig.play(2000, 2000).out.max() == CAPACITY
    rig.start(0, 2500)
    assert rig.play(1000).out.max() == 1.0


def test_clearing_forgets_all_that_waits_and_ends_its_starts():
    rig = Rig(bare(), ones(5000))
    rig.start(0, 0, player=1)
    rig.start(0, 2000, player=2)
    rig.send(Kind.SET_GAIN, 3000, value=0.0)
    rig.send(Kind.CLEAR_SCHEDULED, 1000)
    assert (rig.play(5000, 512).out == 1.0).all()
    ended = rig.reports(Report.ENDED)
    assert ended[["player", "requested_frame", "actual_frame"]].tolist() == [(2, 2000, 1000), (1, 0, 5000)]
    rig.start(0, 6000, player=3)
    assert (rig.play(2000).out[1000:] == 1.0).all()


def test_a_stop_cancels_the_starts_of_its_player_that_wait():
    rig = Rig(bare(), ones(100))
    for player, frame in ((1, 1000), (2, 1100), (1, 1200), (3, 1300), (1, 1400)):
        rig.start(0, frame, player=player)
    rig.send(Kind.STOP_PLAYER, 1250, player=1)
    heard = rig.play(2000, 512).out[:, 0]
    assert np.flatnonzero(heard)[[0, -1]].tolist() == [1000, 1399]
    assert (heard[1000:1251] == 1.0).all()
    assert heard[1299] == 1.0 - np.float32(49 / FADE), "what sounds already is faded"
    assert (heard[1300:1400] == 1.0).all()
    ended = rig.reports(Report.ENDED)
    assert (1, 1400, 1250) in ended[["player", "requested_frame", "actual_frame"]].tolist()
    assert sorted(ended["player"].tolist()) == [1, 1, 1, 2, 3]


def test_stopping_all_leaves_what_waits():
    rig = Rig(bare(), ones(1000))
    rig.start(0, 0, player=1)
    rig.start(0, 2000, player=2)
    rig.send(Kind.STOP_PLAYER, 500, player=0)
    heard = rig.play(4000, 333).out[:, 0]
    assert not heard[740:2000].any()
    assert (heard[2000:3000] == 1.0).all()


def test_a_late_record_of_any_kind_acts_now_and_is_reported():
    rig = Rig(bare(), ones(5000))
    rig.start(0, 0)
    rig.play(1000)
    rig.send(Kind.SET_GAIN, 500, value=0.5, serial=77)
    assert (rig.play(1000).out[FADE:] == 0.5).all()
    late = rig.reports(Report.LATE)
    assert late[["serial", "requested_frame", "actual_frame"]].tolist() == [(77, 500, 1000)]


def test_an_epoch_is_acknowledged_when_all_that_was_stopped_before_has_ended():
    rig = Rig(bare(), noise(20000))
    rig.start(0, 0, player=1)
    rig.start(0, 0, player=2)
    rig.play(1000)
    rig.send(Kind.EPOCH, serial=1)
    rig.send(Kind.STOP_PLAYER, player=1, ramp_frames=3000)
    rig.send(Kind.EPOCH, serial=2)
    rig.send(Kind.STOP_PLAYER, player=2, ramp_frames=500)
    rig.send(Kind.EPOCH, serial=3)
    assert rig.reports(Report.EPOCH)["serial"].tolist() == [1]
    rig.play(2900, 100)
    assert rig.reports(Report.EPOCH)["serial"].tolist() == [1]
    rig.play(200, 100)
    epochs = rig.reports(Report.EPOCH)
    assert epochs["serial"].tolist() == [1, 2, 3]
    assert epochs["actual_frame"].tolist() == [1000, 4000, 4000]
    assert rig.mixer.active_players == 0


def test_reports_that_nobody_takes_are_counted_and_not_in_the_way():
    rig = Rig(bare(), ones(1), max_players=CAPACITY)
    block = records(CAPACITY)
    block["kind"], block["length"], block["channels"], block["gain"] = Kind.START_PLAYER, 1, 1, 1.0
    for _ in range(3):
        rig.mixer.dispatch(block)
        rig.mixer.process(1)
    assert len(rig.mixer.take_reports()) == 16384
    rig.start(0)
    assert (rig.play(1).out == 1.0).all()
