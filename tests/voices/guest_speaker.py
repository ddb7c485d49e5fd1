"""A speaker for the guest that needs nothing: it prints, counts steps, and misbehaves as its settings say."""

import array
import math
import os
import sys
import time


class Speaker:
    sample_rate = 8000

    def __init__(self, settings, report):
        print("a library says something on standard output")  # noqa: T201
        report(0.5, "half")
        if settings["model"] == "missing":
            raise FileNotFoundError("no weights")
        self._settings = settings

    def memory(self):
        return {"tape:0": 123}

    def speak(self, text, seed, stopped):
        print("speaking", file=sys.stdout)  # noqa: T201
        start = 0
        for word in text.split():
            if self._settings["model"] == "die":
                os._exit(7)
            while self._settings["model"] == "endless" and not stopped():
                time.sleep(0.001)
            if stopped():
                return
            samples = array.array("f", [0.3 * math.sin(n * (0.1 + seed / 100)) for n in range(800)])
            place = text.index(word)
            yield samples, [(word, start, start + 700, place, place + len(word))]
            start += 800
