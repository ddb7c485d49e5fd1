"""Choosing a device: by number, by part of a name, with errors that name what there is."""

import pytest

from engine.errors import DeviceError
from engine.output.device import DeviceInfo, find_device, without_detour


def device(number: int, name: str, host: str = "ALSA", channels: int = 2, default: bool = False) -> DeviceInfo:
    return DeviceInfo(number=number, name=name, host=host, channels=channels, sample_rate=48000, default=default)


DEVICES = (
    device(0, "HDA Intel: ALC257 (hw:0,0)"),
    device(3, "Scarlett 2i2 USB", default=True),
    device(4, "Scarlett 2i2 USB (hw:1,0)"),
    device(7, "system", "JACK Audio Connection Kit"),
)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 3), (0, 0), ("7", 7), ("alc257", 0), ("scarlett 2i2 usb", 3), ("hw:1", 4), ("jack", 7)],
)
def test_one_device_fits(wanted: str | int | None, number: int) -> None:
    assert find_device(wanted, DEVICES).number == number


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("focusrite", "no output device fits 'focusrite'; there is: 0 'HDA Intel.*7 'system'"),
        (1, "no output device fits '1'"),
        ("scarlett", "'scarlett' fits several output devices: 3 .*, 4 "),
    ],
)
def test_what_fits_none_or_several_is_an_error(wanted: str | int, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        find_device(wanted, DEVICES)


def test_no_device_at_all_is_said() -> None:
    with pytest.raises(DeviceError, match="no default output device; there is: none"):
        find_device(None, ())


@pytest.mark.parametrize("default", [False, True])
def test_alsa_s_way_to_a_jack_server_is_not_in_the_server_s_way(default: bool) -> None:
    detour = device(8, "jack", default=default)
    there = without_detour((*DEVICES[:1], detour, DEVICES[-1]))
    assert [d.number for d in there] == [0, 7]
    assert there[-1].default == default
    assert without_detour((detour,)) == (detour,), "the only way that there is"
