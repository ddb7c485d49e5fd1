"""The control process: the session and what it needs around it. Bridges are put in by whoever composes the program."""
