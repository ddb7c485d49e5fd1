"""The whole engine sends its mix over UDP: heard by a socket here, and by programs that nobody here wrote."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import numpy as np
import pytest

from engine.io.network import reastream, vban
from tests import pipewire_server
from tests.io.test_sender import Listener
from tests.pipewire_server import PipeWire
from tests.whole.rig import Rig, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.extra, pytest.mark.timeout(300)]


def play(rig: Rig) -> None:
    rig.wait_ready()
    rig.client.ask("/subscribe", "/event//*", answer="/subscribed")


def until_tone(rig: Rig, listener: Listener) -> np.ndarray:
    """Return half a second of the stream from where the tone sounds."""
    got = np.zeros((0, 2), np.float32)
    while not np.abs(got).max(initial=0.0) > 0.1:
        rig.client.send("/cue/3/go")
        for _ in range(10):
            got = listener.hear(2400)[1]
            if np.abs(got).max() > 0.1:
                break
    return listener.hear(24_000)[1]


def test_the_mix_goes_out_and_goes_on_whoever_dies(tmp_path: Path) -> None:
    listener, other = Listener(), Listener()
    wanted = {"CUEVOX_STREAMS": f"clicks reastream clicks 127.0.0.1:{other.port}, lost vban nowhere 127.0.0.1"}
    with running(write_story(tmp_path), "--device", "null", env=wanted) as rig:
        play(rig)
        assert rig.client.ask("/streams")[::9] == ["clicks"], "what can't be sent is logged"
        rig.client.send("/stream/start", "Mix", "vban", "master", "127.0.0.1", listener.port, "float32")
        assert rig.client.wait("/event/stream", "Mix") == ["Mix", "sending", ""]
        for _ in range(10):  # where the machine stalls, sound is missing
            tone = until_tone(rig, listener)
            loudest, steepest = np.abs(tone[2000:-2000]).max(), np.abs(np.diff(tone[:, 0])).max()
            if abs(loudest - 0.25) < 0.002 and steepest < 0.25 * 2 * np.pi * 441 / 48000 * 1.01:
                break
            rig.client.send("/panic")
            while listener.hear(2400)[1].any():
                pass
        else:
            raise AssertionError(f"no tone, or frames are missing: {loudest}, {steepest}")
        assert isinstance(reastream.unpack(other.hear(150)[0][0]), reastream.Sound)
        rig.child("engine.io.io_process").kill()
        listener.hear(24_000)
        until_tone(rig, listener)
        rig.child("bridge.cli.control_process").kill()
        rig.client.wait("/event/process/replaced", "control")
        until_tone(rig, listener)
        assert rig.client.ask("/streams")[::9] == ["clicks", "Mix"]
        rig.client.send("/stream/stop", "Mix")
        assert rig.client.ask("/streams")[0] == "clicks"
        assert rig.stop() == 0
        rig.assert_all_gone()
    listener.close()
    other.close()


def test_bad_streams_get_an_answer(tmp_path: Path) -> None:
    with running(write_story(tmp_path), "--device", "null") as rig:
        play(rig)
        rig.client.send("/stream/start", "Mix", "vban", "nowhere", "127.0.0.1")
        assert "nowhere" in rig.client.wait("/reply/stream/start")[3]
        rig.client.send("/stream/start", "Mix", "vban", "master", "no-such-host.invalid")
        assert rig.client.wait("/event/stream") == ["Mix", "sending", ""]
        name, state, text = rig.client.wait("/event/stream")
        while text.startswith("looking"):
            name, state, text = rig.client.wait("/event/stream")
        assert (name, state) == ("Mix", "failing") and text.startswith("no-such-host.invalid: ")


def test_another_programs_receiver_hears_what_we_send() -> None:
    """aiovban is a receiver by people who know the protocol from VB-Audio's side."""
    aiovban = pytest.importorskip("aiovban.asyncio")
    audio = pytest.importorskip("aiovban.packet.headers.audio")  # which makes it know packets of sound
    block = np.stack([np.linspace(-0.9, 0.9, 256), np.linspace(0.5, -0.5, 256)], axis=1).astype(np.float32)

    async def run() -> object:
        client = aiovban.AsyncVBANClient()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        await client.listen("127.0.0.1", port)
        device = await client.register_device("127.0.0.1", port)
        stream = device.receive_stream("Mix")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(vban.pack(b"Mix", 48000, 3, block, vban.Format.INT16), ("127.0.0.1", port))
        return await asyncio.wait_for(stream.get_packet(), 20.0)

    packet = asyncio.run(run())
    header = packet.header  # type: ignore[attr-defined]
    assert (header.streamname, header.framecount, header.channels, header.samples_per_frame) == ("Mix", 3, 2, 256)
    assert header.bit_resolution is audio.BitResolution.INT16
    heard = np.frombuffer(bytes(packet.body.pack()), "<i2").reshape(-1, 2) / 2.0**15  # type: ignore[attr-defined]
    np.testing.assert_allclose(heard, block, atol=2.0**-15)


@pytest.mark.skipif(not pipewire_server.is_there(), reason="no PipeWire with VBAN here")
def test_pipewire_is_heard_and_hears(tmp_path: Path) -> None:
    """Its sender, our receiver, a strip, our sender, its receiver: a tone comes through all of them."""
    with contextlib.ExitStack() as stack:
        ports = [_a_port(stack) for _ in range(2)]
    tone = 0.25 * np.sin(2 * np.pi * 1000 / 48000 * np.arange(120 * 48000))
    server = PipeWire(tmp_path, to_port=ports[0], sends="Talk", port=ports[1], hears="Back")
    with running(
        write_story(tmp_path), "--device", "null", env={"CUEVOX_RECEIVE": f"Talk vban clicks:{ports[0]}"}
    ) as rig:
        play(rig)
        rig.client.send("/stream/start", "Back", "vban", "clicks", "127.0.0.1", ports[1], "int24")
        with server as pipewire:
            pipewire.play(np.repeat(tone[:, np.newaxis], 2, axis=1).astype(np.float32))
            rig.client.wait("/event/receive", "Talk")
            for _ in range(10):  # where the machine stalls, sound is missing
                heard = pipewire.record(2.0)
                if any(_is_the_tone(heard[begin : begin + 24_000]) for begin in range(0, len(heard) - 24_000, 6_000)):
                    break
            else:
                raise AssertionError(f"no tone; {rig.client.ask('/receivers')} {rig.client.ask('/streams')}")
        assert rig.client.ask("/receivers")[5:8:2] == ["127.0.0.1", 0], "none of its packets is refused"
        assert rig.stop() == 0


def _a_port(stack: contextlib.ExitStack) -> int:
    """Return a port that nobody has."""
    probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    return port


def _is_the_tone(heard: np.ndarray) -> bool:
    """Whether it is 1 kHz of a quarter, on both sides, and all else 50 dB below."""
    for side in heard.T.astype(np.float64):
        power = np.abs(np.fft.rfft(side * np.kaiser(len(side), 20.0))) ** 2
        near = np.abs(np.fft.rfftfreq(len(side), 1 / 48000) - 1000.0) < 20.0
        if abs(np.abs(side).max() - 0.25) > 0.005 or power[~near].sum() > 1e-5 * power[near].sum():
            return False
    return True
