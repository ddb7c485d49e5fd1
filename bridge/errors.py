"""The errors of the bridges: each has the fixed word that the other side reads."""

from __future__ import annotations

from engine.errors import EngineError


class BridgeError(Exception):
    """Something the sender can mend; ``code`` is the fixed word that travels beside the text."""

    code = "bridge_error"


class BadPacket(BridgeError):
    """Bytes that are no OSC packet, or one beyond our bounds."""

    code = "bad_packet"


class NoSuchAddress(BridgeError):
    """An address that is in no row of the table."""

    code = "no_such_address"


class BadArguments(BridgeError):
    """Arguments of the wrong number or type."""

    code = "bad_type"


class BadValue(BridgeError):
    """An argument outside what is allowed."""

    code = "bad_range"


class TooBig(BridgeError):
    """A request for more than one packet may ask, or an answer that fits no packet."""

    code = "too_big"


class TooFar(BridgeError):
    """A time beyond the scheduler's horizon."""

    code = "too_far"


class QueueFull(BridgeError):
    """The scheduler holds as much as it may."""

    code = "queue_full"


class Busy(BridgeError):
    """A bounded table (clients, subscriptions, waiting packets) is full."""

    code = "busy"


class Denied(BridgeError):
    """Something that the client has no right to, or a passcode that is wrong."""

    code = "denied"


class AddressTaken(BridgeError):
    """A network address that can't be listened on."""

    code = "address_taken"


class NoMidi(BridgeError):
    """MIDI is switched off, or this machine has none."""

    code = "no_midi"


class NoAnswer(BridgeError):
    """The engine did not answer in time."""

    code = "no_answer"


class Refused(BridgeError):
    """The engine answered with an error; ``code`` is the word it sent."""

    def __init__(self, address: str, code: str, text: str) -> None:
        super().__init__(f"{address}: {text}")
        self.address = address
        self.code = code
        self.text = text


Failure = BridgeError | EngineError
"""What is answered to a sender."""
