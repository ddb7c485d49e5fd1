"""The session: the only door to live state. Commands in, orders to the mixer and events out."""
