"""Players that do not play plainly: rate, direction, loops, fades' shapes, pauses, and who gives way to whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.mixer.graph import compile_graph
from engine.mixer.levels import NEVER, fill_levels, level
from engine.mixer.mixer import Mixer
from engine.mixer.players import PLAYER
from engine.mixer.varispeed import MOST_TAPS, ONE, band_of, filters, interpolate, lead
from engine.mixer.weighing import PHASES
from engine.realtime.records import NOW, Kind, Report, Shape, records
from engine.story.model import Master, Story, Track

RATE = 48000
FADE = 240


class Deck:
    """One track, one clip, no limiter: what comes out is what the players give."""

    def __init__(self, clip: np.ndarray, *, max_players: int = 16, block: int = 128) -> None:
        story = Story(title="deck", tracks=(Track(id="a"),), master=Master(limiter_db=None))
        self.clip = clip.astype(np.float32)
        self.block = block
        self.reports: list[np.void] = []
        self.mixer = Mixer(compile_graph(story), sample_rate=RATE, arena=self.clip.reshape(-1), max_players=max_players)

    def send(self, kind: Kind, frame: int = NOW, **fields: Any) -> None:
        record = records(1)
        record["kind"], record["frame"] = kind, frame
        for name, value in fields.items():
            record[name] = value
        self.mixer.dispatch(record)

    def start(self, frame: int = NOW, **fields: Any) -> None:
        given = {"player": 1, "length": len(self.clip), "channels": self.clip.ndim, "gain": 1.0, **fields}
        self.send(Kind.START_PLAYER, frame, **given)

    def play(self, frames: int) -> np.ndarray:
        parts = []
        while frames > 0:
            parts.append(self.mixer.process(min(self.block, frames)).copy())
            self.reports.extend(self.mixer.take_reports())
            frames -= self.block
        return np.concatenate(parts)[:, 0]

    def told(self, kind: Report) -> list[tuple[int, int]]:
        return [(int(r["player"]), int(r["actual_frame"])) for r in self.reports if r["kind"] == kind]


def noise(frames: int, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(frames)).astype(np.float32)


def sine(hertz: float, frames: int) -> np.ndarray:
    return np.sin(2 * np.pi * hertz / RATE * np.arange(frames))


def residual_db(heard: np.ndarray, hertz: float) -> float:
    """Return what is left of ``heard`` beside the best sine at ``hertz``, against that sine."""
    angle = 2 * np.pi * hertz / RATE * np.arange(len(heard))
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, heard, rcond=None)
    left = heard - basis @ fit
    return float(10 * np.log10(np.mean(left**2) / np.mean((basis @ fit) ** 2)))


def played(clip: np.ndarray, rate: float, block: int = 128, **fields: Any) -> np.ndarray:
    deck = Deck(clip, block=block)
    deck.start(rate=rate, **fields)
    return deck.play(round(len(clip) / abs(rate or 1.0)) + 64)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rate_one_is_the_clip_to_the_last_bit(rate: float) -> None:
    clip = noise(1000)
    assert np.array_equal(played(clip, rate)[:1000], clip)


def test_backwards_is_the_clip_backwards_to_the_last_bit() -> None:
    clip = noise(1000)
    assert np.array_equal(played(clip, -1.0)[:1000], clip[::-1])


def test_a_stereo_clip_keeps_its_sides_backwards_and_between_samples() -> None:
    clip = np.stack([noise(3000, 1), -noise(3000, 1)], axis=1)
    deck = Deck(clip)
    deck.start(rate=-0.7)
    deck.play(256)
    out = deck.mixer.process(512)
    assert np.abs(out).max() > 0.05
    assert np.array_equal(out[:, 0], -out[:, 1])


@pytest.mark.parametrize("rate", [0.25, 0.5, 2 ** (-7 / 12), 0.999, 1.001, 2 ** (1 / 12), 1.5, 2.0, 3.1, 4.0, -0.6])
@pytest.mark.parametrize("block", [64, 333, 4096])
def test_blocks_change_nothing(rate: float, block: int) -> None:
    clip = noise(5000)
    fields = {"fade_in_frames": 700, "fade_out_frames": 333, "fade_in_shape": Shape.S_CURVE}
    assert np.array_equal(played(clip, rate, 128, **fields), played(clip, rate, block, **fields))


@pytest.mark.parametrize("semitones", [-24, -12, -7, -1, 1, 5, 7, 12, 19, 24])
@pytest.mark.parametrize("heard_hertz", [220.0, 3000.0])
def test_a_sine_stays_pure_at_every_rate(semitones: int, heard_hertz: float) -> None:
    rate = 2 ** (semitones / 12)
    heard = played(sine(heard_hertz / rate, 60000), rate)[2000:10000]
    assert residual_db(heard, heard_hertz) < -80.0
    assert np.abs(heard).max() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("hertz", [5000.0, 10000.0, 15000.0, 19000.0])
@pytest.mark.parametrize("semitones", [-24, -12, -5])
def test_no_image_is_louder_than_70_db_below_its_sound(hertz: float, semitones: int) -> None:
    rate = 2 ** (semitones / 12)
    heard = played(sine(hertz, 40000), rate)[2000:20000]
    assert residual_db(heard, hertz * rate) < -70.0


@pytest.mark.parametrize("semitones", [2, 5, 12, 17, 24])
@pytest.mark.parametrize("above", [1.2, 1.5, 1.9])
def test_what_would_fold_back_is_70_db_down(semitones: int, above: float) -> None:
    """Above: the tone, in the pitch it would be heard at, over half the sample rate."""
    rate = 2 ** (semitones / 12)
    hertz = above * RATE / 2 / rate
    if hertz >= RATE / 2:
        pytest.skip("no clip holds a tone that high")
    heard = played(sine(hertz, 80000), rate)[2000:18000]
    assert 20 * np.log10(np.abs(heard).max()) < -70.0


def test_the_filters_pass_every_phase_alike() -> None:
    table, first, taps, weights = filters()
    assert 2.0 * weights.sum() == pytest.approx(1.0, abs=1e-6)
    for begin, end, width in zip(first, [*first[1:], len(table)], taps, strict=True):
        rows = table[begin:end].astype(np.float64).reshape(PHASES + 1, width)
        assert np.allclose(rows.sum(axis=1), 1.0, atol=1e-6)
    assert [band_of(round(2 ** (n / 12) * ONE)) for n in (-24, 0, 1, 2, 12, 24)] == [0, 0, 1, 1, 6, 12]


def test_interpolation_between_samples_of_a_slow_wave_is_the_wave() -> None:
    for band, step in ((0, ONE // 3), (1, ONE), (3, ONE), (6, 2 * ONE), (7, 2 * ONE)):
        sound = np.sin(0.3 * (np.arange(400) - lead(filters(), band))).astype(np.float32)
        out = np.zeros(104, np.float32)
        interpolate(filters(), band, sound, 0, step, np.zeros(800, np.float32), out, 100)
        assert np.abs(out[:100] - np.sin(0.3 * np.arange(100) * step / ONE)).max() < 1e-4
    assert set(filters().taps[1:]) <= {32, 40, 48, 56, MOST_TAPS}


@pytest.mark.parametrize(("rate", "frames"), [(0.5, 2000), (2.0, 500), (3.0, 334), (-0.25, 4000)])
def test_a_varied_clip_ends_on_its_frame(rate: float, frames: int) -> None:
    deck = Deck(noise(1000))
    deck.start(rate=rate)
    deck.play(5000)
    assert deck.told(Report.ENDED) == [(1, frames)]


def test_a_loop_repeats_and_its_seam_is_a_blend() -> None:
    clip = noise(4000)
    deck = Deck(clip)
    deck.start(loop_start=1000, loop_frames=2000, loop_fade_frames=240)
    heard = deck.play(9000)
    assert np.array_equal(heard[:2760], clip[:2760])
    assert np.array_equal(heard[3000:4760], clip[1000:2760])
    assert np.array_equal(heard[3000:5000], heard[5000:7000])
    assert not deck.told(Report.ENDED)


def test_a_loop_over_whole_periods_is_the_sine_itself() -> None:
    clip = sine(480.0, 4000)
    deck = Deck(clip)
    deck.start(loop_start=1000, loop_frames=2000, loop_fade_frames=240)
    assert np.abs(deck.play(20000) - sine(480.0, 20000)).max() < 1e-5


@pytest.mark.parametrize("rate", [0.3, 0.77, 1.0, 2.9, -1.0, -1.7])
def test_a_loop_makes_no_click_at_any_rate(rate: float) -> None:
    """The largest step between two samples is no larger than in a plain sine of that pitch, by a hair."""
    hertz = 311.0
    deck = Deck(sine(hertz, 6000))
    deck.start(rate=rate, loop_start=1003, loop_frames=1717, loop_fade_frames=480)
    heard = deck.play(30000)[500:]
    assert np.abs(np.diff(heard)).max() < 1.3 * 2 * np.pi * hertz / RATE * abs(rate)


@pytest.mark.parametrize("rate", [1.0, 0.7, -1.3])
def test_rounds_are_played_and_then_it_goes_on(rate: float) -> None:
    clip = noise(4000)
    deck = Deck(clip, block=96)
    deck.start(rate=rate, loop_start=500, loop_frames=1000, loop_fade_frames=100, index=3)
    heard = deck.play(12000)
    frames = -(-6000 * ONE // round(abs(rate) * ONE))
    assert deck.told(Report.ENDED) == [(1, frames)]
    if rate == 1.0:
        assert np.array_equal(heard[3500:6000], clip[1500:])


def test_a_short_loop_for_a_long_time_stays_where_it_is() -> None:
    deck, other = Deck(noise(2000), block=64), Deck(noise(2000), block=4096)
    for each in (deck, other):
        each.start(rate=1.37, loop_start=300, loop_frames=50, loop_fade_frames=20)
    assert np.array_equal(deck.play(40000), other.play(40000))


@pytest.mark.parametrize("shape", Shape)
def test_fades_have_their_shape(shape: Shape) -> None:
    deck = Deck(np.ones(3000))
    deck.start(fade_in_frames=1000, fade_out_frames=1000, fade_in_shape=shape, fade_out_shape=shape)
    heard = deck.play(3000)
    x = np.arange(1000) / 1000
    curve = {
        Shape.LINEAR: x,
        Shape.EQUAL_POWER: np.sin(np.pi / 2 * x),
        Shape.S_CURVE: 0.5 - 0.5 * np.cos(np.pi * x),
        Shape.EXPONENTIAL: (100.0**x - 1) / 99,
    }[shape]
    assert np.abs(heard[:1000] - curve).max() < 1e-6
    assert np.array_equal(heard[1000:2001], np.ones(1001, np.float32))
    assert np.abs(heard[2001:] - curve[:0:-1]).max() < 1e-6


def test_levels_of_a_stretch_are_those_of_its_frames_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        row = np.zeros(1, PLAYER)[0]
        for name, most in (("skip", 50), ("fade_in", 300), ("fade_out", 300), ("fade_in_shape", 4), ("attack", 90)):
            row[name] = rng.integers(0, most)
        row["fade_out_shape"], row["sounding"] = rng.integers(0, 4), rng.integers(550, 900)
        row["attack_start"], row["hold_frames"], row["release_frames"] = rng.integers(0, 90), 240, rng.integers(1, 200)
        row["release_gain"], row["release_slope"] = rng.uniform(0, 1), rng.uniform(0, 0.01)
        row["hold_start"], row["release_start"] = rng.choice([NEVER, 50, 200, 350], 2)
        out, frame = np.zeros(97), int(rng.integers(0, 400))
        fill_levels(row, frame, out)
        assert out.tolist() == [level(row, frame + i) for i in range(97)]


def test_equal_power_fades_cross_at_equal_power() -> None:
    """Two uncorrelated sounds, one out as the other comes in: their power is even."""
    deck = Deck(np.ones(2000))
    deck.start(fade_out_frames=2000, fade_out_shape=Shape.EQUAL_POWER)
    out = deck.play(2000)
    deck = Deck(np.ones(2000))
    deck.start(fade_in_frames=2000, fade_in_shape=Shape.EQUAL_POWER)
    assert np.allclose(deck.play(2000) ** 2 + out**2, 1.0, atol=1e-5)


@pytest.mark.parametrize("rate", [1.0, 0.7, -2.0])
def test_a_pause_loses_nothing_and_clicks_nowhere(rate: float) -> None:
    clip = sine(200.0, 20000)
    through = Deck(clip)
    through.start(rate=rate)
    whole = through.play(8000)
    deck = Deck(clip)
    deck.start(rate=rate)
    deck.send(Kind.PAUSE_PLAYER, 1000, player=1)
    deck.send(Kind.RESUME_PLAYER, 3000, player=1)
    heard = deck.play(8000)
    assert np.array_equal(heard[:1000], whole[:1000])
    assert not heard[1000 + FADE : 3000].any()
    assert np.array_equal(heard[3000 + FADE :], whole[1000 + 2 * FADE : 6000 + FADE])
    assert np.abs(np.diff(heard[100:])).max() < 0.07  # a clip that begins within a wave aside


def test_a_resume_in_the_middle_of_a_pauses_fade_turns_round() -> None:
    deck = Deck(np.ones(20000), block=4096)
    deck.start()
    deck.send(Kind.PAUSE_PLAYER, 1000, player=1)
    deck.send(Kind.RESUME_PLAYER, 1100, player=1)
    heard = deck.play(3000)
    assert heard.min() == pytest.approx(1 - 100 / FADE, abs=2 / FADE)
    assert np.abs(np.diff(heard[100:])).max() < 1.5 / FADE
    assert heard[-1] == 1.0


def test_a_paused_player_does_not_end_and_can_be_stopped() -> None:
    deck = Deck(noise(2000))
    deck.start()
    deck.send(Kind.PAUSE_PLAYER, 500, player=0)
    deck.play(10000)
    assert not deck.told(Report.ENDED)
    deck.send(Kind.STOP_PLAYER, 12000, player=1)
    deck.play(10000)
    assert deck.told(Report.ENDED) == [(1, 12000 + FADE)]


def test_what_has_not_begun_goes_on_waiting_after_a_pause() -> None:
    deck = Deck(noise(2000))
    deck.start(5000)
    deck.start(3000, player=2)
    deck.start(5000, player=3)
    deck.send(Kind.PAUSE_PLAYER, 1000, player=1)
    deck.send(Kind.PAUSE_PLAYER, 1000, player=2)
    deck.play(8000)
    assert deck.told(Report.STARTED) == [(3, 5000)]
    deck.send(Kind.RESUME_PLAYER, 9000, player=0)
    deck.play(8000)
    assert deck.told(Report.STARTED) == [(3, 5000), (2, 11000), (1, 13000)]


def test_what_has_not_begun_can_be_stopped_while_it_is_held() -> None:
    deck = Deck(noise(2000))
    deck.start(5000)
    deck.send(Kind.PAUSE_PLAYER, 1000, player=1)
    deck.send(Kind.STOP_PLAYER, 2000, player=1)
    deck.send(Kind.RESUME_PLAYER, 3000, player=0)
    deck.play(9000)
    assert deck.told(Report.STARTED) == []
    assert deck.told(Report.ENDED) == [(1, 2000)]


def test_an_attack_fades_in_whatever_the_clip_says() -> None:
    deck = Deck(np.ones(2000))
    deck.start(attack_frames=100)
    assert np.allclose(deck.play(200)[:101], np.arange(101) / 100, atol=1e-6)


def test_the_quietest_gives_way_and_of_equals_the_oldest() -> None:
    deck = Deck(np.ones(40000), max_players=3)
    for player, gain in ((1, 0.5), (2, 0.2), (3, 0.2)):
        deck.start(player=player, gain=gain)
    deck.play(1000)
    deck.start(player=4, gain=0.4)
    heard = deck.play(2000)
    assert deck.told(Report.STOLEN) == [(2, 1000)]
    assert deck.told(Report.ENDED) == [(2, 1000 + FADE)]
    assert heard[-1] == pytest.approx(1.1)
    assert np.abs(np.diff(heard[100:])).max() < 2 / FADE  # the newcomer's own start aside
    assert not deck.told(Report.NO_PLAYER)


def test_a_live_player_never_takes_the_timelines_place() -> None:
    from engine.realtime.records import ENTRY

    deck = Deck(np.ones(40000), max_players=2)
    entries = np.zeros(2, ENTRY)
    entries["length"], entries["channels"], entries["gain"], entries["player"] = 40000, 1, 0.1, (1, 2)
    deck.mixer.set_timeline(entries, 1)
    deck.send(Kind.PLAY)
    deck.play(128)
    deck.start(player=3)
    deck.play(128)
    assert not deck.told(Report.STOLEN)
    assert [player for player, _ in deck.told(Report.NO_PLAYER)] == [3]


def test_the_timeline_takes_a_live_players_place() -> None:
    from engine.realtime.records import ENTRY

    deck = Deck(np.ones(40000), max_players=1)
    deck.start(player=9)
    deck.play(128)
    entries = np.zeros(1, ENTRY)
    entries["length"], entries["channels"], entries["gain"], entries["player"] = 40000, 1, 1.0, 1
    deck.mixer.set_timeline(entries, 1)
    deck.send(Kind.PLAY)
    deck.play(1000)
    assert [player for player, _ in deck.told(Report.STOLEN)] == [9]
    assert [player for player, _ in deck.told(Report.STARTED)] == [9, 1]
