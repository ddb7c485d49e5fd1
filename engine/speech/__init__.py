"""What stands between text and takes: markup, splitting, pronunciation; the times of words."""
