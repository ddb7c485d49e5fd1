"""Models on disk: found, pulled, verified, removed."""
