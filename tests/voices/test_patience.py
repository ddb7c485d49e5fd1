"""How long a worker may be silent before it counts as hung."""

import asyncio

from engine.voices import wire
from engine.voices.jobs import Job, Priority
from engine.voices.patience import HUNG_CHARACTERS, patience
from engine.voices.preset import Preset


def test_a_long_line_is_given_longer():
    async def main():
        preset = Preset(id="a", name="", backend="espeak", settings={})

        def speaking(text):
            return Job(
                wire.Render(job=1, digest="d", text=text, preset=preset, sample_rate=48000, seed=0), Priority.NOW
            )

        probing = Job(wire.Probe(job=2, path="a.wav", sample_rate=48000), Priority.NOW)
        assert patience([probing], 60.0) == 60.0
        assert patience([speaking("x" * HUNG_CHARACTERS)], 60.0) == 120.0
        assert patience([speaking("x" * HUNG_CHARACTERS)] * 3, 60.0) == 240.0
        quick, slow, unknown = speaking("x"), speaking("x" * HUNG_CHARACTERS), speaking("x")
        quick.due_seconds, slow.due_seconds = 0.01, 1.0
        assert patience([quick], 60.0) == 10.0
        assert patience([slow, slow], 60.0) == 40.0
        slow.due_seconds = 100.0
        assert patience([slow], 60.0) == 120.0
        assert patience([quick, unknown], 60.0) > 60.0

    asyncio.run(main())
