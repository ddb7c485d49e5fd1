"""When the timeline comes to a place, as it runs now."""

import pytest
from studio import Studio

from engine.session.transport import Transport


@pytest.fixture
def transport() -> Transport:
    transport = Studio().session.transport
    transport.moved(True, 1_000, 50_000)
    return transport


def test_a_place_ahead(transport: Transport) -> None:
    assert transport.reaches(1_500) == 50_500
    assert transport.reaches(1_000) == 50_000
    assert transport.reaches(1_500, after=50_500) == 50_500


def test_a_place_behind_is_not_reached(transport: Transport) -> None:
    assert transport.reaches(999) is None
    assert transport.reaches(1_500, after=50_501) is None


def test_nothing_is_reached_while_it_rests(transport: Transport) -> None:
    transport.moved(False, 1_000, 60_000)
    assert transport.reaches(1_500) is None


def test_a_loop_comes_round(transport: Transport) -> None:
    transport.loop = (500, 2_000)
    assert transport.reaches(1_900) == 50_900
    assert transport.reaches(600) == 50_000 + 1_000 + 100
    assert transport.reaches(600, after=51_101) == 51_100 + 1_500
    assert transport.reaches(600, after=52_600) == 52_600
    assert transport.reaches(2_000) is None, "a loop's end is its start"
    assert transport.reaches(499) is None, "it starts behind that place"


def test_a_loop_that_lies_behind_is_no_loop(transport: Transport) -> None:
    transport.loop = (100, 900)
    assert transport.reaches(5_000) == 54_000
    assert transport.reaches(500) is None
