"""Fixtures that every test may use; property tests try the same examples in every run, however slow the machine."""

from hypothesis import settings

pytest_plugins = ["tests.jack_server", "tests.postgres_server"]

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
