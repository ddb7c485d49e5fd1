"""A private bus sounds by itself: in no master, whatever is soloed."""

from __future__ import annotations

import numpy as np

from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.realtime.records import Kind, records
from engine.story.model import Bus, Master, Send, Story, Strip, Track


def mixer_of(**bus: object) -> Mixer:
    track = Track(id="a", strip=Strip(sends=(Send(to="desk"),), solo=True))
    buses = (Bus(id="desk", private=True, strip=Strip(**bus)), Bus(id="hall"))  # type: ignore[arg-type]
    story = Story(title="private", tracks=(track,), buses=buses, master=Master(limiter_db=None))
    return Mixer(compile_graph(story), sample_rate=48000, arena=np.full(4800, 0.25, np.float32), max_players=8)


def start(mixer: Mixer, strip: int) -> None:
    record = records(1)
    record["kind"], record["strip"], record["player"] = Kind.START_PLAYER, strip, 1
    record["length"], record["channels"], record["gain"] = 4800, 1, 1.0
    mixer.dispatch(record)


def test_what_plays_on_it_is_in_no_master() -> None:
    mixer = mixer_of()
    start(mixer, 1)
    out = mixer.process(512)
    assert not out.any()
    assert not mixer.premaster.any()
    assert np.allclose(mixer.strip_output(1), 0.25)
    assert np.array_equal(mixer.private, mixer.strip_output(1))
    assert mixer.private.shape == (512, 2)


def test_what_is_sent_to_it_is_heard_there_and_its_track_in_the_master() -> None:
    mixer = mixer_of(gain_db=-100.0)
    start(mixer, 0)
    assert np.allclose(mixer.process(512), 0.25)
    assert not mixer.strip_output(1).any()
