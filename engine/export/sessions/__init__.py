"""One file per format that a story's session is written in."""
