"""Patterns as OSC 1.0 has them, and // of 1.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadValue
from bridge.patterns import MAX_PATTERN, is_pattern, matches

MATCHING = [
    ("/strip/*/mute", "/strip/voice/mute"),
    ("/strip/v*e/mute", "/strip/voice/mute"),
    ("/strip/*/mute", "/strip//mute"),
    ("/cue/?/go", "/cue/1/go"),
    ("/cue/[0-9]?/go", "/cue/1a/go"),
    ("/cue/[!a-c]/go", "/cue/d/go"),
    ("/cue/[a-]/go", "/cue/-/go"),
    ("/{cue,slot}/1/state", "/slot/1/state"),
    ("/st{r,}ip/x", "/stip/x"),
    ("/x{a,ab}c", "/xabc"),
    ("/a**b", "/ab"),
    ("//", "/anything/at/all"),
    ("//norm", "/strip/voice/gain/norm"),
    ("/strip//norm", "/strip/voice/gain/norm"),
    ("/event//*", "/event/cue/started"),
    ("/plain", "/plain"),
]
DIFFERENT = [
    ("/strip/*", "/strip/voice/mute"),
    ("/strip/*/mute", "/strip/voice/solo"),
    ("/strip/*/mute", "/x/strip/voice/mute"),
    ("/strip/*/mute", "/strip/voice/mute/x"),
    ("/cue/?/go", "/cue/12/go"),
    ("/cue/[a-c]/go", "/cue/d/go"),
    ("/cue/[!a-c]/go", "/cue/b/go"),
    ("/cue/[c-a]/go", "/cue/b/go"),
    ("/{cue,slot}/1", "/slots/1"),
    ("/a.c", "/abc"),
    ("/strip//norm", "/strip/voice/gain"),
    ("/plain", "/plains"),
]
WILD_TEXT = st.text("/ab*?[]{},!-", max_size=30).map(lambda t: "/" + t)


@pytest.mark.parametrize(("pattern", "address"), MATCHING)
def test_a_pattern_matches(pattern, address):
    assert matches(pattern, address)


@pytest.mark.parametrize(("pattern", "address"), DIFFERENT)
def test_a_pattern_does_not_match(pattern, address):
    assert not matches(pattern, address)


@pytest.mark.parametrize("pattern", ["*", "", "/a[b", "/a{b", "/a]b", "/a}b", "/" + "*" * 17, "/?" + "x" * MAX_PATTERN])
def test_a_malformed_pattern_is_refused(pattern):
    with pytest.raises(BadValue):
        matches(pattern + "*", "/a")


@given(WILD_TEXT, st.text("/ab", max_size=20))
def test_any_pattern_matches_or_not_or_is_refused(pattern, address):
    try:
        assert matches(pattern, "/" + address) in (True, False)
    except BadValue:
        assert is_pattern(pattern)


@given(st.lists(st.text("ab-_1", min_size=1, max_size=4), min_size=1, max_size=4), st.data())
def test_a_star_stands_for_any_stretch_of_a_part(parts, data):
    address = "/" + "/".join(parts)
    index = data.draw(st.integers(0, len(parts) - 1))
    start = data.draw(st.integers(0, len(parts[index])))
    end = data.draw(st.integers(start, len(parts[index])))
    wild = [*parts[:index], parts[index][:start] + "*" + parts[index][end:], *parts[index + 1 :]]
    assert matches("/" + "/".join(wild), address)


def test_no_pattern_is_slow():
    """Hundreds of thousands of steps would be enough to notice; a backtracking matcher needs 2**16 of these."""
    assert not matches("/" + "*a" * 16, "/" + "a" * 200 + "b")
