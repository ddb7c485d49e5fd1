"""Voices: what speaks, and the processes it speaks in."""
