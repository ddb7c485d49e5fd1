"""MIDI: ports, surfaces, lights and sync. Pure parts know bytes only; ``wire`` puts them before the hub."""
