"""Lines and markers that scripts hand over: files of tab-separated lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.daws.lines import Spoken, Wanted, cast, copy_sound, read_order, row, unescaped
from bridge.daws.marks import Mark, read_marks, with_marks
from engine.errors import MediaError
from engine.story.model import After, At, Marker, Story

VOICES = ("narrator", "ghost", "old-keeper")
STORY = Story(
    title="x",
    sample_rate=48000,
    markers=(
        Marker(id="storm", name="The storm", at=At(frame=48000)),
        Marker(id="calm", at=After(clip="last")),
    ),
)


@settings(derandomize=True, max_examples=30)
@given(some.lists(some.text()))
def test_a_row_holds_any_text(fields):
    written = row(*fields)
    assert not {"\n", "\r"} & set(written)
    assert [unescaped(field) for field in written.split("\t")] == (fields or [""])


@pytest.mark.parametrize(
    ("track", "text", "voice", "spoken"),
    [
        ("Old Keeper", "Who is there?", "old-keeper", "Who is there?"),
        ("Old Keeper", "GHOST: Me.\nAgain.", "ghost", "Me.\nAgain."),
        ("Track 3", "Note: this.", "narrator", "Note: this."),
        ("", "At 10:30.", "narrator", "At 10:30."),
        ("Óld Kéeper", "GHÖST: Hü.", "ghost", "Hü."),
    ],
)
def test_who_speaks(track, text, voice, spoken):
    assert cast(Wanted(id="1", track=track, text=text), VOICES, "narrator") == (voice, spoken)


def test_what_ends_lines_elsewhere_stands_inside_texts(tmp_path):
    text = "Pasted\x0bfrom\u2028a word processor,\x85\r\nwith all its breaks."
    (tmp_path / "order").write_bytes((row("1", "Narrator", text) + "\r\n" + row("2", "x", "y") + "\n").encode())
    assert [wanted.text for wanted in read_order(tmp_path / "order")] == [text, "y"]
    (tmp_path / "marks").write_bytes(f"1\t0\t{row(text)}\n".encode())
    assert read_marks(tmp_path / "marks") == (
        Mark(seconds=1.0, name="Pasted from a word processor, with all its breaks."),
    )


def test_an_order_with_a_wrong_line_names_it(tmp_path):
    (tmp_path / "order").write_text("1\tNarrator\tHello.\n2\tNarrator\n")
    with pytest.raises(MediaError, match="line 2: an id, a track and a text"):
        read_order(tmp_path / "order")


def test_a_folder_that_is_none_is_told(tmp_path):
    (tmp_path / "file").touch()
    spoken = Spoken(voice="ghost", text="Who?", digest="0123456789", seconds=1.0)
    with pytest.raises(MediaError, match=r"ghost_who_01234567\.wav can't be written"):
        copy_sound(tmp_path / "file", spoken, tmp_path / "file" / "below")


def test_markers_move_and_come_and_none_goes():
    story, told = with_marks(
        STORY,
        [
            Mark(seconds=2.5, name="The storm"),
            Mark(seconds=5.0, name="calm"),
            Mark(seconds=7.0, name="Café!"),
            Mark(seconds=-1.0, name="before"),
        ],
        {"storm": 48000, "calm": 240000},
    )
    assert [(m.id, m.name, m.at) for m in story.markers] == [
        ("storm", "The storm", At(frame=120000)),
        ("calm", "", After(clip="last")),  # it lies where it lay: it goes on following its clip
        ("cafe", "Café!", At(frame=336000)),
    ]
    assert told == ("left out: before at -1 s", "moved: The storm to 2.5 s", "new: Café! at 7 s")


def test_two_of_a_name_are_two_and_ids_differ():
    story, _ = with_marks(Story(title="x"), [Mark(seconds=1, name="GO"), Mark(seconds=2, name="GO")], {})
    assert [m.id for m in story.markers] == ["go-2", "go-3"]  # `go` is reserved


def test_a_list_of_markers_that_is_none_is_told(tmp_path):
    (tmp_path / "marks").write_text("0\t0\ta\none\t2\tthree\n")
    with pytest.raises(MediaError, match="line 2: start and end in seconds"):
        read_marks(tmp_path / "marks")
