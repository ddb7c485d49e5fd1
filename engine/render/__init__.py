"""From plan to jobs to takes, cached by digest."""
