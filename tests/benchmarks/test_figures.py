"""The arithmetic behind the figures, and the probe itself on a server whose timing is known."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from callback_rig import CLIP_SECONDS, KEYS, RATE, TRACKS, Times, clip_frames, graph, starts, unshared
from jack_clients import Pair, Series, Shot, Stalls, StallWatch, Target, probe
from jack_server import JackServer
from report import Figure, Report, quantile, show
from scsynth import Scsynth, message, player
from steps import most

PERIOD = 128
PERIOD_US = PERIOD * 1e6 / RATE


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert math.isnan(quantile([], 0.5))


def test_a_bar_holds_on_both_sides() -> None:
    assert Figure(what="a", value=2, unit="s", at_most=2).reached
    assert not Figure(what="a", value=2.1, unit="s", at_most=2).reached
    assert not Figure(what="a", value=3, unit="×", at_least=4).reached
    assert Figure(what="a", value=3, unit="×").reached is None
    assert not Figure(what="nothing was measured", value=math.nan, unit="s", at_most=2).reached


def test_figures_are_shown_with_three_digits_that_count() -> None:
    assert [show(value, "ms") for value in (0.01234, 1.2345, 123.45, 2000.0)] == [
        "0.0123 ms",
        "1.23 ms",
        "123 ms",
        "2,000 ms",
    ]


def test_the_file_holds_what_the_table_shows(tmp_path: Path) -> None:
    report = Report("sample", "A sample")
    report.add("speed", 0.5, "s", reference=0.4, reference_name="sox", at_most=1.0)
    read = msgspec.json.decode(report.finish(tmp_path).read_bytes())
    assert read["figures"][0]["value"] == 0.5
    assert read["facts"]["python"]


def test_a_shot_is_measured_against_the_next_cycle_also_where_jacks_counter_wraps() -> None:
    shot = Shot(sent_us=1000.0, next_frame=2**32 - 100, next_us=1500.0, onset_frame=28, onset_us=4500.0)
    assert (shot.latency_ms, shot.wait_ms, shot.excess_frames) == (3.5, 0.5, 128)


def test_added_latency_is_the_hand_over_whatever_the_phase() -> None:
    """An engine that needs 0.3 ms misses the cycle when less is left: over all phases that adds just these 0.3 ms."""
    shots = []
    for number in range(2000):
        wait = PERIOD_US * (number + 0.5) / 2000
        late = wait < 300
        onset = wait + (PERIOD_US if late else 0)
        frame = PERIOD if late else 0
        shots.append(Shot(sent_us=0.0, next_frame=0, next_us=wait, onset_frame=frame, onset_us=onset))
    series = Series(shots=shots, pairs=[])
    assert series.added_ms(0.5) == pytest.approx(0.3, abs=0.005)
    assert series.added_ms(0.99) == pytest.approx(0.3, abs=0.005)
    assert series.mean_excess_ms(RATE) == pytest.approx(0.3, abs=0.005)
    assert series.late_percent == pytest.approx(100 * 300 / PERIOD_US, abs=0.1)
    assert (series.excess_ms(0.5, RATE), series.excess_ms(0.99, RATE)) == (0.0, pytest.approx(PERIOD_US / 1000))


def test_pairs_tell_absolute_and_relative_errors_apart() -> None:
    pairs = [Pair(gap_frames=500, first_error=-3.0, second_error=-3.0, spacing_error=0)] * 3
    pairs += [Pair(gap_frames=500, first_error=1.0, second_error=2.0, spacing_error=1)]
    series = Series(shots=[], pairs=pairs)
    assert (series.tag_error(0.5), series.uneven) == (3.0, 1)
    assert series.tag_bias == pytest.approx(-15 / 8)


def test_a_synth_definition_has_the_documented_form() -> None:
    definition = player("click", gain=0.5, exact=True)
    assert definition[:10] == b"SCgf" + struct.pack(">ih", 2, 1)
    assert [definition.count(name) for name in (b"\x07PlayBuf", b"\x04Pan2", b"\x09OffsetOut")] == [1, 1, 1]


@pytest.mark.parametrize("bound", [0, 1, 700, 1499, 1500, 4321, 99_999])
def test_the_most_that_fits_is_found_within_a_fine_step(bound: int) -> None:
    found = most(lambda count: count <= bound, first=1500, limit=60_000)
    assert found <= min(bound, 60_000)
    assert found >= min(bound, 60_000) / 1.09 - 1


def test_a_number_that_failed_once_gets_a_second_try() -> None:
    tried: list[int] = []

    def fits(count: int) -> bool:
        tried.append(count)
        return count <= 3000 and tried.count(count) > 1

    assert most(fits, first=1500, limit=60_000) >= 3000 / 1.09
    assert max(tried.count(count) for count in tried) <= 4  # twice in coarse steps, twice in fine ones


def test_stalls_that_the_bare_client_shared_are_no_underflows_of_ours() -> None:
    times = Times(us=[100.0] * 90, blocks=100, underflows=3, longest_us=400.0)
    assert times.seen_percent == 90
    assert unshared(times, Stalls(cycles=100, late=2, xruns=5, longest_us=9000)) == 1
    assert unshared(times, Stalls(cycles=100, late=7, xruns=9, longest_us=9000)) == 0


def test_players_are_spread_over_tracks_and_lie_inside_the_clip() -> None:
    frames = clip_frames(30.0, speed=True)
    block = starts(10_000, offset=64, frames=frames)
    assert set(block["strip"]) == set(range(TRACKS))
    assert len(set(block["player"])) == len(block)
    assert block["offset"].min() >= 64
    assert (block["offset"] + block["length"]).max() <= 64 + CLIP_SECONDS * RATE


def test_the_rig_has_chains_a_send_ducks_and_a_limiter_or_nothing_of_it() -> None:
    full, dry = graph(chains=True), graph(chains=False)
    assert [len(strip.inserts) for strip in full.strips] == [3] * TRACKS + [1, 0]
    assert all(strip.sends for strip in full.strips[:TRACKS])
    assert [strip.duck is not None for strip in full.strips] == [False] * KEYS + [True] * (TRACKS - KEYS) + [False] * 2
    assert full.limiter_db == -1.0
    assert not any(strip.inserts or strip.sends or strip.duck for strip in dry.strips)
    assert dry.limiter_db is None


@pytest.mark.extra
@pytest.mark.skipif(not (shutil.which("scsynth") and shutil.which("cc")), reason="needs scsynth and a C compiler")
def test_the_probe_hears_every_shot(jack_server: JackServer, tmp_path: Path) -> None:
    with StallWatch(jack_server.env) as watch, Scsynth(jack_server.env) as server:
        server.fill(np.full(64, 0.5, np.float32))
        server.load(player("pulse"))
        start = message("/s_new", "pulse", -1, 0, 0)
        target = Target(name="scsynth", port=server.port, source="SuperCollider:out_1", messages=(start,))
        for _ in range(25):  # a stall may swallow a shot, or moves the server's clock against ours: then again
            series = probe(jack_server.env, [target], tmp_path, shots=20, warm=2)["scsynth"]
            late_ms = [shot.latency_ms for shot in series.shots]
            beyond = {shot.excess_frames % jack_server.period for shot in series.shots}
            all_told = len(series.shots) + series.misses == 20 and len(series.shots) > 10
            if all_told and beyond == {0} and min(late_ms) > -1.0:  # a cycle that begins late still takes a message
                break
        else:
            raise AssertionError(f"{len(late_ms)} heard, {series.misses} missed, {beyond} beyond, {late_ms}")
        cycles = watch.take().cycles
    assert cycles > 20
