"""Captures: lines that somebody spoke into an input, trimmed, written down, and said again by another voice."""
