"""A server's voice, against a server on this machine that streams, stalls, breaks off, lies, and says no."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from engine.errors import VoiceError
from engine.voices.backends.remote import BACKEND
from engine.voices.media import Stopped
from engine.voices.preset import complete_settings

WAIT_SECONDS = 20.0
RATE = 24_000
TONE = (8000 * np.sin(np.arange(RATE) / 20)).astype("<i2")


class SpeechServer:
    """Answers each request with ``behaviour(handler)``; ``asked`` holds bodies and headers."""

    def __init__(self):
        self.asked = []
        self.behaviour = stream
        self.release = threading.Event()
        speech = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.text = body["input"]
                speech.asked.append((self.path, body, self.headers.get("Authorization")))
                speech.behaviour(self)

            def log_message(self, *_):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.speech = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


def begin(handler, length=None, status=200):
    handler.send_response(status)
    if length is None:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def send(handler, data):
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.flush()


def stream(handler, before=b""):
    begin(handler)
    data = before + TONE.tobytes()
    for start in range(0, len(data), 3333):  # odd: samples are cut in two
        send(handler, data[start : start + 3333])
    send(handler, b"")


def stall(handler):
    begin(handler)
    send(handler, TONE[:100].tobytes())
    handler.server.speech.release.wait()


def break_off(handler):
    begin(handler)
    send(handler, TONE[:2400].tobytes())
    handler.close_connection = True
    handler.connection.close()


def lie(handler):
    begin(handler, length=1_000_000)
    handler.wfile.write(TONE.tobytes())
    handler.close_connection = True
    handler.connection.close()


def refuse(handler):
    said = b'{"error": {"message": "no such voice"}}'
    begin(handler, length=len(said), status=400)
    handler.wfile.write(said)


def silence(handler):
    begin(handler, length=0)


def captioned(handler, *, told=True, cut=1000):
    """Send JSON lines as Kokoro-FastAPI does: the words of half of the sound behind it."""
    begin(handler)
    halves = [TONE[: RATE // 2], TONE[RATE // 2 :]]
    words = [[("Hello", 0.1, 0.4), (",", 0.4, 0.4)], [("there", 0.5, 0.9), (".", None, None)]]
    lines = b""
    for half, stamps in zip(halves, words, strict=True):
        names = [{"word": w, "start_time": s, "end_time": e} for w, s, e in stamps] if told else None
        audio = base64.b64encode(half.tobytes()).decode()
        lines += json.dumps({"audio": audio, "audio_format": "audio/pcm", "timestamps": names}).encode() + b"\n"
    for start in range(0, len(lines) - 1, cut):
        send(handler, lines[start : min(start + cut, len(lines) - 1)])
    send(handler, b"")


def busy_once(handler):
    if len(handler.server.speech.asked) == 1:
        begin(handler, length=0, status=503)
    else:
        stream(handler)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = SpeechServer()
    yield server
    server.close()


def voice(*servers, **settings):
    urls = ", ".join(server if isinstance(server, str) else server.url for server in servers)
    return BACKEND.open(complete_settings("remote", {"urls": urls, "timeout_seconds": 60.0, **settings}))


def sound(speaker, text="Hello.", **manner):
    return np.concatenate([chunk.audio for chunk in speaker.speak(text, **manner)])


def test_sound_comes_as_it_is_made_and_whole(server):
    chunks = list(voice(server).speak("Hello."))
    assert len(chunks) > 3
    np.testing.assert_allclose(np.concatenate([c.audio for c in chunks])[:, 0], TONE / 32768.0, atol=1e-6)


def test_the_request_says_what_the_preset_says(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    sound(voice(server, model="m", voice="anna", instructions="whisper", speed=1.5, key_variable="MY_KEY"), seed=7)
    ((path, body, key),) = server.asked
    assert (path, key) == ("/v1/audio/speech", "Bearer secret")
    assert body == {
        "model": "m", "voice": "anna", "input": "Hello.", "response_format": "pcm", "stream": True, "speed": 1.5,
        "instructions": "whisper", "seed": 7,
    }  # fmt: skip


def test_a_wav_is_read_too_and_another_rate_refused(server):
    def wav(rate):
        layout = np.array([(1, 1, rate, 2 * rate, 2, 16)], "<u2,<u2,<u4,<u4,<u2,<u2").tobytes()
        return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + layout + b"data\xff\xff\xff\xff"

    server.behaviour = lambda handler: stream(handler, wav(RATE))
    assert len(sound(voice(server))) == len(TONE)
    server.behaviour = lambda handler: stream(handler, wav(22_050))
    with pytest.raises(VoiceError, match="at 22050 Hz; expected 16-bit mono at sample_rate, 24000 Hz"):
        sound(voice(server))


def test_a_server_that_captions_times_the_words(server):
    server.behaviour = captioned
    speaker = voice(server, words="captioned_speech")
    chunks = list(speaker.speak("Hello, there."))
    ((path, body, _),) = server.asked
    assert (path, body["return_timestamps"]) == ("/dev/captioned_speech", True)
    np.testing.assert_allclose(np.concatenate([c.audio for c in chunks])[:, 0], TONE / 32768.0, atol=1e-6)
    words = [word for chunk in chunks for word in chunk.words]
    assert [(w.text, w.start_frame, w.end_frame, w.source) for w in words] == [
        ("Hello", 2400, 9600, "server"),
        ("there", 12_000, 21_600, "server"),
    ]
    ((_, together),) = speaker.speak_all(["Hello, there."], seeds=[0])
    assert together.words == tuple(words)


def test_words_that_a_server_leaves_untimed_are_none_of_it_and_no_captions_are_an_error(server):
    server.behaviour = lambda handler: captioned(handler, told=False)
    speaker = voice(server, words="captioned_speech")
    assert [c.words for c in speaker.speak("Hello, there.") if c.words] == []
    server.behaviour = lambda handler: stream(handler, b"\n")
    with pytest.raises(VoiceError, match="sends no captioned speech"):
        sound(speaker)


def test_a_busy_server_is_asked_again(server):
    server.behaviour = busy_once
    assert len(sound(voice(server))) == len(TONE)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (stall, r"broke off after 0.00 s of the line: .*[Tt]imed? ?out"),
        (break_off, r"broke off after 0.10 s of the line"),
        (lie, r"broke off after [01].\d+ s of the line: .*IncompleteRead"),
        (refuse, r"refuses the line \(400\): .*no such voice"),
        (silence, r"sent no sound for 'Hello.'"),
    ],
)
def test_a_line_that_is_not_whole_is_no_line(server, behaviour, told):
    server.behaviour = behaviour
    with pytest.raises(VoiceError, match=told):
        sound(voice(server, timeout_seconds=1.0 if behaviour is stall else 60.0))


def test_the_next_server_speaks_when_one_is_away(server):
    gone = SpeechServer()
    gone.close()
    assert len(sound(voice(gone.url, server))) == len(TONE)
    with pytest.raises(VoiceError, match="no server answers"):
        sound(voice(gone.url))


def test_lines_go_to_the_server_with_the_least_to_do(server):
    other, met = SpeechServer(), threading.Event()

    def stream_once_both_are_asked(handler):
        if server.asked and other.asked:
            met.set()
        met.wait(WAIT_SECONDS)
        stream(handler)

    server.behaviour = other.behaviour = stream_once_both_are_asked
    try:
        speaker = voice(server, other)
        parts = dict(speaker.speak_all([f"Line {n}." for n in range(6)], seeds=[0] * 6))
        assert [len(parts[n].audio) for n in range(6)] == [len(TONE)] * 6
        assert server.asked and other.asked and len(server.asked) + len(other.asked) == 6
    finally:
        other.close()


def test_stopping_does_not_wait_for_a_silent_server(server):
    server.behaviour = stall
    heard = []
    with pytest.raises(Stopped):
        for chunk in voice(server, timeout_seconds=100.0).speak("Hello.", stopped=lambda: len(heard) > 0):
            heard.append(chunk)  # noqa: PERF402 - it is asked whether to stop meanwhile
    assert len(heard) == 1


def test_what_is_no_address_is_refused():
    with pytest.raises(VoiceError, match=r"urls: expected http"):
        voice("ftp://x")
    with pytest.raises(VoiceError, match="nothing to speak"):
        voice("http://127.0.0.1:1").speak("...")


def test_a_key_is_in_no_digest():
    settings = complete_settings("remote", {})
    assert "key" not in BACKEND.model(settings)
