"""The pages in docs: generated ones are fresh, examples in them work, links lead somewhere."""

import re
from pathlib import Path

import pytest

from engine.mixer import effect_reference
from engine.mixer.effects import EFFECTS
from engine.story.document import read_story
from engine.story.model import PlayClip
from engine.voices.catalog import load_catalog

DOCS = Path(__file__).parent.parent / "docs"
STORY_PAGE = (DOCS / "story.md").read_text(encoding="utf-8")
LINKS = [
    (page, link)
    for page in sorted(DOCS.glob("*.md"))
    for link in re.findall(r"\]\(([^)h#][^)#]*)", re.sub(r"`[^`\n]*`", "", page.read_text()))  # code is no link
]


def test_the_effects_page_is_the_table():
    assert effect_reference.PAGE.read_text(encoding="utf-8") == effect_reference.page(), (
        "run: python -m engine.mixer.effect_reference"
    )


def test_the_example_of_the_story_page_is_a_story():
    (example,) = re.findall(r"```yaml\n(.*?)```", STORY_PAGE, re.DOTALL)
    effects = {name: {p: param.spec for p, param in spec.params.items()} for name, spec in EFFECTS.items()}
    story = read_story(example, "story.yaml", voices=load_catalog([]).presets.keys(), effects=effects)
    assert [track.id for track in story.tracks] == ["anna", "door"]
    assert story.cues[0].target == PlayClip(clip="knock")


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: getattr(value, "name", value))
def test_a_link_leads_somewhere(page, link):
    assert (page.parent / link).exists()
