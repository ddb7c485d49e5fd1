"""Sound over the network: what packets look like, when they leave, and what becomes of those that come."""
