"""A small OSC client over UDP, for scripts and tests. What is to come back by itself uses ``cuevox``."""

from __future__ import annotations

import socket
import time
from collections import deque
from types import TracebackType

from bridge.errors import BadPacket, NoAnswer, Refused
from bridge.message import IMMEDIATELY, Message, TimeTag
from bridge.osc import codec

PATIENCE_SECONDS = 10.0
"""An engine on a machine that is busy may let its answers wait; where nobody listens the system says so at once."""
SPEECH_PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.05
MAX_DATAGRAM_BYTES = 65_536
MAX_KEPT = 8_192
"""Messages that nobody has asked for yet; beyond it the oldest go."""


class OscClient:
    """Talks to one engine over UDP; blocking, for one thread. Use it as a context manager.

    Answers and feedback come to its own port; what nobody has asked for yet is kept for ``receive``. In an asyncio
    program call it through ``asyncio.to_thread``, or watch ``fileno`` and take what is there with ``pending``.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 7400) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((host, port))
        self._kept: deque[Message] = deque(maxlen=MAX_KEPT)
        self._requests = 0

    def __enter__(self) -> OscClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Return the port that it sends from and listens on."""
        return int(self._socket.getsockname()[1])

    def fileno(self) -> int:
        """Return the socket's number, for an event loop to watch."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def send(self, address: str, *args: object, at: float | None = None) -> None:
        """Send one message; ``at``: the Unix time at which it is to sound, to the frame. Raises NoAnswer."""
        message = Message(address, args)
        if at is None:
            self.send_packet(codec.encode(message))
        else:
            self.send_bundle(message, at=at)

    def send_bundle(self, *messages: Message, at: float | None = None) -> None:
        """Send messages that take effect together, at the Unix time ``at`` (None: at once)."""
        tag = IMMEDIATELY if at is None else TimeTag.from_unix(at)
        self.send_packet(codec.encode_bundle(messages, tag))

    def send_packet(self, packet: bytes) -> None:
        """Send bytes as they are. Raises NoAnswer."""
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

    def speak(self, voice: str, text: str, *options: object, timeout_seconds: float = SPEECH_PATIENCE_SECONDS) -> float:
        """Have a line spoken; return, as soon as it sounds, for how many seconds it does.

        options: the track, then how it is spoken, in the order of ``/say``.
        Raises Refused when the engine won't or can't, NoAnswer when it takes too long.
        """
        (job,) = self.ask("/say", voice, text, *options)
        told = self._next(("/done", "/fail"), ("/say", job), timeout_seconds)
        if told.address == "/fail":
            raise Refused("/say", *(str(value) for value in told.args[2:4]))
        seconds = told.args[3]
        return float(seconds) if isinstance(seconds, (int, float)) else 0.0

    def wait_ready(self, timeout_seconds: float = SPEECH_PATIENCE_SECONDS) -> None:
        """Return when every line and file that the story wants is there. Raises NoAnswer when that takes too long."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            ready, wanted = self.ask("/status")[10:12]
            if ready == wanted:
                return
            if time.monotonic() > deadline:
                raise NoAnswer(f"only {ready} of {wanted} takes were ready after {timeout_seconds:g} s")
            time.sleep(LOOK_SECONDS)

    def pending(self) -> tuple[Message, ...]:
        """Return every message that has come and that nobody has received yet, without waiting."""
        self._socket.setblocking(False)
        try:
            while True:
                self._keep(self._socket.recv(MAX_DATAGRAM_BYTES))
        except (BlockingIOError, ConnectionRefusedError):
            messages = tuple(self._kept)
            self._kept.clear()
            return messages

    def subscribe(self, pattern: str, *, interval_ms: int = 0, lease_seconds: float = 60.0) -> int:
        """Hear the present values of what matches, and every change; ``receive`` returns them.

        Return how many values there are.
        """
        self.ask("/subscribe", pattern, interval_ms, float(lease_seconds))
        _, count = self.receive("/subscribed", pattern)
        return count if isinstance(count, int) else 0

    def _next(self, addresses: tuple[str, ...], start: tuple[object, ...], timeout_seconds: float) -> Message:
        """Return the next message to one of ``addresses`` whose values begin with ``start``; others are kept."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            for index, message in enumerate(self._kept):
                if message.address in addresses and message.args[: len(start)] == start:
                    del self._kept[index]
                    return message
            self._listen(deadline, addresses[0])

    def _listen(self, deadline: float, address: str) -> None:
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise NoAnswer(f"no {address} from the engine in time")
        self._socket.settimeout(rest)
        try:
            self._keep(self._socket.recv(MAX_DATAGRAM_BYTES))
        except TimeoutError:
            return
        except ConnectionRefusedError as error:
            raise NoAnswer("no engine listens there; start one with `cuevox run`") from error

    def _keep(self, packet: bytes) -> None:
        try:
            bundles = codec.parse(packet, codec.TOLD)
        except BadPacket:
            return  # a connected socket hears its engine only; whatever else this was, nobody waits for it
        for bundle in bundles:
            self._kept.extend(bundle.messages)
