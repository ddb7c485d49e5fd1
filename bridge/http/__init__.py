"""HTTP and WebSocket beside OSC."""
