"""The audio process that plays and the one that stands by: when the first is gone, the second goes on at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from engine.blame import LOAD_SECONDS, Blame
from engine.child import Child, StartFailed, answer
from engine.errors import EngineError
from engine.first_children import AUDIO_MODULE
from engine.mixer.graph import Graph
from engine.plugins.states import States, of_graph
from engine.realtime.beats import Beats, Heart
from engine.realtime.shared import EngineMemory
from engine.standby import Standby
from engine.watchdog import DEATHS, SHORT_SECONDS, Doom, Watchdog

log = logging.getLogger(__name__)

STOP_SECONDS = 3.0
HANG_SECONDS = 2.0
"""An audio process that gives no sign of life for so long is killed; it notices most hangs itself, and sooner."""
LOOK_SECONDS, SELDOM_SECONDS = 1.0, 30.0
"""How soon, and at last how seldom, a device that is missing is looked for."""

Message = dict[str, Any]


class AudioLost(EngineError):
    """The audio process died too often."""

    code = "audio_lost"


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """Another audio process plays. facts: what it plays on. reason: why. silent_seconds: for how long nothing played.

    died: whether the one before did not end by itself. plugins: those that it died in, and how, by effect.
    """

    facts: Message
    reason: str
    silent_seconds: float
    died: bool
    plugins: dict[str, str] = {}


class AudioPair:
    """Owns both processes. tell: hears what the playing one answers; switched: hears of every change of hands.

    stands_by: hears the id of the process that is ready to take over; 0: none is.
    standby: keep one ready; without it, taking over takes as long as a start.
    """

    def __init__(
        self,
        memory: EngineMemory,
        config: Message,
        *,
        tell: Callable[[Message], None],
        switched: Callable[[Switched], None],
        stands_by: Callable[[int], object] = lambda _: None,
        standby: bool = True,
    ) -> None:
        self.facts: Message = {}
        self.states: Message = {}
        """What plug-ins have made of themselves, as it travels."""
        self._patch: Message | None = None
        """What the playing process's ports are connected to, on JACK."""
        self._device = ""
        self._memory, self._config, self._wants_standby = memory, config, standby
        self._tell, self._switched = tell, switched
        self._mix: Message = {}
        self._sent: deque[Message] = deque()
        self._once_more: Message | None = None
        """What was sent again because a process died meanwhile: not a third time."""
        self._playing: Child | None = None
        self._blame = Blame(memory.plugins)
        self._standby = Standby(
            memory.handles,
            lambda: self._first_line(standby=True),
            self._standby_died,
            lambda: stands_by(self.standby_pid),
        )
        self._doom = Doom()
        beats = Beats(memory.beats)
        self._watchdog = Watchdog(lambda: beats.count(Heart.AUDIO), HANG_SECONDS)

    def allow(self, effect: str) -> None:
        """Let a plug-in be loaded again that an audio process died in."""
        self._blame.without.pop(effect, None)

    @property
    def standby_pid(self) -> int:
        """The process id of the one that stands by, 0 while none is ready."""
        return self._standby.pid or 0

    @property
    def without(self) -> dict[str, str]:
        """Plug-ins that audio processes died in, and how, by effect."""
        return self._blame.without

    async def start(self, first: Child, mix: Message) -> Message:
        """Have the first process play ``mix`` (graph and sample rate) and return the facts. Raises StartFailed."""
        self._playing = first
        self._mix = dict(mix)
        while True:
            self._now.send(self._first_line(standby=False))
            try:
                self._note(await answer(self._now, "ready"))
            except StartFailed as failed:
                await self._now.stop(STOP_SECONDS)
                if not self._blame.find(self._now, [self.graph], str(failed)):
                    raise
                log.warning("starting once more, without that plug-in")
                self._playing = await Child.start(AUDIO_MODULE, self._memory.handles)
            else:
                self.facts["crashed"] = dict(self.without)
                return self.facts

    @property
    def graph(self) -> Message:
        """The graph that plays, or is about to."""
        graph: Message = self._mix["graph"]
        return graph

    def send(self, message: Message) -> None:
        """Have another graph built (``{"graph": …}``), by the standby once it plays; the answer is told."""
        self._sent.append(message)
        self._now.send(message)

    async def run(self) -> None:
        """Keep something playing until cancelled. Raises AudioLost when that is hopeless."""
        while True:
            if self._wants_standby or self.facts["fallback"]:
                self._standby.start()
            reason, died = await self._until_it_ends(self._now)
            silent_since = time.monotonic()
            await self._now.stop(STOP_SECONDS)
            graphs = [*(sent["graph"] for sent in self._sent), self.graph]
            culprits = self._blame.find(self._now, graphs, reason) if died else {}
            log.log(logging.ERROR if died else logging.INFO, "another audio process takes over: %s", reason)
            await self._take_over(died and not culprits)
            self._send_again(reason, to_blame=bool(culprits))
            silent = time.monotonic() - silent_since
            self._switched(
                Switched(facts=self.facts, reason=reason, silent_seconds=silent, died=died, plugins=culprits)
            )

    def _send_again(self, reason: str, *, to_blame: bool) -> None:
        """Have graphs built that a process which is gone had not built, unless they were what it died of."""
        waiting = list(self._sent)
        self._sent.clear()
        for message in waiting:
            if to_blame or message is self._once_more:
                self._tell({"refused": f"the audio process died over this mix: {reason}"})
                continue
            log.info("the mix is sent once more")
            self._once_more = message
            self.send(message)

    async def close(self) -> None:
        """Stop both."""
        await self._standby.close()
        if self._playing is not None:
            await self._playing.stop(STOP_SECONDS)

    @property
    def _now(self) -> Child:
        if self._playing is None:
            raise RuntimeError("start the pair first")
        return self._playing

    def _note(self, facts: Message) -> None:
        self.facts = facts
        if not facts["fallback"]:
            self._device = str(facts["device"])

    def _standby_died(self, child: Child) -> None:
        self._blame.find(child, [*(sent["graph"] for sent in self._sent), self.graph], "as a standby")

    def _first_line(self, *, standby: bool) -> Message:
        before = {"device_before": self._device} if standby and self._device else {}
        line = {"memory": self._memory.describe(), **self._mix, **self._config, **before, "standby": standby}
        return {**line, "without": self._blame.without, "states": self.states, "trace_row": self._blame.new_row()}

    async def _until_it_ends(self, playing: Child) -> tuple[str, bool]:
        """Pass on what the playing process says; return why it plays no more, and whether it is dead."""
        self._watchdog.restart()
        listening = asyncio.create_task(self._listen(playing))
        hanging = asyncio.create_task(self._watchdog.wait())
        looking = asyncio.create_task(self._until_the_device_is_back())
        loading = asyncio.create_task(self._blame.until_loading_hangs(playing))
        tasks: tuple[asyncio.Task[Any], ...] = (listening, hanging, looking, loading)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if hanging.done() or loading.done():
                playing.kill()
                await listening
                return f"it gave no sign of life for {HANG_SECONDS if hanging.done() else LOAD_SECONDS:g} s", True
            return (listening.result(), True) if listening.done() else ("the device is back", False)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, playing: Child) -> str:
        """Pass messages on until the process has ended; return its last word."""
        reason = ""
        while (message := await playing.receive()) is not None:
            if "lost" in message or "error" in message:
                reason = str(message.get("lost") or message["error"])
            else:
                self._hear(message)
        return reason or f"it died (exit code {playing.returncode})"

    def _hear(self, message: Message) -> None:
        """Take in whether the graph that was sent first is played now, and pass it on."""
        if "patch" in message:
            self._patch = message["patch"]
            pairs = (f"{port} to {each}" for port, heard_by in self._patch.items() for each in heard_by)
            log.info("on JACK these are connected, also after a take-over: %s", ", ".join(pairs) or "none")
        if "states" in message:
            self.states |= message["states"]
            self._standby.tell({"states": self.states})
            self._tell({"states": self.states})
        if "patch" in message or "states" in message:
            return
        sent = self._sent.popleft() if self._sent else None
        if sent is not None and "graph" in message:
            self._mix["graph"] = sent["graph"]
            self._forget_states(sent["graph"])
            self._standby.send(sent)
        self._tell(message)

    def _forget_states(self, graph: Message) -> None:
        """Keep the states of plug-ins only that are still there: another one may get the place of one that is gone."""
        if self.states:
            states, known = msgspec.convert(self.states, States), msgspec.convert(graph, Graph)
            self.states = msgspec.to_builtins(of_graph(states, known))

    async def _until_the_device_is_back(self) -> None:
        """Return when there is the device that is wanted, if another one plays for it."""
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, SELDOM_SECONDS)
            if self.facts["fallback"] and not await self._standby.missing():
                return

    async def _take_over(self, died: bool) -> None:
        """Let the standby play, or whoever can be had."""
        while True:
            if died and self._doom.died():
                raise AudioLost(f"{DEATHS} audio processes in a row died within {SHORT_SECONDS:g} s; see the log above")
            try:
                child = self._playing = await self._standby.take()
                child.send({"take_over": {"without": list(self._blame.without), "patch": self._patch}})
                self._note(await answer(child, "ready", skip=("graph", "refused", "missing")))
            except StartFailed as error:
                log.error("taking over failed: %s", error)
                died = True
            else:
                self._doom.born()
                return
