"""OSC: the codec's only home."""
