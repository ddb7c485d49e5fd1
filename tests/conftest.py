"""Fixtures that every test may use; property tests try the same examples in every run, however slow the machine."""

import signal

from hypothesis import settings

pytest_plugins = ["tests.company", "tests.jack_server", "tests.postgres_server"]

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell has what it runs in the background ignore it, and whatever that starts: tests interrupt programs."""

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
