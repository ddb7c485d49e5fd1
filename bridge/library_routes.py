"""The address table's rows of the library: lines of all takes, found by their words, and what they take of the disk."""

from __future__ import annotations

from bridge.route import Arg, Route
from engine.params import ParamSpec

LIMIT = ParamSpec(low=1, high=500, default=50)

_ENTRY = Arg(name="entry", type="i", help="its number, as /library/search tells it")

# fmt: off
LIBRARY_ROUTES: tuple[Route, ...] = (
    Route(address="/library/search", handler="library_search", answer="/library/search/end", answers="i:count",
          args=(Arg(name="words", type="s", optional=True,
                    help="all of them, the last one may be a beginning; none: every line"),
                Arg(name="voice", type="s", optional=True, help="of this voice only"),
                Arg(name="before", type="i", optional=True, help="those behind this entry; 0: the newest"),
                Arg(name="limit", type="i", spec=LIMIT, optional=True, help="how many; 50 unless given")),
          help="One /library/search i:entry s:voice f:seconds i:pinned s:text s:note per take whose line holds the"
               " words, the newest first, then /library/search/end."),
    Route(address="/library/pin", handler="library_pin", args=(_ENTRY,), answer="",
          help="Keep a take's sound in the library, however old it gets."),
    Route(address="/library/unpin", handler="library_unpin", args=(_ENTRY,), answer="",
          help="Let a take's sound be pruned."),
    Route(address="/library/usage", handler="library_usage",
          answers="i:takes i:sounds f:mb f:pinned_mb f:cached_mb f:free_mb",
          help="What the library and the cache of takes take of the disk, and what is free."),
    Route(address="/library/jobs", handler="library_jobs", answer="/library/jobs/end", answers="i:count",
          args=(Arg(name="limit", type="i", spec=LIMIT, optional=True, help="how many; 50 unless given"),),
          help="One /library/jobs i:entry s:job s:verb s:what s:state f:fraction s:stage s:result s:client s:made_by"
               " s:begun per job, the newest first, then /library/jobs/end. state: running, done, failed, cancelled,"
               " or interrupted: its program is gone. What goes on in this engine is in /jobs."),
)
# fmt: on
