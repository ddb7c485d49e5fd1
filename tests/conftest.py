"""Fixtures that every test may use."""

pytest_plugins = ["tests.jack_server"]
