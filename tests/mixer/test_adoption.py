"""One mixer takes over from another: what sounds, what waits and the transport go on."""

import numpy as np
from mixer_rig import FADE, Rig, bare

from engine.realtime.records import Kind, Report
from tests.signals import noise, ones


def test_players_schedule_transport_and_epochs_go_on():
    rig = Rig(bare("a", "b"), noise(9000), ones(9000))
    rig.timeline({"clip": 0, "start": 0, "strip": "b"}, {"clip": 0, "start": 12000, "strip": "b", "player": 9})
    rig.send(Kind.SET_LOOP, offset=12000, length=1000)
    rig.send(Kind.PLAY)
    rig.start(1, 5000, "a", player=7, length=100)
    rig.play(3000)
    rig.send(Kind.STOP_PLAYER, player=99)
    rig.becomes(bare("new", "b", "a"))
    heard = rig.play(12000)
    np.testing.assert_array_equal(heard.strips[1][:6000, 0], rig.clips[0][3000:])
    np.testing.assert_array_equal(np.flatnonzero(heard.strips[2][:, 0]), np.arange(2000, 2100))
    np.testing.assert_array_equal(heard.strips[1][9000:10000, 0], rig.clips[0][:1000])
    assert rig.reports(Report.LOOPED)["actual_frame"].tolist() == [13000, 14000, 15000]
    assert rig.mixer.frame == 15000


def test_what_sounds_on_a_strip_that_is_gone_ends_and_says_so():
    rig = Rig(bare("a", "b"), ones(9000))
    rig.timeline({"clip": 0, "start": 0, "strip": "a", "player": 5}, {"clip": 0, "start": 4000, "strip": "b"})
    rig.send(Kind.PLAY)
    rig.start(0, 0, "a", player=1)
    rig.start(0, 0, "b", player=2)
    rig.start(0, 3000, "a", player=3)
    rig.play(1000)
    rig.becomes(bare("b"))
    heard = rig.play(2900).out
    assert (heard == 1.0).all()
    assert sorted(rig.reports(Report.ENDED)["player"].tolist()) == [1, 5]
    assert rig.reports(Report.NO_PLAYER)["player"].tolist() == [3]
    assert (rig.play(1000).out[200:] == 2.0).all()


def test_a_panic_goes_on_and_is_reported():
    rig = Rig(bare("a"), ones(9000))
    rig.start(0, 0)
    rig.play(1000)
    rig.send(Kind.PANIC, ramp_frames=1000)
    rig.play(500)
    rig.becomes(bare("a", "b"))
    heard = rig.play(2000).out
    assert not heard[500:].any()
    assert heard[0, 0] < 0.6
    assert rig.reports(Report.PANICKED)["actual_frame"].tolist() == [2000]


def test_an_epoch_that_waits_is_acknowledged_by_the_new_mixer():
    rig = Rig(bare("a"), ones(9000))
    rig.start(0, 0)
    rig.play(1000)
    rig.send(Kind.STOP_PLAYER, player=1)
    rig.send(Kind.EPOCH, serial=3)
    rig.becomes(bare("a"))
    rig.play(FADE + 1, 1)
    assert rig.reports(Report.EPOCH)["serial"].tolist() == [3]
