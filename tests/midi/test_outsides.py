"""Which clocks that have to be asked are found: what is named must be there, with auto whatever is."""

import pytest

from bridge.midi import outsides
from bridge.midi.outsides import find_outsides
from bridge.midi.port import PortError


@pytest.fixture
def made(monkeypatch):
    asked = []
    monkeypatch.setattr(outsides, "_link", lambda: asked.append("link") or "link")
    monkeypatch.setattr(outsides, "_jack", lambda systems, waits: asked.append(f"jack {waits}") or "jack")
    return asked


@pytest.mark.parametrize(
    ("wanted", "leads", "found"),
    [
        ("internal", False, []), ("mtc", False, []), ("link", False, ["link"]), ("jack", False, ["jack False"]),
        ("auto", False, ["link", "jack True"]), ("auto", True, ["jack True"]),
    ],
)  # fmt: skip
def test_only_what_is_wanted_is_asked(made, wanted, leads, found):
    find_outsides(wanted, [], leads_link=leads, waits=False)
    assert made == found


def test_what_is_named_and_missing_is_an_error_and_with_auto_none(monkeypatch):
    monkeypatch.setattr(outsides, "has_jack_client", lambda: False)

    def missing():
        raise PortError("Link needs aalink")

    monkeypatch.setattr(outsides, "_link", missing)
    for wanted in ("link", "jack"):
        with pytest.raises(PortError, match="needs"):
            find_outsides(wanted, [], leads_link=False, waits=False)
    assert find_outsides("auto", [], leads_link=False, waits=False) == {}


def test_what_is_asked_already_is_kept_and_a_session_that_we_lead_is_refused(made):
    found = find_outsides("auto", [], leads_link=False, waits=False, open_now={"link": "open"})
    assert found == {"link": "open", "jack": "jack"} and made == ["jack True"]
    with pytest.raises(PortError, match="chase"):
        find_outsides("link", [], leads_link=True, waits=False)
