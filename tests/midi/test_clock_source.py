"""The clock source while the engine runs: asked for, changed, refused, told, and known again."""

import socket
from typing import get_args

from midi_rig import in_loop

from bridge.midi import wire
from bridge.midi.port import PortError
from bridge.midi.start import MidiConfig, start_midi
from bridge.midi.sync import SOURCES
from engine.settings import ClockSource

ORDER = "mtc, clock, link, jack, internal"


def values(messages, address="/clock/source"):
    return [m.args for m in messages if m.address == address]


@in_loop
async def test_it_is_asked_for_and_changed(make):
    rig = await make("deck")
    assert values(await rig.ask("/clock/source")) == [("internal", "internal", "stopped", ORDER)]
    assert values(await rig.ask("/clock/source", "mtc")) == [("mtc", "mtc", "stopped", ORDER)]
    assert rig.engine.notes["clock_source"] == b"mtc", "for the process that comes after this one"
    assert rig.wire._syncing is not None
    assert values(await rig.ask("/clock/source", "internal")) == [("internal", "internal", "stopped", ORDER)]
    await rig.until(lambda: rig.wire._syncing is None)


@in_loop
async def test_subscribers_are_told(make):
    rig = await make("deck")
    await rig.ask("/subscribe", "/clock/source")
    await rig.until(lambda: values(rig.listener.heard, "/subscribed"))
    rig.wire.follow("auto")
    await rig.until(lambda: values(rig.listener.heard))
    assert values(rig.listener.heard) == [("auto", "internal", "stopped", ORDER)]


@in_loop
async def test_what_is_no_source_is_refused_with_those_there_are(make):
    rig = await make("deck")
    (refused,) = values(await rig.ask("/clock/source", "midi"), "/reply/clock/source")
    assert refused[-1] == "'midi' is no clock source; there is: auto, mtc, clock, link, jack, internal"
    assert rig.wire.sync.facts.wanted == "internal"


@in_loop
async def test_what_can_not_be_had_leaves_all_as_it_is(make):
    rig = await make("deck")

    def missing(*_, **__):
        raise PortError("Link needs aalink: pip install 'cuevox[sync]'")

    was, wire.find_outsides = wire.find_outsides, missing
    try:
        (refused,) = values(await rig.ask("/clock/source", "link"), "/reply/clock/source")
    finally:
        wire.find_outsides = was
    assert "aalink" in refused[-1] and rig.wire.sync.facts.wanted == "internal"


def test_it_is_called_as_in_the_settings():
    assert set(SOURCES) == set(get_args(ClockSource))


@in_loop
async def test_the_choice_outlives_a_control_process(make):
    rig = await make("deck")
    rig.engine.notes["clock_source"] = b"mtc"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = MidiConfig(api="off", tcp_port=port, surfaces_folder=str(rig.wire.surfaces.folder), clock_source="clock")
    again = await start_midi(rig.hub, config, rig.wire.surfaces.folder, again=True)
    assert again is not None
    again.close()
    assert again.sync.facts.wanted == "mtc"
