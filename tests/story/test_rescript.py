"""A script that was changed comes into the story that was made of it: what stayed in it stays as it is."""

import io
import zipfile

import pytest
from msgspec.structs import replace

from engine.errors import StoryError
from engine.story.checks import check_story
from engine.story.model import After, At, Cue, PlayClip
from engine.story.rescript import origins_of, update_story
from engine.story.script import deal, read_plain, story_of
from engine.story.script_documents import read_docx, read_epub, read_markdown
from engine.story.script_formats import read_subtitles

SCRIPT = "# Quay\nANNA: One.\nBERT: Two.\nANNA: Three.\nBERT: Four.\n"


def told(text):
    speeches, _ = read_plain(text, 0.4)
    return speeches


def made(text=SCRIPT):
    speeches = told(text)
    story = story_of(speeches, "t", deal(speeches, ("narrator", "ghost"), {}))
    return story, origins_of(story, speeches)


def updated(text, story, origins, voices=("narrator", "ghost")):
    speeches = told(text)
    found = update_story(story, origins, speeches, deal(speeches, voices, {}))
    assert check_story(found.story) == ()
    return found


def said(story):
    return {clip.id: clip.line.text for track in story.tracks for clip in track.clips}


def starts(found):
    return {clip.id: clip.start for track in found.story.tracks for clip in track.clips}


def test_the_same_script_changes_nothing():
    story, origins = made()
    found = updated(SCRIPT, story, origins)
    assert found.story == story
    assert found.changes == ()


def test_changed_new_and_gone_lines_are_told_and_the_rest_stays_placed():
    story, origins = made()
    anna, bert = story.tracks
    placed = replace(anna.clips[1], start=At(frame=99_000), gain_db=-3.0)
    story = replace(story, tracks=(replace(anna, clips=(anna.clips[0], placed)), bert))
    found = updated("# Quay\nANNA: One.\nBERT: Two, then.\nBERT: And more.\nANNA: Three.\n", story, origins)
    assert said(found.story) == {"anna-1": "One.", "anna-2": "Three.", "bert-1": "Two, then.", "bert-3": "And more."}
    assert found.story.tracks[0].clips[1] == placed
    assert {(change.clip, change.what) for change in found.changes} == {
        ("bert-1", "text"), ("bert-3", "new"), ("bert-2", "gone"),
    }  # fmt: skip


def test_a_line_that_moved_goes_on_after_its_new_neighbour_and_keeps_its_clip():
    story, origins = made()
    found = updated("# Quay\nANNA: Three.\nANNA: One.\nBERT: Two.\nBERT: Four.\n", story, origins)
    assert [origin.clip for origin in found.origins] == ["anna-2", "anna-1", "bert-1", "bert-2"]
    assert [change.what for change in found.changes] == ["moved"]
    assert starts(found) == {
        "anna-2": At(frame=0), "anna-1": After(clip="anna-2", gap_frames=19_200),
        "bert-1": After(clip="anna-1", gap_frames=19_200), "bert-2": After(clip="bert-1", gap_frames=19_200),
    }  # fmt: skip


def test_what_a_cue_plays_is_kept_and_what_the_script_never_had_is_left_alone():
    story, origins = made()
    story = replace(story, cues=(Cue(id="1", target=PlayClip(clip="bert-2")),))
    found = updated("# Quay\nANNA: One.\nBERT: Two.\nANNA: Three.\n", story, origins)
    assert [(change.clip, change.what) for change in found.changes] == [("bert-2", "kept")]
    assert updated("# Quay\nANNA: One.\n", story, ()).story.clips().keys() >= story.clips().keys()


def test_the_table_gives_another_voice():
    story, origins = made()
    found = updated(SCRIPT, story, origins, ("child", "ghost"))
    assert [track.voice for track in found.story.tracks] == ["child", "ghost"]
    assert [(change.clip, change.text) for change in found.changes] == [("anna-1", "child"), ("anna-2", "child")]


SUBTITLES = "".join(
    f"{number}\n00:00:{start} --> 00:00:59,000\n{text}\n\n"
    for number, start, text in ((1, "01,000", "One."), (2, "{},000", "Two."), (3, "{},500", "Two."))
)


def test_lines_follow_their_times_in_the_subtitles_unless_they_were_put_elsewhere():
    def told(*seconds):
        return read_subtitles(SUBTITLES.format(*seconds), 0.4)[0]

    story = story_of(told("03", "08"), "t", {"narrator": "narrator"})
    origins = origins_of(story, told("03", "08"))
    (track,) = story.tracks
    moved = replace(track.clips[2], start=At(frame=7))
    story = replace(story, tracks=(replace(track, clips=(*track.clips[:2], moved)),))
    found = update_story(story, origins, told("05", "10"), {"narrator": "narrator"})
    starts = [clip.start for clip in found.story.tracks[0].clips]
    assert starts == [At(frame=48_000), At(frame=5 * 48_000), At(frame=7)]
    assert [(change.clip, change.what, change.text) for change in found.changes] == [
        ("narrator-2", "time", "5 s: Two."), ("narrator-3", "placed", "10.5 s: Two."),
    ]  # fmt: skip
    again = update_story(found.story, found.origins, told("06", "10"), {"narrator": "narrator"})
    assert [change.what for change in again.changes] == ["time"]
    assert again.story.tracks[0].clips[1].start == At(frame=6 * 48_000)


def test_what_began_the_script_goes_on_after_what_begins_it_now():
    story, origins = made()
    found = updated("# Quay\nBERT: Hear, hear.\n" + SCRIPT.split("\n", 1)[1], story, origins)
    assert starts(found)["bert-3"] == At(frame=0)
    assert starts(found)["anna-1"] == After(clip="bert-3", gap_frames=19_200)


def test_markdown_is_read_as_prose():
    speeches, _ = read_markdown("---\na: b\n---\n# One\nIt *rained*.\n\nANNA: (low) Hm.\n\n```\nno\n```\n", 0.4)
    assert [(s.name, s.text, s.scenes, s.line) for s in speeches] == [
        ("narrator", "It rained.", ["One"], 5), ("ANNA", "Hm.", [], 7),
    ]  # fmt: skip


def test_word_documents_are_read_by_their_styles():
    docx = pytest.importorskip("docx", reason="needs python-docx, which `make test` installs")
    document, kept = docx.Document(), io.BytesIO()
    for name in ("Character", "Dialogue"):
        document.styles.add_style(name, docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    document.add_heading("One")
    document.add_paragraph("It rained.")
    document.add_paragraph("ANNA", style="Character")
    document.add_paragraph("Größe, is it?", style="Dialogue")
    document.save(kept)
    speeches, _ = read_docx(kept.getvalue(), 0.4)
    assert [(s.name, s.text, s.scenes) for s in speeches] == [
        ("narrator", "It rained.", ["One"]), ("Anna", "Größe, is it?", []),
    ]  # fmt: skip
    with pytest.raises(StoryError, match="this is no Word document"):
        read_docx(b"nothing", 0.4)


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="in/book.opf"/></rootfiles></container>',
        )
        book.writestr(
            "in/book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
            '<item id="b" href="two.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
        )
        book.writestr("in/one.xhtml", "<html><body><h1>One</h1><p>It <i>rained</i>.</p></body></html>")
        book.writestr("in/two.xhtml", "<html><body><h1>Two</h1><p>Still.</p></body></html>")
    speeches, _ = read_epub((tmp_path / "a.epub").read_bytes(), 0.4)
    assert [(s.text, s.scenes) for s in speeches] == [("It rained.", ["One"]), ("Still.", ["Two"])]


def test_what_is_no_book_is_told(tmp_path):
    with pytest.raises(StoryError, match="this is no EPUB book"):
        read_epub(b"nothing", 0.4)
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr("META-INF/container.xml", "<container/>")
    with pytest.raises(StoryError, match="its container names no book"):
        read_epub((tmp_path / "a.epub").read_bytes(), 0.4)
