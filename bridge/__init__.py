"""Everything outside: turns signals into commands and events into feedback."""
