"""mDNS: an engine is found by those who look, and gone when it is gone."""

import asyncio
import os

import pytest

from bridge.discovery import Adverts, discover

TRIES = 5
FOUND, TWICE = f"Cuevox {os.getpid()} in a test", f"Cuevox {os.getpid()} twice"
"""Other runs of these tests are found, too, on the same machine or network."""


async def those_called(name, all_told):
    """Return the engines of a name as soon as they have told all, none where nobody tells anything."""
    for _ in range(TRIES):  # not every answer comes in time on a machine that stalls
        there = [engine for engine in await discover(1.5) if engine.name.startswith(name)]
        if not there or all_told(there):
            break
    return there


async def found_while_there_and_after():
    async with Adverts("127.0.0.1", osc_port=7411, http_port=7481, name=FOUND):
        return await those_called(FOUND, lambda there: there[0].osc_port and there[0].http_port)


def test_an_engine_is_found():
    there = asyncio.run(found_while_there_and_after())
    if not there:
        pytest.skip("no multicast on this machine's loopback")
    (engine,) = there
    assert (engine.host, engine.osc_port, engine.http_port) == ("127.0.0.1", 7411, 7481)


async def two_of_one_name():
    first = Adverts("127.0.0.1", osc_port=7412, http_port=-1, name=TWICE)
    second = Adverts("127.0.0.1", osc_port=7413, http_port=-1, name=TWICE)
    async with first, second:
        there = await those_called(TWICE, lambda there: len(there) == 2)
        return sorted((each.name, each.osc_port, each.http_port) for each in there)


@pytest.mark.extra
def test_two_engines_have_two_names():
    there = asyncio.run(two_of_one_name())
    if not there:
        pytest.skip("no multicast on this machine's loopback")
    assert there == [(TWICE, 7412, 0), (f"{TWICE} 2", 7413, 0)]
