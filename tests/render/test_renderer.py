"""Planning and rendering a whole story."""

import asyncio

import pytest

from engine.errors import MediaError, ModelMissing, VoiceError
from engine.render.cache import TakeCache
from engine.render.plan import plan
from engine.render.renderer import LinesFailed, render_lines, render_story
from engine.story.model import At, Clip, Cue, Line, PlayClip, PlaySection, Slot, SpeakLine, Story, Track
from engine.voices.catalog import Catalog
from engine.voices.preset import Preset, complete_settings

ONE, TWO, THREE, FOUR = (Line(text=f"Line {word}.", voice="plain") for word in ("one", "two", "three", "four"))


def clip(name: str, line: Line | None) -> Clip:
    return Clip(id=name, start=At(frame=0), line=line, audio=None if line else "x.wav")


def story_of(*lines: Line) -> Story:
    clips = tuple(clip(f"c{n}", line) for n, line in enumerate(lines))
    return Story(title="t", tracks=(Track(id="t", clips=clips),))


@pytest.fixture
def catalog():
    plain = Preset(id="plain", name="Plain", backend="espeak", settings=complete_settings("espeak", {}))
    return Catalog(presets={"plain": plain})


def test_a_plan_has_every_line_once_in_the_story_s_order():
    story = Story(
        title="t",
        tracks=(Track(id="t", clips=(clip("a", TWO), clip("b", ONE), clip("m", None), clip("c", TWO))),),
        cues=(
            Cue(id="1", target=SpeakLine(line=THREE, track="t")),
            Cue(id="2", target=PlayClip(clip="a")),
            Cue(id="3", target=PlaySection(from_marker="m")),
        ),
        slots=(
            Slot(bank="b", index=1, target=SpeakLine(line=ONE, track="t")),
            Slot(bank="b", index=2, target=SpeakLine(line=FOUR, track="t")),
        ),
    )
    assert plan(story) == (TWO, ONE, THREE, FOUR)


@pytest.mark.whole
def test_a_story_is_rendered_once_and_told(catalog, tmp_path):
    story, cache, told = story_of(ONE, TWO, ONE, THREE), TakeCache(tmp_path), []
    takes = render_story(story, catalog, cache, lambda *news: told.append(news))
    assert list(takes) == [ONE, TWO, THREE]
    assert all(cache.get(take.digest) == take for take in takes.values())
    assert sorted(done for _, done, _ in told) == [1, 2, 3] and {total for *_, total in told} == {3}
    assert {line for line, *_ in told} == {ONE, TWO, THREE}

    files = {p: p.read_bytes() for p in tmp_path.glob("*.wav")}
    assert render_story(story, catalog, cache) == takes
    assert {p: p.read_bytes() for p in tmp_path.glob("*.wav")} == files


@pytest.mark.whole
def test_every_line_that_cannot_be_spoken_is_named(catalog, tmp_path):
    bad = [Line(text="...", voice="plain"), Line(text="?!", voice="plain")]
    with pytest.raises(VoiceError) as error:
        render_story(story_of(ONE, *bad), catalog, TakeCache(tmp_path))
    told = str(error.value).splitlines()
    assert len(told) == 2
    assert told[0].startswith("line '...' of voice 'plain': there is nothing to speak")
    assert told[1].startswith("line '?!' of voice 'plain': there is nothing to speak")


def test_lines_of_about_one_length_are_spoken_together(catalog):
    asked = []

    class Pool:
        def __init__(self):
            self.catalog = catalog

        async def render(self, line, *, stored):
            asked.append(len(line.text))
            return line.text

    lines = [Line(text="x" * length, voice="plain") for length in (30, 3, 29, 4, 31, 2)]
    takes = asyncio.run(render_lines(Pool(), lines, ahead=2))
    assert asked == sorted(asked)
    assert list(takes) == lines


def test_a_model_that_is_not_there_stops_no_line_of_another_voice(catalog):
    class Pool:
        def __init__(self):
            self.catalog = catalog

        async def render(self, line, *, stored):
            if line.text == "Neural.":
                raise ModelMissing("the model pocket-tts is not on this machine")
            return line.text

    lines = [Line(text=text, voice="plain") for text in ("One.", "Neural.", "Two.")]
    with pytest.raises(LinesFailed, match=r"line 'Neural\.' of voice 'plain': the model pocket-tts is not") as error:
        asyncio.run(render_lines(Pool(), lines))
    assert list(error.value.failures) == [lines[1]] and sorted(error.value.takes.values()) == ["One.", "Two."]


@pytest.mark.whole
def test_wrong_markup_stops_no_other_line(catalog, tmp_path):
    cache = TakeCache(tmp_path)
    with pytest.raises(VoiceError, match="no such tag"):
        render_story(story_of(ONE, Line(text="[puase 1]", voice="plain"), TWO), catalog, cache)
    assert len(list(tmp_path.glob("*.wav"))) == 2


def test_unknown_voices_are_told_before_anything_is_spoken(catalog, tmp_path):
    strangers = [Line(text="Boo.", voice="gost"), Line(text="Ho.", voice="santa")]
    with pytest.raises(VoiceError) as error:
        render_story(story_of(ONE, *strangers), catalog, TakeCache(tmp_path))
    assert str(error.value).splitlines() == [
        "line 'Boo.' of voice 'gost': no voice named 'gost'; there is: plain",
        "line 'Ho.' of voice 'santa': no voice named 'santa'; there is: plain",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.whole
def test_a_cache_that_cannot_be_written_ends_the_rendering(catalog, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="can't be kept"):
        render_story(story_of(ONE, TWO, THREE), catalog, TakeCache(tmp_path / "file"))
