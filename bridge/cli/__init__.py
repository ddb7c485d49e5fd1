"""The command line: one file per command, and the only place that puts engine and bridges together."""
