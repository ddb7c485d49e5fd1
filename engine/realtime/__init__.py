"""The audio process and the memory it shares."""
