"""Messages as lines of text: what is written reads as it was, and nothing else gets in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadPacket
from bridge.message import Double, Message, TimeTag
from bridge.text import MAX_WORDS, line, message


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("/say anna hello", ("anna", "hello")),
        ('/say anna "good evening"', ("anna", "good evening")),
        ('/x "1" 1 -2 2.5 .5 1e3 1.', ("1", 1, -2, 2.5, 0.5, 1000.0, 1.0)),
        ("/x true false nil", (True, False, None)),
        ('/x "a \\"b\\" \\\\ \\n"', ('a "b" \\ \n',)),
        ("/x @00000000000000ff", (TimeTag(255),)),
        ("/x -", ("-",)),
        ("/x 12a nan inf", ("12a", "nan", "inf")),
        ("  /x   a\t b  ", ("a", "b")),
        ('/x ""', ("",)),
    ],
)
def test_a_line_says(text, args):
    assert message(text) == Message("/x" if "/x" in text else "/say", args)


@pytest.mark.parametrize("text", ["", "x", "GET / HTTP/1.1", '/x "open', "/x " + "a " * (MAX_WORDS + 1)])
def test_what_is_no_line_is_refused(text):
    with pytest.raises(BadPacket):
        message(text)


VALUES = st.one_of(
    st.text(max_size=40), st.booleans(), st.none(), st.integers(-(1 << 31), (1 << 31) - 1),
    st.floats(allow_nan=False, allow_infinity=False).map(Double), st.integers(0, (1 << 64) - 1).map(TimeTag),
)  # fmt: skip


@given(st.lists(VALUES, max_size=8))
def test_what_is_written_reads_as_it_was(args):
    assert message(line(Message("/x", tuple(args)))).args == tuple(args)
    assert "\n" not in line(Message("/x", tuple(args)))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(BadPacket):
        assert message(text).address.startswith("/")
