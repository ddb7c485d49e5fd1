"""Composing a changed text in parts gives the tree that composing all of it gives."""

import pytest
from hypothesis import given
from stories import edited_stories, few, foreign_text, seeds, stories, text_of

from engine.errors import StoryError
from engine.story import recompose as module
from engine.story.nodes import Mapping, Scalar, compose
from engine.story.patch import edited, patches
from engine.story.recompose import recompose


def told(node):
    """Return a tree as plain values; where blocks end is left out."""
    if isinstance(node, Scalar):
        return "scalar", node.text, node.start, node.end, node.line, node.column, node.style
    place = node.start, node.line, node.column, node.flow, node.end if node.flow else None
    if isinstance(node, Mapping):
        assert node.fields == node.own == {key.text: value for key, value in node.entries}
        return "mapping", place, [(told(key), told(value)) for key, value in node.entries]
    return "list", place, [told(item) for item in node.items]


def check(text, edits):
    after, root = edited(text, edits), compose(text, "t")
    before = told(root)
    assert told(recompose(root, text, edits, after, "t")) == told(compose(after, "t"))
    assert told(root) == before, "the old tree stays as it is"


@few(20)
@given(edited_stories())
def test_a_patched_story_is_the_tree_that_all_of_it_is(pair):
    old, new = pair
    check(text_of(old), patches(text_of(old), old, new))


@few(20)
@given(edited_stories(), seeds())
def test_in_any_layout(pair, seed):
    old, new = pair
    text = foreign_text(old, seed).removeprefix("\ufeff")
    check(text, patches(text, old, new))


@few(8)
@given(stories(), stories())
def test_any_story_becomes_any_other(old, new):
    check(text_of(old), patches(text_of(old), old, new))


TEXT = """\
kind: story
tracks:
  # above
  - id: a
    clips:
      - {say: one}   # first
      - say: |
          two

      # between
      - {say: three}
    mute: no
  -
    id: b
    sends: {far: -3}
markers:
- {id: m}
- - {id: n}
  - {id: o}
"""


def edit(old, new, text=TEXT):
    assert text.count(old) == 1
    start = text.index(old)
    return start, start + len(old), new


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [edit("one", "another one")],
        [edit("one", "1"), edit("three", "3\\n"), edit("-3", "-12.5"), edit("{id: o}", "{id: oo, at: 3}")],
        [edit("      - {say: one}   # first\n", "")],
        [edit("      - {say: one}   # first\n", ""), edit("{say: three}", "{say: 3}")],
        [edit("\n      # between\n      - {say: three}", "")],
        [edit("two\n", "two\n          and\n          more\n")],
        [edit("    mute: no\n", "    mute: no\n    gain_db: -3\n")],
        [edit("{say: three}", "{say: three}\n      - {say: four}\n      # after it")],
        [edit("- {id: m}", "# new\n- {id: l}\n- {id: m}")],
        [edit("id: b", "# who\n    id: c")],
        [edit("kind: story", "kind:\n  story"), edit("far", "near")],
        [edit("tracks:", "title: T\ntracks:")],
    ],
)
def test_by_hand(edits):
    check(TEXT, sorted(edits))


def test_only_the_rows_around_an_edit_are_read(monkeypatch):
    read = []
    monkeypatch.setattr(module.nodes, "compose", lambda text, name: read.append(text) or compose(text, name))
    edits = [edit("one", "another one"), edit("far", "near")]
    recompose(compose(TEXT, "t"), TEXT, edits, edited(TEXT, edits), "t")
    assert read == ["      - {say: another one}   # first\n", "    sends: {near: -3}\n"]


@pytest.mark.parametrize("new", ["{say: 'one", "[", "x}\n  - y"])
def test_what_is_wrong_is_told_with_its_line_in_the_whole_text(new):
    edits = [edit("{say: one}", new)]
    text = edited(TEXT, edits)
    with pytest.raises(StoryError) as whole:
        compose(text, "t")
    with pytest.raises(StoryError) as parts:
        recompose(compose(TEXT, "t"), TEXT, edits, text, "t")
    assert str(parts.value) == str(whole.value)
