"""The control process's plug-ins: found in the rack, tried in a thread, left out when an audio process died in them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec.structs import replace

from engine.errors import Busy
from engine.events import Event, PluginChanged, PluginsScanned
from engine.plugins.facts import PREFIX, PluginFacts, plugin_name
from engine.plugins.rack import Rack, find_named, is_path
from engine.story.equip import equip
from engine.story.model import Story

log = logging.getLogger(__name__)

QUARANTINED = "quarantined: "
NEWER = "One that was installed since has to be tried: /plugins/scan"

Equip = Callable[[dict[str, PluginFacts]], object]
Tell = Callable[[tuple[Event, ...]], object]


class PluginHost:
    """Knows which plug-ins there are (``engine.session.plugins.Plugins``); one thread tries them.

    crashed: how audio processes died in some, by effect. allow: lets the supervisor know that one may be loaded again.
    """

    def __init__(self, rack: Rack, crashed: Mapping[str, str], allow: Callable[[str], object]) -> None:
        self._rack, self._allow = rack, allow
        self._known: tuple[PluginFacts, ...] = ()
        self._work: asyncio.Task[None] | None = None
        self.hear_crashes(crashed)

    def attach(self, equip_session: Equip, tell: Tell, story: Callable[[], Story]) -> None:
        """Tell a session from now on."""
        self._equip, self._tell, self._story = equip_session, tell, story

    def start(self) -> None:
        """Find out, beside everything else, what has been tried already."""
        self._work = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Give up what is being tried."""
        self._rack.stop()
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)

    def equipped(self, story: Story) -> Story:
        """Return ``story`` with what is known of its plug-ins, trying those that it names. It waits."""
        return equip(story, self.lookup)

    def lookup(self, name: str) -> PluginFacts:
        """Return what is known of a plug-in, trying its file if that has not been done. It waits; any thread."""
        facts = self._rack.find(name)
        if facts.fault:
            log.warning("plug-in %s is left out of the sound: %s", name, facts.fault)
        return facts

    def find(self, name: str) -> PluginFacts:
        """Return what is known of a plug-in, as the rack does, without trying anything or looking through folders."""
        if is_path(name):
            return self._rack.find(name, try_it=False)
        if found := find_named(name, self._known):
            return self._rack.without_crashed(name, found)
        there = ", ".join(sorted({facts.name for facts in self._known if not facts.fault})[:20]) or "none"
        return PluginFacts(name=name, fault=f"there is no such plug-in here; there is: {there}. {NEWER}")

    def retry(self, name: str) -> None:
        """Begin to try a plug-in anew. Raises Busy."""
        self._begin(self._retry(name))

    def scan(self) -> None:
        """Begin to try all plug-ins that have not been tried. Raises Busy."""
        self._begin(self._scan())

    def rows(self) -> tuple[PluginChanged, ...]:
        """Return the state of every plug-in: of the story's first, then of the others that are known."""
        own = {plugin_name(effect): facts for effect, facts in self._story().plugins.items()}
        others = {facts.name: facts for facts in self._known if facts.name not in own}
        return tuple(changed(name, facts) for name, facts in {**own, **others}.items())

    def hear_crashes(self, crashed: Mapping[str, str]) -> dict[str, PluginFacts]:
        """Leave plug-ins out that an audio process died in; return what is known of them now, by effect."""
        found: dict[str, PluginFacts] = {}
        for effect, how in crashed.items():
            name = plugin_name(effect)
            self._rack.crashed[name] = f"{QUARANTINED}{how}"
            found[effect] = replace(self._rack.find(name, try_it=False), fault=f"{QUARANTINED}{how}")
        return found

    def blame(self, faults: Mapping[str, str], *, crashed: bool) -> None:
        """Hear what could not be loaded, or what an audio process died in, by effect; the session goes on without."""
        if not faults:
            return
        found = self.hear_crashes(faults) if crashed else {}
        if not crashed:
            own = self._story().plugins
            found = {e: replace(own[e], fault=text) for e, text in faults.items() if e in own and not own[e].fault}
        self._take_in(found)

    def _take_in(self, found: Mapping[str, PluginFacts]) -> None:
        if found:
            self._equip(dict(found))
            self._tell(tuple(changed(plugin_name(effect), facts) for effect, facts in found.items()))

    def _begin(self, work: Awaitable[None]) -> None:
        if self._work is not None and not self._work.done():
            if asyncio.iscoroutine(work):
                work.close()
            raise Busy("plug-ins are being tried already")
        self._work = asyncio.ensure_future(work)

    async def _look(self) -> None:
        self._known = await asyncio.to_thread(self._rack.known)

    async def _retry(self, name: str) -> None:
        found = await asyncio.to_thread(self._rack.find, name, try_it=False)
        for spelling in dict.fromkeys((name, *self._rack.let_in(name, found))):
            self._allow(f"{PREFIX}{spelling}")
        facts = await asyncio.to_thread(self._try_anew, name, found)
        await self._look()
        if same := self._same(name, facts):
            self._take_in(dict.fromkeys(same, facts))
        else:
            self._tell((changed(name, facts),))

    def _same(self, name: str, facts: PluginFacts) -> list[str]:
        """Return the effects of the story that are this plug-in, whether it goes by its name or by a path there."""
        own, file = self._story().plugins.items(), (facts.path, facts.inner)
        return [e for e, known in own if plugin_name(e) == name or (facts.path and (known.path, known.inner) == file)]

    def _try_anew(self, name: str, found: PluginFacts) -> PluginFacts:
        self._rack.forget(found.path or name)
        return self.lookup(name)

    async def _scan(self) -> None:
        self._known = await asyncio.to_thread(self._rack.scan)
        own = self._story().plugins
        fresh = {e: self._rack.find(plugin_name(e), try_it=False) for e, facts in own.items() if facts.fault}
        self._take_in({e: facts for e, facts in fresh.items() if facts != own[e]})
        self._tell((scanned(self._known),))


def changed(name: str, facts: PluginFacts) -> PluginChanged:
    """Return the event that tells how a plug-in is."""
    if not facts.fault:
        return PluginChanged(plugin=name, state="ready")
    if facts.fault.startswith(QUARANTINED):
        return PluginChanged(plugin=name, state="quarantined", reason=facts.fault.removeprefix(QUARANTINED))
    return PluginChanged(plugin=name, state="missing", reason=facts.fault)


def scanned(known: Iterable[PluginFacts]) -> PluginsScanned:
    """Return the event that tells what a scan has found."""
    faulty = [bool(facts.fault) for facts in known]
    return PluginsScanned(ready=faulty.count(False), faulty=faulty.count(True))
