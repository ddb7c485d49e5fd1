"""The story: pure values and what can be done with them."""
