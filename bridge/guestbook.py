"""The guestbook: who listens to what and who waits for which job, kept for a hub that goes on after this one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bridge.access import Right
from bridge.clients import Client, Clients, Transport
from bridge.feedback import Feedback
from bridge.message import Message
from bridge.places import HostPort
from bridge.port import EnginePort

CLIENT, JOB = "client/", "job/"


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """What one client has asked for. subscriptions: pattern, interval and lease in seconds."""

    source: HostPort
    reply_host: str
    reply_port: int
    right: Right
    acknowledged: bool
    bundled: bool
    subscriptions: tuple[tuple[str, float, float], ...]


class Guestbook:
    """Keeps the clients of lasting transports: sockets that the successor opens again where they were."""

    def __init__(self, engine: EnginePort, clients: Clients, feedback: Feedback) -> None:
        self._engine, self._clients, self._feedback = engine, clients, feedback
        self._transports: tuple[Transport, ...] = ()

    def write(self, client: Client) -> None:
        """Keep what a client has asked for by now."""
        if not self.lasts(client) or client.unremembered:
            return
        guest = Guest(
            source=client.source,
            reply_host=client.reply_host,
            reply_port=client.reply_port,
            right=client.right,
            acknowledged=client.acknowledged,
            bundled=client.bundled,
            subscriptions=tuple(
                (s.pattern, s.interval_seconds, s.lease_seconds) for s in client.subscriptions.values()
            ),
        )
        self._engine.remember(f"{CLIENT}{client.source}", msgspec.msgpack.encode(guest))

    def own(self, job: str, client: Client | None, verb: str) -> None:
        """Keep who waits for a job; None: it is done."""
        if client is None:
            self._engine.remember(f"{JOB}{job}", None)
        elif self.lasts(client):
            self._engine.remember(f"{JOB}{job}", msgspec.msgpack.encode((client.source, verb)))

    def lasts(self, client: Client) -> bool:
        """Whether a client is known again by a hub that follows."""
        return client.transport in self._transports

    def recall(self, transports: Sequence[Transport]) -> int:
        """Know again those who talked over ``transports``, and tell them what they listen to anew.

        Return the highest number of a job that somebody waits for.
        """
        self._transports = tuple(transports)
        for note in self._engine.recalled(CLIENT).values():
            guest = msgspec.msgpack.decode(note, type=Guest)
            client = self.again(guest.source)
            if client is None:
                continue
            client.reply_host, client.reply_port = guest.reply_host, guest.reply_port
            client.acknowledged, client.bundled, client.right = guest.acknowledged, guest.bundled, guest.right
            for pattern, interval_seconds, lease_seconds in guest.subscriptions:
                self._clients.subscribe(client, pattern, interval_seconds, lease_seconds)
            if guest.subscriptions:
                self._feedback.resync(client)
        jobs = self._engine.recalled(JOB)
        going = {state.job for state in self._engine.jobs()}
        for job, note in jobs.items():
            source, verb = msgspec.msgpack.decode(note, type=tuple[HostPort, str])
            owner = self.again(source)
            if job in going and owner is not None:
                self._feedback.own(job, owner, verb)
            else:
                self._lose(job, owner, verb)
        return max((int(job) for job in jobs if job.isdecimal()), default=0)

    def _lose(self, job: str, owner: Client | None, verb: str) -> None:
        """Tell that nobody knows what became of a job."""
        self._engine.remember(f"{JOB}{job}", None)
        if owner is not None:
            number = int(job) if job.isdecimal() else job
            text = "it ended, or was given up, while the control process was replaced"
            owner.send(Message("/fail", (f"/{verb}", number, "lost", text)))

    def again(self, source: HostPort) -> Client | None:
        """Return the client that sent from ``source``, over the transport of its kind of address, if there is one."""
        kind = ":" in source[0]
        wire = next((t for t in self._transports if (":" in t.address[0]) is kind), None)
        return None if wire is None else self._clients.heard(source, wire)
