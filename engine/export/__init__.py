"""Stems and sessions, made by the same mixer that plays live."""
