"""What a soak says: underflows, starts, gaps, recordings, and what has grown or was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median_low
from typing import TYPE_CHECKING

from family import ROLES
from kills import KILL_SECONDS, Kills
from long_file import RATE
from recordings import EXACT_FRAMES, Finished
from report import NOTES, Report

from engine.realtime.causes import CAUSES

if TYPE_CHECKING:
    from soak import Second, Show

GROWTH_AFTER_SECONDS = 60.0
"""What is taken until then is warming up: caches, plug-ins' buffers, the first of everything. Half of a short show."""
OURS = ("overload", "blocked")
"""Causes that lie in Cuevox. Which thread another one waited for, or whether its core stood still, it can't see."""
MOST_MEMORY_MB = {"": 20, "control": 10}
MOST_DESCRIPTORS = {"control": 2}
"""How much more there may be of each role; 0 of the others."""
KILL = f"within {KILL_SECONDS:g} s of a kill"


def growth(
    seconds: Sequence[Second], value: Callable[[Second], float], pick: Callable[[list[float]], float] = min
) -> tuple[float, float]:
    """Return how much more the last fifth has at least than the first one, and than the middle one.

    At least, since effects come and go: a delay takes 92 MB, with twins and spares, in the standby too. A leak stays.
    pick: which value stands for a fifth.
    """
    fifth = max(1, len(seconds) // 5)
    parts = seconds[:fifth], seconds[2 * fifth : 3 * fifth], seconds[-fifth:]
    first, middle, last = (pick([value(second) for second in part]) if part else 0.0 for part in parts)
    return last - first, last - middle


def role_growth(
    seconds: Sequence[Second], counts: Callable[[Second], dict[str, int]], role: str
) -> tuple[float, float, int]:
    """Return ``growth`` of a role's count, and the last one; a process that replaced another one goes on for it.

    The median stands for each fifth: a process that takes over has fewer while it gets ready, on a busy machine for
    longer than others are young. Seconds in which the role had none do not count.
    """
    there = [second for second in seconds if role in counts(second)]
    return (*growth(there, lambda second: counts(second)[role], median_low), counts(there[-1])[role] if there else 0)


def add_growth(report: Report, seconds: list[Second]) -> None:
    """Say what has grown since it was warm: all processes, then those of each role."""
    since = min(GROWTH_AFTER_SECONDS, seconds[-1].at / 2 if seconds else 0.0)
    warm = [second for second in seconds if second.at >= since]
    settled = [second for second in warm if second.settled] or warm  # nobody is missing or new
    for role in ("", *ROLES):
        whole, late = growth(settled, lambda second, role=role: second.own_mb(role))
        now = warm[-1].own_mb(role) if warm else 0.0
        what = f"memory of {role or 'all processes'}, growth after {since:.0f} s"
        note = f"{late:+.1f} in the second half; {now:.0f} at the end"
        report.add(
            what, whole, "MB", note=note, **({"at_most": MOST_MEMORY_MB[role]} if role in MOST_MEMORY_MB else {})
        )
    shared = sum(part.shared for part in warm[-1].memory.values()) if warm else 0.0
    report.add("of the memory reserved in full at start, touched", shared, "MB")
    for role in ROLES:
        whole, late, now = role_growth(warm, lambda second: second.fds, role)
        note = f"{late:+.0f} in the second half; {now} at the end"
        report.add(f"descriptors of {role}, growth", whole, "", at_most=MOST_DESCRIPTORS.get(role, 0), note=note)
    add_shared(report, warm, settled)


def add_shared(report: Report, warm: list[Second], settled: list[Second]) -> None:
    """Say what has grown of the shared memory that has no name in /dev/shm: memfds and the like."""
    whole, late = growth(settled, lambda second: second.blocks, median_low)
    more_mb, _ = growth(settled, lambda second: second.blocks_mb, median_low)
    now = warm[-1] if warm else None
    note = f"{late:+.0f} in the second half; {now.blocks if now else 0} at the end"
    report.add("shared memory without a name (memfd), blocks, growth", whole, "", at_most=0, note=note)
    note = f"{now.blocks_mb if now else 0:.0f} at the end"
    report.add("shared memory without a name, size, growth", more_mb, "MB", at_most=0, note=note)
    mapped = {role: role_growth(warm, lambda second: second.parts, role) for role in ROLES}
    note = ", ".join(f"{role} {now}" for role, (_, _, now) in mapped.items()) + " at the end"
    most = max(whole for whole, _, _ in mapped.values())
    report.add("mappings of it in one process, growth (of the role where it is most)", most, "", at_most=0, note=note)


def add_starts(report: Report, show: Show) -> None:
    """Say what became of the starts with a time tag."""
    witness, kills = show.witness, show.kills
    starts = witness.starts
    note = f"{witness.refused} more were refused while control was away"
    report.add("late starts, told by the engine", show.status["late_starts"], "", note="with and without a time tag")
    report.add("starts with a time tag 50 to 150 ms ahead", len(starts.all), "", note=note)
    missing = starts.missing(show.ended_at)
    unheard = [start for start in missing if kills.away(start.sent_at, "control")]
    report.add("of these sent while control was away, that never came", len(unheard), "")
    missing = [start for start in missing if start not in unheard]
    for what, found in (("told as late", starts.told_late()), ("that never came", missing)):
        struck = [start for start in found if kills.near(start.at, "audio", "control")]
        others = [start for start in found if not kills.near(start.at, "audio", "control")]
        troubled = sum(show.troubled(start.at) for start in others)
        report.add(f"of these {what}", len(others) - troubled, "", at_most=0)
        report.add(f"of these {what}, within a second of an underflow or of the bare client's", troubled, "")
        report.add(f"of these {what}, {KILL} of audio or control", len(struck), "")
    calm = [s for s in starts.all if not kills.near(s.at, "audio", "control") and not show.troubled(s.at)]
    errors = [abs(start.error_ms) for start in calm if start.heard_at is not None]
    note = "without a kill, an underflow or a late bare client"
    report.add("farthest from its tag that one of these was heard", max(errors, default=0.0), "ms", note=note)
    for text, count in witness.dropped.items():
        report.facts[f"dropped ({text})"] = str(count)


def add_recordings(report: Report, show: Show) -> None:
    """Say what recordings and the long file were like."""
    witness, kills = show.witness, show.kills
    finished, failed = witness.recordings.finished, witness.recordings.never_began
    unharmed = [take for take in failed if not kills.near(take.begin, "control", "audio")]
    note = f"{len(failed) - len(unharmed)} more were not begun, as control was away or came back"
    report.add("recordings finished and looked through", len(finished), "", at_least=1, note=note)
    report.add("recordings that did not begin, without a kill", len(unharmed), "", at_most=0)
    faults = [fault for each in finished for fault in each.checked.faults]
    for fault in faults:
        NOTES.print(f"recording: {fault}")
    broken = sum(bool(each.checked.faults) for each in finished)
    report.add("recordings that can't be read, have not ended or whose files differ in length", broken, "", at_most=0)
    off = [each for each in finished if abs(each.checked.off) > EXACT_FRAMES]
    troubled = sum(show.troubled(each.begin) or show.troubled(each.end) for each in off)
    note = f"{troubled} more with an underflow or a late bare client within a second of its tags"
    report.add("recordings that are longer or shorter than their tags", len(off) - troubled, "", at_most=0, note=note)
    add_spots(report, "silence put into recordings", lost_spots(finished), kills)
    add_spots(report, "gaps in the long file, as recorded", gap_spots(finished), kills)
    dry = [at for at in witness.dry if not kills.near(at, "audio", "io", "control")]
    report.add("gaps in the long file that the engine told", len(witness.dry), "", note=f"{len(dry)} without a kill")
    ended = int(show.long_state not in ("playing", "running"))
    report.add("the long file ended before the show", ended, "", at_most=0, note=f"its cue: {show.long_state}")


Spot = tuple[float, float]
"""Where something is wrong: Unix time, and for how many milliseconds."""


def lost_spots(finished: Sequence[Finished]) -> list[Spot]:
    """Return where recordings had nothing to write."""
    return [
        (each.begin + first / RATE, 1000.0 * frames / RATE) for each in finished for first, frames in each.checked.lost
    ]


def gap_spots(finished: Sequence[Finished]) -> list[Spot]:
    """Return where the long file does not go on in recordings."""
    return [
        (each.begin + gap.start / RATE, 1000.0 * gap.frames / RATE) for each in finished for gap in each.checked.gaps
    ]


def add_spots(report: Report, what: str, spots: Sequence[Spot], kills: Kills) -> None:
    """Count spots: without a kill, then those of each kind of kill."""
    for who in ("", "audio", "io", "control"):
        mine = [spot for spot in spots if blamed(spot, kills) == who]
        longest = max((ms for _, ms in mine), default=0.0)
        note = f"the longest {longest:.1f} ms" if mine else ""
        bar = {} if who else {"at_most": 0}
        report.add(f"{what}, {f'{KILL} of {who}' if who else 'without a kill'}", len(mine), "", note=note, **bar)


def blamed(spot: Spot, kills: Kills) -> str:
    """Return which kill a spot is put down to, the playing process's first; an empty text: none."""
    return next((who for who in ("audio", "io", "control") if kills.near(spot[0], who)), "")


def unkilled(replaced: Mapping[str, int], killed: Mapping[str, int]) -> dict[str, int]:
    """Return how many processes of each kind were replaced though they had not been killed: they died or hung."""
    names = {"voice": "worker"}
    more = {who: count - killed.get(names.get(who, who), 0) for who, count in replaced.items()}
    return {who: count for who, count in more.items() if count > 0}


def report_on(show: Show, block: int, minutes: float, left: dict[str, int]) -> Report:
    """Return all of it. left: what there was at the end that should not be."""
    report = Report(
        "soak", f"{minutes:g} minutes at {block} frames: {', '.join(f'{n} {k}' for k, n in show.done.items())}"
    )
    add_underflows(report, show)
    add_starts(report, show)
    add_recordings(report, show)
    unasked = unkilled(show.witness.replaced, show.done)
    note = ", ".join(f"{count} {who}" for who, count in unasked.items())
    report.add("processes replaced that nobody had killed", sum(unasked.values()), "", at_most=0, note=note)
    add_growth(report, show.seconds)
    for what, count in left.items():
        report.add(what, count, "", at_most=0)
    report.facts["block"] = str(block)
    report.facts["callback under SCHED_FIFO"] = "yes" if show.realtime else "no"
    report.facts["messages refused while control was away"] = str(show.refused)
    report.facts["seconds without an answer"] = str(show.lost_status)
    report.facts["meters and loudness heard"] = ", ".join(f"{n} {k}" for k, n in show.witness.meters.items())
    report.facts["processes replaced"] = ", ".join(f"{n} {k}" for k, n in show.witness.replaced.items())
    return report


def add_underflows(report: Report, show: Show) -> None:
    """Say what the device went without, and what that came from."""
    calm = [second for second in show.seconds if not second.killed]
    unshared = [second for second in calm if not second.stalls]
    shared = sum(second.underflows for second in calm if second.stalls)
    report.add(
        "underflows that the bare client did not share", sum(each.underflows for each in unshared), "", at_most=0
    )
    for place, cause in enumerate(CAUSES):
        count = sum(each.causes[place] for each in unshared)
        report.add(f"of these {cause.replace('_', ' ')}", count, "", **({"at_most": 0} if cause in OURS else {}))
    report.add("underflows that it shared", shared, "", reference=show.late, reference_name="its own late cycles")
    killed = sum(second.underflows for second in show.seconds if second.killed)
    report.add(f"underflows {KILL} of the audio process", killed, "", note=f"{show.done['audio']} kills")
