"""A captured line on a track: at a place or where it was said, with its words, for edits, searches and exports."""

from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import soundfile

from engine.capture.kept import CAPTURES, Kept, write_kept
from engine.capture.placing import clip_of
from engine.edits import AddCapture, AddMarker, SplitClip
from engine.errors import BadRange, MediaError, UnknownThing
from engine.export.options import ExportOptions
from engine.export.plan import make_plan
from engine.export.sessions.captions import captions_of
from engine.render.cache import TakeCache
from engine.render.known_takes import CachedTakes
from engine.session.captures import NoCaptures
from engine.story.collect import collect
from engine.story.document import StoryDocument
from engine.story.edit_clips import edit_clips
from engine.story.finding import find_text
from engine.story.model import At, Story, Track
from engine.voices.beside import Said, keep_beside, words_beside
from engine.voices.catalog import load_catalog
from engine.voices.take import Word

RATE = 48_000
TEXT = "Who is there? Nobody."
WORDS = tuple(
    Word(text=TEXT[a:b], start_frame=first, end_frame=first + 9000, text_start=a, text_end=b, source="pocketsphinx")
    for (a, b), first in zip(((0, 3), (4, 6), (7, 12), (14, 20)), (4800, 14_400, 24_000, 48_000), strict=True)
)
KEPT = Kept(name="line", sample_rate=RATE, frames=72_000, first=90_000, pressed=96_000, text=TEXT, words=WORDS)


@pytest.fixture
def project(tmp_path):
    (tmp_path / CAPTURES).mkdir()
    soundfile.write(tmp_path / CAPTURES / "line.wav", np.full((72_000, 1), 0.1, np.float32), RATE, subtype="FLOAT")
    write_kept(tmp_path / CAPTURES, KEPT)
    return tmp_path


def known(project, rate=RATE):
    return CachedTakes(load_catalog([]), TakeCache(project / "takes"), rate, project)


def placed(project, **edit):
    story = Story(title="Dub", tracks=(Track(id="a"),))
    return edit_clips(story, clip_of(project, AddCapture(track="a", capture="line", **edit), RATE), known(project))


def test_it_goes_where_it_is_wanted_or_where_it_was_said(project):
    (clip,) = placed(project, place="2.5", clip="k").tracks[0].clips
    assert (clip.id, clip.start, clip.audio, clip.name) == ("k", At(frame=120_000), "captures/line.wav", TEXT)
    write_kept(project / CAPTURES, msgspec.structs.replace(KEPT, timeline=50_000))
    assert placed(project).tracks[0].clips[0].start == At(frame=44_000)  # it had begun 6,000 frames before the key
    assert placed(project, place="1").tracks[0].clips[0].start == At(frame=RATE)
    write_kept(project / CAPTURES, msgspec.structs.replace(KEPT, timeline=1000))
    assert placed(project).tracks[0].clips[0].start == At(frame=0)
    assert clip_of(project, AddCapture(track="a", capture="line"), 96_000).start_frame == 0


def test_an_address_and_a_command_tell_of_it(project, capsys):
    from bridge.cli.capture import list_captures
    from bridge.cli.edit import _command

    placing = AddCapture(track="a", capture="line", place="2.5", clip="k")
    assert _command("/capture/place", ["line", "a", 2.5, "k"], RATE) == placing
    list_captures(folder=project / CAPTURES, json=False)
    assert capsys.readouterr().out == f"line\t1.50\t4\t\t{TEXT}\n"


def test_what_is_no_capture_is_named_with_those_that_are(project):
    with pytest.raises(UnknownThing, match="no capture named 'lime'; there is: line"):
        NoCaptures(project).clip_of(AddCapture(track="a", capture="lime"))
    with pytest.raises(BadRange, match="letters, digits"):
        NoCaptures(project).clip_of(AddCapture(track="a", capture="../line"))
    with pytest.raises(UnknownThing):
        NoCaptures().clip_of(AddCapture(track="a", capture="line"))
    assert NoCaptures(project).names() == ("line",) and NoCaptures().names() == ()


def test_its_words_are_there_for_edits_and_searches(project):
    story = placed(project, place="1", clip="k")
    cut = edit_clips(story, SplitClip(clip="k", word="nobody", new="second"), known(project))
    assert [c.trim_start_frames for c in cut.tracks[0].clips] == [0, 48_000]
    (found,) = find_text(cut, "nobody", known(project))
    assert (found.clip, found.offset_frames) == ("second", 0)
    assert find_text(cut, "is there nobody", known(project)) == ()
    marked = edit_clips(story, AddMarker(marker="m", place="k:there"), known(project))
    assert marked.markers[0].at == At(frame=RATE + 24_000)
    assert [w.text for w in known(project).words(story.tracks[0].clips[0])] == ["Who", "is", "there?", "Nobody."]
    snapped = edit_clips(story, AddMarker(marker="m", place="1.7", snap="sentence within:0.5"), known(project))
    assert snapped.markers[0].at == At(frame=RATE + 33_000)


def test_words_beside_a_file_follow_its_rate_and_another_programs_file_is_none(project):
    sound = project / CAPTURES / "line.wav"
    assert [w.start_frame for w in words_beside(sound, RATE // 2, 36_000)] == [2400, 7200, 12_000, 24_000]
    assert words_beside(sound, RATE, 40_000)[-1].text == "there?"  # the last one lies behind the sound's end
    for said in (b"{", b'{"text": "x"}', b"[1]", b'{"text": "x", "sample_rate": 0, "words": []}', b"\xff"):
        sound.with_suffix(".json").write_bytes(said)
        assert words_beside(sound, RATE, 72_000) == ()
    sound.with_suffix(".json").unlink()
    assert words_beside(sound, RATE, 72_000) == ()
    said = Said(text=TEXT, sample_rate=RATE, words=WORDS)
    assert keep_beside(sound, said) == sound.with_suffix(".json")
    assert len(words_beside(sound, RATE, 72_000)) == 4
    with pytest.raises(MediaError, match=r"line\.json is there already"):
        keep_beside(sound, said)
    assert sorted(path.name for path in sound.parent.iterdir()) == ["line.json", "line.wav"]


def test_its_words_go_with_exports_and_with_the_collected_story(project):
    story = placed(project, place="1", clip="k")
    document = StoryDocument.create(project / "story.yaml", story)
    options = ExportOptions(formats=("captions",))
    made_at = datetime(2026, 5, 4, tzinfo=UTC)
    plan = make_plan(story, project, {}, TakeCache(project / "takes"), options, made_at)
    (caption,) = captions_of(SimpleNamespace(plan=plan, medium=plan.medium))
    assert caption.text == TEXT and (caption.start_frame, caption.end_frame) == (RATE, RATE + 72_000)
    assert [frame for frame, _ in caption.words] == [RATE + w.start_frame for w in WORDS]
    collect(document, project / "out")
    assert words_beside(project / "out/captures/line.wav", RATE, 72_000)
