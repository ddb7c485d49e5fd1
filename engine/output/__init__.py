"""Drivers of the mixer: blocks into sound."""
