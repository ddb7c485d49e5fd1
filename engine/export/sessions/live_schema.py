"""The schema of a Live 11 set as far as an arrangement needs it: trees of elements, from the format's facts.

A tree is a list of fields. ``"Name=value"`` is an element with a Value; ``("Name", [...])`` holds fields;
``("Name", {attributes}, [...])`` has attributes as well. ``id`` gives numbers that are unique in the whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from engine.export.sessions.xml import xml_text

Field = Any
NewId = Callable[[], str]

SILENT_SEND = 0.0003162277571
"""A send that is closed, -70 dB, linear."""

_NO_TRANSFORM: Field = (
    "AutomationTransformViewState",
    ["IsTransformPending=false", ("TimeAndValueTransforms", [])],
)

LOUDEST = 1.99526238
"""The top of a fader, +6 dB, linear."""


class Raw(str):
    """XML that is written already: what is the same in thousands of clips is written once."""


def markup(fields: Iterable[Field]) -> str:
    """Return a tree as XML. Text, not a tree of elements: a set of ten thousand clips has a million of them."""
    return "".join(_written(field) for field in fields)


def _written(field: Field) -> str:
    if isinstance(field, Raw):
        return field
    if isinstance(field, str):
        name, _, value = field.partition("=")
        return f"<{name} Value={_quoted(value)}/>\n"
    name, *rest = field
    attributes = "".join(f" {key}={_quoted(str(value))}" for key, value in rest[0].items()) if len(rest) > 1 else ""
    inner = markup(rest[-1])
    return f"<{name}{attributes}>\n{inner}</{name}>\n" if inner else f"<{name}{attributes}/>\n"


def _quoted(value: str) -> str:
    return f'"{value}"' if value.isalnum() else quoteattr(xml_text(value))


def lom(name: str) -> Field:
    """Return one of the wrappers that Live keeps for its scripting."""
    return (name, {"LomId": 0}, [])


def switch(name: str, on: bool, new_id: NewId, *, threshold: bool = True) -> Field:
    """Return an automatable switch."""
    return (
        name,
        [
            "LomId=0",
            f"Manual={str(on).lower()}",
            ("AutomationTarget", {"Id": new_id()}, ["LockEnvelope=0"]),
            *([("MidiCCOnOffThresholds", ["Min=64", "Max=127"])] if threshold else []),
        ],
    )


def knob(name: str, value: float, low: float, high: float, new_id: NewId, target: str | None = None) -> Field:
    """Return an automatable value. target: the id of its automation, where something else has to know it."""
    return (
        name,
        [
            "LomId=0",
            f"Manual={value:.10g}",
            ("MidiControllerRange", [f"Min={low:.10g}", f"Max={high:.10g}"]),
            ("AutomationTarget", {"Id": target or new_id()}, ["LockEnvelope=0"]),
            ("ModulationTarget", {"Id": new_id()}, ["LockEnvelope=0"]),
        ],
    )


def choice(name: str, value: int, new_id: NewId, target: str | None = None) -> Field:
    """Return an automatable choice."""
    return (
        name,
        ["LomId=0", f"Manual={value}", ("AutomationTarget", {"Id": target or new_id()}, ["LockEnvelope=0"])],
    )


def device_head(new_id: NewId) -> list[Field]:
    """Return what begins everything that Live counts as a device."""
    return [
        "LomId=0", "LomIdView=0", "IsExpanded=true", switch("On", True, new_id), "ModulationSourceCount=0",
        lom("ParametersListWrapper"), ("Pointee", {"Id": new_id()}, []), "LastSelectedTimeableIndex=0",
        "LastSelectedClipEnvelopeIndex=0", ("LastPresetRef", [("Value", [])]), ("LockedScripts", []),
        "IsFolded=false", "ShouldShowPresetName=false", "UserName=", "Annotation=", ("SourceContext", [("Value", [])]),
    ]  # fmt: skip


def mixer(
    *, gain: float, pan: float, on: bool, sends: Sequence[float], new_id: NewId, more: Sequence[Field] = ()
) -> Field:
    """Return a track's mixer. sends: linear, one per return."""
    holders = [
        (
            "TrackSendHolder", {"Id": number},
            [knob("Send", max(SILENT_SEND, level), SILENT_SEND, 1, new_id), "Active=true"],
        )
        for number, level in enumerate(sends)
    ]  # fmt: skip
    head = [field for field in device_head(new_id) if not (isinstance(field, tuple) and field[0] == "On")]
    head.insert(3, switch("On", True, new_id))
    return (
        "Mixer",
        [
            *head, ("Sends", holders), switch("Speaker", on, new_id), "SoloSink=false", "PanMode=0",
            knob("Pan", pan, -1, 1, new_id), knob("SplitStereoPanL", -1, -1, 1, new_id),
            knob("SplitStereoPanR", 1, -1, 1, new_id),
            knob("Volume", min(gain, LOUDEST), SILENT_SEND, LOUDEST, new_id),
            "ViewStateSesstionTrackWidth=93", choice("CrossFadeState", 1, new_id), lom("SendsListWrapper"), *more,
        ],
    )  # fmt: skip


def routing(name: str, target: str, upper: str, lower: str = "") -> Field:
    """Return where a track's signal comes from or goes to."""
    return (name, [f"Target={target}", f"UpperDisplayString={upper}", f"LowerDisplayString={lower}"])


def track_head(name: str, colour: int, envelopes: Sequence[Field] = ()) -> list[Field]:
    """Return what begins every kind of track."""
    return [
        "LomId=0", "LomIdView=0", "IsContentSelectedInDocument=false", "PreferredContentViewMode=0",
        ("TrackDelay", ["Value=0", "IsValueSampleBased=false"]),
        ("Name", [f"EffectiveName={name}", f"UserName={name}", "Annotation=", "MemorizedFirstClipName="]),
        f"Color={colour}", ("AutomationEnvelopes", [("Envelopes", envelopes)]), "TrackGroupId=-1",
        "TrackUnfolded=true", lom("DevicesListWrapper"), lom("ClipSlotsListWrapper"), "ViewData={}",
        ("TakeLanes", [("TakeLanes", []), "AreTakeLanesFolded=true"]), "LinkedTrackGroupId=-1",
    ]  # fmt: skip


def device_chain(
    mixer_field: Field, output: Field, sequencer: Sequence[Field] = (), freeze: Sequence[Field] = ()
) -> Field:
    """Return the chain of a track: routings, mixer, sequencers, no devices."""
    return (
        "DeviceChain",
        [
            ("AutomationLanes", [("AutomationLanes", []), "AreAdditionalAutomationLanesFolded=false"]),
            (
                "ClipEnvelopeChooserViewState",
                ["SelectedDevice=0", "SelectedEnvelope=0", "PreferModulationVisible=false"],
            ),
            routing("AudioInputRouting", "AudioIn/External/S0", "Ext. In", "1/2"),
            routing("MidiInputRouting", "MidiIn/External.All/-1", "Ext: All Ins"),
            output,
            routing("MidiOutputRouting", "MidiOut/None", "None"),
            mixer_field,
            *sequencer,
            *freeze,
            ("DeviceChain", [("Devices", []), ("SignalModulations", [])]),
        ],
    )  # fmt: skip


def sequencer(name: str, clips: Sequence[Field], scenes: int, new_id: NewId) -> Field:
    """Return an audio sequencer with the arrangement's clips."""
    targets = ("Volume", "Transposition", "GrainSize", "Flux", "SampleOffset")
    slots: list[Field] = [
        ("ClipSlot", {"Id": number}, ["LomId=0", ("ClipSlot", [("Value", [])]), "HasStop=true", "NeedRefreeze=true"])
        for number in range(scenes)
    ]
    return (
        name,
        [
            *device_head(new_id), ("ClipSlotList", slots), "MonitoringEnum=1",
            ("Sample", [("ArrangerAutomation", [("Events", clips), _NO_TRANSFORM])]),
            *((f"{target}ModulationTarget", {"Id": new_id()}, ["LockEnvelope=0"]) for target in targets),
            "PitchViewScrollPosition=-1073741824", "SampleOffsetModulationScrollPosition=-1073741824",
            ("Recorder", ["IsArmed=false", "TakeCounter=0"]),
        ],
    )  # fmt: skip


def envelope(number: int, target: str, events: Sequence[Field]) -> Field:
    """Return an automation envelope of the target with this id."""
    return (
        "AutomationEnvelope", {"Id": number},
        [
            ("EnvelopeTarget", [f"PointeeId={target}"]),
            ("Automation", [("Events", events), _NO_TRANSFORM]),
        ],
    )  # fmt: skip


def follow_action(jump: int) -> Field:
    """Return what Live does after a scene or a clip: nothing."""
    return (
        "FollowAction",
        [
            "FollowTime=4", "IsLinked=true", "LoopIterations=1", "FollowActionA=4", "FollowActionB=0",
            "FollowChanceA=100", "FollowChanceB=0", f"JumpIndexA={jump}", f"JumpIndexB={jump}",
            "FollowActionEnabled=false",
        ],
    )  # fmt: skip


def grid(*, fixed: bool) -> Field:
    """Return a grid of sixteenths."""
    return (
        "Grid",
        [
            "FixedNumerator=1", "FixedDenominator=16", "GridIntervalPixel=20", "Ntoles=2", "SnapToGrid=true",
            f"Fixed={str(fixed).lower()}",
        ],
    )  # fmt: skip


SET_TAIL: tuple[Field, ...] = (
    "GlobalQuantisation=4", "AutoQuantisation=0",
    grid(fixed=False),
    ("ScaleInformation", ["RootNote=0", "Name=Major"]), "InKey=false", "SmpteFormat=0",
    ("TimeSelection", ["AnchorTime=0", "OtherTime=0"]),
    ("SequencerNavigator", [
        ("BeatTimeHelper", ["CurrentZoom=0.1"]), ("ScrollerPos", {"X": 0, "Y": 0}, []),
        ("ClientSize", {"X": 888, "Y": 587}, []),
    ]),
    "ViewStateExtendedClipProperties=false", "IsContentSplitterOpen=true", "IsExpressionSplitterOpen=true",
)  # fmt: skip

SET_WRAPPERS = (
    "TracksListWrapper", "VisibleTracksListWrapper", "ReturnTracksListWrapper", "ScenesListWrapper",
    "CuePointsListWrapper",
)  # fmt: skip

SET_END: tuple[Field, ...] = (
    "ChooserBar=0", "Annotation=", "SoloOrPflSavedValue=true", "SoloInPlace=true", "CrossfadeCurve=2",
    "LatencyCompensation=2", "HighlightedTrackIndex=0", ("GroovePool", ["LomId=0", ("Grooves", [])]),
    "AutomationMode=false", "SnapAutomationToGrid=true", "ArrangementOverdub=false", "ColorSequenceIndex=0",
    ("AutoColorPickerForPlayerAndGroupTracks", ["NextColorIndex=0"]),
    ("AutoColorPickerForReturnAndMasterTracks", ["NextColorIndex=0"]), "ViewData={}",
    "UseWarperLegacyHiQMode=false",
    ("VideoWindowRect", dict.fromkeys(("Top", "Left", "Bottom", "Right"), -(2**31)), []),
    "ShowVideoWindow=true", "TrackHeaderWidth=93", "ViewStateArrangerHasDetail=true",
    "ViewStateSessionHasDetail=true", "ViewStateDetailIsSample=true",
    ("ViewStates", [
        "SessionIO=1", "SessionSends=1", "SessionReturns=1", "SessionMixer=1", "ArrangerMixer=1", "ArrangerIO=1",
        "ArrangerReturns=1",
    ]),
)  # fmt: skip
