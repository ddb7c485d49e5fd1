"""The address table's rows of captures: lines that somebody says into an input, and voices that say them again."""

from __future__ import annotations

import engine.commands as do
import engine.edits as edits
import engine.events as told
from bridge import readers
from bridge.route import Arg, Push, Route
from engine.params import ParamSpec

PRE_ROLL = ParamSpec(low=0.0, high=60.0, default=2.0, unit="s")
CHANNEL = ParamSpec(low=0, high=64, default=0)

_CAPTURE = Arg(name="capture", type="s", help="its name")
_NEW = Arg(name="name", type="s", optional=True, help="of its files in captures/; empty: made up")
_TEXT = Arg(name="text", type="s", optional=True, help="what is said; empty: a listener finds out, if one is set")
_LANGUAGE = Arg(name="language", type="s", optional=True, help="its code, en unless given")


def _toggle() -> do.StartCapture:
    return do.StartCapture(toggle=True)


def _drop() -> do.StopCapture:
    return do.StopCapture(kept=False)


# fmt: off
CAPTURE_ROUTES: tuple[Route, ...] = (
    Route(address="/capture/arm", trigger=True, command=do.OpenInput,
          args=(Arg(name="device", type="s", optional=True,
                    help="a number, a part of its name, or file: and a file of the story's folder"),
                Arg(name="channel", type="i", spec=CHANNEL, optional=True, help="from 1; 0: the setting's"),
                Arg(name="right", type="i", spec=CHANNEL, optional=True, help="a second one; 0: none")),
          help="Listen to an input: its last seconds are kept, so that a capture begins before the key was pressed."),
    Route(address="/capture/disarm", trigger=True, command=do.CloseInput, help="Listen no more."),
    Route(address="/capture/start", trigger=True, command=do.StartCapture,
          args=(_NEW, _TEXT, _LANGUAGE,
                Arg(name="pre_seconds", type="f", spec=PRE_ROLL, optional=True, help="of what was heard before")),
          help="Capture a line; the input is opened if it isn't. In a bundle: from the frame of its time."),
    Route(address="/capture/stop", trigger=True, command=do.StopCapture,
          help="End the capture. It is trimmed, written down and told: /event/capture/ready."),
    Route(address="/capture/toggle", trigger=True, command=_toggle,
          help="Begin a capture, or end the one under way: for a single key or pad."),
    Route(address="/capture/cancel", trigger=True, command=_drop, help="End the capture and forget it."),
    Route(address="/capture/status", read=readers.captures, stream=True,
          changed=(told.InputChanged, told.CaptureStarted, told.CaptureEnded),
          args=(Arg(name="state", type="s", help="off, listening, capturing or ending"), Arg(name="device", type="s"),
                Arg(name="name", type="s"), Arg(name="seconds", type="f"), Arg(name="peak_db", type="f")),
          help="How listening goes."),
    Route(address="/capture/file", job=True, command=do.TakeFile,
          args=(Arg(name="file", type="s", help="as in voices/anna.wav"), _NEW, _TEXT, _LANGUAGE),
          help="Take a sound file of the story's folder as a capture."),
    Route(address="/capture/trim", job=True, command=do.TrimCapture,
          args=(_CAPTURE,
                Arg(name="start_frame", type="f", seconds=True, help="in all that was captured, pre-roll and all"),
                Arg(name="end_frame", type="f", seconds=True, help="in the same; /event/capture/ready has both")),
          help="Trim a capture by hand. Its words stay where they are said; it fades where it is cut. A clip that plays"
               " it is taken out first. /capture/untrim takes it back."),
    Route(address="/capture/untrim", job=True, command=do.UntrimCapture, args=(_CAPTURE,),
          help="Take the last trimming by hand back; the first one was by what was heard."),
    Route(address="/capture/again", job=True, command=do.SayAgain,
          args=(_CAPTURE, Arg(name="voice", type="s"), _NEW),
          help="Have a voice say a capture again, each word when it was said: /event/capture/spoken tells how well."),
    Route(address="/capture/place", command=edits.AddCapture,
          args=(Arg(name="capture", type="s", help="its name, or that of what a voice said after it"),
                Arg(name="track", type="s"),
                Arg(name="place", type="s", place=True, optional=True,
                    help="as in /clip/{clip}/move; empty: where it was said, if the timeline played then, else behind "
                         "the last"),
                Arg(name="clip", type="s", optional=True, help="its id; none: made up")),
          help="Put a captured line on a track as a clip, with its words. An edit like others: /undo takes it back."),
    Route(address="/captures", read=readers.capture_names, repeated=True, args=(_CAPTURE,),
          changed=(told.CaptureReady, told.CaptureSpoken),
          help="The names of all captures, and of what voices said after them."),
)

CAPTURE_PUSHES: tuple[Push, ...] = (
    Push(address="/event/input", event=told.InputChanged, types="ss", names=("device", "text"),
         values=lambda _, e: (e.device, e.text),
         help="An input is listened to; an empty device: none is, and text says why, or nothing."),
    Push(address="/event/capture/started", event=told.CaptureStarted, types="s", names=("name",),
         values=lambda _, e: (e.name,), help="A line is being captured."),
    Push(address="/event/capture/ended", event=told.CaptureEnded, types="sffis",
         names=("name", "seconds", "lost_seconds", "kept", "text"),
         values=lambda _, e: (e.name, float(e.seconds), float(e.lost_seconds), int(e.kept), e.text),
         help="A capture is on the disk, pre-roll and all; text: why it ended by itself."),
    Push(address="/event/capture/ready", event=told.CaptureReady, types="ssfsisff",
         names=("name", "file", "seconds", "text", "words", "note", "start_seconds", "end_seconds"),
         values=lambda _, e: (e.name, e.file, float(e.seconds), e.text, e.words, e.note, float(e.start_seconds),
                              float(e.end_seconds)),
         help="A capture is trimmed and written down; words: how many have their times. note: what could not be done."
              " start_seconds, end_seconds: the line's in all that was captured."),
    Push(address="/event/capture/spoken", event=told.CaptureSpoken, types="sssiiffff",
         names=("name", "voice", "file", "words", "left", "median_ms", "most_ms", "fastest", "slowest"),
         values=lambda _, e: (e.name, e.voice, e.file, e.words, e.left, float(e.median_ms), float(e.most_ms),
                              float(e.fastest), float(e.slowest)),
         help="A voice said a capture again. median_ms, most_ms: how far words begin from where they were captured."),
)
# fmt: on
