"""A backend as another package would write it: one file, one row in the registry."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.params import ParamSpec
from engine.voices.base import Abilities
from tests.voices.fake_voice import ToneVoice


class ToneBackend:
    settings: Mapping[str, ParamSpec] = MappingProxyType({})

    abilities = Abilities()

    def version(self):
        return "tone 1"

    def model(self, settings):
        return ""

    def batch(self, settings):
        return 1

    def fingerprint(self, settings):
        return ""

    def open(self, settings, report=None):
        return ToneVoice()

    def memory(self):
        return {}


BACKEND = ToneBackend()
