"""What is prepared: the cues that stand by, wherever the playheads were moved to, and whatever moved them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.commands import GoBack, GoCue, Locate, StandBy, TriggerSlot
from engine.edits import AddLine, MoveMarker
from engine.errors import NotReady
from engine.events import CueChanged
from engine.realtime.records import Kind
from engine.story.model import At, Cue, FireCues, Line, Marker, PlaySection, Slot, SpeakLine, Story
from tests.session.studio import Studio, line, small_story

COUNT = 9


def spoken(*cues: Cue) -> Story:
    """Return a story of nothing but cues: numbers that speak themselves, then those given."""
    numbers = (Cue(id=f"{n}", target=SpeakLine(line=line(f"cue {n}"), track="voice")) for n in range(COUNT))
    tracks = (replace(small_story().tracks[0], clips=()),)
    return replace(small_story(), tracks=tracks, cues=(*numbers, *cues), slots=())


def prepared(studio: Studio) -> list[str]:
    """Return what is made first, a moment from now."""
    studio.session.advance()
    return [source.text for source in studio.loader.preferred if isinstance(source, Line)]


def test_a_cue_that_stands_by_is_prepared_while_the_timeline_rests() -> None:
    studio = Studio(spoken())
    assert prepared(studio) == ["cue 0", "cue 1"]
    studio.do(StandBy(cue="5"))
    assert prepared(studio) == ["cue 5", "cue 6"]
    studio.do(GoBack())
    assert prepared(studio) == ["cue 4", "cue 5"]


def test_what_follows_by_itself_has_the_next_prepared() -> None:
    story = spoken()
    waits = replace(story.cues[2], follow="end", post_wait_frames=96_000)
    studio = Studio(replace(story, cues=(*story.cues[:2], waits, *story.cues[3:])))
    studio.do(GoCue(cue="2"), 0)
    assert prepared(studio)[-2:] == ["cue 3", "cue 4"]
    studio.now = 98_000
    studio.session.advance()
    assert prepared(studio)[-2:] == ["cue 4", "cue 5"]


def test_the_cues_of_a_group_that_stands_by_are_prepared_in_its_place() -> None:
    studio = Studio(spoken(Cue(id="all", target=FireCues(cues=("7", "3")))))
    studio.do(StandBy(cue="all"))
    assert prepared(studio) == ["cue 7", "cue 3"]
    studio.do(GoBack())
    assert prepared(studio) == ["cue 8", "cue 7", "cue 3"]


def test_the_cues_of_a_group_that_the_timeline_passes_are_prepared() -> None:
    studio = Studio(spoken(Cue(id="all", target=FireCues(cues=("7", "3")), at=At(frame=96_000))))
    studio.do(Locate(timeline_frame=0))
    assert prepared(studio) == ["cue 0", "cue 1", "cue 7", "cue 3"]


def test_a_group_is_as_far_as_its_cues() -> None:
    studio = Studio(spoken(Cue(id="all", target=FireCues(cues=("7", "3")))), load=False)
    assert studio.session.cues.state("all") == "queued"
    studio.deliver(line("cue 7"))
    assert studio.session.cues.state("all") == "queued"
    studio.told.clear()
    studio.deliver(line("cue 3"))
    assert studio.told == [CueChanged(cue="3", state="ready"), CueChanged(cue="all", state="ready")]


def test_a_marker_behind_a_clip_that_is_still_being_made_is_in_nobodys_way() -> None:
    """The timeline is laid out as it was before, until the new clip's length is known."""
    sections = [PlaySection(from_marker="begin", to_marker=end) for end in ("end", "behind")]
    slots = tuple(Slot(bank="a", index=index, target=target) for index, target in enumerate(sections, 1))
    markers = (*small_story().markers, Marker(id="behind", at=At(frame=0)))
    studio = Studio(replace(small_story(), slots=slots, markers=markers))
    studio.do(AddLine(track="voice", text="brand new", clip="new"))
    studio.do(MoveMarker(marker="behind", place="after new"))
    studio.do(StandBy(cue="2"))
    assert prepared(studio)[0] == "curtain"
    studio.do(TriggerSlot(bank="a", index=1))
    assert studio.stage.kinds() == [Kind.LOCATE, Kind.PLAY, Kind.STOP_AT]
    with pytest.raises(NotReady, match="place of marker 'behind' is not known yet"):
        studio.do(TriggerSlot(bank="a", index=2))
    studio.deliver(line("brand new"))
    studio.session.publish()
    studio.do(TriggerSlot(bank="a", index=2))
    assert studio.stage.orders[-1]["value"] == 7090
