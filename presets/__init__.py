"""What ships with Cuevox as YAML: voices, mixes, surfaces. Read through ``importlib.resources``."""
