"""The io process: what must be steady but not hard real time. Started when something needs it."""
