"""Alignment: when each word of a known text is spoken in a recording."""
