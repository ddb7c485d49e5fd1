"""The guest: a worker for a Python that is not Cuevox's. It needs the standard library only.

    /some/venv/bin/python guest.py SPEAKER.py

SPEAKER.py has a class ``Speaker`` with ``__init__(settings, report)``, ``sample_rate`` and
``speak(text, seed, stopped)``, which yields pairs: samples (bytes of little-endian float32, mono, or anything with
``tobytes``), and words (``[text, start_frame, end_frame, text_start, text_end]`` each). ``report(fraction, stage)``
tells how far loading is; ``stopped()`` is asked between steps. It may have a ``memory()``, which tells the bytes that
it takes on devices other than the CPU, by device (``cuda:0``).

Messages on standard input and output: four bytes, little-endian, the length of a JSON object; the object; then as many
bytes of sound as its ``bytes`` says. In: load {settings}, speak {text, seed}, cancel, unload. Out: hello {protocol},
loading {fraction, stage}, loaded {sample_rate, memory}, chunk {bytes, words}, done {memory}, cancelled, failed {text}.
"""

import importlib.util
import json
import os
import queue
import sys
import threading

PROTOCOL = 1


def main():
    """Serve until standard input ends."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print is no message
    guest = Guest(sys.argv[1], pipe)
    threading.Thread(target=guest.listen, daemon=True).start()
    guest.send({"say": "hello", "protocol": PROTOCOL, "python": sys.version.split()[0]})
    guest.run()


class Guest:
    """Does what it is told, one thing at a time; cancelling is heard meanwhile."""

    def __init__(self, path, pipe):
        self._path, self._pipe = path, pipe
        self._orders = queue.Queue()
        self._cancelled = threading.Event()
        self._speaker = None

    def send(self, message, payload=b""):
        """Send one message."""
        body = json.dumps(dict(message, bytes=len(payload))).encode()
        data = memoryview(len(body).to_bytes(4, "little") + body + payload)
        while data:
            data = data[self._pipe.write(data) :]

    def listen(self):
        """Read orders until standard input ends; then end at once, whatever the speaker is at."""
        source = sys.stdin.buffer
        while True:
            head = source.read(4)
            if len(head) < 4:
                os._exit(0)
            order = json.loads(source.read(int.from_bytes(head, "little")))
            if order["do"] == "cancel":
                self._cancelled.set()
            else:
                self._cancelled.clear()  # here, where orders come one after the other: it is meant for none before this
                self._orders.put(order)

    def run(self):
        """Carry out orders; what goes wrong is told, and the next one is waited for."""
        while True:
            order = self._orders.get()
            if order["do"] == "unload":
                return
            try:
                self._load(order) if order["do"] == "load" else self._speak(order)
            except Exception as error:  # noqa: BLE001 - anything may happen in another's code; it is told
                self.send({"say": "failed", "text": f"{type(error).__name__}: {error}"})

    def _load(self, order):
        spec = importlib.util.spec_from_file_location("speaker", self._path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._speaker = module.Speaker(order["settings"], self._report)
        self.send({"say": "loaded", "sample_rate": self._speaker.sample_rate, "memory": self._memory()})

    def _memory(self):
        return self._speaker.memory() if hasattr(self._speaker, "memory") else {}

    def _report(self, fraction, stage):
        self.send({"say": "loading", "fraction": fraction, "stage": stage})

    def _speak(self, order):
        for samples, words in self._speaker.speak(order["text"], order["seed"], self._cancelled.is_set):
            if self._cancelled.is_set():
                self.send({"say": "cancelled"})
                return
            payload = samples if isinstance(samples, bytes) else samples.tobytes()
            self.send({"say": "chunk", "words": [list(word) for word in words]}, payload)
        self.send({"say": "cancelled" if self._cancelled.is_set() else "done", "memory": self._memory()})


if __name__ == "__main__":
    main()
