"""A small OSC client for scripts, the command line and tests."""

from __future__ import annotations

import socket
import time
from types import TracebackType

from bridge.errors import NoAnswer, Refused
from bridge.message import Message, TimeTag
from bridge.osc import codec

PATIENCE_SECONDS = 2.0
SPEECH_PATIENCE_SECONDS = 60.0
MAX_DATAGRAM_BYTES = 65_536


class OscClient:
    """Talks to one engine over UDP; blocking, for one thread. Use it as a context manager.

    Answers and feedback come to its own port; what nobody has asked for yet is kept for ``receive``.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 7400) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, port))
        self._kept: list[Message] = []
        self._requests = 0

    def __enter__(self) -> OscClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def send(self, address: str, *args: object, at: float | None = None) -> None:
        """Send one message; ``at``: the Unix time at which it is to sound, to the frame. Raises NoAnswer."""
        message = Message(address, args)
        packet = codec.encode(message) if at is None else codec.encode_bundle([message], TimeTag.from_unix(at))
        try:
            self._socket.send(packet)
        except ConnectionRefusedError as error:
            raise NoAnswer("no engine listens there; start one with `cuevox run`") from error

    def ask(self, address: str, *args: object, timeout_seconds: float = PATIENCE_SECONDS) -> tuple[object, ...]:
        """Send a command or a question and return the values of its answer.

        Raises Refused with the engine's own words, NoAnswer when none comes in time.
        """
        self._requests += 1
        self.send("/req", self._requests, address, *args)
        answer = self.receive(f"/reply{address}", self._requests, timeout_seconds=timeout_seconds)
        _, status, *values = answer
        if status != "ok":
            raise Refused(address, *(str(value) for value in values[:2]))
        return tuple(values)

    def receive(self, address: str, *start: object, timeout_seconds: float = PATIENCE_SECONDS) -> tuple[object, ...]:
        """Return the values of the next message to ``address`` whose values begin with ``start``."""
        return self._next((address,), start, timeout_seconds).args

    def speak(self, voice: str, text: str, *track: str, timeout_seconds: float = SPEECH_PATIENCE_SECONDS) -> float:
        """Have a line spoken; return, as soon as it sounds, for how many seconds it does.

        Raises Refused when the engine won't or can't, NoAnswer when it takes too long.
        """
        (job,) = self.ask("/say", voice, text, *track)
        told = self._next(("/done", "/fail"), ("/say", job), timeout_seconds)
        if told.address == "/fail":
            raise Refused("/say", *(str(value) for value in told.args[2:4]))
        seconds = told.args[3]
        return float(seconds) if isinstance(seconds, (int, float)) else 0.0

    def subscribe(self, pattern: str, *, interval_ms: int = 0, lease_seconds: float = 60.0) -> None:
        """Hear the present values of what matches, and every change; ``receive`` returns them."""
        self.send("/subscribe", pattern, interval_ms, float(lease_seconds))
        self.receive("/subscribed", pattern)

    def _next(self, addresses: tuple[str, ...], start: tuple[object, ...], timeout_seconds: float) -> Message:
        """Return the next message to one of ``addresses`` whose values begin with ``start``; others are kept."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            for index, message in enumerate(self._kept):
                if message.address in addresses and message.args[: len(start)] == start:
                    return self._kept.pop(index)
            self._listen(deadline, addresses[0])

    def _listen(self, deadline: float, address: str) -> None:
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise NoAnswer(f"no {address} from the engine in time")
        self._socket.settimeout(rest)
        try:
            packet = self._socket.recv(MAX_DATAGRAM_BYTES)
        except TimeoutError:
            return
        except ConnectionRefusedError as error:
            raise NoAnswer("no engine listens there; start one with `cuevox run`") from error
        for bundle in codec.parse(packet):
            self._kept.extend(bundle.messages)
