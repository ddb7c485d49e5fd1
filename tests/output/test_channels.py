"""Which outputs private buses get."""

import pytest

from engine.errors import SettingsError
from engine.output.channels import private_outputs, told


@pytest.mark.parametrize(
    ("text", "outputs"), [("", ()), (" ", ()), ("3", (3,)), ("3-4", (3, 4)), (" 7 - 8 ", (7, 8)), ("4-5", (4, 5))]
)
def test_one_or_two_neighbours(text, outputs):
    assert private_outputs(text) == outputs
    assert private_outputs(told(outputs)) == outputs


@pytest.mark.parametrize("text", ["3-5", "4-3", "3,4", "headphones", "-3", "3-"])
def test_what_is_expected_is_said(text):
    with pytest.raises(SettingsError, match=r"as 3-4, or one output, as 3"):
        private_outputs(text)


@pytest.mark.parametrize("text", ["0", "1", "2", "1-2", "2-3"])
def test_the_main_mix_keeps_its_outputs(text):
    with pytest.raises(SettingsError, match="outputs 1 and 2 play the main mix"):
        private_outputs(text)
