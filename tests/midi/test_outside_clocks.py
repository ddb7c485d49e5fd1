"""JACK's transport, driven by another client of a real server; Link, by a second peer where the net allows it."""

import asyncio
import time

import pytest

from bridge.midi.jack_ports import JackSystem
from bridge.midi.jack_transport import JackTransport
from tests.jack_server import JackServer

WAIT_SECONDS = 20.0


def wait_for(found):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


def test_jacks_transport_is_followed(jack_server: JackServer):
    system = JackSystem("Follower")
    transport = JackTransport(system, owned=True)
    wait_for(lambda: system.rolling)
    master = jack_server.client("master")
    master.activate()
    assert not transport.followed(time.time()).running
    master.transport_frame = 10 * 48000
    master.transport_start()
    wait_for(lambda: transport.followed(time.time()).running)
    for _ in range(20):  # a machine that stalls holds up the server, or us between two looks
        first, began = transport.followed(time.time()), time.time()
        assert first.seconds is not None and 9.9 < first.seconds < 30.0
        later = wait_for(lambda: (f := transport.followed(time.time())).seconds > first.seconds + 0.05 and f)  # noqa: B023
        if later.seconds - first.seconds == pytest.approx(time.time() - began, abs=0.05):
            break
    else:
        raise AssertionError("it does not keep the time")
    master.transport_stop()
    wait_for(lambda: transport.followed(time.time()).state == "stopped")
    master.deactivate()
    master.close()
    transport.close()


def test_a_link_session_is_led():
    aalink = pytest.importorskip("aalink")
    from bridge.midi.link_out import LinkOut

    async def run():
        led = LinkOut()
        peer = aalink.Link(97.0)
        peer.quantum = 4.0
        peer.start_stop_sync_enabled = True
        peer.enabled = True
        for _ in range(200):
            if peer.num_peers:
                break
            await asyncio.sleep(0.02)
        else:
            led.close()
            pytest.skip("no multicast here: two Link peers do not meet")
        began = time.monotonic()

        def beat():
            return 8.0 + (time.monotonic() - began) * 133.0 / 60.0

        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            led.follow(beat(), 133.0)
            await asyncio.sleep(0.01)
            if peer.playing and abs(peer.tempo - 133.0) < 0.01 and abs((peer.beat - beat() + 2) % 4 - 2) < 0.2:
                break
        else:
            raise AssertionError(f"playing {peer.playing} at {peer.tempo}, {peer.beat} where {beat()} was wanted")
        led.stop()
        while peer.playing:
            assert time.monotonic() < deadline + WAIT_SECONDS
            await asyncio.sleep(0.02)
        peer.enabled = False
        led.close()

    asyncio.run(run())


def test_links_beat_is_followed():
    aalink = pytest.importorskip("aalink")
    from bridge.midi.link_clock import LinkClock

    async def run():
        clock = LinkClock()
        peer = aalink.Link(133.0)
        peer.start_stop_sync_enabled = True
        peer.enabled = True
        for _ in range(200):
            if peer.num_peers:
                break
            await asyncio.sleep(0.02)
        else:
            clock.close()
            pytest.skip("no multicast here: two Link peers do not meet")
        peer.playing = True
        deadline = time.monotonic() + WAIT_SECONDS
        while not (followed := clock.followed(time.time())).running:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert followed.running and followed.beat is not None and followed.tempo_bpm > 0
        peer.enabled = False
        clock.close()

    asyncio.run(run())
