"""What control and the process that is our JACK client say to each other, beside questions and answers."""

from __future__ import annotations

import struct

HEARD = struct.Struct("<IIqd")
"""Before each event: the port's number, how many bytes, JACK's frame, and its Unix time.

Numbers from ``FIRST_WORD`` on are no ports' and have no bytes behind them.
"""

FIRST_WORD = 0xFFFFFFF0

LOST = 0xFFFFFFFF
"""So many events are lost: JACK's own queue was full, or control did not take them in time."""

MISSED = 0xFFFFFFFE
"""So many cycles did JACK run without waiting for us: what they held, if anything, nobody can have any more."""

LATE = 0xFFFFFFFD
"""So many messages left late; the time says by how many seconds at most."""

TRANSPORT = 0xFFFFFFFC
"""JACK's transport is in that state (its number), at that frame, at that time."""

SENT = struct.Struct("<Idq")
"""Before each message to be sent: the port's number, its Unix time (0: at once), and its engine frame where the engine
counts this server's samples (``NO_FRAME``: it does not)."""

NO_FRAME = -1
