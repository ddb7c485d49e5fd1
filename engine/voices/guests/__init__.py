"""What runs in a Python that is not ours: one file that needs nothing, and speakers for it. Never imported here."""
