"""Cuevox for scripts: ``from cuevox import Cuevox`` drives the engine that ``cuevox run`` started."""

from __future__ import annotations

from types import TracebackType

from bridge.client import OscClient
from bridge.errors import BridgeError, NoAnswer, Refused

__all__ = ["BridgeError", "Cuevox", "NoAnswer", "Refused"]


class Cuevox:
    """A running engine. Use it as a context manager; docs/addresses.md lists what ``get`` and ``set`` reach.

    Every method raises Refused with the engine's own words when it won't, and NoAnswer when there is no engine.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 7400) -> None:
        self._client = OscClient(host, port)

    def __enter__(self) -> Cuevox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; the engine plays on."""
        self._client.close()

    def wait_ready(self, timeout_seconds: float = 60.0) -> None:
        """Return when every line and file of the story is there to be played."""
        self._client.wait_ready(timeout_seconds)

    def play(self) -> None:
        """Run the timeline from where it stands."""
        self._client.ask("/transport/play")

    def stop(self) -> None:
        """Stop the timeline; it stays where it is."""
        self._client.ask("/transport/stop")

    def locate(self, seconds: float) -> None:
        """Move the timeline."""
        self._client.ask("/transport/locate", float(seconds))

    def go(self, cue: str | None = None) -> None:
        """Fire a cue by its id, or the next one of the list."""
        self._client.ask("/go" if cue is None else f"/cue/{cue}/go")

    def trigger(self, bank: str, index: int, velocity: float = 1.0) -> None:
        """Press a pad."""
        self._client.ask(f"/slot/{bank}/{index}/trigger", float(velocity))

    def release(self, bank: str, index: int) -> None:
        """Let a pad go."""
        self._client.ask(f"/slot/{bank}/{index}/release")

    def say(self, voice: str, text: str, track: str | None = None) -> float:
        """Speak a line now, on a track's strip; return, as soon as it sounds, for how many seconds it does."""
        return self._client.speak(voice, text, *(() if track is None else (track,)))

    def get(self, address: str) -> object:
        """Return the value of an address; several values come as a tuple."""
        values = self._client.ask(address)
        return values[0] if len(values) == 1 else values

    def set(self, address: str, *values: object, at: float | None = None) -> None:
        """Send values to an address; ``at``: the Unix time at which it is to happen, exact to the frame.

        With ``at`` nothing is waited for: an error is not heard.
        """
        if at is None:
            self._client.ask(address, *values)
        else:
            self._client.send(address, *values, at=at)

    def panic(self) -> None:
        """Silence everything."""
        self._client.ask("/panic")
