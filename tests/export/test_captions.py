"""Captions, read back by pysubs2 and webvtt-py: exact to the millisecond, nothing said lost."""

import html
import itertools
import re

import pysubs2
import pytest
import webvtt
from export_stories import RATE, Workshop, sound
from sessions import export_sessions

from engine.export.sessions.captions import LINE_CHARS, MOST_CHARS
from engine.export.spelling import spelled
from engine.speech.markup import shown
from engine.story.model import At, Clip, Line, Story, Track
from engine.voices.take import Take, Word

LONG = (
    "I would like to respond to the review, which I found hurtful; it says that I am wet, that I am cold, and that I "
    "was rude to a captain: I was waving!"
)


def speech(shop: Workshop) -> Story:
    """A long line, one with signs that VTT escapes, and one that is trimmed to its end."""
    clips = []
    for number, text in enumerate((LONG, "Fish & <chips>", "One two three four")):
        line, audio = Line(text=text, voice="v"), sound(96000, number)
        spans = [match.span() for match in re.finditer(r"[\w&<>]+", text)]
        step = len(audio) // len(spans)
        words = tuple(
            Word(text=text[a:b], start_frame=i * step, end_frame=(i + 1) * step, text_start=a, text_end=b)
            for i, (a, b) in enumerate(spans)
        )
        digest = f"{number + 90:064x}"
        take = Take(digest=digest, text=text, voice="v", sample_rate=RATE, frames=len(audio), channels=1, words=words)
        shop.cache.put(take, audio)
        shop.takes[line] = take
        trim = 48000 if number == 2 else 0
        clips.append(Clip(id=f"c{number}", start=At(frame=7 + 120_001 * number), line=line, trim_start_frames=trim))
    return Story(title="Speech", tracks=(Track(id="sea", name="The <sea>", clips=tuple(clips)),))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("captions"), speech, formats=("captions",))


def ms(frame: int) -> int:
    return round(1000 * frame / RATE)


def test_subrip_tells_everything_that_is_said_when_it_is_said(exported):
    read = pysubs2.load(str(exported.file("captions/*.srt")), keep_unknown_html_tags=True)
    assert re.sub(r"\\N|\n", " ", " ".join(event.text for event in read)) == (
        f"The <sea>: {LONG} Fish & <chips> three four"
    )
    starts = [event.start for event in read]
    assert starts[0] == ms(7)
    assert starts[-2:] == [ms(120_008), ms(240_009)]
    assert read[-1].end == ms(240_009 + 48000)
    for before, after in itertools.pairwise(read):
        assert before.start < before.end <= after.start


def test_long_lines_are_cut_at_words_into_even_pieces(exported):
    read = pysubs2.load(str(exported.file("captions/*.srt")))
    pieces = [event.plaintext for event in read if event.start < ms(120_000)]
    assert len(pieces) == 2
    for piece in pieces:
        assert len(piece) <= MOST_CHARS + 15
        assert all(len(line) <= LINE_CHARS for line in piece.splitlines())


def test_webvtt_names_speakers_and_times_words(exported):
    path = exported.file("captions/*.vtt")
    read = webvtt.read(str(path))
    assert [caption.voice for caption in read] == ["The &lt;sea&gt;"] * len(read)
    raw = path.read_text(encoding="utf-8")
    assert "Fish" in raw
    assert "&amp;" in raw
    stamps = [
        int(h) * 3_600_000 + int(m) * 60_000 + int(s) * 1000 + int(rest)
        for h, m, s, rest in re.findall(r"<(\d\d):(\d\d):(\d\d)\.(\d\d\d)>", raw)
    ]
    offset = 7
    words = exported.shop.takes[exported.story.tracks[0].clips[0].line].words
    wanted = {ms(offset + word.start_frame) for word in words[1:]}
    first_line = {stamp for stamp in stamps if stamp < ms(120_000)}
    assert first_line <= wanted
    assert len(first_line) == len(wanted) - 1, "the second piece's first word begins it"


def test_webvtt_and_lrc_say_every_sign_that_subrip_says(exported):
    read = webvtt.read(str(exported.file("captions/*.vtt")))
    said = " ".join(html.unescape(caption.text.replace("\n", " ")) for caption in read)
    assert said == f"{LONG} Fish & <chips> three four"
    lines = exported.file("captions/*.lrc").read_text(encoding="utf-8").splitlines()[2:]
    assert " ".join(re.sub(r"[<\[][\d:.]+[>\]]", "", line) for line in lines) == said


@pytest.mark.parametrize(
    "text", ["Say: „Hello“ – (you) well-known, 42!", "¿Qué? *Sí*, «no»…", 'She said:  "It\'s so."']
)
def test_spelled_words_are_together_the_line(text):
    words = tuple(
        Word(text="x", start_frame=0, end_frame=1, text_start=a, text_end=b)
        for a, b in (match.span() for match in re.finditer(r"\w+", text))
    )
    found = spelled(text, words)
    assert " ".join("".join(found).split()) == " ".join(shown(text).split())
    assert all(part.strip()[-1:].strip("„«(¿") for part in found), "an opening sign stays with its word"
    assert spelled(text, (*words, words[-1]))[-1] == "", "a second word of one place says nothing more"


def test_lrc_times_words_to_the_hundredth(exported):
    text = exported.file("captions/*.lrc").read_text(encoding="utf-8")
    assert text.startswith("[ti:Speech]\n")
    assert "[00:02.50]<00:02.50>Fish" in text


def test_another_reader_finds_the_lines_of_the_lrc(exported):
    pylrc = pytest.importorskip("pylrc", reason="pylrc is not installed")
    read = pylrc.parse(exported.file("captions/*.lrc").read_text(encoding="utf-8"))
    assert read.title == "Speech"
    starts = [round(line.time * 100) for line in read]
    assert starts[0] == round(100 * 7 / RATE)
    assert starts[-2:] == [round(100 * frame / RATE) for frame in (120_008, 240_009)]
    words = [re.sub(r"<[\d:.]+>", "", line.text).split() for line in read]
    assert words[-2:] == [["Fish", "&", "<chips>"], ["three", "four"]]


def test_a_caption_is_never_shorter_than_a_millisecond(tmp_path):
    def tick(shop: Workshop) -> Story:
        line = shop.line("T", sound(90, 1))
        return Story(title="T", tracks=(Track(id="t", clips=(Clip(id="c", start=At(frame=0), line=line),)),))

    exported = export_sessions(tmp_path, tick, formats=("captions",))
    (event,) = pysubs2.load(str(exported.file("captions/*.srt")))
    assert event.end > event.start
