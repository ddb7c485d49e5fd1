"""Controllers made from the address table and the story: what other programs load to drive an engine."""
