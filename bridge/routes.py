"""The address table: every address that Cuevox answers, and every message that it sends by itself.

Routing, feedback, ``/list`` and docs/addresses.md are made from these rows; a test holds them against each other.
A new address is a new row.
"""

from __future__ import annotations

from typing import Any, get_args

from msgspec.structs import replace

import engine.commands as do
import engine.edits as edit
import engine.events as told
from bridge import readers
from bridge.access import DUMP
from bridge.capture_routes import CAPTURE_PUSHES, CAPTURE_ROUTES
from bridge.edit_routes import CLIP_ROUTES, EDIT_PUSHES, EDIT_ROUTES
from bridge.errors import BadValue
from bridge.library_routes import LIBRARY_ROUTES
from bridge.message import TimeTag, Value
from bridge.port import EnginePort
from bridge.route import Arg, Path, Push, Route
from engine.params import (
    BAR,
    BEATS_PER_BAR,
    CLIP_GAIN,
    DUCK,
    FADER,
    LIMITER,
    PAN,
    SEED,
    SEMITONES,
    SPEED,
    TEMPERATURE,
    TEMPO,
    VELOCITY,
    ParamSpec,
)
from engine.story.messages import describe
from engine.story.model import CueColor

API_LEVEL = 1
"""Grows when an address is removed; additions never change it."""

ALIAS = f"/v{API_LEVEL}/"
"""What every address may begin with, for senders that want to be sure of what they talk to."""


def plain_address(address: str) -> str:
    """Return an address, or a pattern, without the level of the table before it."""
    return address[len(ALIAS) - 1 :] if address.startswith(ALIAS) else address


ANSWERS = (
    "/reply", "/pong", "/clock/pong", DUMP, "/synced", "/subscribed", "/lease_expired", "/progress", "/done", "/fail",
    "/late", "/learnt",
)  # fmt: skip
"""Addresses that only ever go out. One that comes in is another engine's answer: it is never answered itself."""

STOP_FADE = ParamSpec(low=0.0, high=60.0, default=0.05, unit="s")
PANIC_FADE = ParamSpec(low=0.0, high=5.0, default=0.02, unit="s")
PORT = ParamSpec(low=0, high=65535, default=0)
LEASE = ParamSpec(low=1.0, high=86_400.0, default=60.0, unit="s")
INTERVAL = ParamSpec(low=0, high=60_000, default=0, unit="ms")
LATE = ParamSpec(low=0.0, high=60_000.0, default=0.0, unit="ms")
BEAT = ParamSpec(low=0.0, high=1e6, default=0.0, unit="beats")
PLACE = ParamSpec(low=0.0, high=1e6, default=0.0, unit="s")
DELAY = ParamSpec(low=0.0, high=60.0, default=0.0, unit="s")

_GAIN = Arg(name="gain_db", type="f", spec=FADER)
_GAIN_NORM = Arg(name="gain_db", type="f", spec=FADER, norm=True)
_PAN = Arg(name="pan", type="f", spec=PAN)
_PAN_NORM = Arg(name="pan", type="f", spec=PAN, norm=True)
_CEILING = Arg(name="ceiling_db", type="f", spec=LIMITER)
_CEILING_NORM = Arg(name="ceiling_db", type="f", spec=LIMITER, norm=True)
_PARAM = Arg(name="value", type="f", spec=readers.insert_spec)
_PARAM_NORM = Arg(name="value", type="f", spec=readers.insert_spec, norm=True)
_FADE = Arg(name="fade_seconds", type="f", spec=STOP_FADE, optional=True)
_PRESSED = Arg(name="velocity", type="f", spec=VELOCITY)
_CUE = Arg(name="cue", type="s", named=True)
_MESSAGE = Arg(name="message", type="s")
_FROM_WORD = Arg(name="from_word", type="s")
_FROM_TIME = Arg(name="from_frame", type="f", seconds=True, help="in seconds; send d for exact frames")
_NAME = Arg(name="name", type="s")
_LEVEL = Arg(name="gain_db", type="f", spec=CLIP_GAIN)
_LEVEL_NORM = Arg(name="gain_db", type="f", spec=CLIP_GAIN, norm=True)
_SLOT = "/slot/{bank}/{index}"
_CLIP = "/clip/{clip}"
_STATE = Arg(name="state", type="s", help="empty, queued, rendering, ready, waiting, playing, paused or failed")
_LOOP = (
    Arg(name="start_frame", type="f", seconds=True, help="in seconds"),
    Arg(name="end_frame", type="f", seconds=True, help="in seconds"),
)
_METER = tuple(Arg(name=n, type="f") for n in ("peak_left", "peak_right", "rms_left", "rms_right"))
_RECALL = Arg(name="fade_seconds", type="f", spec=STOP_FADE, optional=True)
_FOLDER = Arg(name="folder", type="s", help="as in friday or mixes/friday")
_JOBS = (told.JobProgressed, told.JobDone, told.JobFailed)
_SEED = Arg(name="seed", type="i", spec=SEED, optional=True)
_TAKE = (Arg(name="clip", type="s"), Arg(name="take", type="i"))
_PROFILE = Arg(name="profile", type="s")
_SAMPLE = Arg(name="file", type="s", help="as in samples/anna.wav")
_HEARD = Arg(name="file", type="s", help="as in recordings/friday.wav")
_ARCHIVE = Arg(name="file", type="s", help="as in anna.zip")
_BAR = Arg(name="bar", type="i", spec=BAR)
_TEMPO = Arg(name="tempo_bpm", type="f", spec=TEMPO)
_BEATS_PER_BAR = Arg(name="beats_per_bar", type="i", spec=BEATS_PER_BAR)
_STRIP = Arg(name="strip", type="s")
_BUS = Arg(name="bus", type="s")
_WRAPPED = Arg(name="address", type="s")
_SAY = (
    Arg(name="voice", type="s"),
    Arg(name="text", type="s"),
    Arg(name="track", type="s", optional=True),
    Arg(name="speed", type="f", spec=SPEED, optional=True),
    Arg(name="pitch_semitones", type="f", spec=SEMITONES, optional=True),
    Arg(name="seed", type="i", spec=SEED, optional=True),
    Arg(name="instruct", type="s", optional=True),
    Arg(name="temperature", type="f", spec=TEMPERATURE, optional=True),
)


def _set_loop(*, start_frame: int, end_frame: int) -> do.SetLoop:
    if start_frame == end_frame == 0:
        return do.SetLoop()
    if end_frame <= start_frame:
        raise BadValue("a loop ends after it starts; 0 0 switches it off")
    return do.SetLoop(start_frame=start_frame, end_frame=end_frame)


def _say_at(*, when: object, **how: Any) -> do.Say:  # noqa: ARG001 - the router takes it
    return do.Say(**how)


def _record(*, name: str = "", strips: str = "") -> do.StartRecording:
    return do.StartRecording(name=name, strips=tuple(strips.replace(",", " ").split()))


def _export(*, folder: str, job: str, formats: str = "") -> do.Export:
    return do.Export(folder=folder, formats=tuple(formats.replace(",", " ").split()), job=job)


def _export_stems(*, folder: str, job: str) -> do.Export:
    return do.Export(folder=folder, formats=("stems",), job=job)


def _first_bank(port: EnginePort) -> Path:
    for bank, _ in port.slot_keys():
        return {"bank": bank}
    raise BadValue("this story has no slots")


def _cue_rows(cue: str, where: str) -> tuple[Route, ...]:
    """Return the rows of one cue, of the first list or of a named one."""
    times = ("elapsed", "How long a cue{} has sounded; less than 0 while it waits."), (
        "remaining", "How long a cue{} will still sound; -1: for ever."), (
        "duration", "How long a cue{} sounds; -1: for ever, or not known yet.")  # fmt: skip
    return (
        Route(address=f"{cue}/go", trigger=True, command=do.GoCue, help=f"Fire a cue{where}."),
        Route(address=f"{cue}/from", trigger=True, command=do.GoCue, args=(_FROM_WORD,),
              help=f"Fire a cue{where} from a word of its line on: dragon, dragon#2 (the second one), #3 (the third "
                   "word)."),
        Route(address=f"{cue}/from/seconds", trigger=True, command=do.GoCue, args=(_FROM_TIME,),
              help=f"Fire a cue{where} from so far behind its beginning."),
        Route(address=f"{cue}/stop", trigger=True, command=do.StopCue, args=(_FADE,),
              help=f"Fade out what a cue{where} plays, and forget its waits."),
        Route(address=f"{cue}/pause", trigger=True, command=do.PauseCue,
              help=f"Hold a cue{where}: its sound, its waits, what follows it."),
        Route(address=f"{cue}/resume", trigger=True, command=do.ResumeCue, help=f"Let a cue{where} go on."),
        Route(address=f"{cue}/audition", trigger=True, command=do.AuditionCue,
              help=f"Play a cue{where} on the private bus only."),
        Route(address=f"{cue}/load", trigger=True, command=do.LoadCue,
              help=f"Have what a cue{where} plays in memory before anything else."),
        Route(address=f"{cue}/state", read=readers.cue_state, args=(_STATE,),
              changed=(told.CueStarted, told.CueEnded, told.CueChanged), help=f"How far a cue{where} is."),
        Route(address=f"{cue}/name", command=do.SetCue, read=readers.cue(lambda c: c.name), args=(_NAME,),
              changed=(told.CueEdited,), help=f"What a cue{where} is called."),
        Route(address=f"{cue}/renumber", command=do.RenumberCue, args=(Arg(name="number", type="s", named=True),),
              help=f"Give a cue{where} another number, which then addresses it; refused while it waits or plays."),
        Route(address=f"{cue}/prewait", command=do.SetCue, read=readers.cue(lambda c: c.pre_wait_frames),
              args=(Arg(name="pre_wait_frames", type="f", seconds=True, help="in seconds"),),
              changed=(told.CueEdited,), help=f"How long a cue{where} waits before it sounds."),
        Route(address=f"{cue}/postwait", command=do.SetCue, read=readers.cue(lambda c: c.post_wait_frames),
              args=(Arg(name="post_wait_frames", type="f", seconds=True, help="in seconds"),),
              changed=(told.CueEdited,), help=f"How long what follows a cue{where} waits."),
        Route(address=f"{cue}/follow", command=do.SetCue, read=readers.cue(lambda c: c.follow),
              args=(Arg(name="follow", type="s", help="none, continue or end"),), changed=(told.CueEdited,),
              help=f"Whether the next cue is fired after a cue{where} begins to sound (continue) or has ended (end)."),
        Route(address=f"{cue}/gain", command=do.SetCue, read=readers.cue(lambda c: c.gain_db), args=(_LEVEL,),
              changed=(told.CueEdited,), help=f"How loud a cue{where} is played, from the next time on."),
        Route(address=f"{cue}/gain/norm", command=do.SetCue, read=readers.cue(lambda c: c.gain_db),
              args=(_LEVEL_NORM,), changed=(told.CueEdited,),
              help=f"How loud a cue{where} is played, as travel: unity at 0.75."),
        Route(address=f"{cue}/pan", command=do.SetCue, read=readers.cue(lambda c: c.pan), args=(_PAN,),
              changed=(told.CueEdited,), help=f"Pan of a cue{where}, on top of its clip's: -1 left to 1 right."),
        Route(address=f"{cue}/pan/norm", command=do.SetCue, read=readers.cue(lambda c: c.pan), args=(_PAN_NORM,),
              changed=(told.CueEdited,), help=f"Pan of a cue{where} as travel: centre at 0.5."),
        Route(address=f"{cue}/bus", command=do.SetCue, read=readers.cue(lambda c: c.bus or ""), args=(_BUS,),
              changed=(told.CueEdited,),
              help=f"The track or bus that a cue{where} sounds on; an empty text: the track of its clip or line."),
        Route(address=f"{cue}/armed", command=do.SetCue, read=readers.cue(lambda c: c.armed),
              args=(Arg(name="armed", type="i", truth=True),), changed=(told.CueEdited,),
              help=f"Whether a cue{where} does what it is for when it is fired; what follows it is fired in any case."),
        Route(address=f"{cue}/color", command=do.SetCue, read=readers.cue(lambda c: c.color or ""),
              args=(Arg(name="color", type="s", help=", ".join(get_args(CueColor))),), changed=(told.CueEdited,),
              help=f"What a cue sheet paints a cue{where} with; an empty text: nothing."),
        Route(address=f"{cue}/messages", read=readers.cue_messages, repeated=True, args=(_MESSAGE,),
              changed=(told.CueChanged,), help=f"What a cue{where} sends, as the story file writes it."),
        Route(address=f"{cue}/messages/add", command=do.AddCueMessage, args=(_MESSAGE,),
              help=f"Have a cue{where} that sends send this too, as the story file writes it: note: 60, duration: 1."),
        Route(address=f"{cue}/messages/remove", command=do.RemoveCueMessage, args=(Arg(name="number", type="i"),),
              help=f"Have a cue{where} leave a message out; they count from 1."),
        *(Route(address=f"{cue}/{name}", read=readers.cue_time(number), stream=True, help=text.format(where),
                args=(Arg(name=f"{name}_frame", type="f", seconds=True, help="in seconds"),),
                changed=(told.CueStarted, told.CueEnded, told.CueChanged))
          for number, (name, text) in enumerate(times)),
    )  # fmt: skip


# fmt: off
ROUTES: tuple[Route, ...] = (
    # the engine
    Route(address="/ping", handler="ping", answer="/pong", args=(Arg(name="id", type="i", optional=True),),
          answers="i:id s:name s:version t:now", help="Ask for a sign of life."),
    Route(address="/version", handler="version", answers="s:name i:major i:minor s:patch s:commit",
          help="Ask for the version, in scsynth's order."),
    Route(address="/api", handler="api", answers="i:level",
          help="Ask for the level of this table: it grows when an address is removed, never when one is added."),
    Route(address="/status", handler="status",
          answers="i:sample_rate f:actual_sample_rate i:block_frames f:latency_seconds f:load_mean f:load_peak"
                  " i:underflows i:late_starts i:players f:loop_lag_seconds i:takes_ready i:takes_wanted s:device"
                  " i:late_bundles i:bad_packets i:dropped_packets i:clients",
          help="Ask how the engine fares. Load is callback time as a part of the block's time."),
    Route(address="/engine/prefetch", read=readers.prefetch, stream=True,
          args=(Arg(name="ready", type="i"), Arg(name="wanted", type="i", help="of what comes next"),
                Arg(name="ready_seconds", type="f", help="of the timeline without a gap, from here"),
                Arg(name="horizon_seconds", type="f", help="how far ahead it is prepared"),
                Arg(name="memory", type="f", help="part of the clip memory that is taken, 0 to 1")),
          help="How well prepared the engine is: the cues that stand by, the bank at hand, the next of the timeline."),
    Route(address="/sync", handler="sync", answer="/synced", args=(Arg(name="id", type="i"),), answers="i:id",
          help="Answered when everything that came before is done: a barrier."),
    Route(address="/list", handler="list_addresses", args=(Arg(name="pattern", type="s", optional=True),),
          answer="/list/end", answers="s:pattern i:count",
          help="One /list s:address s:types s:access per address that exists now, then /list/end."),
    Route(address="/clock/now", handler="clock_now", answers="t:now h:frame",
          help="Ask for the wall time and the engine frame that sounds then."),
    Route(address="/clock/ping", handler="clock_ping", answer="/clock/pong",
          args=(Arg(name="id", type="i"), Arg(name="sent_at", type="t")),
          answers="i:id t:sent_at t:received_at t:answered_at",
          help="Ask for the stamps that, with the time at which the answer comes, give the offset of two clocks."),
    Route(address="/clock/late", handler="late_policy", answers="s:rule f:within_ms",
          args=(Arg(name="rule", type="s", optional=True, help="play, drop or play_within"),
                Arg(name="within_ms", type="f", spec=LATE, optional=True)),
          help="Say what becomes of the sender's bundles whose time has passed: they play now, are dropped (error "
               "too_late), or play if they are at most so late. /late is told in any case."),
    Route(address="/clock/source", handler="clock_source", answers="s:wanted s:source s:state s:priority",
          args=(Arg(name="wanted", type="s", optional=True, help="internal, auto, mtc, clock, link or jack"),),
          help="Have the timeline follow another clock from now on, or without an argument ask which. wanted: what is"
               " to be followed; source: what is; state: stopped, locking, locked or freewheel; priority: of the"
               " sources that run, auto follows the first. Subscribers are told when any of it changes."),
    Route(address="/panic", trigger=True, command=do.Panic,
          args=(Arg(name="fade_seconds", type="f", spec=PANIC_FADE, optional=True),),
          help="Silence everything: players, timeline, what is scheduled."),

    Route(address="/engine/xruns", read=readers.xruns, stream=True,
          args=(Arg(name="underflows", type="i"), Arg(name="late_starts", type="i")),
          help="How often the device went without sound, and how often something started late."),
    Route(address="/engine/underflows", read=readers.underflows, stream=True,
          args=(Arg(name="overload", type="i", help="the mix took the processor for too long"),
                Arg(name="blocked", type="i", help="it waited for another thread or a page of memory"),
                Arg(name="preempted", type="i", help="it was ready, but others had its core, or that stood still"),
                Arg(name="stalled", type="i", help="the machine stood still under it, as virtual ones do"),
                Arg(name="called_late", type="i", help="the driver asked late")),
          help="How many of the underflows came from what."),
    Route(address="/engine/histogram", read=readers.histogram, args=(Arg(name="callbacks", type="i"),), repeated=True,
          stream=True, help="How many callbacks took how long: up to 1 µs, 2, 4 and so on."),
    Route(address="/engine/processes", read=readers.processes, repeated=True, stream=True,
          args=(Arg(name="process", type="s"), Arg(name="pid", type="i")),
          help="Which processes run: audio, standby while one is ready to take over, control, io once it was needed,"
               " voice for each worker."),
    Route(address="/engine/blackbox", handler="black_box", args=(Arg(name="reason", type="s", optional=True),),
          answers="s:path", help="Write the last minute of commands, events and counters into a file: a black box."),

    # wrappers and scheduling
    Route(address="/req", wrapper="request", args=(Arg(name="id", type="i"), _WRAPPED),
          help="Do what follows and answer /reply/<address> i:id with ok and values, or error, code and text."),
    Route(address="/at", wrapper="delay", args=(Arg(name="delay_seconds", type="f", spec=DELAY), _WRAPPED),
          help="Do what follows after a delay, at its exact frame: for senders whose clock is not to be trusted."),
    Route(address="/atbeat", wrapper="beat", args=(Arg(name="beat", type="f", spec=BEAT), _WRAPPED),
          help="Do what follows when the timeline next comes to a beat, counted from 0 over all bars, at its exact "
               "frame; it waits while the timeline rests."),
    Route(address="/atpos", wrapper="position", args=(Arg(name="position_seconds", type="f", spec=PLACE), _WRAPPED),
          help="Do what follows when the timeline next comes to a place, at its exact frame."),
    Route(address="/clearsched", handler="clear_scheduled",
          args=(Arg(name="pattern", type="s", optional=True),), answers="i:count",
          help="Forget what is scheduled (of addresses that match the pattern)."),

    # the sender
    Route(address="/connect", handler="connect", args=(Arg(name="passcode", type="s", optional=True),),
          answers="s:right s:challenge",
          help="Show a passcode, or ask what one may do: none, view, trigger, edit or admin, and for a challenge. Only "
               "needed on other machines. A passcode that travels as it is grants trigger at most."),
    Route(address="/connect/response", handler="connect_response", args=(Arg(name="response", type="s"),),
          answers="s:right",
          help="Prove to know a passcode: the HMAC-SHA256 of the challenge with the passcode as key, in hex; over TCP "
               "or a WebSocket."),
    Route(address="/client/ack", handler="ack", args=(Arg(name="on", type="i", truth=True),), answer="",
          help="Answer commands that went well, too."),
    Route(address="/client/bundles", handler="bundles", args=(Arg(name="on", type="i", truth=True),), answer="",
          help="0: tell the sender everything in single messages, for programs that do not look into bundles."),
    Route(address="/client/replyport", handler="reply_port", args=(Arg(name="port", type="i", spec=PORT),), answer="",
          help="Send answers and feedback to this port of the sender; 0: to the one it sends from."),
    Route(address="/client/url", handler="reply_url", args=(Arg(name="url", type="s"),), answer="",
          help="Send answers and feedback to osc.udp://host:port/ instead; an empty text: to where it sends from. "
               "Another host than the sender's own can be named from this machine only."),
    Route(address="/client/name", handler="client_name", answers="s:name",
          args=(Arg(name="name", type="s", optional=True),), help="Say what to call the sender, or ask."),
    Route(address="/dump", handler="dump", args=(Arg(name="on", type="i", truth=True),), answer="",
          help="Hear of every message that comes in, understood or not: /dump/heard s:from s:message. The same as "
               "a subscription to /dump/heard; no pattern matches it. Passcodes are left out."),
    Route(address="/learn/osc", handler="learn_osc", answer="",
          help="Hear of the next message that anybody sends, understood or not, questions left out: /learnt s:from "
               "s:address s:message."),
    Route(address="/subscribe", handler="subscribe", answer="",
          args=(Arg(name="pattern", type="s"),
                Arg(name="interval_ms", type="i", spec=INTERVAL, optional=True),
                Arg(name="lease_seconds", type="f", spec=LEASE, optional=True)),
          help="Hear the present values of what matches, then /subscribed s:pattern i:count, then every change. "
               "Patterns as in OSC, // for any parts between. Anything sent by the client renews the lease (60 s)."),
    Route(address="/unsubscribe", handler="unsubscribe", answer="", args=(Arg(name="pattern", type="s"),),
          help="Hear no more of that pattern."),
    Route(address="/subscriptions", handler="subscriptions", answer="/subscriptions/end", answers="i:count",
          help="One /subscriptions s:pattern i:interval_ms f:lease_left per pattern, then /subscriptions/end."),
    Route(address="/resync", handler="resync", answer="",
          help="Hear the present values of everything subscribed again."),

    # speech and jobs
    Route(address="/say", command=do.Say, job=True,
          args=_SAY,
          help="Speak a line now, on a track's strip (empty: the voice's). Tells /progress, then /done or /fail."),
    Route(address="/say/now", command=do.Say, job=True, args=_SAY, help="The same as /say."),
    Route(address="/say/at", command=_say_at, job=True,
          args=(Arg(name="when", type="t", spec=BEAT, when=True, help="a time tag, or a beat of the timeline from 0"),
                *_SAY),
          help="Speak a line at a time or at a beat of the timeline, to the frame. Its take is made now."),
    Route(address="/say/prepare", command=do.PrepareLine, args=_SAY,
          help="Have a line's take made that is to be spoken later: /say of the same then sounds at once."),
    Route(address="/say/queue", read=readers.say_queue, repeated=True, changed=_JOBS,
          args=tuple(Arg(name=name, type="s") for name in ("job", "voice", "track", "text")),
          help="The lines that wait for their takes, the oldest first, over and over."),
    Route(address="/render", command=do.Render, job=True,
          help="Have every take made that the story lacks, those that failed again. Tells /progress, then /done or"
               " /fail."),
    Route(address="/export", command=_export, job=True,
          args=(_FOLDER, Arg(name="formats", type="s", optional=True, listed=True,
                             help="stems, mix, reaper …, as an array or with spaces between; none: what the story"
                                  " names")),
          help="Write the story as it is now into the folder exports beside it, while it plays. Tells /progress, then "
               "/done with the folder, or /fail: then nothing has changed."),
    Route(address="/export/stems", command=_export_stems, job=True, args=(_FOLDER,),
          help="Write stems and the mix only."),
    Route(address="/transcribe", command=do.Transcribe, job=True,
          args=(_HEARD, Arg(name="language", type="s", optional=True, help="a code, as en; empty: found out"),
                Arg(name="model", type="s", optional=True, help="as in whisper-small, which it is unless given")),
          help="Write down what is said in an audio file of the story's folder. Tells /passage and /word as they are"
               " heard, beside /progress, then /done with the code of the language, or /fail."),
    Route(address="/models/pull", command=do.PullModel, job=True,
          args=(Arg(name="model", type="s", help="a short name of `cuevox models list`, or a hub id: owner/name"),
                Arg(name="revision", type="s", optional=True, help="a commit, tag or branch; empty: the pinned one")),
          help="Get a speech model from the hub, going on with what an interrupted pull left. Tells /progress with the"
               " file, then /done with the licence of the weights, or /fail."),
    Route(address="/jobs", read=readers.jobs, repeated=True, changed=_JOBS,
          args=(Arg(name="job", type="s"),
                Arg(name="verb", type="s", help="say, render, takes, transcribe, models or export"),
                Arg(name="fraction", type="f", help="of the stage"), Arg(name="stage", type="s")),
          help="The jobs that go on, over and over."),
    Route(address="/job/{job}/cancel", trigger=True, command=do.CancelJob, help="Stop a job's work."),

    # voices
    Route(address="/voice/{voice}/load", trigger=True, command=do.LoadVoice,
          help="Have what a voice speaks with in memory."),
    Route(address="/voice/{voice}/warm", trigger=True, command=do.WarmVoice,
          help="Load a voice and have it speak once, unheard: its first line then comes as soon as any later one."),
    Route(address="/voice/{voice}/unload", trigger=True, command=do.UnloadVoice,
          help="Give back the memory that a voice's model takes; it is loaded again when it has to speak."),
    Route(address="/voice/{voice}/state", read=readers.voice_state, changed=(told.VoiceChanged,),
          args=(Arg(name="state", type="s", help="cold, loading, warm, speaking or failed"),
                Arg(name="fraction", type="f", help="of loading"),
                Arg(name="text", type="s", help="its stage, or why it failed")),
          help="How ready a voice is to speak."),
    Route(address="/voice/{voice}/vram", read=readers.voice_figure(lambda f: f.megabytes), stream=True,
          args=(Arg(name="megabytes", type="f"),),
          help="What a voice's model takes of the memory that it lies in, in MB; 0: it is not loaded, or has none."),
    Route(address="/voice/{voice}/rtf", read=readers.voice_figure(lambda f: f.real_time_factor), stream=True,
          args=(Arg(name="real_time_factor", type="f"),),
          help="How many seconds a voice works for a second of sound, as learnt from its lines; 0: it has said none."),
    Route(address="/voices", read=readers.voices, repeated=True, args=(Arg(name="voice", type="s"),),
          changed=(told.VoicesChanged,), help="The ids of all voices."),

    # takes and profiles, from the store
    Route(address="/takes", handler="takes", args=(Arg(name="clip", type="s"),), answer="/takes/end",
          answers="s:clip i:count",
          help="One /takes i:take i:seed s:state s:made i:here s:note per take of a clip's line, then /takes/end."
               " state: locked, chosen or empty; here: whether its sound lies in the cache."),
    Route(address="/takes/new", command=do.MakeTake, job=True, args=(Arg(name="clip", type="s"), _SEED),
          help="Have one more take made of a clip's line, with a seed or one that no take has; the clip plays on as it"
               " is. /done tells the take's number."),
    Route(address="/takes/choose", handler="take_choose", args=_TAKE, answers="i:seed",
          help="Have a clip play a take: its seed is written into the story."),
    Route(address="/takes/lock", handler="take_lock", args=_TAKE, answers="i:seed",
          help="Have a clip play a take and keep it, whatever its voice becomes."),
    Route(address="/takes/unlock", handler="take_unlock", answer="", args=(Arg(name="clip", type="s"),),
          help="Let a clip's line be spoken as its voice is."),
    Route(address="/takes/note", handler="take_note", answer="", args=(*_TAKE, Arg(name="note", type="s")),
          help="Write a note beside a take."),
    Route(address="/profiles", handler="profiles", answer="/profiles/end", answers="i:count",
          help="One /profiles s:profile s:name s:backend s:language i:samples f:seconds per cloned voice, then"
               " /profiles/end."),
    Route(address="/profiles/show", handler="profile_show", args=(_PROFILE,), answer="/profiles/show/end",
          answers="s:profile i:count s:consent s:effects s:settings",
          help="One /profiles/show i:number s:name f:seconds s:text per sample of a profile, then /profiles/show/end."),
    Route(address="/profiles/check", handler="profile_check", args=(_SAMPLE,), answer="/profiles/check/end",
          answers="s:file i:count",
          help="Check an audio file of the story's folder: one /profiles/check s:what f:value s:unit s:advice per thing"
               " found, then /profiles/check/end. No advice: it is well."),
    Route(address="/profiles/add", handler="profile_add", answers="s:profile i:count",
          args=(_PROFILE, Arg(name="consent", type="s", help="who agreed to be cloned, and when"),
                Arg(name="files", type="s", listed=True, help="of the story's folder, as an array or with commas"),
                Arg(name="name", type="s", optional=True),
                Arg(name="backend", type="s", optional=True, help="pocket unless it is given"),
                Arg(name="language", type="s", optional=True, help="en unless it is given"),
                Arg(name="listen", type="s", optional=True,
                    help="a model that writes down what is said in the samples: whisper-small"),
                Arg(name="effects", type="s", optional=True, help="of every take: highpass: {cutoff_hz: 80}, gain"),
                Arg(name="texts", type="s", optional=True, listed=True,
                    help="what is said in each sample, as an array or a line each")),
          help="Make a voice of samples; it speaks from then on wherever its id stands. What is found in them is told"
               " as by /profiles/check."),
    Route(address="/profiles/set", handler="profile_set", answer="",
          args=(_PROFILE, Arg(name="key", type="s", help="name, language, backend, effects or settings.NAME"),
                Arg(name="value", type="s", help="as in a preset: highpass: {cutoff_hz: 80}; empty: the default")),
          help="Change what a profile speaks with; its lines are spoken so from their next take on."),
    Route(address="/profiles/text", handler="profile_text", answer="",
          args=(_PROFILE, Arg(name="number", type="i"), Arg(name="text", type="s")),
          help="Say what is said in a sample of a profile."),
    Route(address="/profiles/export", handler="profile_export", args=(_PROFILE, _ARCHIVE), answers="s:file",
          help="Write a profile into one file of the story's folder, with its samples, texts and consent."),
    Route(address="/profiles/import", handler="profile_import",
          args=(_ARCHIVE, Arg(name="profile", type="s", optional=True)), answers="s:profile",
          help="Keep the profile of an archive in the story's folder, under another id if one is given."),
    Route(address="/profiles/remove", handler="profile_remove", args=(_PROFILE,), answer="",
          help="Forget a profile and its samples; refused while the story needs it."),
    *LIBRARY_ROUTES,

    # cues
    Route(address="/go", trigger=True, command=do.GoCue, help="Fire the cue of the first list that stands by."),
    Route(address="/back", trigger=True, command=do.GoBack, help="Have the cue before it stand by."),
    Route(address="/standby", command=do.StandBy, args=(_CUE,), help="Have a cue stand by: GO fires it next."),
    Route(address="/cue/next", read=readers.next_cue, args=(_CUE,), changed=(told.PlayheadMoved,),
          help="The cue that GO fires next, an empty text at the list's end."),
    Route(address="/cue/go", trigger=True, command=do.GoCue, args=(_CUE,), help="Fire a cue that is named beside."),
    Route(address="/cue/stop", trigger=True, command=do.StopCue, args=(_CUE, _FADE),
          help="Fade out what a cue plays that is named beside."),
    *_cue_rows("/cue/{cue}", ""),
    Route(address="/cuelist/{cuelist}/go", trigger=True, command=do.GoCue,
          help="Fire the cue of that list that stands by."),
    Route(address="/cuelist/{cuelist}/stop", trigger=True, command=do.StopList, args=(_FADE,),
          help="Fade out what the cues of that list play, and forget their waits."),
    Route(address="/cuelist/{cuelist}/back", trigger=True, command=do.GoBack,
          help="Have the cue of that list before it stand by."),
    Route(address="/cuelist/{cuelist}/standby", command=do.StandBy, args=(_CUE,),
          help="Have a cue of that list stand by."),
    Route(address="/cuelist/{cuelist}/playhead", read=readers.next_cue, args=(_CUE,), changed=(told.PlayheadMoved,),
          help="The cue that stands by, an empty text at the list's end."),
    Route(address="/cuelist/{cuelist}/next", read=readers.following_cue, args=(_CUE,), changed=(told.PlayheadMoved,),
          help="The cue that stands by after the next GO."),
    *_cue_rows("/cuelist/{cuelist}/cue/{cue}", " of that list"),
    Route(address="/pauseall", trigger=True, command=do.PauseAll,
          help="Hold everything: players, cues with their waits, the timeline."),
    Route(address="/resumeall", trigger=True, command=do.ResumeAll, help="Let everything go on."),
    Route(address="/prompt", command=do.Prompt, args=(Arg(name="text", type="s"),),
          help="Speak to operator and actors, on the private bus only."),
    Route(address="/audition/stop", trigger=True, command=do.StopAudition, help="End an audition."),

    # slots
    Route(address="/slot/{bank}/{index}/trigger", trigger=True, press=_PRESSED,
          command=do.TriggerSlot, release=do.ReleaseSlot,
          help="Press a pad with a velocity of up to 1; 0 lets it go, which means something in gate mode."),
    Route(address="/slot/trigger", trigger=True, press=_PRESSED, args=(Arg(name="index", type="i"),),
          command=do.TriggerSlot, release=do.ReleaseSlot, implied=_first_bank, help="Press a pad of the first bank."),
    Route(address="/slot/release", trigger=True, args=(Arg(name="index", type="i"),), command=do.ReleaseSlot,
          implied=_first_bank, help="Let a pad of the first bank go."),
    Route(address="/slot/stop", trigger=True, args=(Arg(name="index", type="i"), _FADE), command=do.StopSlot,
          implied=_first_bank, help="Fade out what a pad of the first bank plays."),
    Route(address="/slot/{bank}/{index}/from", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          args=(_FROM_WORD,),
          help="Press a pad from a word of its line on: dragon, dragon#2 (the second one), #3 (the third word)."),
    Route(address="/slot/{bank}/{index}/from/seconds", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          args=(_FROM_TIME,), help="Press a pad from so far behind its beginning."),
    Route(address="/slot/{bank}/{index}/word", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          args=(Arg(name="word", type="s"),), help="Press a pad for one word of its line."),
    Route(address="/slot/{bank}/{index}/range", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          args=(Arg(name="word", type="s"), Arg(name="to_word", type="s")),
          help="Press a pad for some words of its line: from one to another."),
    Route(address="/slot/{bank}/{index}/note", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          release=do.ReleaseSlot, args=(Arg(name="semitones", type="f", spec=SEMITONES),),
          help="Press a pad at another pitch, faster as it is higher; each note has the pad's mode for itself."),
    Route(address="/slot/{bank}/{index}/words", read=readers.slot_words, repeated=True, changed=(told.SlotChanged,),
          args=(Arg(name="word", type="s"), Arg(name="start_frame", type="f", seconds=True)),
          help="The words of a pad's line as they are named, and when each starts, over and over."),
    Route(address="/slot/{bank}/{index}/audition", trigger=True, command=do.AuditionSlot,
          help="Play a pad on the private bus only."),
    Route(address="/slot/{bank}/{index}/cold", command=do.SetSlotCold, read=readers.slot_cold,
          args=(Arg(name="cold", type="s", help="wait, last or skip"),), changed=(told.SlotColdChanged,),
          help="What a pad does whose take is not there: sound while it is made, play the take before it, or skip."),
    Route(address="/slot/bank", command=do.SelectBank, read=readers.slot_bank, args=(Arg(name="bank", type="s"),),
          changed=(told.BankSelected,),
          help="The bank of pads at hand, whose takes are made and loaded first; pressing a pad selects its bank."),
    Route(address="/slot/{bank}/{index}/down", trigger=True, press=_PRESSED, command=do.TriggerSlot,
          help="Press a pad, for senders with an address each for down and up."),
    Route(address="/slot/{bank}/{index}/up", trigger=True, command=do.ReleaseSlot, help="Let a pad go."),
    Route(address="/slot/{bank}/{index}/release", trigger=True, command=do.ReleaseSlot,
          help="Let a pad go: stops it in gate mode."),
    Route(address="/slot/{bank}/{index}/stop", trigger=True, command=do.StopSlot, args=(_FADE,),
          help="Fade out what a slot plays; a section ends while the timeline is inside it."),
    Route(address="/slot/{bank}/{index}/state", read=readers.slot_state, args=(_STATE,), changed=(told.SlotChanged,),
          help="How far a slot is."),
    Route(address=f"{_SLOT}/name", command=do.SetSlot, read=readers.slot(lambda s: s.name), args=(_NAME,),
          changed=(told.SlotEdited,), help="What a pad is called."),
    Route(address=f"{_SLOT}/mode", command=do.SetSlot, read=readers.slot(lambda s: s.mode),
          args=(Arg(name="mode", type="s", help="oneshot, gate, toggle, retrigger or layer"),),
          changed=(told.SlotEdited,), help="What a press of a pad does, from the next one on."),
    Route(address=f"{_SLOT}/choke", command=do.SetSlot, read=readers.slot(lambda s: s.choke or ""),
          args=(Arg(name="choke", type="s"),), changed=(told.SlotEdited,),
          help="The group of pads that stop each other; an empty text: none."),
    Route(address=f"{_SLOT}/quantise", command=do.SetSlot, read=readers.slot(lambda s: s.quantise),
          args=(Arg(name="quantise", type="s", help="none, beat, bar or grid"),), changed=(told.SlotEdited,),
          help="What a press of a pad waits for while the timeline runs."),
    Route(address=f"{_SLOT}/semitones", command=do.SetSlot, read=readers.slot(lambda s: s.manner.semitones),
          args=(Arg(name="semitones", type="f", spec=SEMITONES),), changed=(told.SlotEdited,),
          help="How high a pad is played, faster as it is higher, from the next press on."),
    Route(address=f"{_SLOT}/loop", command=do.SetSlot, read=readers.slot(lambda s: s.manner.loop),
          args=(Arg(name="loop", type="i", truth=True),), changed=(told.SlotEdited,),
          help="Whether a pad goes round what it plays until it is stopped, from the next press on."),
    Route(address=f"{_SLOT}/gain", command=do.SetSlot, read=readers.slot(lambda s: s.gain_db), args=(_LEVEL,),
          changed=(told.SlotEdited,), help="How loud a pad is played, from the next press on."),
    Route(address=f"{_SLOT}/gain/norm", command=do.SetSlot, read=readers.slot(lambda s: s.gain_db),
          args=(_LEVEL_NORM,), changed=(told.SlotEdited,), help="How loud a pad is played, as travel: unity at 0.75."),

    # clips
    Route(address=f"{_CLIP}/state", read=readers.clip_state, args=(_STATE,), changed=(told.ClipChanged,),
          help="How far a clip's take is."),
    Route(address=f"{_CLIP}/name", command=do.SetClip, read=readers.clip(lambda c: c.clip.name), args=(_NAME,),
          changed=(told.ClipEdited,), help="What a clip is called."),
    Route(address=f"{_CLIP}/track", command=edit.MoveClip, read=readers.clip(lambda c: c.track),
          args=(Arg(name="track", type="s"),), changed=(told.ClipEdited,), help="The track that a clip lies on."),
    *CLIP_ROUTES,
    Route(address=f"{_CLIP}/audio", read=readers.clip(lambda c: c.clip.audio or ""),
          args=(Arg(name="audio", type="s"),), changed=(told.ClipEdited,),
          help="The file that a clip plays; an empty text: it is a line."),
    Route(address=f"{_CLIP}/seed", command=do.SetClip,
          read=readers.clip(lambda c: c.clip.line.delivery.seed if c.clip.line else 0),
          args=(Arg(name="seed", type="i", spec=SEED),), changed=(told.ClipEdited,),
          help="What chance is drawn from when a clip's line is spoken: another seed is another take, made at once; "
               "until it is there the one before plays on the timeline."),
    Route(address=f"{_CLIP}/take", read=readers.clip(lambda c: c.take),
          args=(Arg(name="take", type="s", help="its digest"),), changed=(told.ClipChanged,),
          help="The take that a clip plays now; an empty text: none yet."),
    Route(address=f"{_CLIP}/gain", command=do.SetClip, read=readers.clip(lambda c: c.clip.gain_db), args=(_LEVEL,),
          changed=(told.ClipEdited,), help="How loud a clip is, from the next time on that it starts."),
    Route(address=f"{_CLIP}/gain/norm", command=do.SetClip, read=readers.clip(lambda c: c.clip.gain_db),
          args=(_LEVEL_NORM,), changed=(told.ClipEdited,), help="How loud a clip is, as travel: unity at 0.75."),
    Route(address=f"{_CLIP}/pan", command=do.SetClip, read=readers.clip(lambda c: c.clip.pan), args=(_PAN,),
          changed=(told.ClipEdited,), help="Pan of a clip, -1 left to 1 right."),
    Route(address=f"{_CLIP}/mute", command=do.SetClip, read=readers.clip(lambda c: c.clip.mute),
          args=(Arg(name="mute", type="i", truth=True),), changed=(told.ClipEdited,),
          help="Whether the timeline leaves a clip out; a cue or a pad plays it all the same."),
    Route(address=f"{_CLIP}/length", read=readers.clip_seconds(lambda c: c.length_frames),
          args=(Arg(name="length_frame", type="f", seconds=True, help="in seconds, -1: not known yet"),),
          stream=True, steady=readers.timeline, help="How long a clip sounds."),
    Route(address=f"{_CLIP}/words", read=readers.clip_words, repeated=True, changed=(told.ClipChanged,),
          args=(Arg(name="word", type="s"), Arg(name="start_frame", type="f", seconds=True)),
          help="The words of a clip's line as they are named, and when each starts in the clip, over and over."),

    # editing
    *EDIT_ROUTES,

    # the timeline
    Route(address="/transport/play", trigger=True, command=do.Play, help="Run the timeline from where it stands."),
    Route(address="/transport/stop", trigger=True, command=do.Stop, help="Stop the timeline; it stays where it is."),
    Route(address="/transport/pause", trigger=True, command=do.Stop, help="The same as stop: it stays where it is."),
    Route(address="/transport/continue", trigger=True, command=do.Play, help="The same as play: from where it stands."),
    Route(address="/transport/locate", command=do.Locate,
          args=(Arg(name="timeline_frame", type="f", seconds=True, help="in seconds; send d for exact frames"),),
          help="Move the timeline."),
    Route(address="/transport/chase", command=do.Chase,
          args=(Arg(name="timeline_frame", type="f", seconds=True, help="in seconds; send d for exact frames"),
                Arg(name="playing", type="i", truth=True)),
          help="Tell, about once a second, where a clock is that the timeline goes with: drifted more than 0.1 s "
               "away it is moved there, and after the engine's start, too. What somebody stopped stays so."),
    Route(address="/transport/marker", command=do.LocateMarker, args=(Arg(name="marker", type="s"),),
          help="Move the timeline to a marker."),
    Route(address="/transport/text", command=do.LocateText,
          args=(Arg(name="text", type="s"),
                Arg(name="number", type="i", optional=True, help="which time that it is said, from 1")),
          help="Move the timeline to where a text is said."),
    Route(address="/markers", read=readers.markers, repeated=True, stream=True, steady=readers.timeline,
          args=(Arg(name="marker", type="s"), Arg(name="timeline_frame", type="f", seconds=True),
                Arg(name="name", type="s")),
          help="The markers of the story, where each is, and what it is called, over and over."),
    Route(address="/transport/loop", command=_set_loop, read=readers.loop, args=_LOOP,
          changed=(told.TransportChanged,), help="Loop the timeline between two times; 0 0: no loop."),
    Route(address="/transport/playing", read=readers.playing, args=(Arg(name="playing", type="i", truth=True),),
          changed=(told.TransportChanged,), help="Whether the timeline runs."),
    Route(address="/transport/rate", read=readers.rate, args=(Arg(name="rate", type="f"),),
          changed=(told.TransportChanged,),
          help="How fast the timeline runs: 1, or 0 while it rests. It can't be set: what is spoken keeps its pace."),
    Route(address="/transport/position", read=readers.position, stream=True,
          args=(Arg(name="timeline_frame", type="f", seconds=True, help="in seconds"),),
          changed=(told.TransportChanged,), help="Where the timeline stands."),
    Route(address="/transport/beat", read=readers.beat, stream=True, args=(Arg(name="beat", type="f"),),
          changed=(told.TransportChanged,), help="Where the timeline stands in beats, from 0 over all bars."),
    Route(address="/transport/bar", read=readers.place(lambda p: p.bar, lambda p: p.beat, lambda p: p.beats_per_bar),
          stream=True, changed=(told.TransportChanged,),
          args=(Arg(name="bar", type="i"), Arg(name="beat", type="f"), Arg(name="beats_per_bar", type="i")),
          help="Where the timeline stands in bars and beats, counted from 1."),
    Route(address="/transport/tempo", read=readers.place(lambda p: p.tempo_bpm), stream=True, command=do.SetTempo,
          args=(_TEMPO,), changed=(told.TempoChanged,),
          help="The tempo where the timeline stands: the story's, or that of a DAW which is the clock. Setting it "
               "changes the story's from where that began: what stands at beats moves, what is spoken keeps its pace."),
    Route(address="/tempo", read=readers.tempo, repeated=True, changed=(told.TempoChanged, told.StoryReloaded),
          args=(_BAR, _TEMPO, _BEATS_PER_BAR),
          help="The story's tempos: the bar from which each holds, beats a minute and in a bar, over and over."),
    Route(address="/tempo/set", command=do.SetTempo,
          args=(_BAR, _TEMPO, replace(_BEATS_PER_BAR, optional=True)),
          help="Have the story go at a tempo from a bar on, until the next one that it has."),
    Route(address="/tempo/remove", command=do.RemoveTempo, args=(_BAR,),
          help="Have the story go on at a bar as before it; there is always one at bar 1."),
    Route(address="/transport/end", read=readers.end, changed=(told.StoryReloaded,),
          args=(Arg(name="timeline_frame", type="f", seconds=True, help="in seconds"),),
          help="Where the story ends."),

    # the mixer
    Route(address="/strip/{strip}/gain", command=do.SetStripGain, args=(_GAIN,),
          read=readers.strip(lambda s: s.gain_db), changed=(told.StripGainChanged,), help="Fader position."),
    Route(address="/strip/{strip}/gain/norm", command=do.SetStripGain, args=(_GAIN_NORM,),
          read=readers.strip(lambda s: s.gain_db), changed=(told.StripGainChanged,),
          help="Fader position as travel: unity at 0.75."),
    Route(address="/strip/{strip}/pan", command=do.SetStripPan, args=(_PAN,),
          read=readers.strip(lambda s: s.pan), changed=(told.StripPanChanged,), help="Pan, -1 left to 1 right."),
    Route(address="/strip/{strip}/pan/norm", command=do.SetStripPan, args=(_PAN_NORM,),
          read=readers.strip(lambda s: s.pan), changed=(told.StripPanChanged,), help="Pan as travel: centre at 0.5."),
    Route(address="/strip/{strip}/mute", command=do.SetStripMute, args=(Arg(name="mute", type="i", truth=True),),
          read=readers.strip(lambda s: s.mute), changed=(told.StripMuteChanged,), help="Mute."),
    Route(address="/strip/{strip}/solo", command=do.SetStripSolo, args=(Arg(name="solo", type="i", truth=True),),
          read=readers.strip(lambda s: s.solo), changed=(told.StripSoloChanged,), help="Solo."),
    Route(address="/strip/{strip}/send/{bus}", command=do.SetSendGain, args=(_GAIN,),
          read=readers.send, changed=(told.SendGainChanged,), help="What a strip gives to a bus, after its fader."),
    Route(address="/strip/{strip}/send/{bus}/norm", command=do.SetSendGain, args=(_GAIN_NORM,),
          read=readers.send, changed=(told.SendGainChanged,), help="A send as travel: unity at 0.75."),
    Route(address="/strip/{strip}/insert/{insert}/{param}", command=do.SetInsertParam, args=(_PARAM,),
          read=readers.insert_value, changed=(told.InsertParamChanged,),
          help="One parameter of an insert, in its own unit; inserts count from 1."),
    Route(address="/strip/{strip}/insert/{insert}/{param}/norm", command=do.SetInsertParam, args=(_PARAM_NORM,),
          read=readers.insert_value, changed=(told.InsertParamChanged,),
          help="One parameter of an insert, 0 to 1 over its range."),
    Route(address="/strip/{strip}/bypass/{insert}", command=do.SetInsertBypass,
          args=(Arg(name="bypass", type="i", truth=True),), read=readers.insert_bypass,
          changed=(told.InsertBypassChanged,), help="Take an insert out of the sound, or let it in again."),
    Route(address="/strip/{strip}/duck/{knob}", command=do.SetDuck,
          args=(Arg(name="value", type="f", spec=readers.duck_spec),), read=readers.duck_value,
          changed=(told.DuckChanged,),
          help="One knob of a strip's ducking: depth_db, threshold_db, attack_ms, hold_ms or release_ms."),
    Route(address="/strip/{strip}/reduction", read=readers.reduction, stream=True,
          args=(Arg(name="reduction_db", type="f"),), help="What ducking, or the master's limiter, takes away in dB."),
    Route(address="/master/limiter", command=do.SetLimiter, args=(Arg(name="limiter", type="i", truth=True),),
          read=readers.limiter_on, changed=(told.LimiterChanged,),
          help="The master's limiter: on or off. Off, it keeps its delay; one that is off from the start has none until"
               " it is switched on."),
    Route(address="/master/ceiling", command=do.SetLimiter, args=(_CEILING,), read=readers.limiter_ceiling,
          changed=(told.LimiterChanged,), help="The limiter's ceiling in dBTP, whether it is on or not."),
    Route(address="/master/ceiling/norm", command=do.SetLimiter, args=(_CEILING_NORM,), read=readers.limiter_ceiling,
          changed=(told.LimiterChanged,), help="The limiter's ceiling as travel, 0 to 1 over its range."),
    Route(address="/strip/{strip}/inserts", read=readers.inserts, repeated=True, changed=(told.InsertsChanged,),
          args=(Arg(name="effect", type="s"),), help="The effects of a strip's inserts, in order."),
    Route(address="/strip/{strip}/line", read=readers.strip_line, stream=True, args=(Arg(name="text", type="s"),),
          help="The line, or the sound file, that is heard on a track now; an empty text: nothing."),
    Route(address="/strip/{strip}/meter", read=readers.meter, args=_METER, stream=True, help="Meter in dBFS."),
    Route(address="/strip/{strip}/meter/norm", read=readers.meter_peak, stream=True,
          args=(Arg(name="peak_db", type="f", spec=FADER, norm=True),),
          help="Peak of a strip's louder side as travel, for widgets that show one value: full scale at 0.75."),
    Route(address="/strip/{strip}/meter/clip", read=readers.meter_clip, stream=True,
          args=(Arg(name="clip", type="i", truth=True),),
          help="Whether a strip's peak meter stands at full scale or above; it falls slowly."),
    Route(address="/loudness", read=readers.loudness, stream=True,
          args=tuple(Arg(name=n, type="f") for n in ("momentary", "short_term", "integrated", "true_peak")),
          help="Loudness of the master in LUFS: the last 400 ms, the last 3 s, gated since the reset; and its true peak"
               " in dBTP since then. Measured from the first time that somebody looks, and anew when another io process"
               " takes over (/event/process/replaced io). -100: nothing."),
    Route(address="/loudness/reset", handler="reset_loudness", answer="", help="Measure loudness from now on."),
    Route(address="/meters", read=readers.meters, args=(Arg(name="strip", type="s"), *_METER), repeated=True,
          stream=True, help="All meters in dBFS, over and over: id and four figures."),
    Route(address="/meters/blob", read=readers.meters_blob, args=(Arg(name="levels", type="b"),), stream=True,
          help="All meters in one blob: four floats of 32 bits, big-endian, per strip in the order of /strips."),
    Route(address="/strips", read=readers.strips, repeated=True, args=(Arg(name="strip", type="s"),),
          changed=(told.MixChanged, told.StoryReloaded), help="The ids of all strips: tracks, buses, the master."),

    # the same by arguments, for senders that can't write an id into an address
    Route(address="/strip/gain", command=do.SetStripGain, args=(_STRIP, _GAIN), help="Move a fader that is named."),
    Route(address="/strip/pan", command=do.SetStripPan, args=(_STRIP, _PAN), help="Pan a strip that is named."),
    Route(address="/strip/mute", command=do.SetStripMute, args=(_STRIP, Arg(name="mute", type="i", truth=True)),
          help="Mute a strip that is named."),
    Route(address="/strip/solo", command=do.SetStripSolo, args=(_STRIP, Arg(name="solo", type="i", truth=True)),
          help="Solo a strip that is named."),
    Route(address="/strip/send", command=do.SetSendGain, args=(_STRIP, _BUS, _GAIN),
          help="Set what a strip gives to a bus, both named."),

    # recording
    Route(address="/record/start", trigger=True, command=_record,
          args=(Arg(name="name", type="s", optional=True, help="of its folder; none, or empty: the time"),
                Arg(name="strips", type="s", optional=True, listed=True,
                    help="ids, spaces between or as an array; none: all but private ones")),
          help="Record the master and strips, each into a WAV of its own, and what is played as a story."),
    Route(address="/record/stop", trigger=True, command=do.StopRecording, help="End the recording."),
    Route(address="/record/status", read=readers.recording, stream=True,
          changed=(told.RecordingStarted, told.RecordingEnded),
          args=(Arg(name="state", type="s", help="off, on or ending"), Arg(name="name", type="s"),
                Arg(name="seconds", type="f"), Arg(name="lost_seconds", type="f"), Arg(name="folder", type="s")),
          help="How the recording goes. Lost is what the disk was too slow for: silence."),

    # captures: what somebody says into an input
    *CAPTURE_ROUTES,

    # network streams
    Route(address="/stream/start", command=do.StartStream,
          args=(Arg(name="name", type="s", help="as receivers know it: VBAN's stream, ReaStream's identifier"),
                Arg(name="kind", type="s", help="vban or reastream"), _STRIP, Arg(name="host", type="s"),
                Arg(name="port", type="i", optional=True, help="none, or 0: 6980 for VBAN, 58710 for ReaStream"),
                Arg(name="format", type="s", optional=True, help="of VBAN: int16, int24 or float32")),
          help="Send a strip's sound over the network."),
    Route(address="/stream/stop", command=do.StopStream, args=(Arg(name="name", type="s"),),
          help="Send it no more."),
    Route(address="/streams", read=readers.streams, repeated=True, stream=True, changed=(told.StreamChanged,),
          args=(Arg(name="name", type="s"), Arg(name="kind", type="s"), _STRIP, Arg(name="host", type="s"),
                Arg(name="port", type="i"), Arg(name="state", type="s", help="sending or failing"),
                Arg(name="packets", type="i"), Arg(name="lost_seconds", type="f"),
                Arg(name="text", type="s", help="what is wrong, or nothing")),
          help="What is sent over the network, over and over."),

    # further outputs
    Route(address="/output/start", command=do.StartOutput,
          args=(Arg(name="bus", type="s", help="a bus, a track or master"),
                Arg(name="device", type="s", optional=True, help="number, part of a name, null; or the system's")),
          help="Play a strip on a further device, whose clock is followed."),
    Route(address="/output/stop", command=do.StopOutput, args=(Arg(name="bus", type="s"),),
          help="Play it there no more."),
    Route(address="/outputs", read=readers.outputs, repeated=True, stream=True, changed=(told.FurtherOutputChanged,),
          args=(Arg(name="bus", type="s"), Arg(name="device", type="s"),
                Arg(name="state", type="s", help="playing or waiting"), Arg(name="sample_rate", type="i"),
                Arg(name="latency_seconds", type="f", help="beyond the engine's own"),
                Arg(name="fill_seconds", type="f", help="how much sound waits between the clocks"),
                Arg(name="ppm", type="f", help="by how much the engine's clock is faster than the device's"),
                Arg(name="lost_seconds", type="f"), Arg(name="text", type="s", help="what is wrong, or nothing")),
          help="What is played on further devices, over and over."),

    # sound from the network
    Route(address="/receive/start", command=do.StartReceiving,
          args=(Arg(name="name", type="s", help="as it is sent: VBAN's stream, ReaStream's identifier"),
                Arg(name="kind", type="s", help="vban or reastream"), _STRIP,
                Arg(name="port", type="i", optional=True, help="none, or 0: 6980 for VBAN, 58710 for ReaStream"),
                Arg(name="senders", type="s", optional=True,
                    help="whose packets are heard: none: this machine's; an address, a network, or any")),
          help="Hear a stream from the network on a strip, whose clock is followed."),
    Route(address="/receive/stop", command=do.StopReceiving, args=(Arg(name="name", type="s"),),
          help="Hear it no more."),
    Route(address="/receivers", read=readers.receivers, repeated=True, stream=True, changed=(told.ReceivingChanged,),
          args=(Arg(name="name", type="s"), Arg(name="kind", type="s"), _STRIP, Arg(name="port", type="i"),
                Arg(name="state", type="s", help="playing, waiting or failing"),
                Arg(name="sender", type="s", help="whose it is now"), Arg(name="packets", type="i"),
                Arg(name="refused", type="i", help="packets of others"), Arg(name="lost_seconds", type="f"),
                Arg(name="latency_seconds", type="f"), Arg(name="fill_seconds", type="f"),
                Arg(name="ppm", type="f", help="by how much the sender's clock is faster than the engine's"),
                Arg(name="text", type="s", help="what is wrong, or nothing")),
          help="What is heard from the network, over and over."),

    # automation
    Route(address="/automation/point", command=do.SetPoint,
          args=(_STRIP, Arg(name="target", type="s", help="gain_db, pan, send.BUS or insert.NUMBER.PARAMETER"),
                Arg(name="timeline_frame", type="f", seconds=True, help="in seconds; send d for exact frames"),
                Arg(name="value", type="f"), Arg(name="curve", type="s", optional=True, help="linear, smooth or hold")),
          help="Have the timeline turn a knob: put a point into its lane. What a live command turns wins until the"
               " timeline is started or located."),
    Route(address="/automation/point/remove", command=do.RemovePoint,
          args=(_STRIP, Arg(name="target", type="s"),
                Arg(name="timeline_frame", type="f", seconds=True, help="in seconds, 5 ms beside it at most")),
          help="Take a point out of its lane; with its last point a lane goes."),
    Route(address="/automation/points", handler="automation_points",
          args=(_STRIP, Arg(name="target", type="s", optional=True, help="none: all that the timeline turns")),
          answer="/automation/points/end", answers="s:strip i:count",
          help="One /automation/points s:strip s:target f:seconds f:value s:curve per point, in the order in which the"
               " timeline meets them, then /automation/points/end. /strip/{strip}/automation is told whenever they"
               " are others."),
    Route(address="/automation/clear", command=do.ClearAutomation, args=(_STRIP, Arg(name="target", type="s")),
          help="Take a lane away."),
    Route(address="/strip/{strip}/automation", read=readers.automation, repeated=True,
          changed=(told.AutomationChanged,), args=(Arg(name="target", type="s"),), help="What the timeline turns."),

    # snapshots of the mix
    Route(address="/snapshot/{snapshot}/recall", trigger=True, command=do.RecallSnapshot, args=(_RECALL,),
          help="Bring a snapshot of the mix back within a fade: faders, pans, mutes, sends, insert parameters."),
    Route(address="/snapshots", read=readers.snapshots, repeated=True, changed=(told.SnapshotsChanged,),
          args=(Arg(name="snapshot", type="s"),), help="The story's snapshots."),
    Route(address="/snapshot/store", command=do.StoreSnapshot, args=(Arg(name="snapshot", type="s"),),
          help="Keep the mix as it is now under an id, in the story."),
    Route(address="/snapshot/remove", command=do.RemoveSnapshot, args=(Arg(name="snapshot", type="s"),),
          help="Forget a snapshot."),

    # the mix itself, while it plays
    Route(address="/mix/load", command=do.LoadMix, args=(Arg(name="mix", type="s"),),
          help="Give the strips the inserts, sends and buses of a mix preset, by its id."),
    Route(address="/mix/insert/add", command=do.AddInsert,
          args=(_STRIP, Arg(name="effect", type="s"), Arg(name="position", type="i", optional=True)),
          help="Put an effect into a strip, before the insert at that position, else behind the last. A plug-in is"
               " plugin: and its name or path."),
    Route(address="/mix/insert/state", command=do.SetInsertState,
          args=(_STRIP, Arg(name="insert", type="i"),
                Arg(name="state", type="s", encoded=True, help="a blob, or base64")),
          help="Give a plug-in another state; its parameters are then what the state says. `cuevox plugins state` makes"
               " one."),
    Route(address="/mix/insert/remove", command=do.RemoveInsert, args=(_STRIP, Arg(name="insert", type="i")),
          help="Take an effect out of a strip; what still sounds of it rings out."),
    Route(address="/mix/insert/move", command=do.MoveInsert,
          args=(_STRIP, Arg(name="insert", type="i"), Arg(name="position", type="i")),
          help="Put an insert at another place among its strip's inserts."),
    Route(address="/plugins", read=readers.plugins, repeated=True, changed=(told.PluginChanged, told.PluginsScanned),
          args=tuple(Arg(name=n, type="s") for n in ("plugin", "state", "reason")),
          help="Every plug-in that is known, over and over: its name, ready, missing or quarantined, and why. Those of"
               " the story come first."),
    Route(address="/plugins/retry", command=do.RetryPlugin, args=(Arg(name="plugin", type="s"),),
          help="Try a plug-in again that was quarantined or missing; if it is sound, the strips that name it have it"
               " from then on. /event/plugin tells."),
    Route(address="/plugins/scan", command=do.ScanPlugins,
          help="Try every plug-in in the plug-in folders that has not been tried, in a process of its own."
               " /event/plugins/scanned tells."),
    Route(address="/mix/send/add", command=do.AddSend,
          args=(_STRIP, _BUS, Arg(name="gain_db", type="f", spec=FADER, optional=True)),
          help="Let a strip send to one more bus. Sends that would go round in a ring are refused."),
    Route(address="/mix/send/remove", command=do.RemoveSend, args=(_STRIP, _BUS), help="Take a send away."),
    Route(address="/mix/duck/add", command=do.AddDuck, args=(_STRIP, Arg(name="by", type="s")),
          help="Let a track make a strip softer while it plays: the voice over the music."),
    Route(address="/mix/duck/remove", command=do.RemoveDuck, args=(_STRIP, Arg(name="by", type="s")),
          help="Let a track make a strip softer no more."),
    Route(address="/mix/duck/look_ahead", command=do.SetDuckLookAhead,
          args=(_STRIP, Arg(name="look_ahead_ms", type="f", spec=DUCK["look_ahead_ms"])),
          help="Hear what ducks a strip that much sooner; the whole mix is that much later."),
    Route(address="/mix/track/add", command=do.AddTrack,
          args=(Arg(name="track", type="s"), Arg(name="voice", type="s", optional=True)),
          help="Add a track to the story, with a strip."),
    Route(address="/mix/track/remove", command=do.RemoveTrack, args=(Arg(name="track", type="s"),),
          help="Take a track and its clips away; refused while cues, slots or other clips need it."),
    Route(address="/mix/bus/add", command=do.AddBus, args=(_BUS,), help="Add a return bus."),
    Route(address="/mix/bus/remove", command=do.RemoveBus, args=(_BUS,),
          help="Take a bus and every send to it away; what still sounds of it rings out."),
    # MIDI
    Route(address="/midi/ports", handler="midi_ports", answer="/midi/ports/end", answers="i:count",
          help="One /midi/ports s:port s:surface i:lights per open port, then /midi/ports/end."),
    Route(address="/midi/learn", handler="midi_learn", answer="",
          args=(Arg(name="address", type="s"), Arg(name="options", type="s", optional=True)),
          help="Have the control that is moved next, within a minute, move or fire that address from now on; it is "
               "kept in a preset of its port. Options as in a preset: takeover: jump, invert: true. An empty address: "
               "forget what was to be learnt."),
    Route(address="/midi/bind", handler="midi_bind", answer="",
          args=(Arg(name="port", type="s", help="part of its name"), Arg(name="control", type="s", help="as in cc 7"),
                Arg(name="address", type="s"), Arg(name="options", type="s", optional=True)),
          help="Have a control move or fire an address, as if it had been learnt."),
    Route(address="/midi/unbind", handler="midi_unbind", answer="",
          args=(Arg(name="port", type="s"), Arg(name="control", type="s")), help="Forget what a control was taught."),
    Route(address="/midi/bindings", handler="midi_bindings", answer="/midi/bindings/end", answers="i:count",
          help="One /midi/bindings s:port s:control s:address s:options per control, then /midi/bindings/end."),
    Route(address="/midi/record", handler="midi_record", args=(Arg(name="name", type="s", optional=True),),
          answers="s:path", help="Take down the pads that are played from now on, for a file in the story's folder:"
          " pads.mid. Where the timeline runs, at its beats; else by the time since now."),
    Route(address="/midi/record/stop", handler="midi_record_stop", answers="s:path i:notes",
          help="End that and write the file, which midi: in a story plays again; /event/midi/recorded tells when."),
    Route(address="/midi/daw", handler="midi_daw", args=(Arg(name="button", type="s"),), answer="",
          help="Press a button of the DAW that uses our port `Cuevox Control` as a Mackie Control: play, stop, record, "
               "rewind, forward, marker, cycle or click."),
    Route(address="/midi/lights", handler="midi_lights", args=(Arg(name="on", type="i", truth=True),), answer="",
          help="Keep the devices' lights as the engine's state is, or leave them as they are; 1 shows all of it anew."),

    Route(address="/quit", handler="quit", answer="", help="End the engine."),

    # the story
    Route(address="/session/name", read=readers.title, args=(Arg(name="title", type="s"),),
          changed=(told.StoryReloaded,), help="What the story is called."),
    Route(address="/session/save", trigger=True, command=do.SaveStory, help="Write the changes into the story file."),
    Route(address="/session/load", command=do.LoadStory, args=(Arg(name="file", type="s", help="as in act2.yaml"),),
          help="Take over another story file of the same folder and sample rate; what sounds rings out. Edits that are "
               "not saved stay beside the file they belong to. /event/story/reloaded or /event/dropped tells."),
    Route(address="/session/reload", trigger=True, command=do.ReloadStory,
          help="Take over the story file as it is on disk."),
)


def _heard(port: EnginePort, frame: int) -> TimeTag:
    return TimeTag.from_unix(port.clock.time_at(frame))


def _verb(event: told.JobProgressed | told.JobDone | told.JobFailed) -> tuple[Value, Value]:
    return "/" + event.verb.lstrip("/"), _job(event.job)


def _job(job: str) -> Value:
    return int(job) if job.isascii() and job.isdecimal() else job


PUSHES: tuple[Push, ...] = (
    Push(address="/event/cue/started", event=told.CueStarted, types="st", names=("cue", "heard_at"),
         values=lambda port, e: (e.cue, _heard(port, e.actual_frame)), help="A cue's first frame sounds at that time."),
    Push(address="/event/cue/ended", event=told.CueEnded, types="s", names=("cue",),
         values=lambda _, e: (e.cue,), help="A cue's last player ended."),
    Push(address="/event/cue/renumbered", event=told.CueRenumbered, types="sss", names=("cuelist", "cue", "number"),
         values=lambda _, e: (e.cuelist, e.cue, e.number), help="A cue has another number. Subscribers hear all anew."),
    Push(address="/event/cue/sent", event=told.MessageDue, types="sst", names=("cue", "message", "heard_at"),
         values=lambda port, e: (e.cue, describe(e.message), _heard(port, e.frame)),
         help="A cue sends a message when that frame is heard."),
    Push(address="/event/prompt", event=told.Prompted, types="ss", names=("cue", "text"),
         values=lambda _, e: (e.cue, e.text), help="The prompter says this, for a cue that stands by now."),
    Push(address="/progress", topic="/job/{job}", event=told.JobProgressed, types="sifs",
         names=("verb", "job", "fraction", "stage"), values=lambda _, e: (*_verb(e), float(e.fraction), e.stage),
         help="How far a job is, 0 to 1. Also goes to the one who asked for it."),
    Push(address="/done", topic="/job/{job}", event=told.JobDone, types="sisf",
         names=("verb", "job", "result", "seconds"), values=lambda _, e: (*_verb(e), e.result, float(e.seconds)),
         help="A job is finished. Also goes to the one who asked for it."),
    Push(address="/fail", topic="/job/{job}", event=told.JobFailed, types="siss",
         names=("verb", "job", "code", "text"), values=lambda _, e: (*_verb(e), e.code, e.text),
         help="A job ended without its result. Also goes to the one who asked for it."),
    Push(address="/passage", topic="/job/{job}", event=told.PassageHeard, types="iffss",
         names=("job", "start_seconds", "end_seconds", "language", "text"),
         values=lambda _, e: (_job(e.job), float(e.start_seconds), float(e.end_seconds), e.language, e.text),
         help="What is said in a part of a recording that a job listens to. Also goes to the one who asked for it."),
    Push(address="/word", topic="/job/{job}", event=told.WordHeard, types="iffssf",
         names=("job", "start_seconds", "end_seconds", "text", "source", "confidence"),
         values=lambda _, e: (_job(e.job), float(e.start_seconds), float(e.end_seconds), e.text, e.source,
                              float(e.confidence)),
         help="A word of that part, what timed it, and how sure that is, 0 to 1."),
    Push(address="/late", event=told.StartedLate, types="sfi", names=("what", "late_ms", "sequence"),
         values=lambda _, e: (e.what, e.late_seconds * 1000.0, e.sequence),
         help="Something sounded later than asked. The sender of a bundle that came late always hears it."),
    Push(address="/event/dropped", event=told.Dropped, types="sss", names=("what", "code", "text"),
         values=lambda _, e: (e.what, e.code, e.text), help="Something that was asked for could not be done."),
    Push(address="/event/cold", event=told.PlayedCold, types="sss", names=("what", "did", "text"),
         values=lambda _, e: (e.what, e.did, e.text),
         help="Something was to sound whose take is not there: wait (it sounds while it is made), last, or skip."),
    Push(address="/event/dry", event=told.RanDry, types="sf", names=("what", "after_seconds"),
         values=lambda _, e: (e.what, e.after_seconds),
         help="What sounds while it is made ran out after so long; it faded out and waits for more."),
    Push(address="/event/refilled", event=told.WentOn, types="sf", names=("what", "gap_seconds"),
         values=lambda _, e: (e.what, e.gap_seconds), help="What ran out sounds again, after so much silence."),
    Push(address="/event/panic/begun", event=told.PanicBegun, types="", names=(),
         values=lambda _, __: (), help="Everything fades out, what was scheduled is forgotten; /event/panic follows."),
    Push(address="/event/panic", event=told.Panicked, types="", names=(),
         values=lambda _, __: (), help="Everything was silenced."),
    Push(address="/event/strip/failed", event=told.StripFailed, types="s", names=("strip",),
         values=lambda _, e: (e.strip,), help="An effect failed; the strip is silent until the story is reloaded."),
    Push(address="/event/snapshot/recalled", event=told.SnapshotRecalled, types="si", names=("snapshot", "left_out"),
         values=lambda _, e: (e.snapshot, len(e.left_out)), help="A snapshot is faded in."),
    Push(address="/event/mix/changed", event=told.MixChanged, types="s", names=("what",),
         values=lambda _, e: (e.what,), help="The mix has other strips, inserts or sends. Subscribers hear all anew."),
    Push(address="/event/plugin", event=told.PluginChanged, types="sss", names=("plugin", "state", "reason"),
         values=lambda _, e: (e.plugin, e.state, e.reason),
         help="A plug-in is ready, missing or quarantined; strips play on without one that is not ready."),
    Push(address="/event/plugins/scanned", event=told.PluginsScanned, types="ii", names=("ready", "faulty"),
         values=lambda _, e: (e.ready, e.faulty), help="The plug-in folders have been gone through."),
    Push(address="/event/midi/heard", event=told.MidiHeard, types="sss", names=("port", "message", "effect"),
         values=lambda _, e: (e.port, e.message, e.effect), help="A device sent something, and what that did."),
    Push(address="/event/midi/port", event=told.MidiPortChanged, types="ssi", names=("port", "surface", "open"),
         values=lambda _, e: (e.port, e.surface, int(e.open)), help="A MIDI port was opened, or went away."),
    Push(address="/event/midi/learned", event=told.MidiLearned, types="sss", names=("port", "control", "address"),
         values=lambda _, e: (e.port, e.control, e.address), help="A control was taught an address."),
    Push(address="/event/midi/recorded", event=told.MidiRecorded, types="si", names=("path", "notes"),
         values=lambda _, e: (e.path, e.notes), help="Pads that were played lie in a file."),
    Push(address="/event/sync", event=told.SyncChanged, types="sssf",
         names=("source", "state", "timecode", "tempo_bpm"),
         values=lambda _, e: (e.source, e.state, e.timecode, float(e.tempo_bpm)),
         help="The clock that the timeline follows, and whether it is stopped, locking, locked or freewheel."),
    Push(address="/clock/source", event=told.ClockSourceChanged, types="ssss",
         names=("wanted", "source", "state", "priority"),
         values=lambda _, e: (e.wanted, e.source, e.state, e.priority),
         help="The timeline is to follow another clock, or the one that it follows changed its state."),
    *EDIT_PUSHES,
    Push(address="/event/story/saved", event=told.StorySaved, types="s", names=("path",),
         values=lambda _, e: (e.path,), help="The story's file holds every change."),
    Push(address="/event/story/changed", event=told.StoryChangedOnDisk, types="s", names=("path",),
         values=lambda _, e: (e.path,), help="Somebody else edited the story's file; /session/reload takes it over."),
    Push(address="/event/story/waiting", event=told.TurnsWaiting, types="ss", names=("path", "text"),
         values=lambda _, e: (e.path, e.text),
         help="Faders and knobs are turned, but can't be kept for now, as on a full disk; an empty text: all is kept."),
    Push(address="/event/story/reloaded", event=told.StoryReloaded, types="si", names=("path", "dropped"),
         values=lambda _, e: (e.path, len(e.dropped)), help="The engine plays the file as it is now."),
    Push(address="/event/record/started", event=told.RecordingStarted, types="ss", names=("name", "folder"),
         values=lambda _, e: (e.name, e.folder), help="A recording begins."),
    Push(address="/event/record/ended", event=told.RecordingEnded, types="sffsis",
         names=("name", "seconds", "lost_seconds", "story", "left_out", "text"),
         values=lambda _, e: (e.name, float(e.seconds), float(e.lost_seconds), e.story, len(e.left_out), e.text),
         help="A recording is written: to its end, or until what text says. story: the file of what was played;"
              " left_out: how much of it is no clip there, but a marker."),
    *CAPTURE_PUSHES,
    Push(address="/event/stream", event=told.StreamChanged, types="sss", names=("name", "state", "text"),
         values=lambda _, e: (e.name, e.state, e.text),
         help="A network stream is sent, fails, or is stopped. text: what is wrong, or nothing."),
    Push(address="/event/output/further", event=told.FurtherOutputChanged, types="sssfs",
         names=("bus", "device", "state", "lost_seconds", "text"),
         values=lambda _, e: (e.bus, e.device, e.state, float(e.lost_seconds), e.text),
         help="A strip on a further device: it plays, waits for it, is stopped, or sound was lost."),
    Push(address="/event/receive", event=told.ReceivingChanged, types="sssfs",
         names=("name", "strip", "state", "lost_seconds", "text"),
         values=lambda _, e: (e.name, e.strip, e.state, float(e.lost_seconds), e.text),
         help="A stream from the network plays, is waited for, fails or is stopped, or sound was lost."),
    Push(address="/event/disk/failing", event=told.DiskFailing, types="ss", names=("path", "text"),
         values=lambda _, e: (e.path, e.text),
         help="An audio file that plays from the disk can't be read; an empty text: it can, again."),
    Push(address="/event/disk/space", event=told.DiskSpaceChanged, types="sfs", names=("state", "free_mb", "folder"),
         values=lambda _, e: (e.state, float(e.free_mb), e.folder),
         help="The disk of the takes is low (below 2 GB), full (new takes are not kept), or ok again."),
    Push(address="/event/library/space", event=told.LibrarySpaceChanged, types="sff",
         names=("state", "used_mb", "max_mb"), values=lambda _, e: (e.state, float(e.used_mb), float(e.max_mb)),
         help="The library's sound takes more than 90 % of library_max_mb (low), more than all of it (full), or less."),
    Push(address="/event/library/pruned", event=told.LibraryPruned, types="iff", names=("sounds", "mb", "over_mb"),
         values=lambda _, e: (e.sounds, float(e.mb), float(e.over_mb)),
         help="Sounds made room by themselves (library_prune). over_mb: still too much, all of it needed."),
    Push(address="/event/source/failed", event=told.SourceFailed, types="ssss",
         names=("source", "users", "code", "text"), values=lambda _, e: (e.source, e.users, e.code, e.text),
         help="A sound file of the story is missing or can't be read, or a line can't be spoken. users: the clips, cues"
              " and slots that stay silent. Told once for each, also as a story is opened."),
    Push(address="/event/process/replaced", event=told.ProcessReplaced, types="ssf",
         names=("process", "reason", "silent_seconds"), values=lambda _, e: (e.process, e.reason, e.silent_seconds),
         help="A process (audio, control, voice, io) died or hung; another one took over after so long."),
    Push(address="/event/clock/jumped", event=told.TimeJumped, types="f", names=("seconds",),
         values=lambda _, e: (float(e.seconds),),
         help="The machine was suspended, or its clock set, by so much. What plays goes on, time tags follow."),
    Push(address="/event/output", event=told.OutputChanged, types="ss", names=("device", "missing"),
         values=lambda _, e: (e.device, e.missing),
         help="Another device plays; missing tells why it is not the one that was asked for."),
)
# fmt: on
