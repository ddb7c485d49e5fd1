"""Cuevox for Ableton Live: a control surface that joins clips, scenes and the transport with the engine's cues.

It runs in Live's own interpreter (3.7 in Live 11, 3.11 in Live 12) and needs nothing but Live. ISC licence.
"""

from Cuevox.surface import Cuevox


def create_instance(c_instance):
    """Return the control surface; Live calls this when Cuevox is chosen in its preferences."""
    return Cuevox(c_instance)
