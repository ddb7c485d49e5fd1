"""The engine: no network, no MIDI, never imports ``bridge``."""
