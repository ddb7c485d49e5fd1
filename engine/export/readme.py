"""README.txt: what a mix engineer who gets the folder wants to know, on one page."""

from __future__ import annotations

from collections.abc import Iterator

from engine.export.kept import keepable
from engine.export.manifest import SUM_RULE, Manifest
from engine.export.options import LOSSY
from engine.export.plan import STEMS_FOLDER, Plan, mix_file
from engine.export.sessions.registry import SESSIONS
from engine.story.model import MASTER

_MOST_NAMED = 4
_ENCODINGS = {"pcm16": "16-bit", "pcm24": "24-bit", "float32": "32-bit float"}


def readme_text(plan: Plan, manifest: Manifest) -> str:
    """Return the page."""
    parts = (_head(plan, manifest), _stems(plan, manifest), _sessions(plan), _effects(plan), _warnings(manifest))
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


def _head(plan: Plan, manifest: Manifest) -> Iterator[str]:
    story = plan.story
    tempo = ", ".join(f"bar {p.bar}: {p.tempo_bpm:g} bpm, {p.beats_per_bar}/4" for p in story.tempo)
    yield story.title
    yield "=" * len(story.title)
    yield f"{_clock(manifest.frames / story.sample_rate)} at {story.sample_rate} Hz. Tempo: {tempo}."
    yield f"Made by Cuevox {manifest.cuevox}, {manifest.made_at}. manifest.json holds every figure and checksum."


def _stems(plan: Plan, manifest: Manifest) -> Iterator[str]:
    if not plan.stems:
        return
    dithered = ", dithered" * (manifest.dither != "none")
    bits = "" if manifest.file_format in LOSSY else f"{_ENCODINGS[manifest.encoding]}{dithered} "
    encoding = f"{bits}{manifest.file_format.upper()}"
    if len(plan.stems) > 1:
        begin = _clock(manifest.start_frame / manifest.sample_rate)
        yield f"{STEMS_FOLDER}/  {encoding}, all from {begin} and of equal length. Before the master."
        yield f"       {SUM_RULE}"
        yield "       Nothing is normalised. In Ableton Live, turn off Auto-Warp Long Samples before dragging them in."
    yield f"{mix_file(plan.options)}  {encoding}, after the master."
    if manifest.mix_gain_db:
        target = f"{manifest.mix_target_lufs:g} LUFS"
        yield f"       Made {manifest.mix_gain_db:+.1f} dB louder for its target of {target}; stems are as they were."
    for name, residual in manifest.residuals.items():
        told = "exactly" if residual is None else f"up to {residual:.1f} dBFS"
        yield f"       The stems per {name} add up to the master's input {told}."
    if manifest.acx is not None:
        yield f"       ACX: {'passes' if manifest.acx.passed else 'does not pass'}, see manifest.json."


def _sessions(plan: Plan) -> Iterator[str]:
    for name in plan.options.formats:
        if name in SESSIONS:
            files = SESSIONS[name].files(plan)
            shown = ", ".join(files[:_MOST_NAMED]) + (
                f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
            )
            yield f"{name}/  {SESSIONS[name].what}: {shown}"
            yield from (f"       Not in it: {what}." for what in SESSIONS[name].missing(plan))


def _effects(plan: Plan) -> Iterator[str]:
    """Say what stems have in them and sessions have not."""
    inserts = [(key, effect) for key, strip in plan.story.strips().items() for effect in strip.inserts]
    is_kept = plan.options.keep_plugins and "reaper" in plan.options.formats
    kept = {(place[0], id(effect)) for place, effect, _ in keepable(plan.story)} if is_kept else set()
    if inserts or plan.story.master.limiter_db is not None:
        yield "Effects, which are in the stems and the mix, and not in the sessions unless a session says so:"
    for strip_id, effect in inserts:
        params = "".join(f" {name}={value:g}" for name, value in effect.params.items())
        facts = plan.story.plugins.get(effect.effect)
        fault = f" (left out: {facts.fault})" if facts is not None and facts.fault else ""
        stays = " (a plug-in in reaper/, too)" * ((strip_id, id(effect)) in kept)
        yield f"  {strip_id}: {effect.effect}{params}{' (bypassed)' * effect.bypass}{fault}{stays}"
    if plan.story.master.limiter_db is not None:
        yield f"  {MASTER}: limiter at {plan.story.master.limiter_db:g} dBTP (in the mix only)"


def _warnings(manifest: Manifest) -> Iterator[str]:
    if manifest.warnings:
        yield "Note:"
    yield from (f"  {warning}" for warning in manifest.warnings)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:06.3f}"
