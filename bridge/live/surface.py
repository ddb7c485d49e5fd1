"""The control surface: Live calls it ten times a second, and whatever touches the set happens in these calls."""

from __future__ import annotations

import time

import Live
from _Framework.ControlSurface import ControlSurface
from Cuevox.launches import Launches
from Cuevox.osc import Wire
from Cuevox.placing import CannotPlace, place, unwarp
from Cuevox.transport import Transport

try:
    from Cuevox.settings import ENGINE
except ImportError:  # copied by hand, not by `cuevox setup live`
    ENGINE = ("127.0.0.1", 7400)

PORT = 7402
"""Where others reach this script: /live/place, /live/scene, /live/play, /live/stop, /live/continue, /live/follow."""
LEASE_SECONDS = 60
ASK_SECONDS = 20.0


class Cuevox(ControlSurface):
    """Clips and scenes named after cues fire them; cues give them names and colours; takes become clips."""

    def __init__(self, c_instance):
        super().__init__(c_instance)
        self._wire = _open(ENGINE)
        self._launches = Launches(self.song(), self._wire.send)
        self._transport = Transport(self.song(), self._wire.send, time.monotonic)
        self._follow = True
        self._placed = []
        self._asked, self._known = -ASK_SECONDS, ()
        self._wire.send("/client/name", "Ableton Live")
        self.show_message(f"Cuevox is there; others reach it at port {self._wire.port}")

    def update_display(self):
        """Do one turn; Live calls this every 100 ms."""
        super().update_display()
        self._launches.look()
        if self._follow:
            self._transport.look()
        self._ask()
        for address, values, source in self._wire.receive():
            self._hear(address, values, source)
        self._placed = unwarp(self.song(), self._placed)

    def disconnect(self):
        """End; Live calls this when the script is taken away or Live quits."""
        self._wire.send("/unsubscribe", "/cue/*/{name,color}")
        self._wire.close()
        super().disconnect()

    def _ask(self):
        """Have names and colours told, again when the set names other cues, and often enough to keep the lease."""
        cues, now = self._launches.cues(), time.monotonic()
        if now - self._asked < ASK_SECONDS and cues == self._known:
            return
        self._asked, self._known = now, cues
        self._wire.send("/subscribe", "/cue/*/{name,color}", 0, float(LEASE_SECONDS))

    def _hear(self, address, values, source):
        parts = address.strip("/").split("/")
        if parts[0] == "reply":
            if "error" in values[:3]:
                self.show_message(f"Cuevox: {values[-1]}")
        elif parts[0] == "cue" and len(parts) == 3 and parts[2] in ("name", "color") and values:
            self._launches.dress(parts[1], parts[2], str(values[0]))
        elif parts[0] == "live" and len(parts) == 2:
            self._obey(parts[1], values, source)

    def _obey(self, what, values, source):
        try:
            if what == "place" and len(values) == 3:
                live = Live.Application.get_application()
                self._placed.append(place(live, self.song(), str(values[0]), str(values[1]), values[2]))
                self._wire.send_to(source, "/live/placed", str(values[1]))
            elif what == "scene" and values:
                self._launches.launch(str(values[0]))
            elif what == "follow" and values:
                self._follow = bool(values[0])
            elif what in ("play", "continue", "stop"):
                self._transport.obey(what)
            else:
                raise ValueError(f"/live/{what} with {len(values)} values is nothing that this script does")
        except (CannotPlace, TypeError, ValueError) as error:
            self.log_message(f"Cuevox: {error}")
            self.show_message(f"Cuevox: {error}")
            self._wire.send_to(source, "/live/refused", str(values[1]) if len(values) > 1 else "", str(error))


def _open(engine):
    """Return the wire; where another Live has the port, any other will do for talking to the engine."""
    try:
        return Wire(engine, PORT)
    except OSError:
        return Wire(engine)
