"""File names that every system takes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.export.naming import MAX_NAME_CHARS, file_name, unique


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Narrator", "Narrator"),
        ("Hero / Ünï", "Hero_Ünï"),
        ("../../x", "x"),
        ("a:b*c?", "a_b_c"),
        ("CON", "CON_"),
        ("lpt1", "lpt1_"),
        (" . ", "untitled"),
        ("u\u0308", "ü"),
        ("tab\tnew\nline", "tab_new_line"),
    ],
)
def test_names_become_safe(name, expected):
    assert file_name(name) == expected


@given(st.text())
def test_whatever_the_name_the_file_can_exist(name):
    safe = file_name(name)
    assert 0 < len(safe) <= MAX_NAME_CHARS + 1
    assert not set(safe) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(c)[0] == "C" or c.isspace() for c in safe)
    assert safe[-1] not in ". "
    assert safe[0] != "."
    assert file_name(safe) == safe


@given(st.lists(st.sampled_from(["a", "A", "b", "a_2", "ß", "ss"])))
def test_unique_names_differ_however_a_system_compares(names):
    result = unique(names)
    assert len({name.casefold() for name in result}) == len(names)
    assert all(new.startswith(old) for new, old in zip(result, names, strict=True))
