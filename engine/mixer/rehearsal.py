"""A rehearsal: a small graph mixed once with everything in it, so that every kernel is compiled before it is needed."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.mixer.graph import Graph, compile_graph
from engine.mixer.lanes import write_packet
from engine.mixer.latency import arrive, keep_heard, new_late, plan_latency
from engine.mixer.meters import show_meters, show_reduction
from engine.mixer.mixer import Mixer
from engine.mixer.players import PLAYER
from engine.mixer.regraph import regraph
from engine.mixer.relay import interleave
from engine.mixer.reports import count
from engine.mixer.state import STAND, MixerState
from engine.realtime.pages import PageTable
from engine.realtime.records import AUTOMATION, ENTRY, NOW, PAGED, STREAMED, Kind, records
from engine.realtime.tape import FRAMES as PACKET_FRAMES
from engine.realtime.tape import UNIT_FLOATS
from engine.story.model import Bus, Duck, Effect, Master, Send, Story, Strip, Track

FRAMES = 4096

Arena = NDArray[np.float32]


def rehearse() -> None:
    """Mix a little of everything; nothing is kept but the compiled kernels."""
    strip = Strip(sends=(Send(to="bus"),), inserts=(Effect(effect="highpass"),))
    ducked = Strip(duck=Duck(by=("a",), look_ahead_ms=5.0))
    tracks = (Track(id="a", strip=strip), Track(id="b", strip=ducked))
    story = Story(title="rehearsal", tracks=tracks, buses=(Bus(id="bus"),))
    arena = np.full(8192, 0.9, np.float32)
    arena[::2] *= -1.0
    smaller = Story(title="rehearsal", tracks=story.tracks[:1], buses=story.buses, master=Master())
    mixers = [
        Mixer(compile_graph(s), sample_rate=48000, arena=arena, max_block_frames=FRAMES, max_players=16)
        for s in (story, smaller)
    ]
    _rehearse_delays(compile_graph(story))
    first, second = mixers
    PageTable(arena, 0).open(4000, 2)
    first.set_timeline(_entries(), 1)
    first.dispatch(_every_kind())
    first.dispatch(_play())  # whatever of all that has stopped it
    first.process(FRAMES)
    first.dispatch(_play())
    first.set_timeline(_entries()[:1], 2)
    first.process(100)
    first.dispatch(_play(1 << 40))
    first.part(second)
    second.adopt(first)
    second.process(FRAMES)
    count(second.take_reports(), np.zeros(4, np.int64))
    shown = np.zeros_like(second.meters)
    show_meters(second.meters, np.float32(0.5), np.float32(0.5), shown[:, :, 0].copy(), shown)
    show_reduction(np.ones(2), np.float32(1.0), np.ones(2, np.float32))
    _tape(second)
    _rehearse_a_change(second, smaller, arena)
    _rehearse_what_is_rare(story, arena)


def _rehearse_a_change(mixer: Mixer, before: Story, arena: Arena) -> None:
    """Let an effect come into a chain that sounds, and another one go out of it; the timeline turns a send."""
    strip = Strip(sends=(Send(to="bus"),), inserts=(Effect(effect="lowpass"),))
    story = replace(before, tracks=(Track(id="a", strip=strip),))
    moves = np.zeros(1, AUTOMATION)
    moves["kind"], moves["frames"], moves["end"] = Kind.SET_SEND, 1000, 0.5
    mixer.set_automation(moves, 1)
    mixer.dispatch(_play())
    mixer.process(FRAMES)
    graph = regraph(compile_graph(before), before, story)
    heir = Mixer(graph, sample_rate=48000, arena=arena, max_block_frames=FRAMES, max_players=16, before=mixer)
    mixer.part(heir)
    heir.adopt(mixer)
    heir.process(256)
    heir.process(FRAMES)


def _rehearse_what_is_rare(story: Story, arena: Arena) -> None:
    """Do what a fault, another process or a bounce needs: all the less may the first time wait for a kernel."""
    heir = Mixer(compile_graph(story), sample_rate=48000, arena=arena, max_block_frames=FRAMES, max_players=16)
    waiting = records(1)
    waiting["kind"], waiting["frame"] = Kind.STOP_PLAYER, 1 << 40
    heir.resume(MixerState(np.zeros(1, STAND), np.zeros(0, PLAYER), waiting, records(0)))
    heir._forget(iter((0,)))
    lone = np.zeros(8, np.float32)
    interleave(lone, lone, np.zeros((8, 2), np.float32))


def _play(frame: int = NOW) -> np.ndarray:
    block = records(1)
    block["kind"], block["frame"] = Kind.PLAY, frame
    return block


def _tape(mixer: Mixer) -> None:
    tape, head = np.zeros(UNIT_FLOATS * 100, np.float32), np.zeros(UNIT_FLOATS // 2, np.int64)
    head[PACKET_FRAMES] = 8
    strips = np.arange(-1, 2, dtype=np.int32)
    write_packet(tape, 0, len(tape), strips, 3, mixer.master, mixer.outputs, mixer.process(8), head)


def _rehearse_delays(graph: Graph) -> None:
    """Delay a little, as if there were a plug-in that is late."""
    late = new_late(plan_latency(graph, [0] * len(graph.strips)), 100, FRAMES)
    inputs = np.zeros((len(graph.strips), 2 * FRAMES), np.float32)
    every = np.arange(len(graph.strips), dtype=np.int32)
    arrive(late, inputs, 0, 64)
    keep_heard(late.heard, every, every, inputs, 0, 64)


def _entries() -> np.ndarray:
    entries = np.zeros(3, ENTRY)
    entries["start_frame"], entries["length"], entries["channels"] = (0, 50, 60), (2000, 900, 900), (1, 2, 2)
    entries["player"], entries["gain"], entries["fade_in_frames"] = (1, 2, 3), 1.0, 10
    entries["table"] = (0, 0, 1)
    return entries


def _every_kind() -> np.ndarray:
    block = records(3 * len(Kind))
    for index, kind in enumerate([*Kind, *Kind, *Kind]):
        block["kind"][index] = kind
        block["frame"][index] = (NOW, 64, 700)[index // len(Kind)]
    block["player"], block["length"], block["channels"], block["gain"] = 99, 1500, 2, 1.0
    block["length"][block["kind"] == Kind.SET_LOOP] = 0
    varied = (block["kind"] == Kind.START_PLAYER) & (block["frame"] >= 0)
    block["rate"][varied], block["loop_frames"][varied] = (0.7, -1.0), (0, 500)
    block["value"], block["ramp_frames"], block["fade_out_frames"] = 0.5, 100, 20
    paged = (block["kind"] == Kind.START_PLAYER) & (block["frame"] == 700)
    block["flags"][paged], block["value"][paged] = PAGED, 0.0
    streamed = (block["kind"] == Kind.START_PLAYER) & (block["frame"] == 64)
    block["flags"][streamed], block["rate"][streamed], block["loop_frames"][streamed] = STREAMED, 0.0, 0
    quiet = np.isin(block["kind"], (Kind.PANIC, Kind.CLEAR_SCHEDULED, Kind.FORGET))
    return block[~quiet | (block["frame"] == 700)]
