"""The ledger: what was rendered is known after a kill, torn lines or not."""

import pytest

from engine.errors import MediaError
from engine.render.ledger import Ledger

ONE, TWO, THREE = ("1" * 40, "2" * 40, "3" * 40)


def test_what_is_noted_is_known_to_the_next(tmp_path):
    ledger = Ledger.of(tmp_path, tmp_path / "story.yaml")
    ledger.note(ONE)
    ledger.note(TWO)
    ledger.note(ONE)
    again = Ledger.of(tmp_path, tmp_path / "story.yaml")
    assert ONE in again and TWO in again and THREE not in again
    assert ONE not in Ledger.of(tmp_path, tmp_path / "other.yaml")


@pytest.mark.parametrize("torn", range(1, 42))
def test_a_torn_line_is_not_known_and_harms_no_other(tmp_path, torn):
    ledger = Ledger(tmp_path / "l.txt")
    ledger.note(ONE)
    ledger.note(TWO)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole[:-torn])
    again = Ledger(ledger.path)
    again.note(THREE)
    last = Ledger(ledger.path)
    assert ONE in last and THREE in last
    assert (TWO in last) == (torn == 1)


def test_it_forgets_what_the_story_has_no_more(tmp_path):
    ledger = Ledger(tmp_path / "l.txt")
    ledger.note(ONE)
    ledger.note(TWO)
    ledger.keep_only([TWO, THREE])
    again = Ledger(tmp_path / "l.txt")
    assert ONE not in again and TWO in again and THREE not in again


def test_a_disk_that_refuses_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="file"):
        Ledger.of(tmp_path / "file", tmp_path / "s.yaml").note(ONE)
