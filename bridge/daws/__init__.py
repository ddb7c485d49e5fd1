"""Packs for DAWs: where they go, and what their scripts call to reach Cuevox."""
